//go:build kills || bench

package e2e

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// wire carries connections from one address to another, and can be cut. It is
// told how much has gone through it.
type wire struct {
	listener net.Listener
	to       string
	sent     atomic.Int64 // bytes towards `to`

	mu   sync.Mutex
	open map[*net.TCPConn]bool
	kept *kept
}

// kept are requests that a wire has taken in whole and does not pass on, as a buffer
// does whose reader is slow.
type kept struct {
	matching *regexp.Regexp // their request lines
	arrived  chan string    // those lines
	released chan struct{}
}

// keep has the wire keep requests from now on: until all of that number are there, which
// is when it returns. Others pass, and so do those when they are released.
func (w *wire) keep(t *testing.T, matching string, number int, meanwhile func()) (release func()) {
	t.Helper()
	k := &kept{regexp.MustCompile(matching), make(chan string, number), make(chan struct{})}
	keeping := func(k *kept) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.kept = k
	}
	keeping(k)
	release = sync.OnceFunc(func() { close(k.released) })
	t.Cleanup(release)
	meanwhile()
	late := time.After(patience)
	for range number {
		select {
		case line := <-k.arrived:
			t.Logf("kept: %s", line)
		case <-late:
			t.Fatalf("fewer than %d requests that match %s within %s", number, matching, patience)
		}
	}
	keeping(nil)
	return release
}

// delay reads one request after another, and returns when the next bytes of a
// connection may pass. What it has read beyond p is returned.
func (w *wire) delay(p []byte, from io.Reader) (more []byte) {
	w.mu.Lock()
	k := w.kept
	w.mu.Unlock()
	line, _, _ := strings.Cut(string(p), "\r\n")
	if k == nil || !k.matching.MatchString(line) {
		return nil
	}
	var read bytes.Buffer
	request, err := http.ReadRequest(bufio.NewReader(io.MultiReader(bytes.NewReader(p), io.TeeReader(from, &read))))
	if err == nil {
		_, err = io.Copy(io.Discard, request.Body)
	}
	if err != nil {
		return read.Bytes() // cut off: there is nothing to keep
	}
	k.arrived <- line
	<-k.released
	return read.Bytes()
}

func newWire(t *testing.T, at, to string) *wire {
	t.Helper()
	listener, err := net.Listen("tcp", at)
	if err != nil && at[:8] == "127.0.0." {
		skip(t, "there is no second address on loopback: "+err.Error())
	}
	require.NoError(t, err)
	w := &wire{listener: listener, to: to, open: map[*net.TCPConn]bool{}}
	go w.serve()
	t.Cleanup(func() {
		_ = listener.Close()
		w.cut()
	})
	return w
}

func (w *wire) address() string { return w.listener.Addr().String() }

func (w *wire) serve() {
	for {
		near, err := w.listener.Accept()
		if err != nil {
			return // the test has ended
		}
		go w.carry(near.(*net.TCPConn))
	}
}

// carry carries one connection until either side ends it, or it is cut.
func (w *wire) carry(near *net.TCPConn) {
	defer func() { _ = near.Close() }()
	conn, err := net.Dial("tcp", w.to)
	if err != nil {
		return // nobody is there
	}
	far := conn.(*net.TCPConn)
	defer func() { _ = far.Close() }()
	w.note(near, far, true)
	defer w.note(near, far, false)
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(far, &towards{wire: w, from: near})
		_ = far.CloseWrite()
	})
	both.Go(func() {
		_, _ = io.Copy(near, far)
		_ = near.CloseWrite()
	})
	both.Wait()
}

func (w *wire) note(near, far *net.TCPConn, open bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range []*net.TCPConn{near, far} {
		if w.open[c] = open; !open {
			delete(w.open, c)
		}
	}
}

// cut breaks all connections, as a line that is gone does.
func (w *wire) cut() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.open {
		_ = c.SetLinger(0)
		_ = c.Close()
		n++
	}
	return n / 2
}

// towards reads what goes towards the other end, counts it, and delays what is kept.
type towards struct {
	wire *wire
	from io.Reader
	more []byte
}

func (r *towards) Read(p []byte) (int, error) {
	if len(r.more) > 0 {
		n := copy(p, r.more)
		r.more = r.more[n:]
		return n, nil
	}
	n, err := r.from.Read(p)
	if n > 0 {
		r.more = r.wire.delay(p[:n], r.from)
	}
	r.wire.sent.Add(int64(n + len(r.more)))
	return n, err
}
