package egress

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRedactKnowsTheShapesOfSecrets has each shape in which s3cr3t was found in texts.
func TestRedactKnowsTheShapesOfSecrets(t *testing.T) {
	for _, text := range []string{
		`{"url":"https:\/\/b.s3.amazonaws.com\/k?X-Amz-Credential=AKIA%2F2026&X-Amz-Signature=s3cr3t"}`,
		`https%3A%2F%2Fb.s3.amazonaws.com%2Fk%3FX-Amz-Signature%3Ds3cr3t`, `https%3A%2F%2Fu%3As3cr3t%40h%2Fk`,
		`X-Amz-Signature%3Ds3cr3t`, `"token":"s3cr3t"`, `token=s3cr3t`, `private_token: s3cr3t`, `Public-Token: s3cr3t`,
		`Sign: s3cr3t`, `sign=s3cr3t`, `policy=s3cr3tBase64`, `"policy":"s3cr3t"`,
		`Authorization: Token s3cr3t`, `Authorization: AWS AKIA:s3cr3t`,
		`Authorization: AWS4-HMAC-SHA256 Credential=AKIA/x, Signature=s3cr3t`, `x-oss-signature=s3cr3t`,
		`security-token=s3cr3t`, `x-oss-security-token=s3cr3t`, `api key s3cr3t`, `apikey s3cr3t`, `"secret": 's3cr3t two'`,
		`password is s3cr3t`, `"client_secret" : "s3cr3t"`, `sig=s3cr3t`, `//b.s3.amazonaws.com/k?sig=s3cr3t`,
		`b.s3.amazonaws.com/k?sig=s3cr3t&se=1`, `Key-Pair-Id=APK&Policy=s3cr3t`,
		"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.s3cr3t", `https://h/p?a=<s3cr3t>`, `https://h/p?a="s3cr3t"`,
		`https://h/p?a='s3cr3t&X-Amz-Signature=s3cr3t'`, "https://h/p?a=`s3cr3t", `access_token : s3cr3t`,
		`accessToken\":\"s3cr3t\"`, `{\"access_token\":\"s3cr3t\"}`, `refresh-token=s3cr3t`, `postgres://u:s3cr3t@h/db`,
		`postgres://u:s3c/r3t@h/db`, `postgres://u:s3cr3t?x@h/db`, `postgres://u:s3#cr3t@h/db`, `password=s3cr3t word`,
		`Cookie: session=s3cr3t`, `Set-Cookie: a=b; session=s3cr3t`, `Bearer s3cr3t`, `sessionid=s3cr3t`,
	} {
		got := Redact(text)
		for _, part := range []string{"s3cr3t", "s3c/r3t", "cr3t", "s3c", "r3t"} {
			require.NotContains(t, got, part, text)
		}
	}
}

func TestRedactLeavesSentencesAlone(t *testing.T) {
	for _, text := range []string{
		"the token has expired, so the account is paused",
		"the API key is missing; set accounts.trustana.api_key",
		"password must not be empty",
		"a policy: the bucket accepts no videos",
		"auth: basic with api_id and password",
		"source \"/srv/media/token.jpg\" does not exist",
		"key 1 of 2 has 16 bytes but must have 32",
		"sign in again, then: mediaferry account resume sitoo",
		"no such host: cdn.example.com:8443",
		"https://host:8080/path/@user/file.jpg",
		"token: expired",
		"encryption.key (mediaferry.yaml:3): unknown encryption key \"aabbccdd\"",
	} {
		require.Equal(t, text, Redact(text))
	}
}

// key has the shape of a vendor's: words and digits.
const hiddenKey = "csb_VendormockClosientTestKeyA000001_723aab59"

func TestAHiddenSecretIsFoundInEveryForm(t *testing.T) {
	Hide(hiddenKey, "hunter2!", "password", "mediaferry")
	percent := func(text string) (all string) {
		for _, c := range []byte(text) {
			all += fmt.Sprintf("%%%02x", c)
		}
		return all
	}
	for name, text := range map[string]string{
		"plain": hiddenKey, "upper case": strings.ToUpper(hiddenKey), "percent-encoded": percent(hiddenKey),
		"percent-encoded twice": url.QueryEscape(percent(hiddenKey)), "its end": hiddenKey[len(hiddenKey)-10:],
		"its halves": hiddenKey[:20] + " " + hiddenKey[20:], "quoted halves": hiddenKey[:20] + `" "` + hiddenKey[20:],
		"base64": base64.StdEncoding.EncodeToString([]byte(hiddenKey)), "base64 behind one byte": base64.StdEncoding.EncodeToString([]byte("x" + hiddenKey)),
		"base64 behind two bytes": base64.URLEncoding.EncodeToString([]byte("xy" + hiddenKey)), "within base64": "QQ" + base64.RawStdEncoding.EncodeToString([]byte(hiddenKey)),
		"short": "it was hunter2!",
	} {
		t.Run(name, func(t *testing.T) {
			got := Redact("refused: " + text + ", try again")
			require.True(t, strings.HasPrefix(got, "refused: "), got)
			require.True(t, strings.HasSuffix(got, ", try again"), got)
			require.Contains(t, got, blotted)
			for i := range len(text) - gram + 1 {
				require.NotContains(t, strings.TrimSuffix(strings.TrimPrefix(got, "refused: "), ", try again"), text[i:i+gram])
			}
		})
	}
	Hide("sandbox-trustana-key")
	for _, text := range []string{"mediaferry: the password is wrong", "Closient answered 401", "vendor mock", "shoe-trustana-front.jpg", "the sandbox-trustoo account"} {
		require.Equal(t, text, Redact(text), "words are not secrets")
	}
}

func TestForgottenSecretsMakeRoom(t *testing.T) {
	set := &secretSet{}
	for i := range mostSecrets + 10 {
		set.add(fmt.Sprintf("secret-number-%08d-x", i*7919))
	}
	require.Len(t, set.known, mostSecrets)
	require.Len(t, set.order, mostSecrets)
	for range mostSecrets {
		set.count(set.order[0], -1)
		set.order = set.order[1:]
	}
	require.Empty(t, set.grams)
}

func TestSecretsOfAnyLengthTakeLittleMemory(t *testing.T) {
	set := &secretSet{}
	for i := range 200 {
		set.add(strings.Repeat(fmt.Sprintf("%d-secret-", i), 100_000))
	}
	require.LessOrEqual(t, set.held, mostPieces)
	require.LessOrEqual(t, len(set.grams), mostPieces)
	for len(set.order) > 0 {
		set.forget(set.order[0])
	}
	require.Zero(t, set.held)
	require.Empty(t, set.known)
	require.Empty(t, set.grams)
	require.Empty(t, set.starts)
}

func FuzzRedactNeverFails(f *testing.F) {
	f.Add("https://u:p@h/?a=b%")
	f.Add("%")
	f.Add("Authorization: x")
	f.Fuzz(func(t *testing.T, text string) {
		Hide(hiddenKey)
		require.NotContains(t, Redact(text+" "+hiddenKey), hiddenKey)
		_ = Line(text, MostText)
	})
}

func TestASecretOfWordsIsFoundInBase64OfAnyLength(t *testing.T) {
	for _, secret := range []string{"sandbox-trustana-key", "sandbox-trustana-keys", "sandbox-trustana-keyss"} {
		set := &secretSet{}
		set.add(secret)
		require.True(t, set.inBase64(base64.StdEncoding.EncodeToString([]byte(secret))), secret)
	}
}
