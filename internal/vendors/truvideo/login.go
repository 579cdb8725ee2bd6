package truvideo

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// call makes a call that may be repeated after a login: a 401 comes before any work
// (TV-6). A second 401 is final. The answer that it returns is the call's own, with
// status 0 if there was none. Callers read the status there and not in the error,
// which may be the login's.
func (c caller) call(ctx context.Context, r wire.Request) (wire.Answer, error) {
	a, version, err := c.try(ctx, r)
	if a.Status != http.StatusUnauthorized {
		return a, err
	}
	if err := c.Tokens.Drop(ctx, c.Account.Name, wire.AccessToken, version); err != nil {
		return a, err
	}
	a, _, err = c.try(ctx, r)
	return a, err
}

// callOnce makes a call that is never repeated before the session was asked for. A
// 401 drops the token and is returned: the flow asks, calls again with a new
// token, and takes a second 401 for final.
func (c caller) callOnce(ctx context.Context, r wire.Request) (wire.Answer, error) {
	a, version, err := c.try(ctx, r)
	if a.Status != http.StatusUnauthorized {
		return a, err
	}
	if err := c.Tokens.Drop(ctx, c.Account.Name, wire.AccessToken, version); err != nil {
		return a, err
	}
	e := upload.AsError(err, r.Call.Step)
	e.Kind, e.Then, e.Arrived = upload.KindUnavailable, upload.KindDenied, upload.ArrivedMaybe
	return a, e
}

// try makes one call with the shared token, and returns that token's version. If
// the login failed, the answer is empty.
func (c caller) try(ctx context.Context, r wire.Request) (wire.Answer, int64, error) {
	token, err := c.TokenInTurn(ctx, c.login)
	if err != nil {
		var e *upload.Error
		if errors.As(err, &e) {
			e.Arrived = upload.ArrivedNothing // the login failed, so the call was not made
		}
		return wire.Answer{}, 0, err
	}
	r.Login, r.Permitted = http.Header{"Authorization": {"Bearer " + string(token.Value)}}, true
	a, err := c.Call(ctx, r, refusal)
	return a, token.Version, err
}

// login gets an access token: POST {login_url}/api/login, signed over the exact
// bytes of its body. A refusal is answered once with the vendor's own time, since
// a timestamp more than half an hour old is refused. The permit for the first try
// is the one that TokenInTurn took.
func (c caller) login(ctx context.Context, _ wire.Token) (wire.Token, error) {
	a, token, err := c.issued(ctx)
	if err != nil {
		return wire.Token{}, err
	}
	return wire.Token{Value: []byte(token), ExpiresAt: a.Asked.Add(lifeOf(token, a) / 5 * 4)}, nil
}

// issued logs in and returns the token with the answer that holds it.
func (c caller) issued(ctx context.Context) (wire.Answer, string, error) {
	a, err := c.loginAt(ctx, 0, true)
	switch wire.StatusOf(err) {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		a, err = c.loginAt(ctx, a.Skew, false)
	}
	if err != nil {
		return a, "", c.loginRefused(err)
	}
	var got struct {
		AccessToken wire.Text `json:"accessToken"`
	}
	if err := a.Decode(&got); err != nil {
		return a, "", err
	}
	if e := a.Without(wire.Needed{Name: "accessToken", Is: got.AccessToken, Token: true}); e != nil {
		return a, "", e
	}
	return a, string(got.AccessToken), nil
}

// loginRefused turns every final refusal of a login into one of the account: an
// upload is not to blame for it, and must not fail because of it.
func (c caller) loginRefused(err error) error {
	var e *upload.Error
	if !errors.As(err, &e) || !wire.IsFinal(wire.StatusOf(err)) {
		return err
	}
	e.Kind = upload.KindDenied
	if e.Status == http.StatusBadRequest {
		return c.DeniedHint(e)
	}
	return e.WithHint("check the login_url of account %s, then: mediaferry account resume %s", c.Account.Name, c.Account.Name)
}

func (c caller) loginAt(ctx context.Context, skew time.Duration, permitted bool) (wire.Answer, error) {
	s := c.Account.Settings
	body := []byte(`{"timestamp":"` + c.Now().Add(skew).UTC().Format("2006-01-02T15:04:05.000Z") + `"}`)
	return c.Call(ctx, wire.Request{
		Call: callLogin, Path: "/api/login", AtLogin: true, Body: body, Permitted: permitted,
		Header: http.Header{"X-Multitenant-External-Id": {s["external_id"]}},
		Login: http.Header{
			"X-Authentication-Api-Key":   {s["api_key"]},
			"X-Authentication-Signature": {sign(s["secret"], body)},
		},
	}, refusal)
}

// sign is the login's signature: HMAC-SHA256 in lower-case hex.
func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// lifeOf reads from a JWT how long it lives, without verifying it: that is
// the vendor's business. From iat to exp only the vendor's clock counts; without a
// plausible iat, exp is compared with the answer's Date. A token that seems to have
// expired on arrival is used all the same, or every call would log in again; if it
// really has, a 401 follows.
func lifeOf(token string, a wire.Answer) time.Duration {
	issued, expires := tokenClaims(token)
	if expires <= 0 {
		return tokenLife
	}
	life := expires - issued
	if issued <= 0 || life <= 0 || life > wire.LongestLife.Seconds() {
		now := a.There(a.Asked)
		life = expires - float64(now.UnixNano())/float64(time.Second)
	}
	switch {
	case life <= 0:
		return tokenLife
	case life > wire.LongestLife.Seconds():
		return wire.LongestLife
	}
	return time.Duration(life * float64(time.Second)).Round(time.Millisecond)
}

// tokenClaims reads when a JWT was issued and when it expires, in seconds of Unix
// time; 0 where it does not say.
func tokenClaims(token string) (issued, expires float64) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return 0, 0
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return 0, 0
	}
	var claims struct {
		Issued  any     `json:"iat"` // anything but a number is ignored
		Expires float64 `json:"exp"`
	}
	if json.Unmarshal(raw, &claims) != nil {
		return 0, 0
	}
	issued, _ = claims.Issued.(float64)
	return issued, claims.Expires
}
