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

// Caller makes the control calls of one account. It is made for a step and
// dropped after it; what lasts (tokens, permits) lies behind its interfaces.
type Caller struct {
	Spec    *spec.Spec // of the account's vendor
	Account spec.Account
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
	Take(ctx context.Context, account spec.Account) error
	// Slow tells everybody that the account must make no call for a while: it
	// was refused for its speed, and is to be slower afterwards.
	Slow(ctx context.Context, account spec.Account, wait time.Duration)
	// Rest tells everybody that the account has used up what it may do in a
	// time, and must make no call until that is over.
	Rest(ctx context.Context, account spec.Account, wait time.Duration)
}

// Token is something that a vendor hands out for a time.
type Token struct {
	Value     []byte
	ExpiresAt time.Time // when to renew it, on our clock
	Version   int64
}

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

// TokenInTurn takes a permit for a call, and then the access token to make it
// with: a token that was taken first may be refused or over when the call's turn
// comes, and where many wait each of them would be refused with it. A caller that
// finds no good token gets one by renew right away, in the turn that it waited
// for, since those behind it can do nothing without one. It then waits for
// another turn.
func (c *Caller) TokenInTurn(ctx context.Context, renew func(context.Context, Token) (Token, error)) (Token, error) {
	for last := false; ; last = true { // a token that never outlives a turn is tried all the same
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
