package egress

import (
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// keepAlive finds out within half a minute that the other side of a connection on
// which nothing is to be sent has gone: while an answer is waited for, and in the pool.
// Its probes also keep a NAT from forgetting the connection.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 4}

// silentMost is for how long what was sent may stay unacknowledged on a connection
// that carries no body. The kernel then ends it (TCP_USER_TIMEOUT). Connections that
// carry bodies have no such limit: the kernel would also apply it to a receiver that
// lives and has no room for more. Their sender watches them; see Socket.
const silentMost = 20 * time.Second

// Socket is a connection of a Storage client: what its kernel knows of a body on its
// way, and an end that leaves nothing on the way.
type Socket struct {
	patientConn
	raw   syscall.RawConn // nil: not a TCP connection
	acked atomic.Int64    // as last seen
	sends atomic.Int64    // that began on it
	busy  atomic.Int64    // the send that is under way; 0: none
}

func newSocket(c net.Conn) *Socket {
	s := &Socket{patientConn: patientConn{Conn: c, closed: make(chan struct{})}}
	if tcp, ok := c.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			s.raw = raw
			queueLittle(raw)
		}
	}
	return s
}

// SocketOf is the Socket below a connection, whatever is encrypted on top of it; nil
// for a connection of another client.
func SocketOf(conn net.Conn) *Socket {
	for conn != nil {
		if s, ok := conn.(*Socket); ok {
			return s
		}
		above, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		conn = above.NetConn()
	}
	return nil
}

// Transit is what is on its way on a connection.
type Transit struct {
	// Acked is how many bytes the other side's kernel has acknowledged since the
	// connection began, whatever they were. That may be a proxy's kernel. Where this
	// system does not tell, it is what was handed to it.
	Acked int64
	// Known reports whether the system tells, which Linux does. Otherwise the fields
	// below are false.
	Known bool
	// InFlight reports whether bytes were sent that are not acknowledged.
	InFlight bool
	// Unsent reports whether bytes wait in the system. Where none are in flight, the
	// other side lives and has no room for them.
	Unsent bool
	// RoundTrip is how long an acknowledgment takes, as of late.
	RoundTrip time.Duration
}

// Transit asks the kernel. It costs a system call: ask now and then, not for each
// write.
func (s *Socket) Transit() Transit {
	if s.raw != nil {
		if t, ok := kernelTransit(s.raw); ok {
			s.acked.Store(t.Acked)
			return t
		}
	}
	if last := s.acked.Load(); last > 0 { // it is closed
		return Transit{Acked: last}
	}
	return Transit{Acked: s.wrote.Load()}
}

// Wrote is how many bytes were handed to the system since the connection began.
func (s *Socket) Wrote() int64 { return s.wrote.Load() }

// Begin notes that a send begins, and returns its name. Until Done is called with it,
// closing the connection resets it: what is queued of an abandoned body is dropped, and
// does not take the line from the next attempt.
func (s *Socket) Begin() (send int64) {
	send = s.sends.Add(1)
	s.busy.Store(send)
	return send
}

// Done notes that a send has ended as it should: its whole body is sent, and the answer
// is here.
func (s *Socket) Done(send int64) { s.busy.CompareAndSwap(send, 0) }

// Abort resets the connection, if the send is still under way on it.
func (s *Socket) Abort(send int64) {
	if s.busy.Load() == send {
		_ = s.Close()
	}
}

// Close closes the connection, and resets it where a send is under way.
func (s *Socket) Close() error {
	s.Transit() // nobody can ask later
	if tcp, ok := s.Conn.(*net.TCPConn); ok && s.busy.Load() != 0 {
		_ = tcp.SetLinger(0) // without it the kernel sends on what is queued
	}
	return s.patientConn.Close()
}
