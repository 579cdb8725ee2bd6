package sources_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/sources/sourcetest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// site serves one content at every path, with the validators that it is told to
// give.
type site struct {
	mu       sync.Mutex
	content  []byte
	tag      string
	there    bool
	puts     int
	etag     func(content []byte) string // nil: none
	modified bool
	requests []*http.Request
}

func (s *site) put(content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.content, s.there, s.puts = content, true, s.puts+1
	if s.etag != nil {
		s.tag = s.etag(content)
	}
}

func (s *site) remove() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.there = false
}

func (s *site) seen() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*http.Request{}, s.requests...)
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	content, tag, there, puts := s.content, s.tag, s.there, s.puts
	s.requests = append(s.requests, r)
	s.mu.Unlock()
	if !there {
		http.NotFound(w, r)
		return
	}
	if tag != "" {
		w.Header().Set("ETag", tag)
	}
	var modified time.Time
	if s.modified {
		modified = time.Date(2026, 11, 21, 10, 0, puts, 0, time.UTC)
	}
	w.Header().Set("Content-Type", "image/jpeg")
	http.ServeContent(w, r, "", modified, bytes.NewReader(content))
}

func digest(content []byte) string {
	sum := md5.Sum(content)
	return hex.EncodeToString(sum[:])
}

func strongETag(content []byte) string { return `"` + digest(content) + `"` }
func weakETag(content []byte) string   { return `W/"` + digest(content) + `"` }

var private = sources.Options{AllowPrivate: true}

// served starts a server and returns the URL of a path on it.
func served(t *testing.T, handler http.Handler, path string) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL + path
}

func webSubject(s *site, sources *sources.Sources, source string) sourcetest.Subject {
	return sourcetest.Subject{
		Sources: sources, Source: source, Name: "a b.jpg", Secrets: []string{"s3cr3t"},
		Put:    func(_ *testing.T, content []byte) { s.put(content) },
		Remove: func(*testing.T) { s.remove() },
	}
}

const signedPath = "/pictures/a%20b.jpg?X-Amz-Signature=s3cr3t"

func TestHTTPSourcesKeepTheContract(t *testing.T) {
	for name, make := range map[string]func() *site{
		"with strong ETags":            func() *site { return &site{etag: strongETag, modified: true} },
		"with weak ETags":              func() *site { return &site{etag: weakETag} },
		"with times of modification":   func() *site { return &site{modified: true} },
		"with ETags out of any syntax": func() *site { return &site{etag: digest} },
	} {
		t.Run(name, func(t *testing.T) {
			sourcetest.Run(t, func(t *testing.T) sourcetest.Subject {
				s := make()
				return webSubject(s, sources.New(private), served(t, s, signedPath))
			})
		})
	}
}

func TestHTTPSSourcesKeepTheContract(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) sourcetest.Subject {
		s := &site{etag: strongETag}
		server := httptest.NewTLSServer(s)
		t.Cleanup(server.Close)
		reader := sources.New(sources.Options{})
		reader.TrustWeb(server.Client())
		return webSubject(s, reader, server.URL+signedPath)
	})
}

// A URL that is signed for GET gives 403 to HEAD.
func TestASourceThatRefusesHEADKeepsTheContract(t *testing.T) {
	for _, status := range []int{http.StatusForbidden, http.StatusNotImplemented, http.StatusOK} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			sourcetest.Run(t, func(t *testing.T) sourcetest.Subject {
				s := &site{etag: strongETag}
				url := served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method == http.MethodHead { // 200 is that of a server which says nothing about the content
						w.WriteHeader(status)
						return
					}
					s.ServeHTTP(w, r)
				}), signedPath)
				return webSubject(s, sources.New(private), url)
			})
		})
	}
}

func TestARedirectedSourceKeepsTheContract(t *testing.T) {
	sourcetest.Run(t, func(t *testing.T) sourcetest.Subject {
		s := &site{etag: strongETag}
		end := served(t, s, "/stored/1?Signature=s3cr3t")
		url := served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, end, http.StatusFound)
		}), signedPath)
		return webSubject(s, sources.New(private), url)
	})
}

func open(t *testing.T, s *sources.Sources, source string) (*sources.File, sources.Look) {
	t.Helper()
	seen, err := s.Look(t.Context(), source)
	require.NoError(t, err)
	file, err := s.Open(t.Context(), source, seen.Fingerprint)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	return file, seen
}

