package vendors

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
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

func TestACallThatTheConnectionRepeatsTakesAnotherPermit(t *testing.T) {
	r := newRig(t, "sitoo", sitooBearer)
	look := exchange{ask: "GET /base/v1/media/f-1", loose: true, answer: "{}"}
	broken := look
	broken.do = drop // on a connection that was kept, for which net/http tries another
	r.on(look, broken, look)
	for range 2 {
		a, err := r.caller.do(r.ctx, request{step: upload.StepPoll, name: "media", method: http.MethodGet, url: r.caller.Account.url("/v1/media/f-1")})
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, a.status)
	}
	require.Equal(t, 3, r.requests())
	require.Equal(t, 3, r.permits.taken)
}

func TestACallIsNotRepeatedWithoutAPermit(t *testing.T) {
	r := newRig(t, "sitoo", sitooBearer)
	look := exchange{ask: "GET /base/v1/media/f-1", loose: true, answer: "{}"}
	broken := look
	broken.do = drop
	r.on(look, broken)
	get := request{step: upload.StepPoll, name: "media", method: http.MethodGet, url: r.caller.Account.url("/v1/media/f-1")}
	_, err := r.caller.do(r.ctx, get)
	require.NoError(t, err)
	r.permits.take = func() error {
		if r.permits.taken <= 2 {
			return nil
		}
		return upload.Errorf(upload.KindThrottled, "", "busy")
	}
	_, err = r.caller.do(r.ctx, get)
	require.Equal(t, upload.KindUnavailable, upload.KindOf(err))
	require.Equal(t, upload.ArrivedMaybe, upload.AsError(err, "").Arrived)
	require.Equal(t, 2, r.requests())
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
		in   terms
		want time.Duration
	}{
		{"a life needs no clock", 20 * minutes, terms{life: 15 * minutes, until: noon.Add(time.Minute), signed: signed(0, 900), usual: time.Hour}, 15 * minutes},
		{"a URL's number bounds it, and needs no clock either", 20 * minutes, terms{life: 15 * minutes, signed: signed(0, 300)}, 5 * minutes},
		{"a date counts by the answer's own", 20 * minutes, terms{until: noon.Add(30 * minutes), usual: time.Hour}, 10 * minutes},
		{"a date that is over, since Date is ahead", 20 * minutes, terms{until: noon.Add(15 * minutes), usual: time.Hour}, time.Hour},
		{"a date that is over, since the signer is behind", 0, terms{until: noon.Add(-5 * minutes), usual: 15 * minutes}, 15 * minutes},
		{"a date that is about to be over", 0, terms{until: noon.Add(time.Second), usual: 15 * minutes}, 15 * minutes},
		{"a date that is over, and a URL that is not", 0, terms{until: noon.Add(-5 * minutes), signed: signed(-2*minutes, 900), usual: time.Hour}, 13 * minutes},
		{"a date and a URL that are over", 20 * minutes, terms{until: noon.Add(15 * minutes), signed: signed(0, 900), usual: time.Hour}, 15 * minutes},
		{"a URL whose signer is ahead", 0, terms{signed: signed(20*minutes, 900)}, 15 * minutes},
		{"a date that is over, and nothing else", 20 * minutes, terms{until: noon.Add(15 * minutes)}, 0},
		{"nothing", 0, terms{}, 0},
		{"a date that nobody will see", 0, terms{until: time.Unix(1<<40, 0)}, longestLife},
		{"a short life is one", 0, terms{life: time.Second, usual: time.Hour}, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			expires, life := answer{skew: c.skew, asked: noon}.lease(c.in)
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
		"https://u:p@cdn/a.jpg#x":      "https://cdn/a.jpg",
		"":                             "",
	} {
		require.Equal(t, want, lasting(raw))
	}
}
