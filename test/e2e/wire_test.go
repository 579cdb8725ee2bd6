//go:build kills || bench

package e2e

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

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
		_, _ = io.Copy(far, counted{near, &w.sent})
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

// counted counts what is read.
type counted struct {
	io.Reader
	n *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}
