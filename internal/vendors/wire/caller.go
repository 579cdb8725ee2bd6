// Package wire makes the control calls of one account at a vendor: it takes the
// permit, sends the request, reads the answer, and says what its status means.
//
// It sends no media bytes, waits for nothing, repeats no call, and knows no
// vendor: what a vendor says beyond HTTP is for the vendor's package to read.
package wire

import (
	"context"
	"net/http"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// Caller makes the control calls of one account. It lives for one step; what lasts
// longer (tokens, permits) is behind its interfaces.
type Caller struct {
	Spec    *spec.Spec // of the account's vendor
	Account spec.Account
	HTTP    *http.Client // for the vendor's own API
	// Storage fetches what the vendor hands out, without credentials.
	Storage *http.Client
	Permits Permits
	Tokens  Tokens
	Now     func() time.Time
	// Heard, where set, is told of each request that was sent, once its answer is there
	// or is known not to come. The context is the call's.
	Heard func(context.Context, Exchange)
}

// Exchange is a request that was sent, and what came of it.
type Exchange struct {
	Call   spec.Call
	Status int // 0: no answer came, or not all of it
	Began  time.Time
	Took   time.Duration
}

// Permits meters calls for the whole fleet.
type Permits interface {
	// Take waits until the account may make one control call. If the wait would be
	// long, it fails at once with kind throttled.
	Take(ctx context.Context, account spec.Account) error
	// Slow stops all calls of the account, by all workers, for a while: the vendor
	// refused one for its rate. The account is slower afterwards. because says in words
	// what the vendor answered.
	Slow(ctx context.Context, account spec.Account, wait time.Duration, because string)
	// Rest stops all calls of the account, by all workers, until its quota is renewed.
	Rest(ctx context.Context, account spec.Account, wait time.Duration, because string)
	// Learn notes, for all workers, how often the vendor says that the account may be
	// called. It counts from the next call on, instead of what the Spec says.
	Learn(ctx context.Context, account spec.Account, told []upload.Quota)
}

// Token is a credential that a vendor issues for a limited time.
type Token struct {
	Value     []byte
	ExpiresAt time.Time // when to renew it, on our clock
	Version   int64
}

// Tokens shares tokens in the whole fleet, durably and encrypted.
type Tokens interface {
	// Get returns the account's token of a name. If there is no valid one, it calls
	// renew with the old token, or a zero one, and keeps the result. One caller in the
	// whole fleet does so at a time.
	Get(ctx context.Context, account, name string, renew func(context.Context, Token) (Token, error)) (Token, error)
	// Drop marks a refused token as expired, unless it was renewed meanwhile. The next
	// Get renews it and passes what it held.
	Drop(ctx context.Context, account, name string, version int64) error
}

// Call makes a call and returns its answer where the status is 2xx. Otherwise it
// returns the failure that the vendor's words mean; read takes them from the
// vendor's envelope.
func (c *Caller) Call(ctx context.Context, r Request, read func(Answer) Refusal) (Answer, error) {
	a, err := c.Do(ctx, r)
	if err != nil {
		return a, err
	}
	if a.Status >= 200 && a.Status < 300 {
		return a, nil
	}
	return a, c.Judge(ctx, a, a.Status, read(a))
}

// TokenInTurn takes a permit for a call, and then the access token for it. In the
// other order, the token could expire or be revoked while the call waits for its
// permit, and all calls in the queue would be refused with it. A caller that finds
// no valid token uses its permit to renew it at once, because the calls behind it
// need it too, and then waits for another permit.
func (c *Caller) TokenInTurn(ctx context.Context, renew func(context.Context, Token) (Token, error)) (Token, error) {
	for last := false; ; last = true { // a token that expires within one turn is used all the same
		if err := c.Permits.Take(ctx, c.Account); err != nil {
			return Token{}, err
		}
		used := false
		token, err := c.Tokens.Get(ctx, c.Account.Name, AccessToken, func(ctx context.Context, old Token) (Token, error) {
			used = true
			return renew(ctx, old)
		})
		if err != nil || !used || last {
			return token, err
		}
	}
}

// AccessToken is the name under which an account's access token is kept.
const AccessToken = "access"

// Received is the answer to bytes that the vendor takes itself, as an answer to a
// call of its flow.
func (c *Caller) Received(call spec.Call, status int, header http.Header, body []byte) Answer {
	return Answer{Call: call, Status: status, Header: header, Body: body, hidden: c.hidden(Request{})}
}

// DeniedHint says what a person can do about credentials that were refused.
func (c *Caller) DeniedHint(e *upload.Error) *upload.Error {
	return e.WithHint("check the credentials of account %s, then: mediaferry account resume %s", c.Account.Name, c.Account.Name)
}