func readAll(t *testing.T, file *sources.File, offset, size int64) ([]byte, error) {
	t.Helper()
	body, err := file.Range(t.Context(), offset, size)
	if err != nil {
		return nil, err
	}
	defer func() { require.NoError(t, body.Close()) }()
	return io.ReadAll(body)
}

func TestALookAsksTwiceForTheVersion(t *testing.T) {
	s := &site{etag: strongETag}
	s.put(make([]byte, 10_000))
	url := served(t, s, "/a.jpg")
	seen, err := look(t, private, url)
	require.NoError(t, err)
	require.Equal(t, "image/jpeg", seen.Type)
	requests := s.seen()
	require.Len(t, requests, 2)
	require.Equal(t, "bytes=0-3071", requests[0].Header.Get("Range"))
	require.Equal(t, http.MethodHead, requests[1].Method)
	require.Equal(t, "identity", requests[0].Header.Get("Accept-Encoding"))
}

func TestReadsArePinned(t *testing.T) {
	for name, c := range map[string]struct {
		site          *site
		header, value string
	}{
		"by a strong ETag":            {&site{etag: strongETag}, "If-Match", strongETag(make([]byte, 10_000))},
		"by a time of modification":   {&site{modified: true}, "If-Unmodified-Since", "Sat, 21 Nov 2026 10:00:01 GMT"},
		"not by a weak ETag":          {&site{etag: weakETag, modified: true}, "If-Unmodified-Since", ""},
		"not by what is no ETag":      {&site{etag: digest}, "If-Match", ""},
		"a weak one is not sent back": {&site{etag: weakETag}, "If-Match", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.site.put(make([]byte, 10_000))
			file, _ := open(t, sources.New(private), served(t, c.site, "/a.jpg"))
			_, err := readAll(t, file, 100, 100)
			require.NoError(t, err)
			requests := c.site.seen()
			last := requests[len(requests)-1]
			require.Equal(t, "bytes=100-199", last.Header.Get("Range"))
			require.Equal(t, c.value, last.Header.Get(c.header))
		})
	}
}

// plain answers every GET with everything, and knows neither ranges nor
// conditions.
func plain(s *site) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Range", "If-Match", "If-Unmodified-Since"} {
			r.Header.Del(name)
		}
		s.ServeHTTP(w, r)
	})
}

func TestAServerWithoutRangesIsReadWhole(t *testing.T) {
	s := &site{etag: strongETag}
	s.put(bytes.Repeat([]byte("abc"), 10_000))
	file, seen := open(t, sources.New(private), served(t, plain(s), "/a.jpg"))
	require.False(t, seen.Ranges)
	require.EqualValues(t, 30_000, seen.Size)
	require.Len(t, seen.Head, 3072)
	got, err := readAll(t, file, 0, 30_000)
	require.NoError(t, err)
	require.True(t, bytes.Equal(s.content, got))
	got, err = readAll(t, file, 0, 5)
	require.NoError(t, err)
	require.Equal(t, "abcab", string(got))
	_, err = readAll(t, file, 5, 5)
	requireInvalid(t, err, "its server does not support ranges")
	require.Contains(t, upload.AsError(err, "").Hint, "download the file")

	s.put(bytes.Repeat([]byte("xyz"), 10_000)) // which a server without conditions would send
	_, err = readAll(t, file, 0, 30_000)
	require.Equal(t, upload.KindMissing, upload.KindOf(err))
	require.ErrorContains(t, err, "it was "+seen.Fingerprint)
}

func TestALargeSourceWithoutValidatorsIsReadWhole(t *testing.T) {
	s := &site{}
	s.put(make([]byte, 32<<20+1))
	file, seen := open(t, sources.New(private), served(t, s, "/a.jpg"))
	require.False(t, seen.Ranges)
	require.Equal(t, "33554433 bytes, without ETag or modification time", seen.Fingerprint)
	_, err := readAll(t, file, 5, 5)
	requireInvalid(t, err, "without an ETag or a modification time")
	s.put(make([]byte, 32<<20+2))
	require.Equal(t, upload.KindMissing, upload.KindOf(file.Unchanged(t.Context())))
}

func TestAForbiddenSourceIsMissingOnceItWasClaimed(t *testing.T) {
	s := &site{etag: strongETag}
	s.put([]byte("content"))
	shut := make(chan struct{})
	url := served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-shut:
			w.WriteHeader(http.StatusForbidden)
		default:
			s.ServeHTTP(w, r)
		}
	}), "/a.jpg")
	reader := sources.New(private)
	file, seen := open(t, reader, url)
	close(shut)
	_, err := reader.Open(t.Context(), url, seen.Fingerprint)
	require.Equal(t, upload.KindMissing, upload.KindOf(err), "%v", err)
	_, err = readAll(t, file, 0, 7)
	require.Equal(t, upload.KindMissing, upload.KindOf(err), "%v", err)
}

