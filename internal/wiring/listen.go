package wiring

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/guard"
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

// Listening is how a control surface is served.
type Listening struct {
	address string
	tls     *tls.Config // nil for none
}

// Serving decides how a surface that needs a token is served at an address: off
// loopback with TLS, or without it behind a proxy that ends it, for a token that is
// read on its way is no secret any more.
func Serving(address string, d config.Dashboard, behindProxy bool) (Listening, error) {
	l := Listening{address: address}
	switch {
	case guard.ListensOnLoopback(address), behindProxy:
		return l, nil
	case d.Cert == "":
		return l, fmt.Errorf("--listen %s is reached by other hosts, so it needs TLS: set dashboard.tls in the configuration, use --behind-proxy if a proxy ends TLS, or listen on 127.0.0.1", address)
	}
	pair, err := tls.LoadX509KeyPair(d.Cert, d.Key)
	if err != nil {
		return l, fmt.Errorf("dashboard.tls: %w", err)
	}
	l.tls = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	return l, nil
}

// Scheme is that of the URLs of the surface.
func (l Listening) Scheme() string {
	if l.tls != nil {
		return "https"
	}
	return "http"
}

// Listen takes the address.
func (l Listening) Listen(ctx context.Context) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", l.address)
	if err != nil {
		return nil, err
	}
	if l.tls != nil {
		listener = tls.NewListener(listener, l.tls)
	}
	return listener, nil
}

// HTTPServer is a server for a control surface, which no caller holds up.
func HTTPServer(handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, MaxHeaderBytes: 64 << 10}
}
