package vendors

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
)

// canary is part of everything secret; nothing that people or histories see of a
// failure may hold it.
const canary = "c4n4ry"

// noon is what every clock shows, unless a test moves it.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// fakePermits lets every call through, and remembers what it was told.
type fakePermits struct {
	take   func() error
	mu     sync.Mutex
	taken  int
	slowed []time.Duration
}

func (p *fakePermits) Take(context.Context, Account) error {
	p.mu.Lock()
	p.taken++
	p.mu.Unlock()
	if p.take != nil {
		return p.take()
	}
	return nil
}

func (p *fakePermits) Rest(ctx context.Context, a Account, wait time.Duration) { p.Slow(ctx, a, wait) }

func (p *fakePermits) Slow(_ context.Context, _ Account, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slowed = append(p.slowed, wait)
}

// fakeTokens keeps tokens as the ledger does: what is dropped is forgotten whole.
type fakeTokens struct {
	now   func() time.Time
	drop  func() error
	mu    sync.Mutex
	kept  map[string]Token
	locks map[string]*sync.Mutex
	last  int64
}

func (f *fakeTokens) lock(name string) *sync.Mutex {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.locks[name] == nil {
		f.locks[name] = new(sync.Mutex)
	}
	return f.locks[name]
}

func (f *fakeTokens) get(name string) Token {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kept[name]
}

func (f *fakeTokens) keep(name string, token Token) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept[name] = token
}

