package vendors

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/egress"
	"github.com/mediaferry/mediaferry/upload"
)

// calls are every control call of every vendor; settings let it through to the
// wire.
func calls() map[string]struct {
	vendor   string
	settings map[string]string
	call     func(r *rig) error
} {
	type one = struct {
		vendor   string
		settings map[string]string
		call     func(r *rig) error
	}
	return map[string]one{
		"trustana prepare": {"trustana", trustanaSettings, trustanaPrepareCall},
		"trustana status":  {"trustana", trustanaSettings, trustanaPollCall},
		"trustoo policy":   {"trustoo", trustooSigned, trustooPrepareCall},
		"trustoo refresh":  {"trustoo", trustooOAuth, trustooPrepareCall},
		"trustoo video":    {"trustoo", trustooSigned, trustooVideoCall},
		"sitoo upload-url": {"sitoo", sitooBearer, sitooPrepareCall},
		"sitoo media":      {"sitoo", sitooBearer, sitooPollCall},
		"closient list":    {"closient", closientSettings, closientPrepareCall},
		"closient settle":  {"closient", closientSettings, closientSettleCall},
		"truvideo login":   {"truvideo", truvideoSettings, truvideoPrepareCall},
	}
}

func TestNoCallIsMadeWithoutAPermit(t *testing.T) {
	for name, c := range calls() {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, c.vendor, c.settings)
			busy := upload.Errorf(upload.KindThrottled, "", "busy")
			r.permits.take = func() error { return busy }
			require.ErrorIs(t, c.call(r), busy)
			require.Equal(t, 1, r.permits.taken)
		})
	}
}

func TestACallThatGetsNoAnswer(t *testing.T) {
	for name, c := range calls() {
		perhaps := upload.ArrivedMaybe
		if name == "truvideo login" { // what was asked for is a start, and that was not made
			perhaps = upload.ArrivedNothing
		}
		t.Run(name+" is refused a connection: nothing arrived", func(t *testing.T) {
			r := newRig(t, c.vendor, c.settings)
			closed, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			require.NoError(t, closed.Close())
			r.caller.Account.BaseURL = "http://" + closed.Addr().String()
			r.caller.Account.LoginURL = r.caller.Account.BaseURL
			e := r.failed(c.call(r))
			require.Equal(t, upload.KindUnavailable, e.Kind)
			require.Equal(t, upload.ArrivedNothing, e.Arrived)
			require.Contains(t, e.Message, "connection refused")
		})
		t.Run(name+" is cut off: perhaps it arrived", func(t *testing.T) {
			r := newRig(t, c.vendor, c.settings).on(exchange{loose: true, do: drop})
			e := r.failed(c.call(r))
			require.Equal(t, upload.KindUnavailable, e.Kind)
			require.Equal(t, perhaps, e.Arrived)
		})
		t.Run(name+" gets half of one: perhaps it arrived", func(t *testing.T) {
			r := newRig(t, c.vendor, c.settings).on(exchange{loose: true, says: map[string]string{"Content-Length": "1000"}, answer: `{"data":`})
			e := r.failed(c.call(r))
			require.Equal(t, upload.KindUnavailable, e.Kind)
			require.Equal(t, perhaps, e.Arrived)
		})
		t.Run(name+" may not be made there", func(t *testing.T) {
			r := newRig(t, c.vendor, c.settings)
			r.caller.HTTP = egress.New().Control(egress.Policy{Insecure: true})
			e := r.failed(c.call(r))
			require.Equal(t, upload.KindInvalid, e.Kind)
			require.Equal(t, upload.ArrivedNothing, e.Arrived)
			require.Contains(t, e.Message, "loopback")
			require.Contains(t, e.Hint, "base_url")
		})
		t.Run(name+" is cancelled: the context's own error", func(t *testing.T) {
			r := newRig(t, c.vendor, c.settings)
			var cancel context.CancelFunc
			r.ctx, cancel = context.WithCancel(t.Context())
			r.on(exchange{loose: true, do: func(_ http.ResponseWriter, q *http.Request) {
				cancel()
				<-q.Context().Done()
			}})
			err := c.call(r)
			require.ErrorIs(t, err, context.Canceled)
			var e *upload.Error
			require.False(t, errors.As(err, &e))
		})
	}
}

func TestAVendorsWordsAreToldInOneShortLineWithoutSecrets(t *testing.T) {
	a := answer{name: "prepare", hidden: []string{canary + "-key"}}
	for in, want := range map[string]string{
		"plain":                                  "plain",
		"key " + canary + "-key, that is":        "key [redacted], that is",
		"two\r\n lines\tand\x1b[31m colours":     "two lines and [31m colours",
		"see https://h/p?token=" + canary + " x": "see https://h/p x",
		"":                                       "",
	} {
		require.Equal(t, want, a.clean(in))
	}
	require.Len(t, []rune(a.clean(strings.Repeat("ä", 10_000))), 301)
}

func TestSecretsOfAnAccountAreThoseThatItsVendorCallsSo(t *testing.T) {
	r := newRig(t, "truvideo", map[string]string{"api_key": "key-1234", "secret": "secret-1", "external_id": "tenant-1"})
	hidden := r.caller.hidden(request{
		header: http.Header{"Authorization": {"Bearer token-1"}, "X-Authentication-Signature": {"sign-1"}, "Timestamp": {"1700000000"}},
		secret: []string{"other-1", "x"},
	})
	require.ElementsMatch(t, []string{"other-1", "token-1", "sign-1", "key-1234", "secret-1"}, hidden)
}

func TestSignedURLsTellTheirEnd(t *testing.T) {
	for raw, want := range map[string]time.Time{
		"https://h/k?X-Amz-Date=20260301T120000Z&X-Amz-Expires=900": noon.Add(15 * time.Minute),
		"https://h/k?X-Amz-Date=20260301T120000Z":                   {},
		"https://h/k?X-Amz-Expires=900":                             {},
		"https://h/k?X-Amz-Date=yesterday&X-Amz-Expires=900":        {},
		"https://h/k?X-Amz-Date=20260301T120000Z&X-Amz-Expires=abc": {},
		"https://h/k":  {},
		"https://h/%z": {},
		"":             {},
	} {
		require.True(t, signedUntil(raw).Equal(want), raw)
	}
}

func TestAMediumKeepsNoSignedURL(t *testing.T) {
	for raw, want := range map[string]string{
		"https://cdn/a.jpg":            "https://cdn/a.jpg",
		"https://cdn/a.jpg?Signature=": "",
		"https://u:p@cdn/a.jpg#x":      "https://cdn/a.jpg",
		"":                             "",
	} {
		require.Equal(t, want, lasting(raw))
	}
}
