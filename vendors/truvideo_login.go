package vendors

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

	"github.com/mediaferry/mediaferry/upload"
)

// truvideoTokenLife is taken where a token does not say how long it lives: well
// below the day and the week that the vendor's pages name.
const truvideoTokenLife = 30 * time.Minute

// truvideo makes a call that may be repeated after a login: a 401 comes before
// any work (TV-6). A second 401 is final.
func (c *Caller) truvideo(ctx context.Context, r request) (answer, error) {
	a, version, err := c.truvideoTry(ctx, r)
	if statusOf(err) != http.StatusUnauthorized || version == 0 {
		return a, err
	}
	if err := c.Tokens.Drop(ctx, c.Account.Name, "access", version); err != nil {
		return a, err
	}
	a, _, err = c.truvideoTry(ctx, r)
	return a, err
}

// truvideoOnce makes a call that is never repeated without a look at its
// session. A 401 drops the token and is left to the caller, who looks, asks
// again with a new token, and takes a second one for final.
func (c *Caller) truvideoOnce(ctx context.Context, r request) (answer, error) {
	a, version, err := c.truvideoTry(ctx, r)
	if statusOf(err) != http.StatusUnauthorized || version == 0 {
		return a, err
	}
	if err := c.Tokens.Drop(ctx, c.Account.Name, "access", version); err != nil {
		return a, err
	}
	e := upload.AsError(err, r.step)
	e.Kind, e.Then, e.Arrived = upload.KindUnavailable, upload.KindDenied, upload.ArrivedMaybe
	return a, e
}

// truvideoTry makes one call with the shared token. version is 0 where the
// failure is the login's own.
func (c *Caller) truvideoTry(ctx context.Context, r request) (answer, int64, error) {
	token, err := c.Tokens.Get(ctx, c.Account.Name, "access", c.truvideoLogin)
	if err != nil {
		var e *upload.Error
		if errors.As(err, &e) {
			e.Arrived = upload.ArrivedNothing // whatever became of the login, the call was not made
		}
		return answer{}, 0, err
	}
	if !strings.HasPrefix(r.url, "http") {
		r.url = c.Account.url(r.url)
	}
	r.header = http.Header{"Authorization": {"Bearer " + string(token.Value)}}
	a, err := c.call(ctx, r, truvideoWords)
	return a, token.Version, err
}

// truvideoLogin gets an access token: POST {login_url}/api/login, signed over
// the exact bytes of its body. A refusal is answered once with the vendor's own
// time, since a timestamp more than half an hour old is refused.
func (c *Caller) truvideoLogin(ctx context.Context, _ Token) (Token, error) {
	a, err := c.truvideoLoginAt(ctx, 0)
	switch statusOf(err) {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		a, err = c.truvideoLoginAt(ctx, a.skew)
	}
	if err != nil {
		if e := upload.AsError(err, upload.StepPrepare); e.Status == http.StatusBadRequest {
			e.Kind = upload.KindDenied // the account, not the item
			return Token{}, c.deniedHint(e)
		}
		return Token{}, err
	}
	var got struct {
		AccessToken string `json:"accessToken"`
	}
	if err := a.decode(&got); err != nil {
		return Token{}, err
	}
	if got.AccessToken == "" {
		return Token{}, a.incomplete("no accessToken")
	}
	return Token{Value: []byte(got.AccessToken), ExpiresAt: a.asked.Add(tokenLife(got.AccessToken, a) / 5 * 4)}, nil
}

func (c *Caller) truvideoLoginAt(ctx context.Context, skew time.Duration) (answer, error) {
	s := c.Account.Settings
	body := []byte(`{"timestamp":"` + c.Now().Add(skew).UTC().Format("2006-01-02T15:04:05.000Z") + `"}`)
	return c.call(ctx, request{
		step: upload.StepPrepare, name: "login", method: http.MethodPost,
		url: strings.TrimRight(c.Account.LoginURL, "/") + "/api/login", body: body,
		header: http.Header{
			"X-Authentication-Api-Key":   {s["api_key"]},
			"X-Authentication-Signature": {truvideoSign(s["secret"], body)},
			"X-Multitenant-External-Id":  {s["external_id"]},
		},
	}, truvideoWords)
}

// truvideoSign is the login's signature: HMAC-SHA256 in lower-case hex.
func truvideoSign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// tokenLife reads from a JWT how long it lives, without verifying it: that is
// the vendor's business.
func tokenLife(token string, a answer) time.Duration {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return truvideoTokenLife
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return truvideoTokenLife
	}
	var claims struct {
		Expires float64 `json:"exp"`
	}
	if json.Unmarshal(raw, &claims) != nil || claims.Expires <= 0 {
		return truvideoTokenLife
	}
	if claims.Expires > float64(a.asked.Add(longestLife).Unix()) {
		return longestLife
	}
	life := a.local(time.UnixMilli(int64(claims.Expires * 1000))).Sub(a.asked)
	return max(life, 0)
}

// truvideoWords reads a refusal of RFC 7807's shape: detail first, then message.
func truvideoWords(a answer) words {
	var said struct {
		Title   string `json:"title"`
		Detail  string `json:"detail"`
		Message string `json:"message"`
	}
	_ = json.Unmarshal(a.body, &said) // an empty or foreign body has no words
	w := words{text: said.Detail, code: said.Message}
	if w.text == "" {
		w.text = said.Message
	}
	if w.text == "" {
		w.text = said.Title
	}
	return w
}
