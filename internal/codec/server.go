package codec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"go.temporal.io/sdk/converter"
)

// bodyMost is the largest request: what Temporal sends in one message, in base64
// and with room.
const bodyMost = 16 << 20

// Server decodes payloads over HTTP for Temporal's web UI and command line, by
// POST /decode. It does not encode: who may read must not be able to forge.
//
// It refuses what is not authentic. It cannot know in which workflow a payload was
// found, so it also decodes one that was copied there from another workflow, which
// the workers refuse. For which workflow a payload was made is in its metadata.
//
// Who reaches it can read everything. So it answers browsers only for pages of
// the origins that it was given, and only under names of this machine, because a
// foreign page's name may be made to point here.
type Server struct {
	next    http.Handler
	origins []string
	hosts   []string
}

// Handler returns a Server for web UIs at the given origins
// (http://127.0.0.1:8233). Requests without an origin, which no browser sends,
// are answered too. It asks nobody for a password: listen on loopback, or put
// something in front that does.
func Handler(keys Keys, uiOrigins ...string) *Server {
	s := &Server{next: converter.NewPayloadCodecHTTPHandler(PayloadCodec(keys))}
	for _, origin := range uiOrigins {
		s.origins = append(s.origins, strings.TrimRight(strings.ToLower(origin), "/"))
	}
	return s
}

// For returns a Server that also answers requests made to the given host names,
// without port. Names of loopback are always answered.
func (s *Server) For(hosts ...string) *Server {
	more := *s
	more.hosts = slices.Clone(s.hosts)
	for _, host := range hosts {
		more.hosts = append(more.hosts, hostName(host))
	}
	return &more
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Vary", "Origin")
	if refusal := s.admit(w.Header(), r); refusal != nil {
		http.Error(w, refusal.text, refusal.status)
		return
	}
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	body, refusal := readBody(w, r)
	if refusal != nil {
		http.Error(w, refusal.text, refusal.status)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.next.ServeHTTP(w, r)
}

type refusal struct {
	status int
	text   string
}

// admit decides whether a request is answered, and allows the browser to show
// the answer to the page that asked.
func (s *Server) admit(header http.Header, r *http.Request) *refusal {
	if host := hostName(r.Host); !isLoopback(host) && !slices.Contains(s.hosts, host) {
		return &refusal{http.StatusForbidden, fmt.Sprintf("host %q is not allowed; use localhost or a loopback address", host)}
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if !slices.Contains(s.origins, strings.ToLower(origin)) {
			return &refusal{http.StatusForbidden, fmt.Sprintf("pages from %q are not allowed to read payloads", origin)}
		}
		allow(header, r, origin)
	}
	switch {
	case r.URL.Path == "/encode":
		return &refusal{http.StatusForbidden, "this server only decodes; use POST /decode"}
	case r.URL.Path != "/decode":
		return &refusal{http.StatusNotFound, "not found; use POST /decode"}
	case r.Method != http.MethodPost && r.Method != http.MethodOptions:
		header.Set("Allow", "POST, OPTIONS")
		return &refusal{http.StatusMethodNotAllowed, fmt.Sprintf("method %s is not allowed; use POST", r.Method)}
	}
	return nil
}

func allow(header http.Header, r *http.Request, origin string) {
	header.Set("Access-Control-Allow-Origin", origin)
	header.Set("Access-Control-Allow-Credentials", "true")
	if r.Method != http.MethodOptions {
		return
	}
	header.Set("Access-Control-Allow-Methods", "POST")
	header.Set("Access-Control-Allow-Headers", "Authorization, Authorization-Extras, Content-Type, X-Namespace")
	header.Set("Access-Control-Max-Age", "600")
	if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		header.Set("Access-Control-Allow-Private-Network", "true") // the UI may be in the cloud
	}
}

// readBody insists on JSON by name, since browsers ask before they send that to
// another origin.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, *refusal) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, &refusal{http.StatusUnsupportedMediaType, "the Content-Type must be application/json"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMost))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("the request has more than %d bytes", tooLarge.Limit)}
	case err != nil:
		return nil, &refusal{http.StatusBadRequest, "the request is incomplete"}
	}
	return body, nil
}

// hostName is a Host header, or a host as a person writes it, without port,
// brackets and final dot.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}
