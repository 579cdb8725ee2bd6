// Package egress is the one door through which mediaferry talks to the outside
// over HTTP. It decides which addresses may be dialled, how long silence is
// borne, that no redirect is followed, and how URLs and errors look when they
// are printed. It refuses to know what is said: no vendor, no store, no retry.
package egress

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Times that a connection may take.
const (
	dialTimeout = 10 * time.Second
	tlsTimeout  = 10 * time.Second
	// ControlTime is how long a whole control call may take, its answer included.
	ControlTime = 30 * time.Second
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
	// headMost is how many bytes the head of an answer may have.
	headMost = 256 << 10
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
	// proxy is the proxy that a request goes through; nil for none.
	proxy   func(*http.Request) (*url.URL, error)
	targets *targets

	mu      sync.Mutex
	clients map[clientKey]*http.Client
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
	return &Egress{clients: map[clientKey]*http.Client{}, proxy: http.ProxyFromEnvironment, targets: newTargets()}
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
		Transport:     door{e, key.policy, e.transport(key)},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if key.use == control {
		c.Timeout = ControlTime
	}
	e.clients[key] = c
	return c
}

func (e *Egress) transport(key clientKey) *http.Transport {
	t := &http.Transport{
		Proxy:                  proxyOf,
		OnProxyConnectResponse: connected,
		DialContext:            e.dial(key),
		TLSHandshakeTimeout:    tlsTimeout,
		IdleConnTimeout:        idleTimeout,
		MaxIdleConnsPerHost:    64,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0)},
		DisableCompression:     true, // bytes are wanted as they are stored, and answers as long as they say
		MaxResponseHeaderBytes: headMost,
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
		if through(ctx) != nil { // then the operator's own proxy is dialled, usually at a private address
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

// door lets a request out, if its policy allows its address.
type door struct {
	egress *Egress
	policy Policy
	next   *http.Transport
}

func (d door) RoundTrip(r *http.Request) (*http.Response, error) {
	r, err := d.admit(r)
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // a RoundTripper must close it, also when it sends nothing
		}
		return nil, err
	}
	response, err := throughProxy(r, d.next)
	if err != nil && silent(err) {
		d.next.CloseIdleConnections() // those to the same host are as dead
	}
	return response, err
}

// admit refuses what the policy does. The request that it returns knows the proxy that
// it goes through: what a proxy dials, nobody here can check any more.
func (d door) admit(r *http.Request) (*http.Request, error) {
	refused := func(reason string) error {
		return &RefusedError{Address: r.URL.Scheme + "://" + r.URL.Host, Reason: reason}
	}
	switch {
	case r.URL.Scheme != "https" && (r.URL.Scheme != "http" || !d.policy.Insecure):
		return r, refused("is not https")
	case r.URL.User != nil: // net/http would make credentials of it
		return r, refused("contains a user name")
	}
	proxy, err := d.egress.proxy(r)
	if err != nil || proxy == nil {
		return r, err
	}
	if !d.policy.Private {
		if err := d.egress.targets.check(r.Context(), r.URL); err != nil {
			return r, err
		}
	}
	return r.WithContext(context.WithValue(r.Context(), proxyKey{}, proxy)), nil
}

// CloseIdleConnections makes http.Client.CloseIdleConnections work through the wrapper.
func (d door) CloseIdleConnections() { d.next.CloseIdleConnections() }
