package sandbox

import (
	"fmt"

	"github.com/mediaferry/mediaferry/internal/sandbox/oss"
	"github.com/mediaferry/mediaferry/internal/sandbox/s3"
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// hostsOf are all that answer requests: the vendors, and the stores of sources.
func hostsOf(vendors []simulate.Vendor, s3 *s3.Sources, oss *oss.Sources) []simulate.Host {
	var hosts []simulate.Host
	for _, v := range vendors {
		hosts = append(hosts, v)
	}
	return append(hosts, s3, oss)
}

// sandboxTargets are the calls that fault rules can name.
func sandboxTargets() simulate.TargetList {
	return simulate.TargetsOf(hostsOf(vendors(), &s3.Sources{}, &oss.Sources{}))
}

// DefaultSettings are the values that the vendors or the assumptions name, with
// processing short enough to watch.
func DefaultSettings() Settings { return simulate.NewSettings(vendors()) }

// Of returns the vendor of a sandbox that has this type, for a test that makes
// facts there which no client can cause. A sandbox has all vendors; asking for
// anything else panics.
func Of[V simulate.Vendor](s *Sandbox) V {
	for _, v := range s.vendors {
		if found, ok := v.(V); ok {
			return found
		}
	}
	panic(fmt.Sprintf("no vendor is a %T", *new(V))) //nolint:forbidigo // a programmer's mistake
}
