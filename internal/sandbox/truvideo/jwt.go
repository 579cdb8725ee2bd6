package truvideo

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// signJWT makes a JSON Web Token with HS256.
func signJWT(key string, claims map[string]any) (string, error) {
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(body)
	return text + "." + jwtMark(key, text), nil
}

func jwtMark(key, text string) string {
	return base64.RawURLEncoding.EncodeToString(simulate.HMAC([]byte(key), text))
}

// readJWT returns the claims of a token that key has signed.
func readJWT(key, token string) (map[string]any, bool) {
	at := strings.LastIndexByte(token, '.')
	if at < 0 || !hmac.Equal([]byte(token[at+1:]), []byte(jwtMark(key, token[:at]))) {
		return nil, false
	}
	_, payload, ok := strings.Cut(token[:at], ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if !ok || err != nil {
		return nil, false
	}
	var claims map[string]any
	return claims, json.Unmarshal(raw, &claims) == nil
}
