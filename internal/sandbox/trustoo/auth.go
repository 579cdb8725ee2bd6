package trustoo

import (
	"crypto/hmac"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// oauthToken is an OAuth token that was handed out, or one of the configured
// ones that has been used up.
type oauthToken struct {
	Account string `json:"account"`
	Refresh bool   `json:"refresh"`
	Issued  int64  `json:"issued"` // age
	Life    int64  `json:"life"`   // milliseconds; 0: for ever
	Revoked bool   `json:"revoked"`
}

// guarded lets in who shows a token, or else who signs: an Authorization header
// that is not empty decides which.
func (t *Vendor) guarded(next func(*simulate.Call, simulate.Credential) *simulate.Answer) func(*simulate.Call) *simulate.Answer {
	return func(c *simulate.Call) *simulate.Answer {
		cred, why := t.credential(c)
		if why == "" && (cred.State == simulate.CredentialRevoked || cred.State == simulate.CredentialExpired) {
			why = "the account's credentials are no longer valid"
		}
		if why != "" {
			return t.fail(16, why)
		}
		if cred.State == simulate.CredentialForbidden {
			return t.refuse(c, simulate.Refusal{Status: http.StatusForbidden, Message: "scope " + oauthScope + " is missing"})
		}
		return next(c, cred)
	}
}

func (t *Vendor) credential(c *simulate.Call) (simulate.Credential, string) {
	if header := c.HTTP.Header.Get("Authorization"); header != "" {
		token, _ := strings.CutPrefix(header, "Bearer ")
		return t.bearer(token)
	}
	public := c.HTTP.Header.Get("Public-Token")
	if public == "" {
		c.Violation("missing-credentials", "neither Authorization nor Public-Token came along")
		return simulate.Credential{}, "unauthenticated"
	}
	cred, ok := t.w.Credentials.Find(vendorName, "public_token", public)
	if !ok {
		return cred, "invalid public token"
	}
	if t.settings().Lenient && c.HTTP.Header.Get("Sign") == "" && c.HTTP.Header.Get("Timestamp") == "" {
		return cred, ""
	}
	return cred, t.signatureWrong(c, cred)
}

// signatureWrong checks Sign over the query, the time stamp and the body's very
// bytes, which stay to be read.
func (t *Vendor) signatureWrong(c *simulate.Call, cred simulate.Credential) string {
	stamp, sign := c.HTTP.Header.Get("Timestamp"), c.HTTP.Header.Get("Sign")
	if stamp == "" || sign == "" {
		c.Violation("missing-credentials", "Public-Token came without Sign and Timestamp")
		return "the headers Sign and Timestamp are required"
	}
	at, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		c.Violation("bad-signature", "Timestamp %q is not in Unix seconds", stamp)
		return "invalid timestamp"
	}
	if off := t.w.Clock.Wall().Sub(time.Unix(at, 0)).Abs(); off > clockSlack*time.Second {
		return "timestamp expired"
	}
	body, err := io.ReadAll(io.LimitReader(c.Body, simulate.JSONLimit))
	if err != nil {
		return "the body broke off"
	}
	c.Body.Ahead = body
	if !hmac.Equal([]byte(sign), []byte(signatureOf(cred.Values["private_token"], c.Query, stamp, body))) {
		c.Violation("bad-signature", "Sign is not the lower-case hex HMAC-SHA256 of the sorted query, the time stamp and the body")
		return "invalid sign"
	}
	return ""
}

// signatureOf is the signature of a request.
func signatureOf(private string, query url.Values, stamp string, body []byte) string {
	pairs := map[string]string{"timestamp": stamp}
	for name := range query {
		pairs[name] = query.Get(name)
	}
	words := make([]string, 0, len(pairs))
	for _, name := range slices.Sorted(maps.Keys(pairs)) {
		words = append(words, name+"="+pairs[name])
	}
	text := strings.Join(words, "&")
	if len(body) > 0 {
		text += "|" + string(body)
	}
	return hex.EncodeToString(simulate.HMAC([]byte(private), text))
}

