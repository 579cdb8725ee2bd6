package sandbox

import (
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// loginLimit bounds the body of a login, which is one time stamp.
const loginLimit = 64 << 10

// login checks the signature over the very bytes of the body.
func (t *truvideo) login(c *call) *answer {
	c.onlyQuery()
	h := c.r.Header
	key, sign, tenant := h.Get("x-authentication-api-key"), h.Get("x-authentication-signature"), h.Get("x-multitenant-external-id")
	if key == "" || sign == "" || tenant == "" {
		c.violation("missing-credentials", "x-authentication-api-key, x-authentication-signature and x-multitenant-external-id are required")
		return t.refuse(c, refusal{status: http.StatusUnauthorized, message: "Authentication headers are missing"})
	}
	body, err := io.ReadAll(io.LimitReader(c.body, loginLimit))
	if err != nil {
		return t.bad(c, "error.body", "the body broke off")
	}
	cred, ok := t.s.creds.find("truvideo", "api_key", key)
	if !ok || cred.State == CredentialRevoked || cred.State == CredentialExpired || cred.Values["external_id"] != tenant {
		return t.refuse(c, refusal{status: http.StatusUnauthorized, message: "Unknown API key or tenant"})
	}
	if !hmac.Equal([]byte(sign), []byte(loginSignature(cred.Values["secret"], body))) {
		c.violation("bad-signature", "x-authentication-signature is not the lower-case hex HMAC-SHA256 of the body")
		return t.refuse(c, refusal{status: http.StatusUnauthorized, message: "Invalid signature"})
	}
	if cred.State == CredentialForbidden {
		return t.refuse(c, refusal{status: http.StatusForbidden, message: "Access is denied"})
	}
	if wrong := t.loginWrong(c, body); wrong != "" {
		return t.bad(c, "error.invalid_timestamp", wrong)
	}
	access, err := t.token(c, cred.Name, "access", time.Duration(t.s.Settings().TruVideo.TokenLife))
	refresh, err2 := t.token(c, cred.Name, "refresh", 30*24*time.Hour)
	if err != nil || err2 != nil {
		return t.refuse(c, refusal{status: http.StatusInternalServerError})
	}
	return jsonAnswer(http.StatusOK, map[string]string{"accessToken": access, "refreshToken": refresh})
}

func loginSignature(secret string, body []byte) string {
	return hex.EncodeToString(hmacSHA256([]byte(secret), string(body)))
}

func (t *truvideo) loginWrong(c *call, body []byte) string {
	if !strings.HasPrefix(c.r.Header.Get("Content-Type"), "application/json") {
		return c.invalid("Content-Type must be application/json")
	}
	var in struct {
		Timestamp string `json:"timestamp"`
	}
	if err := json.Unmarshal(body, &in); err != nil || !strings.Contains(string(body), `"timestamp"`) {
		return c.invalid("want the body {\"timestamp\":\"…\"}")
	}
	at, err := time.Parse("2006-01-02T15:04:05.000Z", in.Timestamp)
	if err != nil {
		return c.invalid("timestamp %q: want ISO 8601 in UTC with milliseconds", in.Timestamp)
	}
	if t.s.clock.wall().Sub(at).Abs() > truvideoLoginAge {
		return "timestamp is more than 30 minutes off"
	}
	return ""
}

// token makes a JWT and remembers when, for its life is measured by the clock
// that can be advanced.
func (t *truvideo) token(c *call, account, kind string, life time.Duration) (string, error) {
	id, now := newUUID(), t.s.clock.wall()
	l := truvideoLogin{Account: account, Issued: t.s.clock.age(), Life: life.Milliseconds()}
	if c.fault("expired") {
		l.Issued = longAgo
	}
	t.tokens.put(id, l)
	return signJWT(t.s.identity.TokenKey, map[string]any{
		"sub": account, "jti": id, "typ": kind, "iat": now.Unix(), "exp": now.Add(life).Unix(),
	})
}
