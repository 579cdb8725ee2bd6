package trustoo

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// call makes a call as one of three: with signed headers, with a fixed bearer
// token, or with one that OAuth refreshes. A refusal for want of authority is
// answered once: by signing with the vendor's own time, or by refreshing the
// token.
func (c caller) call(ctx context.Context, r wire.Request, into any) (wire.Answer, error) {
	var skew time.Duration
	for try := 1; ; try++ {
		version, err := c.login(ctx, &r, skew)
		if err != nil {
			return wire.Answer{}, err
		}
		r.Permitted = version != 0
		a, err := c.Do(ctx, r)
		if err != nil {
			return a, err
		}
		if a.Status < 300 && a.Foreign() {
			return a, a.Decode(into)
		}
		status, said := meaning(a)
		switch {
		case status < 300 && !said.hasData():
			e := a.Incomplete("without data")
			if said.Code == nil { // nor is that the vendor's envelope
				e.Then = ""
			}
			return a, e
		case status < 300:
			return a, a.DecodePart(said.Data, into)
		case status != http.StatusUnauthorized, try > 1, c.Account.Settings["access_token"] != "":
			// A fixed token stays as wrong as it is.
			return a, c.Judge(ctx, a, status, said.refusal())
		case version == 0:
			skew = a.Skew // signed headers: perhaps our clock is off
		default:
			if err := c.Tokens.Drop(ctx, c.Account.Name, wire.AccessToken, version); err != nil {
				return a, err
			}
		}
	}
}

// login sets the headers that let a call in. version is that of a refreshed
// token, with which comes the permit to use it, or 0.
func (c caller) login(ctx context.Context, r *wire.Request, skew time.Duration) (version int64, err error) {
	s := c.Account.Settings
	switch {
	case s["access_token"] != "":
		r.Login = http.Header{"Authorization": {"Bearer " + s["access_token"]}}
		return 0, nil
	case s["client_id"] != "":
		token, err := c.TokenInTurn(ctx, c.access)
		r.Login = http.Header{"Authorization": {"Bearer " + string(token.Value)}}
		return token.Version, err
	}
	at, err := url.Parse(r.Path)
	if err != nil {
		return 0, err
	}
	timestamp := strconv.FormatInt(c.Now().Add(skew).Unix(), 10)
	r.Header = http.Header{"Public-Token": {s["public_token"]}, "Timestamp": {timestamp}}
	r.Login = http.Header{"Sign": {sign(s["private_token"], at.Query(), timestamp, r.Body)}}
	return 0, nil
}

// sign makes Trustoo's Sign header: HMAC-SHA256 over the sorted parameters with
// the timestamp among them, not URL-encoded, and after a bar the body, if there
// is one (apidoc.trustoo.io/doc-9067301).
func sign(secret string, query url.Values, timestamp string, body []byte) string {
	pairs := make(map[string]string, len(query)+1)
	for name := range query {
		pairs[name] = query.Get(name)
	}
	pairs["timestamp"] = timestamp
	mac := hmac.New(sha256.New, []byte(secret))
	for i, name := range slices.Sorted(maps.Keys(pairs)) {
		if i > 0 {
			mac.Write([]byte("&"))
		}
		mac.Write([]byte(name + "=" + pairs[name]))
	}
	if len(body) > 0 {
		mac.Write([]byte("|"))
		mac.Write(body)
	}
	return hex.EncodeToString(mac.Sum(nil))
}

// tokens are what is kept of an answer of OAuth. Chain tells which configured
// refresh token they descend from: a new one in the configuration starts over.
type tokens struct {
	Access  wire.Text `json:"access_token"`
	Refresh wire.Text `json:"refresh_token"`
	Expires wire.Int  `json:"expires_in,omitempty"` // seconds
	Chain   string    `json:"chain,omitempty"`      // ours, not of the wire
}

// access gets a new access token. The chain of refresh tokens is kept under a
// name of its own, because it must outlive an access token that is dropped. It
// is never still good, so that each Get refreshes it.
func (c caller) access(ctx context.Context, _ wire.Token) (wire.Token, error) {
	token, err := c.Tokens.Get(ctx, c.Account.Name, "refresh", c.refresh)
	if err != nil {
		return wire.Token{}, err
	}
	var got tokens
	if err := json.Unmarshal(token.Value, &got); err != nil {
		return wire.Token{}, upload.Errorf(upload.KindInternal, upload.StepPrepare, "stored token: %w", err)
	}
	life := time.Hour
	if got.Expires > 0 {
		life = time.Duration(min(int64(got.Expires), int64(wire.LongestLife/time.Second))) * time.Second
	}
	return wire.Token{Value: []byte(got.Access), ExpiresAt: c.Now().Add(life / 5 * 4)}, nil
}

// refresh gets new tokens: POST oauth/token. It uses the refresh token that came
// with the last ones, for those may be good only once. The permit is the one that
// TokenInTurn took.
func (c caller) refresh(ctx context.Context, old wire.Token) (wire.Token, error) {
	s := c.Account.Settings
	sum := sha256.Sum256([]byte(s["refresh_token"]))
	chain := hex.EncodeToString(sum[:8])
	refresh := s["refresh_token"]
	var last tokens
	if json.Unmarshal(old.Value, &last) == nil && last.Chain == chain && last.Refresh != "" {
		refresh = string(last.Refresh)
	}
	a, err := c.Do(ctx, wire.Request{
		Call: callToken, Path: tokenPath,
		JSON: map[string]string{
			"grant_type": "refresh_token", "refresh_token": refresh,
			"client_id": s["client_id"], "client_secret": s["client_secret"],
		},
		Secret: []string{refresh}, Permitted: true,
	})
	if err != nil {
		return wire.Token{}, err
	}
	got, err := c.tokensOf(ctx, a)
	if err != nil {
		return wire.Token{}, err
	}
	if got.Refresh == "" {
		got.Refresh = wire.Text(refresh)
	}
	got.Chain = chain
	value, err := json.Marshal(got) //nolint:gosec // to be kept, and it is kept encrypted
	return wire.Token{Value: value, ExpiresAt: c.Now()}, err
}

// tokensOf reads the tokens from the envelope's data, or from the top level
// (TT-2).
func (c caller) tokensOf(ctx context.Context, a wire.Answer) (tokens, error) {
	var got tokens
	if a.Status < 300 {
		if err := a.Decode(&got); err != nil {
			return got, err
		}
		if got.Access != "" {
			return got, got.usable(a)
		}
	}
	status, said := meaning(a)
	if status >= 300 {
		if status == http.StatusBadRequest && !a.Foreign() { // an unknown refresh token or client: the account, not the item
			status = http.StatusUnauthorized
		}
		return got, c.Judge(ctx, a, status, said.refusal())
	}
	_ = json.Unmarshal(said.Data, &got) // what cannot be read is missing
	return got, got.usable(a)
}

// usable refuses tokens without one that a call can be made with.
func (t tokens) usable(a wire.Answer) error {
	if e := a.Without(wire.Needed{Name: "access_token", Is: t.Access, Token: true}); e != nil {
		return e
	}
	return nil
}
