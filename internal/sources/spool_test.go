package sources_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// odd are servers that serve a content, but not as others do. n counts the requests.
func odd() map[string]func(n int64, s *site, w http.ResponseWriter, r *http.Request) {
	flushed := func(w http.ResponseWriter, content []byte) {
		w.(http.Flusher).Flush() // so that no length is sent
		_, _ = w.Write(content)
	}
	return map[string]func(int64, *site, http.ResponseWriter, *http.Request){
		"no length": func(_ int64, s *site, w http.ResponseWriter, _ *http.Request) { flushed(w, s.content) },
		"a range of an unknown whole": func(_ int64, s *site, w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") == "" {
				_, _ = w.Write(s.content)
				return
			}
			w.Header().Set("Content-Range", "bytes 0-99/*")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(s.content[:100])
		},
		"another ETag each time": func(n int64, s *site, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", fmt.Sprintf(`"%d"`, n))
			s.ServeHTTP(w, r)
		},
		"another time of modification each time": func(n int64, s *site, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Last-Modified", fmt.Sprintf("Wed, 01 Jan 2025 00:00:%02d GMT", n%2))
			s.ServeHTTP(w, r)
		},
		"the present time": func(_ int64, s *site, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
			s.ServeHTTP(w, r)
		},
		"no validator": func(_ int64, s *site, w http.ResponseWriter, r *http.Request) { s.ServeHTTP(w, r) },
		"gzip that nobody asked for": func(_ int64, s *site, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			zip := gzip.NewWriter(w)
			_, _ = zip.Write(s.content)
			_ = zip.Close()
		},
	}
}

func TestASmallSourceOfAnOddServerIsReadOnce(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 10_000)
	for name, serve := range odd() {
		t.Run(name, func(t *testing.T) {
			s := &site{}
			s.put(content)
			var n, whole atomic.Int64
			source := served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet && r.Header.Get("Range") == "" {
					whole.Add(1)
				}
				serve(n.Add(1), s, w, r)
			}), "/a.jpg?sig=s3cr3t")
			dir := t.TempDir()
			reader := sources.New(sources.Options{AllowPrivate: true, Temporary: dir})
			file, seen := open(t, reader, source)
			require.EqualValues(t, len(content), seen.Size)
			require.True(t, seen.Ranges)
			require.Equal(t, content[:3072], seen.Head)
			require.Contains(t, seen.Fingerprint, "100000 bytes, SHA-256 ")
			got, err := readAll(t, file, 0, seen.Size)
			require.NoError(t, err)
			require.True(t, bytes.Equal(content, got))
			got, err = readAll(t, file, 12, 3)
			require.NoError(t, err)
			require.Equal(t, "234", string(got))
			require.NoError(t, file.Unchanged(t.Context()))
			require.EqualValues(t, 1, whole.Load())
			left, err := filepath.Glob(filepath.Join(dir, ".*"))
			require.NoError(t, err)
			require.Empty(t, left, "no file has a name")

			again, err := sources.New(private).Look(t.Context(), source)
			require.NoError(t, err)
			require.Equal(t, seen.Fingerprint, again.Fingerprint, "by another worker")
			s.put(content[1:])
			_, err = sources.New(private).Open(t.Context(), source, seen.Fingerprint)
			require.Equal(t, upload.KindMissing, upload.KindOf(err), "%v", err)
			require.ErrorContains(t, err, "it was "+seen.Fingerprint)
			require.NotContains(t, err.Error(), "s3cr3t")
		})
	}
}

func TestNodesWithETagsOfTheirOwnAreAskedAgain(t *testing.T) {
	s := &site{}
	s.put([]byte("content"))
	var n atomic.Int64
	file, seen := open(t, sources.New(private), served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tag := fmt.Sprintf(`"node%d"`, n.Add(1)/3%2) // the look finds one of them only
		if match := r.Header.Get("If-Match"); match != "" && match != tag {
			w.WriteHeader(http.StatusPreconditionFailed)
			return
		}
		w.Header().Set("ETag", tag)
		s.ServeHTTP(w, r)
	}), "/a.jpg"))
	for range 5 {
		got, err := readAll(t, file, 0, seen.Size)
		require.NoError(t, err)
		require.Equal(t, "content", string(got))
		require.NoError(t, file.Unchanged(t.Context()))
	}
}

func TestAServerThatRefusesLongRangesIsReadWhole(t *testing.T) {
	s := &site{etag: strongETag}
	s.put([]byte("content"))
	file, seen := open(t, sources.New(private), served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") == "bytes=0-3071" {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		s.ServeHTTP(w, r)
	}), "/a.jpg"))
	require.Equal(t, "content", string(seen.Head))
	got, err := readAll(t, file, 0, 7)
	require.NoError(t, err)
	require.Equal(t, "content", string(got))
}

func TestAServerThatCutsHEADIsAskedForAByte(t *testing.T) {
	s := &site{etag: strongETag}
	s.put([]byte("content"))
	file, _ := open(t, sources.New(private), served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			panic(http.ErrAbortHandler)
		}
		s.ServeHTTP(w, r)
	}), "/a.jpg"))
	got, err := readAll(t, file, 0, 7)
	require.NoError(t, err)
	require.Equal(t, "content", string(got))
	require.NoError(t, file.Unchanged(t.Context()))
}

func TestWhatIsReadOnceIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		says  string
	}{
		"without an end": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.CopyN(w, zeros{}, 33<<20)
		}, "has an unknown size and more than 32 MiB"},
		"a bomb": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			zip := gzip.NewWriter(w)
			_, _ = io.CopyN(zip, zeros{}, 33<<20)
			_ = zip.Close()
		}, "has the content encoding gzip, and more than 32 MiB without it"},
		"another ETag each time, and large": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "33554433")
			w.Header().Set("Content-Encoding", "gzip")
		}, "at most 32 MiB can be read"},
		"no gzip": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, "this is plain text")
		}, "has the content encoding gzip, but is not compressed so"},
		"nothing": {func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() }, "is empty"},
		"an encoding": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			_, _ = io.WriteString(w, "a")
		}, `content encoding "br"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := look(t, private, served(t, c.serve, "/a.jpg"))
			requireInvalid(t, err, c.says)
		})
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func TestManyAreReadOnceAtTheSameTime(t *testing.T) {
	source := served(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, r.URL.Path)
	}), "")
	reader := sources.New(private)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			url := fmt.Sprintf("%s/%d.jpg", source, i%10)
			seen, err := reader.Look(t.Context(), url)
			if !assertNoError(t, err) {
				return
			}
			file, err := reader.Open(t.Context(), url, seen.Fingerprint)
			if !assertNoError(t, err) {
				return
			}
			assertNoError(t, file.Close())
		})
	}
	all.Wait()
}

func assertNoError(t *testing.T, err error) bool {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
	return err == nil
}

func TestADiskThatIsFullIsNotTheSourcesFault(t *testing.T) {
	source := served(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() }), "/a.jpg")
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := look(t, sources.Options{AllowPrivate: true, Temporary: file}, source)
	require.Equal(t, upload.KindUnavailable, upload.KindOf(err))
	require.ErrorContains(t, err, "could not be kept in a temporary file")
}
