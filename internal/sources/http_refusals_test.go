package sources_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestWhatCannotBeReadIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		answer     http.HandlerFunc
		text, hint string
	}{
		"a range of an unknown whole": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 0-0/*")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = io.WriteString(w, "a")
		}, "has an unknown size", "download the file"},
		"an encoding": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			_, _ = io.WriteString(w, "a")
		}, `content encoding "br"`, "download the file"},
		"a missing page":   {http.NotFound, "404 Not Found", ""},
		"a forbidden page": {status(http.StatusForbidden), "403 Forbidden", "signed URL"},
		"a login":          {status(http.StatusUnauthorized), "401 Unauthorized", "credentials"},
		"an endless way": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path+"x?token=s3cr3t", http.StatusMovedPermanently)
		}, "redirects more than 5 times", ""},
		"a way to nowhere": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://[")
			w.WriteHeader(http.StatusFound)
		}, "redirects to an invalid URL", ""},
		"a way to another scheme": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "ftp://host/s3cr3t")
			w.WriteHeader(http.StatusFound)
		}, "redirects to ftp://host, which is not an https: URL", ""},
		"a redirect without a way": {status(http.StatusFound), "302 Found", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := look(t, private, served(t, c.answer, "/a.jpg?sig=s3cr3t"))
			requireInvalid(t, err, c.text)
			require.NotContains(t, err.Error(), "s3cr3t")
			require.Contains(t, upload.AsError(err, "").Hint, c.hint)
		})
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func TestTroubleOnTheWayIsUnavailable(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		text   string
	}{
		"too many requests": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusTooManyRequests)
		}, "429 Too Many Requests"},
		"a server's fault":   {status(http.StatusBadGateway), "502 Bad Gateway"},
		"a broken line":      {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "cannot be reached: EOF"},
		"another range":      {ranged("bytes 5-9/100", "abcde"), `the range "bytes 5-9/100" instead of "bytes=0-3071"`},
		"a range of no form": {ranged("somewhere", "a"), `the invalid range "somewhere"`},
		"several ranges":     {ranged("", "a"), "several ranges instead of one"},
		"a head that breaks off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "abc")
		}, "ended after 3 of 1000 bytes: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := look(t, private, served(t, c.answer, "/a.jpg?sig=s3cr3t"))
			require.ErrorContains(t, err, c.text)
			require.NotContains(t, err.Error(), "s3cr3t")
			e := upload.AsError(err, "")
			require.Equal(t, upload.KindUnavailable, e.Kind)
			if e.Status == http.StatusTooManyRequests {
				require.Equal(t, 7*time.Second, e.RetryAfter)
			}
		})
	}
}

func ranged(header, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if header != "" {
			w.Header().Set("Content-Range", header)
		}
		w.WriteHeader(http.StatusPartialContent)
		_, _ = io.WriteString(w, body)
	}
}

func TestARedirectNeverLeavesHTTPS(t *testing.T) {
	end := served(t, status(http.StatusOK), "/a.jpg?sig=s3cr3t")
	server := httptest.NewTLSServer(http.RedirectHandler(end, http.StatusFound))
	defer server.Close()
	reader := sources.New(private)
	reader.TrustWeb(server.Client())
	_, err := reader.Look(t.Context(), server.URL)
	requireInvalid(t, err, "which is not an https: URL")
	require.NotContains(t, err.Error(), "s3cr3t")
}

func TestPrivateAddressesAreRefused(t *testing.T) {
	server := httptest.NewTLSServer(status(http.StatusOK))
	defer server.Close()
	for source, text := range map[string]string{
		server.URL + "/a.jpg?sig=s3cr3t":    "is a loopback address",
		"http://example.com/a?sig=s3cr3t":   "must be an https: URL",
		"https://169.254.169.254/a.jpg":     "is a link-local address",
		"https://[::ffff:10.0.0.1]:1/a.jpg": "is a private address",
	} {
		_, err := look(t, sources.Options{}, source)
		requireInvalid(t, err, text)
		require.NotContains(t, err.Error(), "s3cr3t")
		require.Contains(t, upload.AsError(err, "").Hint, "sources.allow_private_networks")
	}
}

func TestAnOverloadedServerIsNotAskedTwice(t *testing.T) {
	s := &site{etag: strongETag}
	s.put([]byte("content"))
	var gets atomic.Int64
	file, _ := open(t, sources.New(private), served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodGet:
			gets.Add(1)
		case gets.Load() > 1:
			w.Header().Set("Retry-After", "5")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		s.ServeHTTP(w, r)
	}), "/a.jpg"))
	_, err := readAll(t, file, 0, 7)
	require.NoError(t, err)
	e := upload.AsError(file.Unchanged(t.Context()), "")
	require.Equal(t, upload.KindUnavailable, e.Kind)
	require.Equal(t, 5*time.Second, e.RetryAfter)
	require.EqualValues(t, 2, gets.Load(), "no GET settles what a busy server did not want to say")
}

func TestOnlyARedirectIsFollowed(t *testing.T) {
	seen, err := look(t, private, served(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
		_, _ = io.WriteString(w, "content")
	}), "/a.jpg"))
	require.NoError(t, err)
	require.Equal(t, "content", string(seen.Head))
}

func TestAMistakeInAURLIsNamed(t *testing.T) {
	for end, hint := range map[string]string{
		"/a.jpg?x=1&amp;y=2": "write & instead of &amp;",
		"/my%2520shoe.jpg":   "encoded twice",
		"/a.jpg,":            "check the end of the URL",
		"/a.jpg%20":          "check the end of the URL",
		"/a.jpg":             "",
	} {
		_, err := look(t, private, served(t, http.HandlerFunc(http.NotFound), end))
		requireInvalid(t, err, "404 Not Found")
		require.Contains(t, upload.AsError(err, "").Hint, hint)
	}
}
