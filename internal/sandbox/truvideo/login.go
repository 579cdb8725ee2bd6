package truvideo

import (
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// loginLimit bounds the body of a login, which is one time stamp.
const loginLimit = 64 << 10

// login checks the signature over the very bytes of the body.
func (t *Vendor) login(c *simulate.Call) *simulate.Answer {
	c.OnlyQuery()
	h := c.HTTP.Header
	key, sign, tenant := h.Get("x-authentication-api-key"), h.Get("x-authentication-signature"), h.Get("x-multitenant-external-id")
	if key == "" || sign == "" || tenant == "" {
		c.Violation("missing-credentials", "x-authentication-api-key, x-authentication-signature and x-multitenant-external-id are required")
		return t.refuse(c, simulate.Refusal{Status: http.StatusUnauthorized, Message: "Authentication headers are missing"})
	}
	body, err := io.ReadAll(io.LimitReader(c.Body, loginLimit))
	if err != nil {
		return t.bad(c, "error.body", "the body broke off")
	}
	cred, ok := t.w.Credentials.Find(vendorName, "api_key", key)
	if !ok || cred.State == simulate.CredentialRevoked || cred.State == simulate.CredentialExpired || cred.Values["external_id"] != tenant {
		return t.refuse(c, simulate.Refusal{Status: http.StatusUnauthorized, Message: "Unknown API key or tenant"})
	}
	if !hmac.Equal([]byte(sign), []byte(loginSignature(cred.Values["secret"], body))) {
		c.Violation("bad-signature", "x-authentication-signature is not the lower-case hex HMAC-SHA256 of the body")
		return t.refuse(c, simulate.Refusal{Status: http.StatusUnauthorized, Message: "Invalid signature"})
	}
	if cred.State == simulate.CredentialForbidden {
		return t.refuse(c, simulate.Refusal{Status: http.StatusForbidden, Message: "Access is denied"})
	}
	if wrong := t.loginWrong(c, body); wrong != "" {
		return t.bad(c, "error.invalid_timestamp", wrong)
	}
	access, err := t.token(c, cred.Name, "access", time.Duration(t.settings().TokenLife))
	refresh, err2 := t.token(c, cred.Name, "refresh", 30*24*time.Hour)
	if err != nil || err2 != nil {
		return t.refuse(c, simulate.Refusal{Status: http.StatusInternalServerError})
	}
	return simulate.JSON(http.StatusOK, map[string]string{"accessToken": access, "refreshToken": refresh})
}

func loginSignature(secret string, body []byte) string {
	return hex.EncodeToString(simulate.HMAC([]byte(secret), string(body)))
}

func (t *Vendor) loginWrong(c *simulate.Call, body []byte) string {
	if !strings.HasPrefix(c.HTTP.Header.Get("Content-Type"), "application/json") {
		return c.Invalid("Content-Type must be application/json")
	}
	var in struct {
		Timestamp string `json:"timestamp"`
	}
	if err := json.Unmarshal(body, &in); err != nil || !strings.Contains(string(body), `"timestamp"`) {
		return c.Invalid("want the body {\"timestamp\":\"…\"}")
	}
	at, err := time.Parse("2006-01-02T15:04:05.000Z", in.Timestamp)
	if err != nil {
		return c.Invalid("timestamp %q: want ISO 8601 in UTC with milliseconds", in.Timestamp)
	}
	if t.w.Clock.Wall().Sub(at).Abs() > loginAge {
		return "timestamp is more than 30 minutes off"
	}
	return ""
}

// token makes a JWT and remembers when, for its life is measured by the clock
// that can be advanced.
func (t *Vendor) token(c *simulate.Call, account, kind string, life time.Duration) (string, error) {
	id, now := simulate.NewUUID(), t.w.Clock.Wall()
	l := issuedToken{Account: account, Issued: t.w.Clock.Age(), Life: life.Milliseconds()}
	if c.Fault("expired") {
		l.Issued = simulate.LongAgo
	}
	t.tokens.Put(id, l)
	return signJWT(t.w.Identity.TokenKey, map[string]any{
		"sub": account, "jti": id, "typ": kind, "iat": now.Unix(), "exp": now.Add(life).Unix(),
	})
}
