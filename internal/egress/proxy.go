package egress

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// headerProxy is where a response tells which proxy the operator's settings sent its
// request through. It is ours: what a server sends under this name is dropped.
const headerProxy = "X-Mediaferry-Proxy"

// ProxyError is a failure on the way through a proxy that the operator's settings name
// (HTTPS_PROXY, HTTP_PROXY): the proxy itself may be what failed.
type ProxyError struct {
	Proxy string // host and port, without credentials
	err   error
}

func (e *ProxyError) Error() string { return "through proxy " + e.Proxy + ": " + e.err.Error() }

func (e *ProxyError) Unwrap() error { return e.err }

// proxyKey is under what a request's context holds the proxy that it goes through.
// net/http dials for a request with the values of its context.
type proxyKey struct{}

// through is the proxy that a request with this context goes through; nil for none.
func through(ctx context.Context) *url.URL {
	proxy, _ := ctx.Value(proxyKey{}).(*url.URL)
	return proxy
}

func proxyOf(r *http.Request) (*url.URL, error) { return through(r.Context()), nil }

// throughProxy makes a request, and lets its response or failure name the proxy that
// it went through.
func throughProxy(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	response, err := next.RoundTrip(r)
	proxy := through(r.Context())
	if err != nil {
		if proxy != nil {
			err = &ProxyError{proxy.Host, err}
		}
		return nil, err
	}
	response.Header.Del(headerProxy)
	if proxy != nil {
		response.Header.Set(headerProxy, proxy.Host)
	}
	return response, nil
}

// Proxy is the proxy that a response came through, host and port; "" where the
// operator's settings name none for it.
func Proxy(header http.Header) string { return header.Get(headerProxy) }

// connected refuses a proxy's refusal to connect to a host: with its status, which
// net/http leaves out.
func connected(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return fmt.Errorf("the proxy answered %d to CONNECT (%s)", answer.StatusCode, Speaker(answer.Header))
}
