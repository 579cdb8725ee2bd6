package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/idna"
)

const (
	// lookupTime is how long the resolution of a name may take that a proxy is to be
	// asked for. Where only the proxy resolves names, it may fail late.
	lookupTime = 3 * time.Second
	// verdictAge is how long a name is not resolved again: a batch has many requests to
	// one host.
	verdictAge = time.Minute
	// mostVerdicts is how many names are remembered.
	mostVerdicts = 1024
)

// targets judges where a proxy is asked to connect to. A connection of our own is
// judged by the address that is dialled; here only the URL tells.
type targets struct {
	lookup func(ctx context.Context, host string) ([]netip.Addr, error)

	mu       sync.Mutex
	verdicts map[string]verdict // by name
}

// verdict is what a name came to.
type verdict struct {
	reason string // "": it may be reached
	until  time.Time
}

func newTargets() *targets {
	return &targets{lookup: func(ctx context.Context, host string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	}}
}

// check refuses a URL whose host is not one of the internet, before a proxy is asked
// for it: a literal address, and a name by all addresses that it has here. A name that
// cannot be resolved here is left to the proxy, unless it can only mean a host of a
// network of its own.
func (t *targets) check(ctx context.Context, u *url.URL) error {
	host, err := canonical(u.Hostname())
	if err != nil {
		return &RefusedError{Address: u.Host, Reason: "is not a valid host name"}
	}
	if reason := t.judge(ctx, host); reason != "" {
		return &RefusedError{Address: u.Host, Reason: reason}
	}
	return nil
}

// canonical is a host as net/http names it to a proxy, in lower case.
func canonical(host string) (string, error) {
	if strings.ContainsFunc(host, func(r rune) bool { return r > '~' }) {
		var err error
		if host, err = idna.Lookup.ToASCII(host); err != nil {
			return "", err
		}
	}
	return strings.TrimSuffix(strings.ToLower(host), "."), nil
}

// CheckLiteral refuses a URL whose host is not one of the internet as far as its text
// tells: an address, localhost, or a name that is none. It resolves nothing. The error
// is a *RefusedError.
func CheckLiteral(u *url.URL) error {
	host, err := canonical(u.Hostname())
	if err != nil {
		return &RefusedError{Address: u.Host, Reason: "is not a valid host name"}
	}
	if reason, _ := literal(host); reason != "" {
		return &RefusedError{Address: u.Host, Reason: reason}
	}
	return nil
}

// literal is why a host that needs no lookup is not reached; is says that it needs none.
func literal(host string) (reason string, is bool) {
	if a, err := netip.ParseAddr(host); err == nil {
		return inside(a), true
	}
	switch {
	case isLocalhost(host):
		return isLoopback, true
	case numeric(host):
		return "is not an IP address in its usual form", true
	}
	return "", false
}

// judge is why a host is not reached; "" where it is.
func (t *targets) judge(ctx context.Context, host string) string {
	if reason, is := literal(host); is {
		return reason
	}
	if reason, known := t.known(host); known {
		return reason
	}
	reason, sure := t.resolve(ctx, host)
	if sure {
		t.remember(host, reason)
	}
	return reason
}

// resolve judges a name by its addresses. It is not sure where ctx ended meanwhile.
func (t *targets) resolve(ctx context.Context, host string) (reason string, sure bool) {
	soon, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	found, err := t.lookup(soon, host)
	switch {
	case ctx.Err() != nil:
		return "", false
	case err != nil && ownNetwork(host):
		return "is a name of a private network", true
	case err != nil: // the proxy may know it
		var unknown *net.DNSError
		return "", errors.As(err, &unknown)
	}
	for _, a := range found {
		if reason := inside(a); reason != "" {
			return "has the address " + a.String() + ", which " + reason, true
		}
	}
	return "", true
}

// numeric reports whether a host that is no IP address would be taken for one by
// programs that read the old forms: 2130706433, 0x7f.1, 127.1.
func numeric(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

// ownNetwork reports whether a name can only mean a host of somebody's own network: it
// has no dot, or ends in a domain that is set aside for that.
func ownNetwork(host string) bool {
	if !strings.Contains(host, ".") {
		return true
	}
	for _, domain := range []string{".internal", ".local", ".localdomain", ".lan", ".home.arpa", ".intranet", ".corp", ".home"} {
		if strings.HasSuffix(host, domain) {
			return true
		}
	}
	return false
}

func (t *targets) known(host string) (reason string, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v, found := t.verdicts[host]
	return v.reason, found && time.Now().Before(v.until)
}

func (t *targets) remember(host, reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.verdicts == nil || len(t.verdicts) >= mostVerdicts {
		t.verdicts = map[string]verdict{}
	}
	t.verdicts[host] = verdict{reason, time.Now().Add(verdictAge)}
}
