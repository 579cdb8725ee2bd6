// Package egress is the one door through which mediaferry talks to the outside
// over HTTP. It decides which addresses may be dialled, how long silence is
// borne, that no redirect is followed, and how URLs and errors look when they
// are printed. It refuses to know what is said: no vendor, no store, no retry.
package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Times that a connection may take.
const (
	dialTimeout    = 10 * time.Second
	tlsTimeout     = 10 * time.Second
	idleTimeout    = 30 * time.Second // below the minute after which servers usually close
	controlTimeout = 30 * time.Second // a whole control call
	// answerTimeout is from the last byte of a body to the answer. A store that
	// copies a large object answers late.
	answerTimeout   = 5 * time.Minute
	continueTimeout = 2 * time.Second
)

// Policy says what may be reached.
type Policy struct {
	Private  bool // loopback, link-local and private addresses
	Insecure bool // http: besides https:
}

// Egress hands out HTTP clients. They share connections by policy and are safe
// for concurrent use.
type Egress struct {
	mu      sync.Mutex
	clients map[clientKey]*http.Client
	proxies []string
}

type clientKey struct {
	policy  Policy
	storage bool
}

// New returns an Egress. Proxies come from the environment (HTTPS_PROXY,
// HTTP_PROXY, NO_PROXY).
func New() *Egress {
	return &Egress{clients: map[clientKey]*http.Client{}, proxies: proxyAddresses()}
}

// Control returns the client for a vendor's own API: small bodies, an answer
// within half a minute, no redirect followed.
func (e *Egress) Control(p Policy) *http.Client { return e.client(clientKey{p, false}) }

// Storage returns the client that bytes travel through, in either direction. It
// sets no bound on the whole, so the caller watches that bytes move. It follows
// no redirect, adds no credentials and keeps no cookies. A host that refuses a
// body and closes before it has read it all gets its answer heard; see
// patientConn.
func (e *Egress) Storage(p Policy) *http.Client { return e.client(clientKey{p, true}) }

// CloseIdle closes connections that are not in use.
func (e *Egress) CloseIdle() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.clients {
		c.CloseIdleConnections()
	}
}

func (e *Egress) client(key clientKey) *http.Client {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c := e.clients[key]; c != nil {
		return c
	}
	c := &http.Client{
		Transport:     checkScheme{key.policy, e.transport(key)},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if !key.storage {
		c.Timeout = controlTimeout
	}
	e.clients[key] = c
	return c
}

func (e *Egress) transport(key clientKey) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
	guarded := *dialer
	guarded.Control = guard(key.policy)
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			d := &guarded
			if slices.Contains(e.proxies, address) { // the operator's own choice, usually a private address
				d = dialer
			}
			conn, err := d.DialContext(ctx, network, address)
			if err != nil || !key.storage {
				return conn, err
			}
			return newPatientConn(conn), nil
		},
		TLSHandshakeTimeout:   tlsTimeout,
		IdleConnTimeout:       idleTimeout,
		MaxIdleConnsPerHost:   64,
		ResponseHeaderTimeout: answerTimeout,
		ExpectContinueTimeout: continueTimeout,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		DisableCompression:    key.storage, // bytes are wanted as they are stored
		WriteBufferSize:       64 << 10,
		ReadBufferSize:        32 << 10,
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	// One connection a body: HTTP/2 would put all parts onto one.
	protocols.SetHTTP2(!key.storage)
	t.Protocols = protocols
	return t
}

// checkScheme refuses http: where the policy does.
type checkScheme struct {
	policy Policy
	next   *http.Transport
}

func (c checkScheme) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "https" || r.URL.Scheme == "http" && c.policy.Insecure {
		return throughProxy(r, c.next)
	}
	if r.Body != nil {
		_ = r.Body.Close() // a RoundTripper must close it, also when it sends nothing
	}
	return nil, &RefusedError{Address: r.URL.Scheme + "://" + r.URL.Host, Reason: "is not https"}
}

// CloseIdleConnections makes http.Client.CloseIdleConnections work through the wrapper.
func (c checkScheme) CloseIdleConnections() { c.next.CloseIdleConnections() }

// RefusedError is an address that the policy does not allow to be reached. No
// byte was sent.
type RefusedError struct {
	Address string
	Reason  string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("address %s %s, so the connection is not allowed", e.Address, e.Reason)
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
		if reason := inside(target.Addr().Unmap()); reason != "" {
			return &RefusedError{Address: address, Reason: reason}
		}
		return nil
	}
}

// carrierNAT is shared address space between a carrier and its customers
// (RFC 6598): not ours to reach either.
var carrierNAT = netip.MustParsePrefix("100.64.0.0/10")

func inside(a netip.Addr) string {
	switch {
	case a.IsLoopback():
		return "is a loopback address"
	case a.IsPrivate(), carrierNAT.Contains(a):
		return "is a private address"
	case a.IsLinkLocalUnicast(), a.IsLinkLocalMulticast(), a.IsInterfaceLocalMulticast():
		return "is a link-local address"
	case a.IsUnspecified(), a.IsMulticast():
		return "is not the address of a single host"
	}
	return ""
}

// IsLoopback reports whether a URL's host is this machine by its name alone.
func IsLoopback(u *url.URL) bool {
	host := u.Hostname()
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

func proxyAddresses() []string {
	var out []string
	for _, target := range []string{"https://example.com", "http://example.com"} {
		r, err := http.NewRequest(http.MethodGet, target, nil)
		if err != nil {
			continue
		}
		if p, err := http.ProxyFromEnvironment(r); err == nil && p != nil {
			port := p.Port()
			if port == "" {
				port = map[string]string{"https": "443", "http": "80", "socks5": "1080"}[p.Scheme]
			}
			out = append(out, net.JoinHostPort(p.Hostname(), port))
		}
	}
	return out
}

// IsRefused reports whether err is, or wraps, a RefusedError.
func IsRefused(err error) bool {
	var refused *RefusedError
	return errors.As(err, &refused)
}
