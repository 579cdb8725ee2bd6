// Package front is the one place where people and their browsers reach what runs on
// this machine, or what a fleet shows: the operators' page, Temporal's web UI and the
// codec that decodes its payloads.
//
// It owns logins, sessions and the headers of pages, and which of Temporal's calls pass
// to the web UI behind it. It refuses to know workflows and uploads, and leaves names,
// origins and tokens to the package guard. The page behind it learns from CallerOf who
// asks.
//
// A program presents the token. A person opens a login link, which works once, or types
// the token; the browser then has a session cookie. Cookies ignore ports: whatever else
// listens on loopback would be sent a cookie of 127.0.0.1 by the same browser. So where
// the browser can find names below localhost, the session belongs to one that only who
// holds the token knows.
package front

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/guard"
)

// The paths of the front.
const (
	TemporalPath = "/temporal" // Temporal's web UI
	CodecPath    = "/codec"    // decodes payloads: POST /codec/decode
	loginPath    = "/login"
)

// Options say what a front serves, and to whom.
type Options struct {
	// URL is where the front is reached, without a path: http://127.0.0.1:8233.
	URL string
	// Token opens everything, and makes sessions and links; it must not be empty. Tokens
	// open everything as well. Viewer, which may be empty, opens what is only read.
	Token  string
	Tokens []string
	Viewer string
	// Where says where a person finds the token.
	Where string
	// Temporal is Temporal's web UI. Without a URL there is none.
	Temporal Upstream
	// Page answers all other paths. It may be nil.
	Page http.Handler
	// AnyHost takes every name: the front listens on more than loopback. Secure says that
	// a proxy in front of it ends TLS.
	AnyHost, Secure bool
	// Codec answers POST /decode to whoever may see payloads. It may be nil.
	Codec http.Handler
	// Now is the clock; nil is that of the system.
	Now func() time.Time
}

// Front is the handler. It may be called from several goroutines.
type Front struct {
	o        Options
	names    guard.Names
	private  string // the name of the sessions of browsers, below localhost
	port     string
	sessions sessions
	mux      *http.ServeMux
}

// New returns a front, or an error if a URL is wrong or there is no token.
func New(o Options) (*Front, error) {
	at, err := url.Parse(o.URL)
	if err != nil || at.Host == "" {
		return nil, fmt.Errorf("%q is no URL of a front", o.URL)
	}
	if o.Token == "" {
		return nil, fmt.Errorf("a front needs a token")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	f := &Front{o: o, port: at.Port(), private: privateName(o.Token), mux: http.NewServeMux()}
	f.names = guard.Names{Hosts: []string{at.Hostname(), f.private}, AnyHost: o.AnyHost}
	f.sessions = sessions{key: derive(o.Token, "session"), links: derive(o.Token, "login"), began: o.Now(), now: o.Now, secure: o.Secure}
	if err := f.route(); err != nil {
		return nil, err
	}
	return f, nil
}

// route says what is where.
func (f *Front) route() error {
	o := f.o
	if o.Temporal.URL != "" {
		temporal, err := newTemporal(o.Temporal)
		if err != nil {
			return err
		}
		f.mux.Handle(TemporalPath+"/", temporal)
		f.mux.Handle("GET "+TemporalPath, http.RedirectHandler(TemporalPath+"/", http.StatusSeeOther))
	}
	if o.Page != nil {
		f.mux.Handle("/", o.Page)
	} else {
		f.mux.Handle("GET /{$}", http.RedirectHandler(TemporalPath+"/", http.StatusSeeOther))
	}
	if o.Codec != nil {
		f.mux.Handle(CodecPath+"/", http.StripPrefix(CodecPath, o.Codec))
	}
	return nil
}

// ServeHTTP answers one request: only under the names of this machine, and, but for the
// login and whether it lives, only with a token or a session.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	guard.Harden(w.Header())
	if refusal := f.names.Check(r); refusal != nil {
		refusal.Write(w)
		return
	}
	switch {
	case r.URL.Path == "/healthz" && r.Method == http.MethodGet:
		_, _ = fmt.Fprintln(w, "ok")
		return
	case r.URL.Path == loginPath && r.Method == http.MethodPost:
		f.login(w, r)
		return
	case r.Method == http.MethodGet && r.URL.Query().Has(codeParameter):
		f.followLink(w, r)
		return
	}
	caller, refusal := f.identify(r)
	if refusal == nil {
		refusal = caller.check(r)
	}
	switch {
	case refusal == nil:
		f.renew(w, r, caller)
		f.mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, caller.public())))
	case refusal.Status == http.StatusUnauthorized && wantsPage(r):
		f.askForToken(w, r, "")
	default:
		refusal.Write(w)
	}
}

