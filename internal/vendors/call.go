package vendors

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// answerLimit is how much of a control answer is read. The largest is a list of
// 120 signed URLs.
const answerLimit = 4 << 20

// Caller makes the control calls of one account. It is made for a step and
// dropped after it; what lasts (tokens, permits) lies behind its interfaces.
type Caller struct {
	Account Account
	HTTP    *http.Client // for the vendor's own API
	// Storage fetches what the vendor hands out, without credentials.
	Storage *http.Client
	Permits Permits
	Tokens  Tokens
	Now     func() time.Time
}

// Permits meters calls for the whole fleet.
type Permits interface {
	// Take waits for leave to make one control call of an account. Where the
	// wait would be long it fails at once with kind throttled.
	Take(ctx context.Context, account Account) error
	// Slow tells everybody that the account must make no call for a while: it
	// was refused for its speed, and is to be slower afterwards.
	Slow(ctx context.Context, account Account, wait time.Duration)
	// Rest tells everybody that the account has used up what it may do in a
	// time, and must make no call until that is over.
	Rest(ctx context.Context, account Account, wait time.Duration)
}

// Token is something that a vendor hands out for a time.
type Token struct {
	Value     []byte
	ExpiresAt time.Time // when to renew it, on our clock
	Version   int64
}

// longestLife bounds what is believed of a life. Nothing is lost by renewing
// earlier.
const longestLife = 7 * 24 * time.Hour

// Tokens shares tokens in the whole fleet, durably and encrypted.
type Tokens interface {
	// Get returns the account's token of a name. Where there is none that is
	// still good it calls renew, one caller at a time in the whole fleet, with
	// the old token or a zero one, and keeps what that returns.
	Get(ctx context.Context, account, name string, renew func(context.Context, Token) (Token, error)) (Token, error)
	// Drop marks a token that was refused as expired, unless it was renewed
	// meanwhile. The next Get renews it from what it held.
	Drop(ctx context.Context, account, name string, version int64) error
}

// request is one control call.
type request struct {
	step   upload.Step
	name   string // of the call, for messages: prepare, status, …
	method string
	url    string
	header http.Header
	ask    any      // to be sent as JSON; nil for none
	body   []byte   // JSON as it is, where its exact bytes are signed
	secret []string // what the body holds and no text may, besides the account's secrets
	// permitted says that the caller has taken the permit already.
	permitted bool
}

// answer is what came back, whatever its status.
type answer struct {
	name   string
	step   upload.Step
	status int
	header http.Header
	body   []byte
	skew   time.Duration // of the vendor's clock against ours
	asked  time.Time     // when the request was made, on our clock
	hidden []string      // what no text about the answer may hold
}

// do makes a call and returns the answer of any status. It fails with kind
// unavailable where none came, telling whether the request may have arrived.
func (c *Caller) do(ctx context.Context, r request) (answer, error) {
	if !r.permitted {
		if err := c.Permits.Take(ctx, c.Account); err != nil {
			return answer{}, err
		}
	}
	sent := new(atomic.Bool)
	trying, stop := context.WithCancel(ctx)
	defer stop()
	call, err := r.http(c.counted(ctx, trying, stop, sent))
	if err != nil {
		return answer{}, upload.Errorf(upload.KindInvalid, r.step, "%s: %s", r.name, egress.Cause(err))
	}
	asked := c.Now()
	response, err := c.HTTP.Do(call)
	if err != nil {
		return answer{}, callError(ctx, r, err, sent.Load())
	}
	defer func() { _ = response.Body.Close() }() // read whole, or not wanted
	text, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	if err != nil {
		return answer{}, callError(ctx, r, err, true)
	}
	return answer{
		name: r.name, step: r.step, status: response.StatusCode, header: response.Header, body: text,
		skew: egress.Skew(response.Header, c.Now()), asked: asked, hidden: c.hidden(r),
	}, nil
}

// tokenInTurn takes a permit for a call, and then the access token to make it
// with: a token that was taken first may be refused or over when the call's turn
// comes, and where many wait each of them would be refused with it. Who finds no
// good token gets one by renew right away, in the turn that it waited for, since
// those behind it can do nothing without one. It then waits for another turn.
func (c *Caller) tokenInTurn(ctx context.Context, renew func(context.Context, Token) (Token, error)) (Token, error) {
	for last := false; ; last = true { // a token that never outlives a turn is tried all the same
		if err := c.Permits.Take(ctx, c.Account); err != nil {
			return Token{}, err
		}
		used := false
		token, err := c.Tokens.Get(ctx, c.Account.Name, "access", func(ctx context.Context, old Token) (Token, error) {
			used = true
			return renew(ctx, old)
		})
		if err != nil || !used || last {
			return token, err
		}
	}
}

// counted has a call that net/http repeats by itself take another permit: it does
// so with a GET when a connection that it had kept breaks under it, and to the
// vendor that is one more call. Where there is no permit, trying ends. sent tells
// whether anything may have arrived.
func (c *Caller) counted(ctx, trying context.Context, stop func(), sent *atomic.Bool) context.Context {
	return httptrace.WithClientTrace(trying, &httptrace.ClientTrace{
		GetConn: func(string) {
			if sent.Load() && c.Permits.Take(ctx, c.Account) != nil {
				stop()
			}
		},
		GotConn: func(got httptrace.GotConnInfo) {
			if sent.Load() && trying.Err() != nil { // net/http may see the connection before the end
				_ = got.Conn.Close()
			}
		},
		WroteHeaders: func() { sent.Store(true) },
	})
}

