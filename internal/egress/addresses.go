package egress

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
)

// RefusedError is an address that the policy does not allow to be reached. No
// byte was sent.
type RefusedError struct {
	Address string
	Reason  string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("address %s %s, so the connection is not allowed", e.Address, e.Reason)
}

// IsRefused reports whether err is, or wraps, a RefusedError.
func IsRefused(err error) bool {
	var refused *RefusedError
	return errors.As(err, &refused)
}

// guard checks the address that is really dialled, after name resolution, so
// that no name can point inside.
func guard(p Policy) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		if p.Private {
			return nil
		}
		target, err := netip.ParseAddrPort(address)
		if err != nil {
			return &RefusedError{Address: address, Reason: "is not an IP address"}
		}
		if reason := inside(target.Addr()); reason != "" {
			return &RefusedError{Address: address, Reason: reason}
		}
		return nil
	}
}

// IsLoopback reports whether a URL's host is this machine by its name alone.
func IsLoopback(u *url.URL) bool {
	host := u.Hostname()
	if isLocalhost(host) {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

func isLocalhost(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// Why an address is not reached.
const (
	isLoopback  = "is a loopback address"
	isPrivate   = "is a private address"
	isLinkLocal = "is a link-local address"
	isMany      = "is not the address of a single host"
	isSpecial   = "is reserved for special use"
	isProvider  = "is an internal service of a cloud provider"
	isNotGlobal = "is not a global unicast address"
)

// block is a range of addresses that are not reached, and why.
type block struct {
	prefix netip.Prefix
	reason string
}

// blocks are the entries of IANA's special-purpose address registries that are not
// globally reachable, as of 2026-11
// (iana.org/assignments/iana-ipv4-special-registry, iana.org/assignments/iana-ipv6-special-registry),
// with multicast, which has registries of its own, and the addresses of cloud providers
// that look like others. What the registries allow within such a block, anycast
// addresses of the next relay or translator, is no host of media and is not reached
// either.
var blocks = []block{
	{netip.MustParsePrefix("0.0.0.0/32"), isMany},
	{netip.MustParsePrefix("0.0.0.0/8"), isSpecial},         // this network
	{netip.MustParsePrefix("10.0.0.0/8"), isPrivate},        //
	{netip.MustParsePrefix("100.64.0.0/10"), isPrivate},     // between a carrier and its customers; also Alibaba's metadata, 100.100.100.200
	{netip.MustParsePrefix("127.0.0.0/8"), isLoopback},      //
	{netip.MustParsePrefix("168.63.129.16/32"), isProvider}, // Azure's host; not in the registry
	{netip.MustParsePrefix("169.254.0.0/16"), isLinkLocal},  // also most providers' metadata
	{netip.MustParsePrefix("172.16.0.0/12"), isPrivate},     //
	{netip.MustParsePrefix("192.0.0.0/24"), isSpecial},      // protocol assignments; also Oracle's metadata, 192.0.0.192
	{netip.MustParsePrefix("192.0.2.0/24"), isSpecial},      // documentation
	{netip.MustParsePrefix("192.88.99.0/24"), isSpecial},    // relays of 6to4
	{netip.MustParsePrefix("192.168.0.0/16"), isPrivate},    //
	{netip.MustParsePrefix("198.18.0.0/15"), isSpecial},     // benchmarks
	{netip.MustParsePrefix("198.51.100.0/24"), isSpecial},   // documentation
	{netip.MustParsePrefix("203.0.113.0/24"), isSpecial},    // documentation
	{netip.MustParsePrefix("224.0.0.0/4"), isMany},          // multicast
	{netip.MustParsePrefix("255.255.255.255/32"), isMany},
	{netip.MustParsePrefix("240.0.0.0/4"), isSpecial}, // reserved

	{netip.MustParsePrefix("::/128"), isMany},
	{netip.MustParsePrefix("::1/128"), isLoopback},
	{netip.MustParsePrefix("64:ff9b:1::/48"), isSpecial}, // translation within a network
	{netip.MustParsePrefix("100::/64"), isSpecial},       // discarded
	{netip.MustParsePrefix("100:0:0:1::/64"), isSpecial}, // dummy
	{netip.MustParsePrefix("2001::/23"), isSpecial},      // protocol assignments, Teredo among them
	{netip.MustParsePrefix("2001:db8::/32"), isSpecial},  // documentation
	{netip.MustParsePrefix("3fff::/20"), isSpecial},      // documentation
	{netip.MustParsePrefix("5f00::/16"), isSpecial},      // segment identifiers
	{netip.MustParsePrefix("fc00::/7"), isPrivate},       // also providers' metadata, fd00:ec2::254
	{netip.MustParsePrefix("fe80::/10"), isLinkLocal},
	{netip.MustParsePrefix("fec0::/10"), isPrivate}, // site-local, deprecated
	{netip.MustParsePrefix("ff00::/8"), isMany},     // multicast
}

// Ranges of IPv6.
var (
	globalUnicast = netip.MustParsePrefix("2000::/3") // all that is assigned to hosts of the internet
	compatible    = netip.MustParsePrefix("::/96")
	nat64         = netip.MustParsePrefix("64:ff9b::/96")
	nat64Local    = netip.MustParsePrefix("64:ff9b:1::/48")
	teredo        = netip.MustParsePrefix("2001::/32")
	sixToFour     = netip.MustParsePrefix("2002::/16")
)

// inside is why an address is not one of the internet; "" where it is. An address that
// holds another one, to which a relay or a translator would pass the connection on, is
// judged by that one too. A zone changes nothing.
func inside(a netip.Addr) string {
	a = a.WithZone("").Unmap()
	for _, b := range blocks {
		if b.prefix.Contains(a) && !teredo.Contains(a) {
			return b.reason
		}
	}
	if a.Is4() {
		return ""
	}
	for _, held := range embedded(a) {
		if reason := inside(held); reason != "" {
			return "leads to " + held.String() + ", which " + reason
		}
	}
	switch {
	case nat64.Contains(a):
		return ""
	case teredo.Contains(a):
		return isSpecial
	case !globalUnicast.Contains(a):
		return isNotGlobal
	}
	return ""
}

// embedded are the IPv4 addresses that an IPv6 address holds.
func embedded(a netip.Addr) []netip.Addr {
	b := a.As16()
	four := func(at int) netip.Addr { return netip.AddrFrom4([4]byte(b[at : at+4])) }
	var held []netip.Addr
	switch {
	case compatible.Contains(a), nat64.Contains(a), nat64Local.Contains(a):
		held = append(held, four(12))
	case sixToFour.Contains(a):
		held = append(held, four(2))
	case teredo.Contains(a): // its server, and its client in ones' complement (RFC 4380, 4)
		held = append(held, four(4), netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}))
	}
	if isatap := b[8]&^0x02 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe; isatap { // RFC 5214, 6.1
		held = append(held, four(12))
	}
	return held
}
