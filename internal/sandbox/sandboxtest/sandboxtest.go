// Package sandboxtest helps tests of the sandbox: it starts one, and does what clients
// of the vendors do. It takes nothing from the vendors' simulators, so that it cannot
// share their mistakes.
package sandboxtest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// Faulty gives a sandbox with rules in force.
func Faulty(t *testing.T, rules ...string) *sandbox.Sandbox {
	t.Helper()
	return Start(t, func(o *sandbox.Options) { o.Faults = rules })
}

// Discarding starts the sandbox without storage.
func Discarding(o *sandbox.Options) { o.Discard = true }

// Again stops a sandbox and starts another on the same folder and address.
func Again(t *testing.T, s *sandbox.Sandbox) *sandbox.Sandbox {
	t.Helper()
	require.NoError(t, s.Close())
	return Start(t, func(o *sandbox.Options) { o.Dir, o.Listen = s.Dir(), s.Addr() })
}

// Start gives a sandbox whose processing takes no time and that limits nobody.
func Start(t *testing.T, change ...func(*sandbox.Options)) *sandbox.Sandbox {
	t.Helper()
	settings := sandbox.DefaultSettings().Instant().Unlimited()
	opts := sandbox.Options{Dir: t.TempDir(), Settings: &settings}
	for _, c := range change {
		c(&opts)
	}
	s, err := sandbox.Start(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// With changes the settings before the start.
func With(change func(*simulate.Settings)) func(*sandbox.Options) {
	return func(o *sandbox.Options) { change(o.Settings) }
}

// Answered is what came back.
type Answered struct {
	Status int
	Header http.Header
	Body   []byte
	Err    error
}

// JSON is the body, which has to be an object.
func (a Answered) JSON(t *testing.T) map[string]any {
	t.Helper()
	require.NoError(t, a.Err)
	var out map[string]any
	require.NoError(t, json.Unmarshal(a.Body, &out), "%s", a.Body)
	return out
}

// Client never follows a redirect and never keeps a connection, so that each
// request has its own.
func Client() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       30 * time.Second,
	}
}

// Headers are those of a request.
type Headers map[string]string

// Send makes a request and reads the whole answer.
func Send(t *testing.T, method, url string, h Headers, body io.Reader) Answered {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	require.NoError(t, err)
	for name, value := range h {
		req.Header.Set(name, value)
	}
	res, err := Client().Do(req)
	if err != nil {
		return Answered{Err: err}
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	return Answered{Status: res.StatusCode, Header: res.Header, Body: raw, Err: err}
}

// SendJSON is Send with a body in JSON.
func SendJSON(t *testing.T, method, url string, h Headers, body string) Answered {
	t.Helper()
	all := Headers{"Content-Type": "application/json"}
	for name, value := range h {
		all[name] = value
	}
	return Send(t, method, url, all, strings.NewReader(body))
}

// NoViolations fails the test if there are any.
func NoViolations(t *testing.T, s *sandbox.Sandbox) {
	t.Helper()
	require.Empty(t, s.Ledger().Violations)
}

// ViolationKinds are those that have been noted, oldest first.
func ViolationKinds(s *sandbox.Sandbox) []string {
	var out []string
	for _, v := range s.Ledger().Violations {
		out = append(out, v.Kind)
	}
	return out
}

// Located is a sandbox, or the address of one.
type Located interface{ URL() string }

// Site is the address of a sandbox in another process.
type Site string

// URL is that address.
func (s Site) URL() string { return string(s) }

// MAC is the lower-case hex HMAC-SHA256 with which several vendors sign.
func MAC(secret, text string) string {
	h := hmac.New(sha256.New, []byte(secret))
	_, _ = h.Write([]byte(text)) // a hash never fails
	return hex.EncodeToString(h.Sum(nil))
}

// SettingsNow are those of a vendor that are in force.
func SettingsNow[T any](s *sandbox.Sandbox) T {
	set := s.Settings()
	return *simulate.In[T](&set)
}

// Sum is the SHA-256 in lower-case hex.
func Sum(body []byte) string {
	h := sha256.Sum256(body)
	return hex.EncodeToString(h[:])
}

// Noise is n bytes that are not all alike.
func Noise(n int, seed byte) []byte {
	out := make([]byte, n)
	x := uint32(seed) + 1
	for i := range out {
		x = x*1664525 + 1013904223
		out[i] = byte(x >> 24)
	}
	return out
}
