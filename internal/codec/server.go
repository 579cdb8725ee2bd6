package codec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"go.temporal.io/sdk/converter"

	"github.com/mediaferry/mediaferry/internal/guard"
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
type Server struct {
	next  http.Handler
	names guard.Names
	allow func(*http.Request) *guard.Refusal
}

// Handler returns a Server that answers under the given names and for pages of the
// given origins. Who reaches it can read everything; so allow is asked about each
// request, but for a browser's question whether it may send one. It is nil where
// requests come through something that has asked already.
func Handler(keys Keys, names guard.Names, allow func(*http.Request) *guard.Refusal) *Server {
	return &Server{next: converter.NewPayloadCodecHTTPHandler(PayloadCodec(keys)), names: names, allow: allow}
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	guard.Harden(w.Header())
	if refusal := s.admit(w.Header(), r); refusal != nil {
		refusal.Write(w)
		return
	}
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if s.allow != nil {
		if refusal := s.allow(r); refusal != nil {
			refusal.Write(w)
			return
		}
	}
	body, refusal := readBody(w, r)
	if refusal != nil {
		refusal.Write(w)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.next.ServeHTTP(w, r)
}

// admit decides whether a request is answered, and allows the browser to show
// the answer to the page that asked.
func (s *Server) admit(header http.Header, r *http.Request) *guard.Refusal {
	if refusal := s.names.Check(r); refusal != nil {
		return refusal
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		allowOrigin(header, r, origin)
	}
	switch {
	case r.URL.Path == "/encode":
		return &guard.Refusal{Status: http.StatusForbidden, Text: "this server only decodes; use POST /decode"}
	case r.URL.Path != "/decode":
		return &guard.Refusal{Status: http.StatusNotFound, Text: "not found; use POST /decode"}
	case r.Method != http.MethodPost && r.Method != http.MethodOptions:
		header.Set("Allow", "POST, OPTIONS")
		return &guard.Refusal{Status: http.StatusMethodNotAllowed, Text: fmt.Sprintf("method %s is not allowed; use POST", r.Method)}
	}
	return nil
}

// allowOrigin tells a browser that it may show the answer to pages of an origin.
func allowOrigin(header http.Header, r *http.Request, origin string) {
	header.Set("Access-Control-Allow-Origin", origin)
	header.Set("Access-Control-Allow-Credentials", "true")
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
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
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, *guard.Refusal) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, &guard.Refusal{Status: http.StatusUnsupportedMediaType, Text: "the Content-Type must be application/json"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMost))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &guard.Refusal{Status: http.StatusRequestEntityTooLarge, Text: fmt.Sprintf("the request has more than %d bytes", tooLarge.Limit)}
	case err != nil:
		return nil, &guard.Refusal{Status: http.StatusBadRequest, Text: "the request is incomplete"}
	}
	return body, nil
}