// A server that refuses every condition is asked without, and its answer is checked.
func TestARefusalWithoutAChangeIsNone(t *testing.T) {
	s := &site{etag: strongETag}
	s.put([]byte("content"))
	file, seen := open(t, sources.New(private), served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-Match") != "" {
			w.WriteHeader(http.StatusPreconditionFailed)
			return
		}
		s.ServeHTTP(w, r)
	}), "/a.jpg"))
	got, err := readAll(t, file, 0, 7)
	require.NoError(t, err)
	require.Equal(t, "content", string(got))
	s.put([]byte("another"))
	_, err = readAll(t, file, 0, 7)
	require.Equal(t, upload.KindMissing, upload.KindOf(err))
	require.ErrorContains(t, err, seen.Fingerprint)
}

func TestAnAddressThatRanOutIsAskedForAgain(t *testing.T) {
	s := &site{etag: strongETag}
	s.put([]byte("content"))
	var turn, asked atomic.Int64
	end := served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("turn") != strconv.FormatInt(turn.Load(), 10) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		s.ServeHTTP(w, r)
	}), "/a.jpg")
	file, _ := open(t, sources.New(private), served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Redirect(w, r, end+"?turn="+strconv.FormatInt(turn.Load(), 10), http.StatusSeeOther)
	}), "/a.jpg"))
	before := asked.Load()
	for range 3 {
		_, err := readAll(t, file, 0, 7)
		require.NoError(t, err)
	}
	require.Equal(t, before, asked.Load(), "ranges go straight to where the bytes are")
	turn.Add(1)
	_, err := readAll(t, file, 0, 7)
	require.NoError(t, err)
	require.Equal(t, before+1, asked.Load())
}

func TestFiveRedirectsAreFollowedAndNoCredentialsCarried(t *testing.T) {
	s := &site{etag: strongETag}
	s.put([]byte("content"))
	end := served(t, s, "/a.jpg")
	first := served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(strings.Trim(r.URL.Path, "/"))
		user, password, _ := r.BasicAuth()
		require.Equal(t, n == 1, user == "me" && password == "s3cr3t")
		if n == 5 {
			http.Redirect(w, r, strings.Replace(end, "://", "://you:s3cr3t@", 1), http.StatusFound)
			return
		}
		http.Redirect(w, r, fmt.Sprintf("/%d", n+1), http.StatusFound)
	}), "/1")
	seen, err := look(t, private, strings.Replace(first, "://", "://me:s3cr3t@", 1))
	require.NoError(t, err)
	require.Equal(t, "content", string(seen.Head))
	require.Empty(t, s.seen()[0].Header.Get("Authorization"))
}

func TestAServerNamesWhatItsAddressDoesNot(t *testing.T) {
	for disposition, want := range map[string]string{
		"":                                "download",
		"attachment":                      "download",
		`attachment; filename="shoe.jpg"`: "shoe.jpg",
		`attachment; filename*=UTF-8''%C3%A4.jpg`: "ä.jpg",
		`attachment; filename="../../a.jpg"`:      "a.jpg",
		"attachment; filename=my shoe (1).jpg":    "my shoe (1).jpg",
		"attachment; filename=gr\xf6\xdfe.jpg":    "größe.jpg",
		`attachment; filename="=?UTF-8?B?w6Q=?="`: "ä",
		`inline; FILENAME = C:\dir\a b.jpg; x`:    "a b.jpg",
		`attachment; filename="/"`:                "download",
		`attachment; filename="..`:                "download",
	} {
		s := &site{etag: strongETag}
		s.put([]byte("content"))
		seen, err := look(t, private, served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Disposition", disposition)
			s.ServeHTTP(w, r)
		}), "/download?id=7"))
		require.NoError(t, err)
		require.Equal(t, want, seen.Name, disposition)
	}
	s := &site{}
	s.put([]byte("content"))
	seen, err := look(t, private, served(t, s, ""))
	require.NoError(t, err)
	require.Empty(t, seen.Name)
	parsed, err := url.Parse(served(t, s, "/"))
	require.NoError(t, err)
	seen, err = look(t, private, parsed.String())
	require.NoError(t, err)
	require.Empty(t, seen.Name)
}