func (t *Vendor) bearer(token string) (simulate.Credential, string) {
	if cred, ok := t.w.Credentials.Find(vendorName, "access_token", token); ok {
		if used, known := t.tokens.Get(token); known && used.Revoked {
			return cred, "token revoked"
		}
		return cred, ""
	}
	issued, ok := t.tokens.Get(token)
	if !ok || issued.Refresh || issued.Revoked {
		return simulate.Credential{}, "invalid access token"
	}
	if t.w.Clock.Passed(issued.Issued, simulate.Duration(time.Duration(issued.Life)*time.Millisecond)) {
		return simulate.Credential{}, "access token expired"
	}
	cred, ok := t.w.Credentials.Get(vendorName, issued.Account)
	if !ok {
		return cred, "invalid access token"
	}
	return cred, ""
}

type tokenRequest struct {
	GrantType    string `json:"grant_type"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	Code         string `json:"code"`
	RedirectURI  string `json:"redirect_uri"`
	RefreshToken string `json:"refresh_token"`
	ShopID       string `json:"shop_id"`
	Domain       string `json:"myshopify_domain"`
	Scope        string `json:"scope"`
}

// token hands out OAuth tokens. No page exists on which a merchant could agree,
// so that no authorization code is known.
func (t *Vendor) token(c *simulate.Call) *simulate.Answer {
	c.OnlyQuery()
	var in tokenRequest
	if wrong := c.ReadJSON(&in); wrong != "" {
		return t.fail(3, wrong)
	}
	if !slices.Contains([]string{"authorization_code", "refresh_token", "client_credentials"}, in.GrantType) {
		return t.fail(3, c.Invalid("grant_type %q is unknown", in.GrantType))
	}
	cred, ok := t.w.Credentials.Find(vendorName, "client_id", in.ClientID)
	if !ok || cred.Values["client_secret"] != in.ClientSecret || cred.State == simulate.CredentialRevoked || cred.State == simulate.CredentialExpired {
		return t.fail(16, "invalid client")
	}
	refresh := in.RefreshToken
	switch in.GrantType {
	case "authorization_code":
		return t.fail(3, "invalid authorization code")
	case "refresh_token":
		if !t.refreshable(cred, in.RefreshToken) {
			return t.fail(16, "invalid refresh token")
		}
	default:
		refresh = ""
	}
	return t.hand(c, cred, refresh)
}

func (t *Vendor) refreshable(cred simulate.Credential, token string) bool {
	known, ok := t.tokens.Get(token)
	if ok {
		return known.Refresh && !known.Revoked && known.Account == cred.Name
	}
	return token != "" && token == cred.Values["refresh_token"]
}

// hand makes a new access token (TT-2), and a new refresh token where there is
// none yet or where each is good for one use only.
func (t *Vendor) hand(c *simulate.Call, cred simulate.Credential, refresh string) *simulate.Answer {
	set, now := t.settings(), t.w.Clock.Age()
	access := "to_at_" + simulate.RandomHex(20)
	a := oauthToken{Account: cred.Name, Issued: now, Life: set.TokenLife.Milliseconds()}
	if c.Fault("expired") {
		a.Issued = simulate.LongAgo
	}
	t.tokens.Put(access, a)
	if set.RotateRefreshTokens && refresh != "" {
		t.tokens.Put(refresh, oauthToken{Account: cred.Name, Refresh: true, Revoked: true})
		refresh = ""
	}
	if refresh == "" {
		refresh = "to_rt_" + simulate.RandomHex(20)
		t.tokens.Put(refresh, oauthToken{Account: cred.Name, Refresh: true, Issued: now})
	}
	return t.envelope(http.StatusOK, 0, "success", map[string]any{
		"access_token": access, "refresh_token": refresh, "token_type": "Bearer",
		"expires_in": int(time.Duration(set.TokenLife).Seconds()), "scope": oauthScope,
	})
}

// disconnect revokes all tokens of the account.
func (t *Vendor) disconnect(_ *simulate.Call, cred simulate.Credential) *simulate.Answer {
	for _, id := range t.tokens.IDs() {
		t.tokens.Update(id, func(k *oauthToken) bool {
			k.Revoked = k.Revoked || k.Account == cred.Name
			return true
		})
	}
	for _, name := range []string{"access_token", "refresh_token"} {
		t.tokens.Put(cred.Values[name], oauthToken{Account: cred.Name, Refresh: name == "refresh_token", Revoked: true})
	}
	return t.envelope(http.StatusOK, 0, "success", map[string]any{})
}
