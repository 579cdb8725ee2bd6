// Package guard decides which HTTP requests a control surface answers: the web page,
// the codec, a worker's control, the control of the simulated vendors. All of them ask
// here, so that none has rules of its own.
//
// It owns the check of the Host and Origin headers, the bearer token, the file that holds
// the token, and how such a file is made. It refuses to know users, sessions and pages, and imports the
// standard library alone: it is a module of its own, so that programs that share
// nothing else can share it.
//
// Two kinds of callers are kept out. A page of a foreign site reaches loopback through
// the browser of somebody who looks at it, directly or under a name that its owner lets
// point to 127.0.0.1; its requests carry a foreign Origin, Host or Sec-Fetch-Site.
// Another user of the computer reaches loopback with any header, but cannot read the
// token.
package guard

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Refusal is a request that is not answered.
type Refusal struct {
	Status int    // of HTTP
	Text   string // for whoever asked, with a next step
}

func (r *Refusal) Error() string { return r.Text }

// Write answers a request with the refusal.
func (r *Refusal) Write(w http.ResponseWriter) {
	if r.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	http.Error(w, r.Text, r.Status)
}

// Names are the names under which a surface is reached.
type Names struct {
	// Hosts are names besides "localhost" and the loopback addresses, without port.
	Hosts []string
	// AnyHost takes every name: the surface listens on more than loopback, where it
	// cannot know its names.
	AnyHost bool
	// Origins are the origins of pages, such as https://temporal.example.com, that may
	// send requests although another server serves them.
	Origins []string
}

// Check refuses a request that was made under a foreign name or by a foreign page.
// A request of a program, which has no Origin, passes.
func (n Names) Check(r *http.Request) *Refusal {
	if !n.AnyHost && !n.known(r.Host) {
		return &Refusal{http.StatusForbidden, fmt.Sprintf("host %q is not allowed; use localhost or a loopback address", HostName(r.Host))}
	}
	origin := r.Header.Get("Origin")
	if origin != "" && !n.Allows(r, origin) {
		return &Refusal{http.StatusForbidden, fmt.Sprintf("pages of %q are not allowed to send requests here", origin)}
	}
	if origin == "" && foreign(r) {
		return &Refusal{http.StatusForbidden, "pages of other sites are not allowed to send requests here"}
	}
	return nil
}

func (n Names) known(host string) bool {
	name := HostName(host)
	return IsLoopback(name) || slices.ContainsFunc(n.Hosts, func(one string) bool { return HostName(one) == name })
}

// Allows reports whether pages of origin may send requests to the host of r: those of
// that host itself, with the same port, and those of the origins named.
func (n Names) Allows(r *http.Request, origin string) bool {
	origin = strings.ToLower(origin)
	host := strings.ToLower(r.Host)
	if origin == "http://"+host && r.TLS == nil || origin == "https://"+host {
		return true
	}
	return slices.ContainsFunc(n.Origins, func(one string) bool {
		return strings.TrimRight(strings.ToLower(one), "/") == origin
	})
}

// foreign reports whether a browser says that a page of another origin sent a request
// that is more than following a link.
func foreign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return false
	}
	followed := r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
	return !followed || r.Method != http.MethodGet
}

// HostName is a Host header, or a host as a person writes it, without port, brackets
// and final dot, in lower case.
func HostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// IsLoopback reports whether a host name without port is that of this machine for every
// resolver: "localhost" or a loopback address. Names below localhost are not: who may
// use one is named in Names.
func IsLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// ListensOnLoopback reports whether an address to listen at, HOST:PORT, is reached from
// this machine alone.
func ListensOnLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && IsLoopback(strings.ToLower(host))
}

// Tokens are the tokens of which each opens a surface. Empty ones open nothing.
type Tokens []string

// Accept reports whether given is one of the tokens. It takes the same time for every
// wrong one.
func (t Tokens) Accept(given string) bool {
	sum := sha256.Sum256([]byte(given))
	found := 0
	for _, token := range t {
		if token != "" {
			want := sha256.Sum256([]byte(token))
			found |= subtle.ConstantTimeCompare(sum[:], want[:])
		}
	}
	return given != "" && found == 1
}

// Bearer is the token of the request's Authorization header, or "".
func Bearer(r *http.Request) string { return BearerOf(r.Header.Get("Authorization")) }

// BearerOf is the token of an Authorization header, or "".
func BearerOf(header string) string {
	scheme, token, found := strings.Cut(header, " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// Check refuses a request that presents none of the tokens as "Authorization: Bearer".
// where says where the token is found.
func (t Tokens) Check(r *http.Request, where string) *Refusal {
	if t.Accept(Bearer(r)) {
		return nil
	}
	return &Refusal{http.StatusUnauthorized, "this needs the header \"Authorization: Bearer TOKEN\"; the token is " + where}
}

// Handler answers what next answers to requests under the names that allow, which may be
// nil, does not refuse either.
func Handler(next http.Handler, names Names, allow func(*http.Request) *Refusal) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Harden(w.Header())
		refusal := names.Check(r)
		if refusal == nil && allow != nil {
			refusal = allow(r)
		}
		if refusal != nil {
			refusal.Write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Harden sets the headers that every answer of a control surface has. A page replaces
// the policy with its own.
func Harden(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // "no-referrer" would make the Origin of own forms "null"
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Add("Vary", "Origin")
}
