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
	controlTimeout = 30 * time.Second // a whole control call
	// idleTimeout is how long a connection is kept that is not in use. A network may
	// forget it without a word, and a call that finds it so waits in vain: for a few
	// seconds over HTTP/2, for half a minute over HTTP/1.1, and for minutes where it
	// carries a body, because the answer to that may be late. Parts of a film and rows
	// of a batch follow each other at once, and TLS resumes.
	idleTimeout   = 2 * time.Second
	answerTimeout = 5 * time.Minute // from the last byte of an object that was written, or of a request for one, to the answer
	// continueTimeout is how long a body waits for its receiver's word where one was
	// asked for, as AWS's SDK does.
	continueTimeout = 2 * time.Second
)

// health finds out in seconds that a connection of HTTP/2 is dead, for example because
// a NAT forgot it: all calls to a host share one.
var health = http.HTTP2Config{
	SendPingTimeout:  5 * time.Second,
	PingTimeout:      10 * time.Second, // a slow line may be full of what others send
	WriteByteTimeout: 10 * time.Second,
}

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
	policy Policy
	use    use
}

// use is what a client is for.
type use int

const (
	control use = iota // calls with small bodies
	objects            // sources and reports
	storage            // media
)

// New returns an Egress. Proxies come from the environment (HTTPS_PROXY,
// HTTP_PROXY, NO_PROXY).
func New() *Egress {
	return &Egress{clients: map[clientKey]*http.Client{}, proxies: proxyAddresses()}
}

// Control returns the client for a vendor's own API: small bodies, an answer
// within half a minute, no redirect followed.
func (e *Egress) Control(p Policy) *http.Client { return e.client(clientKey{p, control}) }

// Objects returns the client for what is read from and written to stores and web
// servers besides media. An answer must begin within five minutes; its caller watches
// that bytes move. It follows no redirect, adds no credentials and keeps no cookies.
func (e *Egress) Objects(p Policy) *http.Client { return e.client(clientKey{p, objects}) }

// Storage returns the client that media are sent through. It sets no bound on
// anything, so the caller watches that bytes move and that an answer comes, with the
// Socket of the connection. It follows no redirect, adds no credentials and keeps no
// cookies. A host that refuses a body and closes before it has read it all gets its
// answer heard; see patientConn.
func (e *Egress) Storage(p Policy) *http.Client { return e.client(clientKey{p, storage}) }

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
	if key.use == control {
		c.Timeout = controlTimeout
	}
	e.clients[key] = c
	return c
}

func (e *Egress) transport(key clientKey) *http.Transport {
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: connected,
		DialContext:            e.dial(key),
		TLSHandshakeTimeout:    tlsTimeout,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConnsPerHost:    64,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)},
		DisableCompression:     key.use != control, // bytes are wanted as they are stored
		WriteBufferSize:        64 << 10,
		ReadBufferSize:         32 << 10,
		ExpectContinueTimeout:  continueTimeout,
		HTTP2:                  &health,
	}
	if key.use != storage {
		t.ResponseHeaderTimeout = answerTimeout
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	// One connection a body: HTTP/2 would put all parts onto one.
	protocols.SetHTTP2(key.use == control)
	t.Protocols = protocols
	return t
}

// dial makes the connections of a client.
func (e *Egress) dial(key clientKey) func(ctx context.Context, network, address string) (net.Conn, error) {
	plain := &net.Dialer{Timeout: dialTimeout, KeepAliveConfig: keepAlive}
	guarded := *plain
	guarded.Control = guard(key.policy)
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		d := &guarded
		if slices.Contains(e.proxies, address) { // the operator's own choice, usually a private address
			d = plain
		}
		conn, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		if key.use == storage {
			return newSocket(conn), nil
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			if raw, err := tcp.SyscallConn(); err == nil {
				dropSilent(raw)
			}
		}
		return conn, nil
	}
}

// checkScheme refuses http: where the policy does.
type checkScheme struct {
	policy Policy
	next   *http.Transport
}

func (c checkScheme) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "https" || r.URL.Scheme == "http" && c.policy.Insecure {
		response, err := throughProxy(r, c.next)
		if err != nil && silent(err) {
			c.next.CloseIdleConnections() // those to the same host are as dead
		}
		return response, err
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
