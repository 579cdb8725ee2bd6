package transfer

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// canary is planted in everything that is secret; no error may hold it.
const canary = "c4n4ry5ecret"

// signed is a query as signed URLs have one.
const signed = "?X-Amz-Signature=" + canary + "&X-Amz-Credential=AKIA" + canary

// client is the one that the program uses, let loose on this machine.
func client(t *testing.T) *http.Client {
	t.Helper()
	e := egress.New()
	t.Cleanup(e.CloseIdle)
	return e.Storage(egress.Policy{Private: true, Insecure: true})
}

// seen is what a server saw of a request.
type seen struct {
	method, uri, host string
	header            http.Header
	length            int64
	chunked           bool
	body              []byte
}

// recorder is a server that reads everything and answers as it is told.
type recorder struct {
	*httptest.Server
	mu   sync.Mutex
	seen []seen
}

func record(t *testing.T, answer http.HandlerFunc) *recorder {
	t.Helper()
	r := &recorder{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			return
		}
		r.mu.Lock()
		r.seen = append(r.seen, seen{
			method: q.Method, uri: q.RequestURI, host: q.Host, header: q.Header,
			length: q.ContentLength, chunked: len(q.TransferEncoding) > 0, body: body,
		})
		r.mu.Unlock()
		answer(w, q)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *recorder) requests() []seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen
}

func answers(status int, header map[string]string, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// raw is a server of bare connections, for what net/http does not let a server
// do. It returns the server's URL.
func raw(t *testing.T, serve func(conn *net.TCPConn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			tcp, _ := conn.(*net.TCPConn)
			all.Go(func() {
				defer func() { _ = tcp.Close() }()
				serve(tcp)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		all.Wait()
	})
	return "http://" + listener.Addr().String() + "/bucket/key" + signed
}

// head reads the head of a request and returns a reader of what follows.
func head(conn net.Conn) (*http.Request, io.Reader) {
	buffered := bufio.NewReader(conn)
	request, err := http.ReadRequest(buffered)
	if err != nil {
		return nil, buffered
	}
	return request, request.Body
}

// reset ends a connection as a crash does: with RST.
func reset(conn *net.TCPConn) {
	_ = conn.SetLinger(0)
	_ = conn.Close()
}

func bytesBody(data []byte) Body {
	return Body{Size: int64(len(data)), Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
}

// pattern is a body of any size that takes no memory.
func pattern(size int64) Body {
	return Body{Size: size, Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(zeros{}, size)), nil
	}}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// readFunc is a source that does as it is told.
type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }
func (readFunc) Close() error                 { return nil }

func sourceOf(size int64, read func(ctx context.Context, p []byte) (int, error)) Body {
	return Body{Size: size, Open: func(ctx context.Context) (io.ReadCloser, error) {
		return readFunc(func(p []byte) (int, error) { return read(ctx, p) }), nil
	}}
}

// mute blocks as a source does that gives nothing until its context ends.
func mute(ctx context.Context, _ []byte) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func put(url string) Target {
	return Target{Method: upload.MethodPut, URL: url, Header: map[string]string{"Content-Type": "image/jpeg"}}
}

// failure is err as the *upload.Error that it must be, and holds no secret.
func failure(t *testing.T, err error) *upload.Error {
	t.Helper()
	require.Error(t, err)
	noSecret(t, err)
	var e *upload.Error
	require.True(t, errors.As(err, &e), "%T: %v", err, err)
	return e
}

func noSecret(t *testing.T, err error) {
	t.Helper()
	require.NotContains(t, err.Error(), canary)
	var e *upload.Error
	if errors.As(err, &e) {
		for _, text := range []string{e.Message, e.Hint, e.Code, e.RequestID} {
			require.NotContains(t, text, canary)
			require.NotContains(t, text, "\n")
		}
	}
}
