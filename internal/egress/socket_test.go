package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pair is a Socket and its other side, which has little room.
func pair(t *testing.T) (*Socket, *net.TCPConn) {
	t.Helper()
	small := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 16<<10) })
	}}
	listener, err := small.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	here, err := new(net.Dialer).DialContext(t.Context(), "tcp", listener.Addr().String())
	require.NoError(t, err)
	there, err := listener.Accept()
	require.NoError(t, err)
	socket := newSocket(here)
	t.Cleanup(func() {
		_ = socket.Close()
		_ = there.Close()
	})
	tcp, _ := there.(*net.TCPConn)
	return socket, tcp
}

func TestASocketTellsWhatTheOtherSideHas(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("this system does not tell")
	}
	socket, there := pair(t)
	before := socket.Transit()
	require.True(t, before.Known)
	const size = 8 << 20
	written := make(chan error, 1)
	go func() {
		_, err := socket.Write(make([]byte, size))
		written <- err
	}()
	require.Eventually(t, func() bool { // the kernel needs a moment to know
		now := socket.Transit()
		return now.Unsent && !now.InFlight
	}, time.Minute, time.Millisecond, "the other side is full")
	full := socket.Transit()
	require.Less(t, full.Acked, int64(size/2))
	require.Empty(t, written, "the kernel does not take it all")

	n, err := io.CopyN(io.Discard, there, size)
	require.NoError(t, err)
	require.EqualValues(t, size, n)
	require.NoError(t, <-written)
	require.Eventually(t, func() bool { return socket.Transit().Acked-before.Acked == size }, time.Minute, time.Millisecond)
	require.EqualValues(t, size, socket.Wrote())

	require.NoError(t, socket.Close())
	require.EqualValues(t, size, socket.Transit().Acked-before.Acked, "as last seen")
}

func TestASocketWithoutAKernelCountsWhatWasWritten(t *testing.T) {
	here, there := net.Pipe()
	defer func() { _ = there.Close() }()
	go func() { _, _ = io.Copy(io.Discard, there) }()
	socket := newSocket(here)
	_, err := socket.Write(make([]byte, 10))
	require.NoError(t, err)
	require.Equal(t, Transit{Acked: 10}, socket.Transit())
}

func TestAnAbandonedSendIsResetAndADoneOneIsNot(t *testing.T) {
	for name, c := range map[string]struct {
		end   func(s *Socket)
		reset bool
	}{
		"closed under way": {func(s *Socket) {
			s.Begin()
			_ = s.Close()
		}, true},
		"aborted": {func(s *Socket) { s.Abort(s.Begin()) }, true},
		"done": {func(s *Socket) {
			send := s.Begin()
			s.Done(send)
			s.Abort(send)
			_ = s.Close()
		}, false},
		"done after the next one has begun": {func(s *Socket) {
			send := s.Begin()
			s.Begin()
			s.Done(send)
			s.Abort(send) // which is not the one under way
			_, err := s.Write([]byte("x"))
			require.NoError(t, err)
			_ = s.Close()
		}, true},
		"idle": {func(s *Socket) { _ = s.Close() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			socket, there := pair(t)
			c.end(socket)
			_, err := io.Copy(io.Discard, there)
			require.Equal(t, c.reset, errors.Is(err, syscall.ECONNRESET), "%v", err)
		})
	}
}

func TestASocketIsFoundBelowTLSAndThroughAProxy(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	for name, c := range map[string]struct {
		client func(*Egress) *http.Client
		found  bool
	}{
		"storage": {func(e *Egress) *http.Client { return e.Storage(Policy{Private: true}) }, true},
		"control": {func(e *Egress) *http.Client { return e.Control(Policy{Private: true}) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := New()
			defer e.CloseIdle()
			client := c.client(e)
			inner, _ := client.Transport.(door)
			inner.next.TLSClientConfig = &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, MinVersion: tls.VersionTLS12}
			var found *Socket
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				GotConn: func(got httptrace.GotConnInfo) { found = SocketOf(got.Conn) },
			})
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
			require.NoError(t, err)
			answer, err := client.Do(request)
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			require.Equal(t, c.found, found != nil)
		})
	}
	require.Nil(t, SocketOf(nil))
}

// A connection that a network forgot costs its call, and the others in the pool
// nothing: they are closed with it.
func TestIdleConnectionsGoWithASilentOne(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/silent" {
			arrived <- struct{}{}
			<-release
		}
	}))
	defer server.Close()
	defer close(release)
	client := New().Control(Policy{Private: true, Insecure: true})
	call := func(ctx context.Context, path string) (reused bool, _ error) {
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			GotConn: func(got httptrace.GotConnInfo) { reused = got.Reused },
		})
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+path, nil)
		require.NoError(t, err)
		answer, err := client.Do(request)
		if err != nil {
			return reused, err
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		return reused, answer.Body.Close()
	}
	silent := func(end func(context.Context) (context.Context, context.CancelFunc)) (between bool) {
		ctx, cancel := end(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() {
			_, err := call(ctx, "/silent")
			ended <- err
		}()
		<-arrived // it holds a connection: the next call makes another
		_, err := call(t.Context(), "/")
		require.NoError(t, err)
		if _, late := ctx.Deadline(); !late {
			cancel()
		}
		require.Error(t, <-ended)
		reused, err := call(t.Context(), "/")
		require.NoError(t, err)
		return reused
	}
	require.True(t, silent(context.WithCancel), "a call that was canceled says nothing about the others")
	require.False(t, silent(func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, time.Second)
	}))
}

func TestAProxyThatRefusesToConnectIsNamedWithItsStatus(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, http.MethodConnect, r.Method)
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer proxy.Close()
	at, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	at.User = url.UserPassword("user", "pass")
	e := New()
	e.proxy = http.ProxyURL(at)
	client := e.Control(Policy{Private: true})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://vendor.example/", nil)
	require.NoError(t, err)
	_, err = client.Do(request)
	require.EqualError(t, err, `Get "https://vendor.example/": through proxy `+at.Host+": the proxy answered 407 to CONNECT (text/html)")
}
