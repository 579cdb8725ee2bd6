package sandbox

import (
	"crypto/hmac"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// trustooToken is an OAuth token that was handed out, or one of the configured
// ones that has been used up.
type trustooToken struct {
	Account string `json:"account"`
	Refresh bool   `json:"refresh"`
	Issued  int64  `json:"issued"` // age
	Life    int64  `json:"life"`   // milliseconds; 0: for ever
	Revoked bool   `json:"revoked"`
}

// guarded lets in who shows a token, or else who signs: an Authorization header
// that is not empty decides which.
func (t *trustoo) guarded(next func(*call, Credential) *answer) func(*call) *answer {
	return func(c *call) *answer {
		cred, why := t.credential(c)
		if why == "" && (cred.State == CredentialRevoked || cred.State == CredentialExpired) {
			why = "the account's credentials are no longer valid"
		}
		if why != "" {
			return t.fail(16, why)
		}
		if cred.State == CredentialForbidden {
			return t.refuse(c, refusal{status: http.StatusForbidden, message: "scope " + trustooScope + " is missing"})
		}
		return next(c, cred)
	}
}

func (t *trustoo) credential(c *call) (Credential, string) {
	if header := c.r.Header.Get("Authorization"); header != "" {
		token, _ := strings.CutPrefix(header, "Bearer ")
		return t.bearer(token)
	}
	public := c.r.Header.Get("Public-Token")
	if public == "" {
		c.violation("missing-credentials", "neither Authorization nor Public-Token came along")
		return Credential{}, "unauthenticated"
	}
	cred, ok := t.s.creds.find("trustoo", "public_token", public)
	if !ok {
		return cred, "invalid public token"
	}
	if t.s.Settings().Trustoo.Lenient && c.r.Header.Get("Sign") == "" && c.r.Header.Get("Timestamp") == "" {
		return cred, ""
	}
	return cred, t.signatureWrong(c, cred)
}

// signatureWrong checks Sign over the query, the time stamp and the body's very
// bytes, which stay to be read.
func (t *trustoo) signatureWrong(c *call, cred Credential) string {
	stamp, sign := c.r.Header.Get("Timestamp"), c.r.Header.Get("Sign")
	if stamp == "" || sign == "" {
		c.violation("missing-credentials", "Public-Token came without Sign and Timestamp")
		return "the headers Sign and Timestamp are required"
	}
	at, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		c.violation("bad-signature", "Timestamp %q is not in Unix seconds", stamp)
		return "invalid timestamp"
	}
	if off := t.s.clock.wall().Sub(time.Unix(at, 0)).Abs(); off > trustooClockSlack*time.Second {
		return "timestamp expired"
	}
	body, err := io.ReadAll(io.LimitReader(c.body, jsonLimit))
	if err != nil {
		return "the body broke off"
	}
	c.body.ahead = body
	if !hmac.Equal([]byte(sign), []byte(trustooSign(cred.Values["private_token"], c.query, stamp, body))) {
		c.violation("bad-signature", "Sign is not the lower-case hex HMAC-SHA256 of the sorted query, the time stamp and the body")
		return "invalid sign"
	}
	return ""
}

// trustooSign is the signature of a request.
func trustooSign(private string, query url.Values, stamp string, body []byte) string {
	pairs := map[string]string{"timestamp": stamp}
	for name := range query {
		pairs[name] = query.Get(name)
	}
	words := make([]string, 0, len(pairs))
	for _, name := range sortedKeys(pairs) {
		words = append(words, name+"="+pairs[name])
	}
	text := strings.Join(words, "&")
	if len(body) > 0 {
		text += "|" + string(body)
	}
	return hex.EncodeToString(hmacSHA256([]byte(private), text))
}

func (t *trustoo) bearer(token string) (Credential, string) {
	if cred, ok := t.s.creds.find("trustoo", "access_token", token); ok {
		if used, known := t.tokens.get(token); known && used.Revoked {
			return cred, "token revoked"
		}
		return cred, ""
	}
	issued, ok := t.tokens.get(token)
	if !ok || issued.Refresh || issued.Revoked {
		return Credential{}, "invalid access token"
	}
	if t.s.clock.passed(issued.Issued, Duration(time.Duration(issued.Life)*time.Millisecond)) {
		return Credential{}, "access token expired"
	}
	cred, ok := t.s.creds.table.get("trustoo/" + issued.Account)
	if !ok {
		return cred, "invalid access token"
	}
	return cred, ""
}

type trustooTokenRequest struct {
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
func (t *trustoo) token(c *call) *answer {
	c.onlyQuery()
	var in trustooTokenRequest
	if wrong := c.readJSON(&in); wrong != "" {
		return t.fail(3, wrong)
	}
	if !slices.Contains([]string{"authorization_code", "refresh_token", "client_credentials"}, in.GrantType) {
		return t.fail(3, c.invalid("grant_type %q is unknown", in.GrantType))
	}
	cred, ok := t.s.creds.find("trustoo", "client_id", in.ClientID)
	if !ok || cred.Values["client_secret"] != in.ClientSecret || cred.State == CredentialRevoked || cred.State == CredentialExpired {
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

func (t *trustoo) refreshable(cred Credential, token string) bool {
	known, ok := t.tokens.get(token)
	if ok {
		return known.Refresh && !known.Revoked && known.Account == cred.Name
	}
	return token != "" && token == cred.Values["refresh_token"]
}

// hand makes a new access token (TT-2), and a new refresh token where there is
// none yet or where each is good for one use only.
func (t *trustoo) hand(c *call, cred Credential, refresh string) *answer {
	set, now := t.s.Settings().Trustoo, t.s.clock.age()
	access := "to_at_" + randomHex(20)
	a := trustooToken{Account: cred.Name, Issued: now, Life: set.TokenLife.milliseconds()}
	if c.fault("expired") {
		a.Issued = longAgo
	}
	t.tokens.put(access, a)
	if set.RotateRefreshTokens && refresh != "" {
		t.tokens.put(refresh, trustooToken{Account: cred.Name, Refresh: true, Revoked: true})
		refresh = ""
	}
	if refresh == "" {
		refresh = "to_rt_" + randomHex(20)
		t.tokens.put(refresh, trustooToken{Account: cred.Name, Refresh: true, Issued: now})
	}
	return t.envelope(http.StatusOK, 0, "success", map[string]any{
		"access_token": access, "refresh_token": refresh, "token_type": "Bearer",
		"expires_in": int(time.Duration(set.TokenLife).Seconds()), "scope": trustooScope,
	})
}

// disconnect revokes all tokens of the account.
func (t *trustoo) disconnect(_ *call, cred Credential) *answer {
	t.tokens.mu.Lock()
	ids := slices.Clone(t.tokens.order)
	t.tokens.mu.Unlock()
	for _, id := range ids {
		t.tokens.update(id, func(k *trustooToken) bool {
			k.Revoked = k.Revoked || k.Account == cred.Name
			return true
		})
	}
	for _, name := range []string{"access_token", "refresh_token"} {
		t.tokens.put(cred.Values[name], trustooToken{Account: cred.Name, Refresh: name == "refresh_token", Revoked: true})
	}
	return t.envelope(http.StatusOK, 0, "success", map[string]any{})
}
