// Package swim stands in for the package of the same path, which the Temporal
// server compiles against. See the package ringpop.
package swim

import "time"

// BootstrapOptions would say how to join the cluster.
type BootstrapOptions struct {
	ParallelismFactor, JoinSize int
	MaxJoinDuration             time.Duration
	DiscoverProvider            any
}

// Member would be a member of the cluster.
type Member struct {
	Address string
	Labels  map[string]string
}

// Label returns a label.
func (m Member) Label(key string) (string, bool) {
	value, ok := m.Labels[key]
	return value, ok
}

// MemberWithLabelAndValue would select members.
func MemberWithLabelAndValue(string, string) any { return nil }
