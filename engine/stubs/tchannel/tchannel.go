// Package tchannel refuses to carry messages between the members of a cluster. It
// stands in for the package of the same path and declares what the Temporal server
// compiles against: a cluster of several processes is not part of the embedded
// engine, whose services know each other's addresses from the start.
package tchannel

import (
	"context"
	"errors"
	"net"
)

var errNotPart = errors.New("a cluster of several processes is not part of the embedded engine")

// Channel cannot be made, so none of its methods is ever called.
type Channel struct{}

// ChannelOptions would set up a channel.
type ChannelOptions struct {
	Dialer func(ctx context.Context, network, address string) (net.Conn, error)
}

// LocalPeerInfo would be the address of a channel.
type LocalPeerInfo struct{ HostPort string }

// NewChannel fails.
func NewChannel(string, *ChannelOptions) (*Channel, error) { return nil, errNotPart }

func (*Channel) Serve(net.Listener) error       { return errNotPart }
func (*Channel) ListenAndServe(string) error    { return errNotPart }
func (*Channel) PeerInfo() LocalPeerInfo        { return LocalPeerInfo{} }
func (*Channel) Close()                         {}
func (LocalPeerInfo) IsEphemeralHostPort() bool { return true }
