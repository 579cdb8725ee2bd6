package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const audience = "temporal-ui"

func part(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// signed is a token with these claims, signed with ES256.
func signed(t *testing.T, key *ecdsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	text := part(t, map[string]string{"alg": "ES256", "typ": "JWT"}) + "." + part(t, claims)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	require.NoError(t, err)
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func inAnHour() int64 { return time.Now().Add(time.Hour).Unix() }

func TestATokenIsCheckedAgainstTheSignersKey(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600))
	people, err := Open(t.Context(), Options{KeyFile: file, Audience: audience})
	require.NoError(t, err)

	good := map[string]any{"aud": audience, "exp": inAnHour(), "iss": "anybody"}
	require.NoError(t, people.Check(t.Context(), signed(t, key, good)))
	unsigned := part(t, map[string]string{"alg": "none"}) + "." + part(t, good) + "."
	for what, c := range map[string]struct{ token, want string }{
		"none":                    {"", "Authorization: Bearer TOKEN"},
		"no token":                {"the-token-of-the-data-folder", "not authentic"},
		"one of another signer":   {signed(t, other, good), "not authentic"},
		"one without a signature": {unsigned, "not authentic"},
		"one for another program": {signed(t, key, map[string]any{"aud": "other", "exp": inAnHour()}), "not authentic"},
		"one that has expired":    {signed(t, key, map[string]any{"aud": audience, "exp": time.Now().Add(-time.Hour).Unix()}), "has expired"},
		"one that never expires":  {signed(t, key, map[string]any{"aud": audience}), "has expired"},
	} {
		require.ErrorContains(t, people.Check(t.Context(), c.token), c.want, what)
	}
}

func TestATokenIsCheckedAgainstTheProvidersKeys(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	mux := http.NewServeMux()
	provider := httptest.NewServer(mux)
	defer provider.Close()
	answer := func(v any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(v)
		}
	}
	mux.HandleFunc("/.well-known/openid-configuration", answer(map[string]any{
		"issuer": provider.URL, "jwks_uri": provider.URL + "/keys", "authorization_endpoint": provider.URL + "/auth", "token_endpoint": provider.URL + "/token",
		"id_token_signing_alg_values_supported": []string{"RS256"},
	}))
	mux.HandleFunc("/keys", answer(map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig",
		"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	}}}))
	people, err := Open(t.Context(), Options{Issuer: provider.URL, Audience: audience})
	require.NoError(t, err)
	token := func(claims map[string]any) string {
		text := part(t, map[string]string{"alg": "RS256", "kid": "1"}) + "." + part(t, claims)
		sum := sha256.Sum256([]byte(text))
		signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
		require.NoError(t, err)
		return text + "." + base64.RawURLEncoding.EncodeToString(signature)
	}
	require.NoError(t, people.Check(t.Context(), token(map[string]any{"iss": provider.URL, "aud": audience, "exp": inAnHour()})))
	require.ErrorContains(t, people.Check(t.Context(), token(map[string]any{"iss": "https://evil.example", "aud": audience, "exp": inAnHour()})), "not authentic")

	_, err = Open(t.Context(), Options{Issuer: provider.URL + "/nothing", Audience: audience})
	require.ErrorContains(t, err, "--oidc-issuer "+provider.URL+"/nothing")
}

func TestWhatCannotVouchForAnybodyIsRefused(t *testing.T) {
	for want, o := range map[string]Options{
		"exclude each other":             {Issuer: "https://a", KeyFile: "k", Audience: audience},
		"--audience is missing":          {KeyFile: "k"},
		"--audience needs --oidc-issuer": {Audience: audience},
	} {
		require.ErrorContains(t, o.Check(), want)
	}
	require.NoError(t, Options{}.Check())
	people, err := Open(t.Context(), Options{})
	require.NoError(t, err)
	require.Nil(t, people)

	folder := t.TempDir()
	for name, c := range map[string]struct{ text, want string }{
		"text.pem":    {"hello", "is not a PEM file"},
		"private.pem": {string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})), "has no public key"},
	} {
		file := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(file, []byte(c.text), 0o600))
		_, err := Open(t.Context(), Options{KeyFile: file, Audience: audience})
		require.ErrorContains(t, err, c.want)
	}
	_, err = Open(t.Context(), Options{KeyFile: filepath.Join(folder, "missing.pem"), Audience: audience})
	require.ErrorContains(t, err, "--jwt-key")
}
