package wire

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

const canary = "c4n4ry"

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestAVendorsWordsAreToldInOneShortLineWithoutSecrets(t *testing.T) {
	a := Answer{hidden: []string{canary + "-key"}}
	for in, want := range map[string]string{
		"plain":                                  "plain",
		"key " + canary + "-key, that is":        "key [redacted], that is",
		"two\r\n lines\tand\x1b[31m colours":     "two lines and colours",
		"see https://h/p?token=" + canary + " x": "see https://h/p x",
		"":                                       "",
	} {
		require.Equal(t, want, a.Clean(in))
	}
	require.Len(t, []rune(a.Clean(strings.Repeat("ä", 10_000))), 301)
}

func TestSecretsOfAnAccountAreThoseThatItsVendorCallsSo(t *testing.T) {
	c := Caller{
		Spec:    &spec.Spec{Settings: []spec.Setting{{Name: "api_key", Secret: true}, {Name: "secret", Secret: true}, {Name: "external_id"}}},
		Account: spec.Account{Settings: map[string]string{"api_key": "key-1234", "secret": "secret-1", "external_id": "tenant-1"}},
	}
	hidden := c.hidden(Request{
		Login:  http.Header{"Authorization": {"Bearer token-1"}, "X-Authentication-Signature": {"sign-1"}},
		Header: http.Header{"Timestamp": {"1700000000"}},
		Secret: []string{"other-1", "x"},
	})
	require.ElementsMatch(t, []string{"other-1", "token-1", "sign-1", "key-1234", "secret-1"}, hidden)
}

func TestSignedURLsTellTheirEnd(t *testing.T) {
	for raw, want := range map[string]time.Duration{
		"https://h/k?X-Amz-Date=20260301T120000Z&X-Amz-Expires=900": 15 * time.Minute,
		"https://h/k?X-Amz-Date=20260301T120000Z":                   0,
		"https://h/k?X-Amz-Expires=900":                             0,
		"https://h/k?X-Amz-Date=yesterday&X-Amz-Expires=900":        0,
		"https://h/k?X-Amz-Date=20260301T120000Z&X-Amz-Expires=abc": 0,
		"https://h/k?X-Amz-Date=20260301T120000Z&X-Amz-Expires=0":   0,
		"https://h/k?X-Amz-Date=20260301T120000Z&X-Amz-Expires=-9":  0,
		"https://h/k":  0,
		"https://h/%z": 0,
		"":             0,
	} {
		end, life := signedFor(raw)
		require.Equal(t, want, life, raw)
		require.Equal(t, want > 0, end.Equal(noon.Add(want)), raw)
	}
}

func TestALeaseIsNotOverByAClockAlone(t *testing.T) {
	const minutes = time.Minute
	signed := func(at time.Duration, seconds int) string {
		return fmt.Sprintf("https://s3/k?X-Amz-Date=%s&X-Amz-Expires=%d", noon.Add(at).Format("20060102T150405Z"), seconds)
	}
	for _, c := range []struct {
		name string
		skew time.Duration // of Date
		in   Lifetime
		want time.Duration
	}{
		{"a life needs no clock", 20 * minutes, Lifetime{Life: 15 * minutes, Until: noon.Add(time.Minute), Signed: signed(0, 900), Usual: time.Hour}, 15 * minutes},
		{"a URL's number bounds it, and needs no clock either", 20 * minutes, Lifetime{Life: 15 * minutes, Signed: signed(0, 300)}, 5 * minutes},
		{"a date counts by the answer's own", 20 * minutes, Lifetime{Until: noon.Add(30 * minutes), Usual: time.Hour}, 10 * minutes},
		{"a date that is over, since Date is ahead", 20 * minutes, Lifetime{Until: noon.Add(15 * minutes), Usual: time.Hour}, time.Hour},
		{"a date that is over, since the signer is behind", 0, Lifetime{Until: noon.Add(-5 * minutes), Usual: 15 * minutes}, 15 * minutes},
		{"a date that is about to be over", 0, Lifetime{Until: noon.Add(time.Second), Usual: 15 * minutes}, 15 * minutes},
		{"a date that is over, and a URL that is not", 0, Lifetime{Until: noon.Add(-5 * minutes), Signed: signed(-2*minutes, 900), Usual: time.Hour}, 13 * minutes},
		{"a date and a URL that are over", 20 * minutes, Lifetime{Until: noon.Add(15 * minutes), Signed: signed(0, 900), Usual: time.Hour}, 15 * minutes},
		{"a URL whose signer is ahead", 0, Lifetime{Signed: signed(20*minutes, 900)}, 15 * minutes},
		{"a date that is over, and nothing else", 20 * minutes, Lifetime{Until: noon.Add(15 * minutes)}, 0},
		{"nothing", 0, Lifetime{}, 0},
		{"a date that nobody will see", 0, Lifetime{Until: time.Unix(1<<40, 0)}, LongestLife},
		{"a short life is one", 0, Lifetime{Life: time.Second, Usual: time.Hour}, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			expires, life := Answer{Skew: c.skew, Asked: noon}.Expiry(c.in)
			require.Equal(t, c.want, life)
			if c.want == 0 {
				require.Zero(t, expires)
				return
			}
			require.Equal(t, noon.Add(c.want), expires)
			require.False(t, upload.Spent(noon, expires, life, 0), "it is worth an attempt")
		})
	}
}

func TestAMediumKeepsNoSignedURL(t *testing.T) {
	for raw, want := range map[string]string{
		"https://cdn/a.jpg":            "https://cdn/a.jpg",
		"https://cdn/a.jpg?Signature=": "",
		"https://cdn/a.jpg#x":          "https://cdn/a.jpg",
		"https://u:p@cdn/a.jpg":        "",
		"javascript:alert(1)":          "",
		"javascript://cdn/%0aalert(1)": "",
		"data:text/html,x":             "",
		"file:///etc/passwd":           "",
		"//cdn/a.jpg":                  "",
		"/a.jpg":                       "",
		"https:///a.jpg":               "",
		"https://cdn/a\r\nX: 1":        "",
		"":                             "",
	} {
		require.Equal(t, want, LastingURL(raw))
	}
}
