// Package wiretest plays a vendor's server from a script, and holds what a vendor's
// client sends, and makes of the answers, against tables.
package wiretest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// Canary is part of everything secret; nothing that people or histories see of a
// failure may hold it.
const Canary = "c4n4ry"

// Noon is what every clock shows, unless a test moves it.
var Noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Exchange is one request that must come, and its answer.
type Exchange struct {
	Ask    string // method and path with query, as sent
	Header map[string]string
	Absent []string // headers that must not come
	Body   string   // exactly; "" for none
	// loose leaves header and body unlooked at.
	Loose bool

	Status int // 0: 200
	Says   map[string]string
	Answer string
	Date   time.Duration // the vendor's clock against ours
	Do     func(w http.ResponseWriter, r *http.Request)
}

// Rig is a vendor's server with a script, and a caller for it.
type Rig struct {
	t       *testing.T
	Ctx     context.Context // of the calls
	Server  *httptest.Server
	Caller  *wire.Caller
	Permits *FakePermits
	Tokens  *FakeTokens
	Now     time.Time

	mu     sync.Mutex
	script []Exchange
	asked  int
	Date   time.Duration
}

// New starts a server for a vendor, and a caller for it with an account of these
// settings.
func New(t *testing.T, s *spec.Spec, settings map[string]string) *Rig {
	t.Helper()
	r := &Rig{t: t, Ctx: t.Context(), Permits: &FakePermits{}, Now: Noon}
	r.Server = httptest.NewServer(http.HandlerFunc(r.serve))
	clock := func() time.Time { return r.Now }
	r.Tokens = &FakeTokens{Now: clock, kept: map[string]wire.Token{}, locks: map[string]*sync.Mutex{}}
	door := egress.New()
	policy := egress.Policy{Private: true, Insecure: true}
	r.Caller = &wire.Caller{
		Spec: s,
		Account: spec.Account{
			Name: "acct", Vendor: s.Name, BaseURL: r.Server.URL + "/base/", LoginURL: r.Server.URL + "/login/",
			Settings: settings, Policy: policy,
		},
		HTTP: door.Control(policy), Storage: door.Objects(policy),
		Permits: r.Permits, Tokens: r.Tokens, Now: clock,
	}
	t.Cleanup(func() {
		r.Server.Close()
		door.CloseIdle()
		require.Empty(t, r.script, "requests that did not come")
	})
	return r
}

// On adds what must be asked next.
func (r *Rig) On(script ...Exchange) *Rig {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.script = append(r.script, script...)
	return r
}

// Requests counts what was asked so far.
func (r *Rig) Requests() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

func (r *Rig) serve(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	r.mu.Lock()
	r.asked++
	if len(r.script) == 0 {
		r.mu.Unlock()
		r.t.Errorf("unexpected request %s %s", q.Method, q.RequestURI)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	x := r.script[0]
	r.script = r.script[1:]
	r.mu.Unlock()
	r.compare(x, q, string(body))
	w.Header().Set("Date", r.Now.Add(x.Date+r.Date).UTC().Format(http.TimeFormat))
	for name, value := range x.Says {
		w.Header().Set(name, value)
	}
	if x.Do != nil {
		x.Do(w, q)
		return
	}
	if x.Status != 0 {
		w.WriteHeader(x.Status)
	}
	answer := x.Answer
	if answer == "" && x.Status >= 400 { // the vendor speaks, and says nothing
		answer = "{}"
	}
	_, _ = io.WriteString(w, answer)
}

func (r *Rig) compare(x Exchange, q *http.Request, body string) {
	if x.Ask != "" && x.Ask != q.Method+" "+q.RequestURI {
		r.t.Errorf("asked was %s %s, want %s", q.Method, q.RequestURI, x.Ask)
	}
	if x.Loose {
		return
	}
	for name, want := range x.Header {
		if got := strings.Join(q.Header.Values(name), "|"); got != want {
			r.t.Errorf("%s: header %s is %q, want %q", x.Ask, name, got, want)
		}
	}
	for _, name := range x.Absent {
		if _, there := q.Header[http.CanonicalHeaderKey(name)]; there {
			r.t.Errorf("%s: header %s came", x.Ask, name)
		}
	}
	if body != x.Body {
		r.t.Errorf("%s: body is\n%s\nwant\n%s", x.Ask, body, x.Body)
	}
	if q.Method == http.MethodGet && (q.ContentLength != 0 || len(q.TransferEncoding) > 0 || q.Header.Get("Content-Type") != "") {
		r.t.Errorf("%s: a GET came with a body", x.Ask)
	}
	if body != "" && q.Header.Get("Content-Type") != "application/json" {
		r.t.Errorf("%s: content type is %q", x.Ask, q.Header.Get("Content-Type"))
	}
	if len(q.TransferEncoding) > 0 {
		r.t.Errorf("%s: the body is chunked", x.Ask)
	}
}

// Failed is err as the *upload.Error that it must be, and holds no secret.
func (r *Rig) Failed(err error) *upload.Error {
	r.t.Helper()
	require.Error(r.t, err)
	var e *upload.Error
	require.True(r.t, errors.As(err, &e), "%T: %v", err, err)
	Secretless(r.t, err)
	require.NotContains(r.t, err.Error(), "\n")
	require.Less(r.t, len(e.Message), 1500)
	return e
}

// Secretless holds that nothing visible of v has a secret in it.
func Secretless(t *testing.T, v any) {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	require.NotContains(t, string(raw), Canary)
	require.NotContains(t, fmt.Sprint(v), Canary)
}
