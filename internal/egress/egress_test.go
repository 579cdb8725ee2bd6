package egress

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPrivateAddressesAreRefusedByDefault(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	e := New()

	_, err := e.Storage(Policy{Insecure: true}).Get(server.URL)
	require.True(t, IsRefused(err), "%v", err)
	require.ErrorContains(t, err, "loopback")

	_, err = e.Storage(Policy{Private: true}).Get(server.URL)
	require.True(t, IsRefused(err), "%v", err)
	require.ErrorContains(t, err, "not https")

	answer, err := e.Storage(Policy{Private: true, Insecure: true}).Get(server.URL)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
}

func TestAURLWithAUserNameIsRefused(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was sent") }))
	defer server.Close()
	e := New()
	policy := Policy{Private: true, Insecure: true}
	for _, client := range []*http.Client{e.Control(policy), e.Objects(policy), e.Storage(policy)} {
		_, err := client.Get(strings.Replace(server.URL, "://", "://user:s3cr3t@", 1))
		require.True(t, IsRefused(err), "%v", err)
		require.NotContains(t, Cause(err), "s3cr3t")
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	var hits int
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits++
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	answer, err := New().Control(Policy{Private: true, Insecure: true}).Get(server.URL)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusTemporaryRedirect, answer.StatusCode)
	require.Equal(t, 1, hits)
}

// A server that answers 403 to a large body and closes with most of it unread,
// as object stores do. The answer must be heard, each time.
func TestAnEarlyRefusalIsHeard(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	go refuseAll(listener)

	client := New().Storage(Policy{Private: true, Insecure: true})
	body := bytes.Repeat([]byte("x"), 8<<20)
	for i := range 40 {
		// An opaque reader, so that net/http copies it piece by piece.
		request, err := http.NewRequest(http.MethodPut, "http://"+listener.Addr().String(), io.MultiReader(bytes.NewReader(body)))
		require.NoError(t, err)
		request.ContentLength = int64(len(body))
		answer, err := client.Do(request)
		require.NoError(t, err, "request %d", i)
		text, _ := io.ReadAll(answer.Body)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, http.StatusForbidden, answer.StatusCode)
		require.Equal(t, "<Error/>", string(text))
	}
}

func refuseAll(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			buffer := make([]byte, 4096)
			_, _ = conn.Read(buffer) // the head, and perhaps a little of the body
			_, _ = fmt.Fprint(conn, "HTTP/1.1 403 Forbidden\r\nContent-Length: 8\r\nConnection: close\r\n\r\n<Error/>")
			_ = conn.Close()
		}()
	}
}

func TestRedactLeavesNoSecret(t *testing.T) {
	cases := map[string]string{
		`Put "https://b.s3.amazonaws.com/k?X-Amz-Signature=abc&X-Amz-Credential=AKIA": EOF`: `Put "https://b.s3.amazonaws.com/k": EOF`,
		"https://user:pass@host/path#frag":                                                  "https://host/path",
		"Authorization: Bearer eyJhbGciOi.J9.x":                                             "Authorization: Bearer [redacted]",
		`{"access_token":"abc","x":1}`:                                                      `{"access_token":"[redacted]","x":1}`,
		"api_key=12345 rest":                                                                "api_key=[redacted] rest",
		"nothing to hide in s3://bucket/key":                                                "nothing to hide in s3://bucket/key",
		"two https://a/b?c=d and https://e/f?g=h, in text":                                  "two https://a/b and https://e/f in text",
	}
	for in, want := range cases {
		require.Equal(t, want, Redact(in))
	}
}

func FuzzRedactHidesQueries(f *testing.F) {
	f.Add("https://h/p", "X-Amz-Signature=s3cr3tv4lu3")
	f.Fuzz(func(t *testing.T, prefix, query string) {
		if strings.ContainsAny(query, " \t\n\r\v\f\"'<>`") || !strings.Contains(query, "s3cr3tv4lu3") {
			t.Skip()
		}
		if strings.Contains(prefix, "s3cr3tv4lu3") {
			t.Skip()
		}
		require.NotContains(t, Redact("https://h/"+url.PathEscape(prefix)+"?"+query), "s3cr3tv4lu3")
	})
}

func TestCauseDropsTheURL(t *testing.T) {
	err := &url.Error{Op: "Get", URL: "https://host/?sig=1", Err: io.ErrUnexpectedEOF}
	require.Equal(t, "unexpected EOF", Cause(fmt.Errorf("wrapped: %w", err)))
}