func (r request) http(ctx context.Context) (*http.Request, error) {
	body := r.body
	if r.ask != nil {
		var err error
		if body, err = json.Marshal(r.ask); err != nil {
			return nil, err
		}
	}
	call, err := http.NewRequestWithContext(ctx, r.method, r.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range r.header {
		call.Header[name] = values
	}
	call.Header.Set("Accept", "application/json")
	call.Header.Set("User-Agent", "mediaferry")
	if body != nil {
		call.Header.Set("Content-Type", "application/json")
	}
	return call, nil
}

func callError(ctx context.Context, r request, err error, sent bool) error {
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ctx.Err()
	}
	kind := upload.KindUnavailable
	if egress.IsRefused(err) {
		kind = upload.KindInvalid
	}
	e := upload.Errorf(kind, r.step, "%s: %s", r.name, egress.Cause(err)).
		WithHint("check base_url and the network, for example with: mediaferry doctor; the same command tries again")
	if kind == upload.KindInvalid {
		_ = e.WithHint("check the account's base_url; http: and private addresses need loopback or insecure: true")
	}
	e.Arrived = upload.ArrivedNothing
	if sent {
		e.Arrived = upload.ArrivedMaybe
	} else if egress.Offline(err) {
		e.Code = upload.CodeOffline
	}
	return e
}

// call makes a call that is safe to repeat, and returns its answer where the
// status is 2xx. Otherwise it returns the failure that the vendor's words mean;
// say reads them from the vendor's envelope.
func (c *Caller) call(ctx context.Context, r request, say func(answer) words) (answer, error) {
	a, err := c.do(ctx, r)
	if err != nil {
		return a, err
	}
	if a.status >= 200 && a.status < 300 {
		return a, nil
	}
	return a, c.judge(ctx, a, a.status, say(a))
}

// decode reads a JSON answer. What cannot be read may be a proxy's page, or an
// answer cut short: asking again may help.
func (a answer) decode(into any) error {
	if err := json.Unmarshal(a.body, into); err != nil {
		return a.incomplete("no JSON as expected: %s", a.clean(err.Error()))
	}
	return nil
}

// incomplete is the failure of an answer that says success and lacks what it
// must hold.
func (a answer) incomplete(format string, args ...any) *upload.Error {
	e := upload.Errorf(upload.KindUnavailable, a.step, a.name+" answered "+http.StatusText(a.status)+" with "+format, args...)
	e.Status, e.Arrived = a.status, upload.ArrivedMaybe
	return e
}

// terms are what is known of how long something that was handed out may be used.
// What is not known is zero.
type terms struct {
	life   time.Duration // from the request, as the answer says
	until  time.Time     // on the vendor's clock, as the answer says
	signed string        // the URL, which may say it
	usual  time.Duration // from the request, as the vendor documents
}

// shortestLease is the least that is believed of a date: dates count whole
// seconds, and Skew sees no smaller difference.
const shortestLease = 2 * time.Second

// lease is when something that was handed out ends, on our clock, and how long
// that is from the request. Both are zero where it is not known: then only the
// store can tell.
//
// What needs no clock goes before what needs one: of the vendor, of those who
// sign for it, and of those who date its answers, each may be wrong, and nobody
// hands out what is over. So a date by which it is over on arrival is not
// believed, and the next source counts. A signed URL bounds them all by the
// number in it, for it cannot live longer than from now on.
func (a answer) lease(t terms) (expires time.Time, life time.Duration) {
	end, most := signedFor(t.signed)
	for _, left := range []time.Duration{t.life, a.left(t.until), a.left(end), most, t.usual} {
		if left <= 0 {
			continue
		}
		life = min(left, longestLife)
		if most > 0 {
			life = min(life, most)
		}
		return a.asked.Add(life).UTC(), life
	}
	return time.Time{}, 0
}

// left is how long it was from the request to a moment of the vendor's clock; 0
// where that can only be a clock's fault, or there is none.
func (a answer) left(until time.Time) time.Duration {
	if until.IsZero() {
		return 0
	}
	left := a.local(until).Sub(a.asked)
	if left < shortestLease {
		return 0
	}
	return left
}

// statusOf is the HTTP status that a failure came with, or 0.
func statusOf(err error) int {
	var e *upload.Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// seconds are waits of so many seconds each.
func seconds(n ...int) []time.Duration {
	waits := make([]time.Duration, len(n))
	for i, s := range n {
		waits[i] = time.Duration(s) * time.Second
	}
	return waits
}

// local is a moment of the vendor's clock on ours.
func (a answer) local(t time.Time) time.Time { return t.Add(-a.skew) }

// there is the moment of the answer on the vendor's clock.
func (a answer) there(now time.Time) time.Time { return now.Add(a.skew) }

// signedFor reads from an S3 URL itself how long it lives and when that ends, on
// the signer's clock (X-Amz-Expires and X-Amz-Date, AWS Signature Version 4 in
// query parameters); zero where it does not say both.
func signedFor(raw string) (end time.Time, life time.Duration) {
	u, err := url.Parse(raw)
	if err != nil {
		return time.Time{}, 0
	}
	q := u.Query()
	at, err := time.Parse("20060102T150405Z", q.Get("X-Amz-Date"))
	if err != nil {
		return time.Time{}, 0
	}
	life, err = time.ParseDuration(q.Get("X-Amz-Expires") + "s")
	if err != nil || life <= 0 {
		return time.Time{}, 0
	}
	return at.Add(life), life
}