func (f *fakeTokens) Get(ctx context.Context, _, name string, renew func(context.Context, Token) (Token, error)) (Token, error) {
	lock := f.lock(name)
	lock.Lock()
	defer lock.Unlock()
	if token := f.get(name); len(token.Value) > 0 && f.now().Before(token.ExpiresAt) {
		return token, nil
	}
	token, err := renew(ctx, f.get(name))
	if err != nil {
		return Token{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
	token.Version = f.last
	f.kept[name] = token
	return token, nil
}

func (f *fakeTokens) Drop(_ context.Context, _, name string, version int64) error {
	if f.drop != nil {
		return f.drop()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.kept[name].Version == version {
		delete(f.kept, name)
	}
	return nil
}

// exchange is one request that must come, and its answer.
type exchange struct {
	ask    string // method and path with query, as sent
	header map[string]string
	absent []string // headers that must not come
	body   string   // exactly; "" for none
	// loose leaves header and body unlooked at.
	loose bool

	status int // 0: 200
	says   map[string]string
	answer string
	date   time.Duration // the vendor's clock against ours
	do     func(w http.ResponseWriter, r *http.Request)
}

// rig is a vendor's server with a script, and a caller for it.
type rig struct {
	t       *testing.T
	ctx     context.Context // of the calls
	server  *httptest.Server
	caller  *Caller
	permits *fakePermits
	tokens  *fakeTokens
	now     time.Time

	mu     sync.Mutex
	script []exchange
	asked  int
	date   time.Duration
}

func newRig(t *testing.T, vendor string, settings map[string]string) *rig {
	t.Helper()
	r := &rig{t: t, ctx: t.Context(), permits: &fakePermits{}, now: noon}
	r.server = httptest.NewServer(http.HandlerFunc(r.serve))
	clock := func() time.Time { return r.now }
	r.tokens = &fakeTokens{now: clock, kept: map[string]Token{}, locks: map[string]*sync.Mutex{}}
	door := egress.New()
	policy := egress.Policy{Private: true, Insecure: true}
	r.caller = &Caller{
		Account: Account{
			Name: "acct", Vendor: vendor, BaseURL: r.server.URL + "/base/", LoginURL: r.server.URL + "/login/",
			Settings: settings, Policy: policy,
		},
		HTTP: door.Control(policy), Storage: door.Storage(policy),
		Permits: r.permits, Tokens: r.tokens, Now: clock,
	}
	t.Cleanup(func() {
		r.server.Close()
		door.CloseIdle()
		require.Empty(t, r.script, "requests that did not come")
	})
	return r
}

// on adds what must be asked next.
func (r *rig) on(script ...exchange) *rig {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.script = append(r.script, script...)
	return r
}

// requests counts what was asked so far.
func (r *rig) requests() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

func (r *rig) serve(w http.ResponseWriter, q *http.Request) {
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
	w.Header().Set("Date", r.now.Add(x.date+r.date).UTC().Format(http.TimeFormat))
	for name, value := range x.says {
		w.Header().Set(name, value)
	}
	if x.do != nil {
		x.do(w, q)
		return
	}
	if x.status != 0 {
		w.WriteHeader(x.status)
	}
	_, _ = io.WriteString(w, x.answer)
}

func (r *rig) compare(x exchange, q *http.Request, body string) {
	if x.ask != "" && x.ask != q.Method+" "+q.RequestURI {
		r.t.Errorf("asked was %s %s, want %s", q.Method, q.RequestURI, x.ask)
	}
	if x.loose {
		return
	}
	for name, want := range x.header {
		if got := strings.Join(q.Header.Values(name), "|"); got != want {
			r.t.Errorf("%s: header %s is %q, want %q", x.ask, name, got, want)
		}
	}
	for _, name := range x.absent {
		if _, there := q.Header[http.CanonicalHeaderKey(name)]; there {
			r.t.Errorf("%s: header %s came", x.ask, name)
		}
	}
	if body != x.body {
		r.t.Errorf("%s: body is\n%s\nwant\n%s", x.ask, body, x.body)
	}
	if q.Method == http.MethodGet && (q.ContentLength != 0 || len(q.TransferEncoding) > 0 || q.Header.Get("Content-Type") != "") {
		r.t.Errorf("%s: a GET came with a body", x.ask)
	}
	if body != "" && q.Header.Get("Content-Type") != "application/json" {
		r.t.Errorf("%s: content type is %q", x.ask, q.Header.Get("Content-Type"))
	}
	if len(q.TransferEncoding) > 0 {
		r.t.Errorf("%s: the body is chunked", x.ask)
	}
}

// failed is err as the *upload.Error that it must be, and holds no secret.
func (r *rig) failed(err error) *upload.Error {
	r.t.Helper()
	require.Error(r.t, err)
	var e *upload.Error
	require.True(r.t, errors.As(err, &e), "%T: %v", err, err)
	secretless(r.t, err)
	require.NotContains(r.t, err.Error(), "\n")
	require.Less(r.t, len(e.Message), 1500)
	return e
}

// secretless holds that nothing visible of v has a secret in it.
func secretless(t *testing.T, v any) {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	require.NotContains(t, string(raw), canary)
	require.NotContains(t, fmt.Sprint(v), canary)
}

// refusal is one row of a table of failures.
type refusal struct {
	name string
	// call makes the call; it fails with what script answers.
	call   func(r *rig) error
	script []exchange

	kind    upload.Kind
	then    upload.Kind
	arrived upload.Arrival
	lost    bool
	wait    time.Duration
	status  int
	code    string
	request string
	text    string
	hint    string
}

func checkRefusals(t *testing.T, vendor string, settings map[string]string, rows []refusal) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t, vendor, settings).on(row.script...)
			e := r.failed(row.call(r))
			require.Equal(t, row.kind, e.Kind, "%v", e)
			require.Equal(t, row.then, e.Then)
			require.Equal(t, row.arrived, e.Arrived)
			require.Equal(t, row.lost, e.Lost)
			require.Equal(t, row.wait, e.RetryAfter)
			require.Equal(t, row.status, e.Status)
			require.Equal(t, row.code, e.Code)
			require.Equal(t, row.request, e.RequestID)
			require.Contains(t, e.Message, row.text)
			require.Contains(t, e.Hint, row.hint)
			if row.kind == upload.KindThrottled {
				require.Equal(t, []time.Duration{max(row.wait, time.Second)}, r.permits.slowed, "the fleet is told")
			} else {
				require.Empty(t, r.permits.slowed)
			}
			if row.kind == upload.KindDenied {
				require.Contains(t, e.Hint, "mediaferry account resume acct")
			}
			require.Equal(t, r.requests(), r.permits.taken, "every call has a permit")
		})
	}
}

// refuse is an exchange of which only the answer matters.
func refuse(status int, body string) exchange {
	return exchange{loose: true, status: status, answer: body}
}

func (x exchange) saying(name, value string) exchange {
	x.says = map[string]string{name: value}
	return x
}

// drop ends the connection without an answer.
func drop(_ http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }

func item(vendor string, fields upload.Fields) upload.Item {
	return upload.Item{UploadID: "batch/b/1", ID: "1", Account: "acct", Vendor: vendor, Source: "/srv/a.jpg", Fields: fields}
}

func jpeg() upload.Content {
	return upload.Content{Size: 1000, Type: "image/jpeg", Name: "photo.jpg", Fingerprint: "f", SHA256: "aa", CRC64: "1"}
}
