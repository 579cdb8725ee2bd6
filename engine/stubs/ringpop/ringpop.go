// Package ringpop refuses to find the members of a cluster. It stands in for the
// package of the same path and declares what the Temporal server compiles against:
// a cluster of several processes is not part of the embedded engine, whose
// services know each other's addresses from the start.
package ringpop

import (
	"errors"

	"github.com/temporalio/ringpop-go/events"
	"github.com/temporalio/ringpop-go/swim"
)

var errNotPart = errors.New("a cluster of several processes is not part of the embedded engine")

// ErrEphemeralAddress is what the server returns for a member without address.
var ErrEphemeralAddress = errNotPart

// Ringpop cannot be made, so none of its methods is ever called.
type Ringpop struct{}

// Labels would describe this member.
type Labels struct{}

// New fails.
func New(string, ...any) (*Ringpop, error) { return nil, errNotPart }

func Channel(any) any                                { return nil }
func AddressResolverFunc(func() (string, error)) any { return nil }

func (*Ringpop) AddListener(events.EventListener) bool                   { return false }
func (*Ringpop) RemoveListener(events.EventListener) bool                { return false }
func (*Ringpop) Bootstrap(*swim.BootstrapOptions) ([]string, error)      { return nil, errNotPart }
func (*Ringpop) Destroy()                                                {}
func (*Ringpop) SelfEvict() error                                        { return errNotPart }
func (*Ringpop) Labels() (*Labels, error)                                { return nil, errNotPart }
func (*Ringpop) GetReachableMembers() ([]string, error)                  { return nil, errNotPart }
func (*Ringpop) GetReachableMemberObjects(...any) ([]swim.Member, error) { return nil, errNotPart }

func (*Labels) Set(string, string) error    { return errNotPart }
func (*Labels) Remove(string) (bool, error) { return false, errNotPart }
