package wiring

import (
	"fmt"
	"net"
)

// CheckListen says what is wrong with an address to serve at, before anything is
// started there: it wants a host, which may be empty for all of this machine's
// addresses, and a port. Whether the address is free, only trying tells.
func CheckListen(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q is not an address; use HOST:PORT, for example 127.0.0.1:8500", address)
	}
	if _, err := net.LookupPort("tcp", port); err != nil || port == "" {
		return fmt.Errorf("%q has port %q; use a port from 0 to 65535", address, port)
	}
	return nil
}

// Loopback reports whether an address to serve at is reached from this machine
// alone.
func Loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback())
}