// caller is who sent a request.
type caller struct {
	viewer  bool    // may only read
	session session // zero for a program, which presents the token itself
}

// Caller is who sent a request, for the page that answers it.
type Caller struct {
	Viewer bool // may only read
	// Session tells sessions of browsers apart and opens none; "" for a program.
	Session string
	// CSRF is what a form of the page sends back; "" for a program, which needs none.
	CSRF string
}

type callerKey struct{}

// CallerOf is who sent a request that the front has let pass. It may only read where that
// is not known.
func CallerOf(ctx context.Context) Caller {
	if c, ok := ctx.Value(callerKey{}).(Caller); ok {
		return c
	}
	return Caller{Viewer: true}
}

// Accepts reports whether a form comes from a page that this caller was given.
func (c Caller) Accepts(csrf string) bool {
	return c.CSRF == "" && c.Session == "" || hmac.Equal([]byte(csrf), []byte(c.CSRF))
}

func (c caller) public() Caller {
	p := Caller{Viewer: c.viewer, CSRF: c.session.csrf}
	if c.session.id != "" {
		sum := sha256.Sum256([]byte(c.session.id))
		p.Session = hex.EncodeToString(sum[:3])
	}
	return p
}

// opens and reads report what a token is good for.
func (f *Front) opens(token string) bool {
	return guard.Tokens(append([]string{f.o.Token}, f.o.Tokens...)).Accept(token)
}
func (f *Front) reads(token string) bool { return guard.Tokens{f.o.Viewer}.Accept(token) }

func (f *Front) identify(r *http.Request) (caller, *guard.Refusal) {
	if given := guard.Bearer(r); given != "" {
		switch {
		case f.opens(given):
			return caller{}, nil
		case f.reads(given):
			return caller{viewer: true}, nil
		}
	} else if s, ok := f.sessions.of(r); ok {
		return caller{viewer: s.viewer, session: s}, nil
	}
	return caller{}, guard.Tokens{}.Check(r, f.o.Where)
}

// check refuses what the caller may not do. A page can make a browser send a request
// with its cookie; so one that changes something also has the Origin of this front,
// and the token that this front has told its own pages alone.
func (c caller) check(r *http.Request) *guard.Refusal {
	if safe(r.Method) {
		return nil
	}
	if c.viewer {
		return &guard.Refusal{Status: http.StatusForbidden, Text: "the viewer's token only reads; log in with the other one"}
	}
	if c.session.id == "" {
		return nil
	}
	if r.Header.Get("Origin") == "" && r.Header.Get("Sec-Fetch-Site") != "same-origin" {
		return &guard.Refusal{Status: http.StatusForbidden, Text: "a request with a session needs the Origin header; a program presents the token instead"}
	}
	if strings.HasPrefix(r.URL.Path, TemporalPath+"/") && !hmac.Equal([]byte(r.Header.Get("X-Csrf-Token")), []byte(c.session.csrf)) {
		return &guard.Refusal{Status: http.StatusForbidden, Text: "the X-CSRF-Token header is missing or wrong; load the page again"}
	}
	return nil
}

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// wantsPage reports whether a person is at the other end.
func wantsPage(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html")
}

// privateName is a name below localhost that nobody guesses who does not have the
// token, and that stays the same as long as the token does.
func privateName(token string) string {
	return "mediaferry-" + hex.EncodeToString(derive(token, "name"))[:20] + ".localhost"
}

// derive makes a key for one purpose from the token.
func derive(token, purpose string) []byte {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte("mediaferry front " + purpose))
	return mac.Sum(nil)
}
