package transfer

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// sampled notes how much memory is in use while it is read.
type sampled struct {
	io.Reader
	read int64
	most *atomic.Uint64
}

func (s *sampled) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	before := s.read >> 26
	if s.read += int64(n); s.read>>26 != before {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		s.most.Store(max(s.most.Load(), m.HeapAlloc))
	}
	return n, err
}

func (*sampled) Close() error { return nil }

func TestALargeBodyTakesNoMoreMemoryThanASmallOne(t *testing.T) {
	const bound = 32 << 20
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	defer server.Close()
	for method, size := range map[upload.Method]int64{upload.MethodPut: 1 << 30, upload.MethodForm: 256 << 20} {
		t.Run(string(method), func(t *testing.T) {
			most := new(atomic.Uint64)
			body := Body{Size: size, Open: func(context.Context) (io.ReadCloser, error) {
				return &sampled{Reader: io.LimitReader(zeros{}, size), most: most}, nil
			}}
			target := put(server.URL)
			target.Method = method
			var before runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			answer, err := Send(t.Context(), client(t), target, body, Want{}, nil)
			require.NoError(t, err)
			require.EqualValues(t, size, answer.Sent)
			require.Less(t, most.Load(), before.HeapAlloc+bound)
		})
	}
}
