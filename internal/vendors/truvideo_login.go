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

	"github.com/mediaferry/mediaferry/internal/upload"
)

// truvideoTokenLife is taken where a token does not say how long it lives: well
// below the day and the week that the vendor's pages name.
const truvideoTokenLife = 30 * time.Minute

// truvideo makes a call that may be repeated after a login: a 401 comes before
// any work (TV-6). A second 401 is final. The answer is the call's own, and has no
// status where none came: callers read what a status means there, and not in the
// failure, which may be the login's.
func (c *Caller) truvideo(ctx context.Context, r request) (answer, error) {
	a, version, err := c.truvideoTry(ctx, r)
	if a.status != http.StatusUnauthorized {
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
	if a.status != http.StatusUnauthorized {
		return a, err
	}
	if err := c.Tokens.Drop(ctx, c.Account.Name, "access", version); err != nil {
		return a, err
	}
	e := upload.AsError(err, r.step)
	e.Kind, e.Then, e.Arrived = upload.KindUnavailable, upload.KindDenied, upload.ArrivedMaybe
	return a, e
}

// truvideoTry makes one call with the shared token, and returns that token's
// version. Where the failure is the login's own, the answer is empty.
func (c *Caller) truvideoTry(ctx context.Context, r request) (answer, int64, error) {
	token, err := c.tokenInTurn(ctx, c.truvideoLogin)
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
	r.header, r.permitted = http.Header{"Authorization": {"Bearer " + string(token.Value)}}, true
	a, err := c.call(ctx, r, truvideoWords)
	return a, token.Version, err
}

// truvideoLogin gets an access token: POST {login_url}/api/login, signed over
// the exact bytes of its body. A refusal is answered once with the vendor's own
// time, since a timestamp more than half an hour old is refused. The permit for
// the first try is the one that tokenInTurn took.
func (c *Caller) truvideoLogin(ctx context.Context, _ Token) (Token, error) {
	a, err := c.truvideoLoginAt(ctx, 0, true)
	switch statusOf(err) {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		a, err = c.truvideoLoginAt(ctx, a.skew, false)
	}
	if err != nil {
		return Token{}, c.truvideoLoginError(err)
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

// truvideoLoginError makes of every refusal for good one of the account: no item
// is to blame for a login, and none may end by it.
func (c *Caller) truvideoLoginError(err error) error {
	var e *upload.Error
	if !errors.As(err, &e) || e.Kind != upload.KindRejected {
		return err
	}
	e.Kind = upload.KindDenied
	if e.Status == http.StatusBadRequest {
		return c.deniedHint(e)
	}
	return e.WithHint("check login_url of account %s, then: mediaferry account resume %s", c.Account.Name, c.Account.Name)
}

func (c *Caller) truvideoLoginAt(ctx context.Context, skew time.Duration, permitted bool) (answer, error) {
	s := c.Account.Settings
	body := []byte(`{"timestamp":"` + c.Now().Add(skew).UTC().Format("2006-01-02T15:04:05.000Z") + `"}`)
	return c.call(ctx, request{
		step: upload.StepPrepare, name: "login", method: http.MethodPost,
		url: strings.TrimRight(c.Account.LoginURL, "/") + "/api/login", body: body, permitted: permitted,
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
// the vendor's business. From iat to exp no clock but the vendor's takes part;
// without a believable iat the answer's Date has to do. A life that is over on
// arrival is not believed, since every call would log in again: a 401 tells.
func tokenLife(token string, a answer) time.Duration {
	issued, expires := tokenClaims(token)
	if expires <= 0 {
		return truvideoTokenLife
	}
	life := expires - issued
	if issued <= 0 || life <= 0 || life > longestLife.Seconds() {
		now := a.there(a.asked)
		life = expires - float64(now.UnixNano())/float64(time.Second)
	}
	switch {
	case life <= 0:
		return truvideoTokenLife
	case life > longestLife.Seconds():
		return longestLife
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
		Issued  any     `json:"iat"` // what is no number is as good as none
		Expires float64 `json:"exp"`
	}
	if json.Unmarshal(raw, &claims) != nil {
		return 0, 0
	}
	issued, _ = claims.Issued.(float64)
	return issued, claims.Expires
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
