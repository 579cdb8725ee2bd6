package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// answerLimit is how much of an answer is read, in bytes. The largest is a list of
// 120 signed URLs.
const answerLimit = 4 << 20

// Request is one control call.
type Request struct {
	Call   spec.Call // one that the vendor's Spec lists
	Path   string    // below the account's base URL, with its query
	Header http.Header
	Login  http.Header // credentials; messages never contain them
	JSON   any         // to be sent as JSON; nil for none
	Body   []byte      // JSON as it is, where its exact bytes are signed
	Secret []string    // further texts that messages must not contain
	// AtLogin says that Path is below the account's login URL instead.
	AtLogin bool
	// Permitted says that the permit has been taken already.
	Permitted bool
}

// Do makes a call and returns its answer, of any status. Without an answer it fails
// with kind unavailable; Arrived says whether the request may have arrived.
func (c *Caller) Do(ctx context.Context, r Request) (Answer, error) {
	if !c.Spec.Lists(r.Call) {
		return Answer{}, upload.Errorf(upload.KindInternal, r.Call.Step, "the Spec of %s does not list the call %s", c.Spec.Name, r.Call.Name)
	}
	if !r.Permitted {
		if err := c.Permits.Take(ctx, c.Account); err != nil {
			return Answer{}, err
		}
	}
	sent := new(atomic.Int64)
	trying, stop := context.WithCancel(ctx)
	defer stop()
	call, err := c.prepare(c.counted(ctx, trying, stop, sent), r)
	if err != nil {
		return Answer{}, upload.Errorf(upload.KindInvalid, r.Call.Step, "%s: %s", r.Call.Label(), egress.Cause(err))
	}
	asked := c.Now()
	status := 0
	defer func() {
		c.tell(ctx, sent.Load(), Exchange{Call: r.Call, Status: status, Began: asked, Took: c.Now().Sub(asked)})
	}()
	response, err := c.HTTP.Do(call)
	if err != nil {
		return Answer{}, callError(ctx, r.Call, err, sent.Load() > 0)
	}
	defer func() { _ = response.Body.Close() }() // the body has been read, or is not needed
	text, err := io.ReadAll(io.LimitReader(response.Body, answerLimit+1))
	if err != nil {
		return Answer{}, callError(ctx, r.Call, err, true)
	}
	status = response.StatusCode
	a := Answer{
		Call: r.Call, Status: response.StatusCode, Header: response.Header, Body: text,
		Skew: egress.Skew(response.Header, c.Now()), Asked: asked, hidden: c.hidden(r),
	}
	if len(text) > answerLimit {
		a.Body = text[:answerLimit] // of a refusal, the status tells enough
		if a.Status >= 200 && a.Status < 300 {
			return a, a.Incomplete("with more than %d MiB", answerLimit>>20)
		}
	}
	return a, nil
}

// counted takes another permit when net/http repeats a call by itself. It does so
// with a GET whose kept-alive connection breaks, and the vendor counts that as one
// more call. Without a permit, trying ends. sent counts the requests of which anything
// may have arrived.
func (c *Caller) counted(ctx, trying context.Context, stop func(), sent *atomic.Int64) context.Context {
	return httptrace.WithClientTrace(trying, &httptrace.ClientTrace{
		GetConn: func(string) {
			if sent.Load() > 0 && c.Permits.Take(ctx, c.Account) != nil {
				stop()
			}
		},
		GotConn: func(got httptrace.GotConnInfo) {
			if sent.Load() > 0 && trying.Err() != nil { // net/http may see the connection before the end
				_ = got.Conn.Close()
			}
		},
		WroteHeaders: func() { sent.Add(1) },
	})
}

// tell tells of the requests that a call was sent as: the last one got the answer, those
// before it got none.
func (c *Caller) tell(ctx context.Context, sent int64, last Exchange) {
	if c.Heard == nil {
		return
	}
	for ; sent > 1; sent-- {
		c.Heard(ctx, Exchange{Call: last.Call, Began: last.Began})
	}
	if sent == 1 {
		c.Heard(ctx, last)
	}
}

func (c *Caller) prepare(ctx context.Context, r Request) (*http.Request, error) {
	body := r.Body
	if r.JSON != nil {
		var err error
		if body, err = json.Marshal(r.JSON); err != nil {
			return nil, err
		}
	}
	base := c.Account.BaseURL
	if r.AtLogin {
		base = c.Account.LoginURL
	}
	call, err := http.NewRequestWithContext(ctx, r.Call.Method, strings.TrimRight(base, "/")+r.Path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if !spec.SameOrigin(call.URL.String(), base) {
		return nil, fmt.Errorf("path %q leads away from %s", r.Path, base)
	}
	for _, header := range []http.Header{r.Header, r.Login} {
		for name, values := range header {
			call.Header[name] = values
		}
	}
	call.Header.Set("Accept", "application/json")
	call.Header.Set("Accept-Encoding", "identity") // what is compressed may be of any length
	call.Header.Set("User-Agent", "mediaferry")
	if body != nil {
		call.Header.Set("Content-Type", "application/json")
	}
	return call, nil
}

func callError(ctx context.Context, call spec.Call, err error, sent bool) error {
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ctx.Err()
	}
	kind, hint := upload.KindUnavailable, "check base_url and the network, for example with: mediaferry doctor. Then run the command again"
	if egress.IsRefused(err) {
		kind, hint = upload.KindInvalid, "check the account's base_url; http: and private addresses are allowed only on loopback or with insecure: true"
	}
	said := egress.Cause(err)
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		said = fmt.Sprintf("no complete answer within %s", egress.ControlTime)
	}
	e := upload.Errorf(kind, call.Step, "%s: %s", call.Label(), said).WithHint("%s", hint)
	e.Arrived = upload.ArrivedNothing
	if sent {
		e.Arrived = upload.ArrivedMaybe
	} else {
		e.Code = egress.Code(err)
	}
	return e
}

// hidden lists the secrets of a request: those of the account, and those that were
// issued for it.
func (c *Caller) hidden(r Request) []string {
	const least = 4 // shorter texts occur in ordinary words
	var all []string
	add := func(secrets ...string) {
		for _, secret := range secrets {
			if len(secret) >= least {
				all = append(all, secret)
			}
		}
	}
	add(r.Secret...)
	for _, values := range r.Login {
		for _, value := range values {
			if _, token, ok := strings.Cut(value, " "); ok {
				value = token // after Bearer or Basic
			}
			add(value)
		}
	}
	add(c.Spec.Secrets(c.Account.Settings)...)
	egress.Hide(all...)
	return all
}
