package transfer

import (
	"context"
	"fmt"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/mediaferry/mediaferry/internal/egress"
)

// bounds are for how long nothing may move. A send that moves has no bound.
type bounds struct {
	every  time.Duration // how often it is looked at
	stall  time.Duration // bytes in flight that nobody acknowledges, a source that gives none, an answer from its head to its end
	reused time.Duration // the first bytes on a kept connection, which the network may have forgotten
	full   time.Duration // a receiver that lives and has no room
	answer time.Duration // from the last byte to the answer, at least
}

var usual = bounds{
	every: 5 * time.Second, stall: time.Minute, reused: 15 * time.Second, full: 5 * time.Minute, answer: 5 * time.Minute,
}

// answerRate is bytes per second. A proxy may acknowledge a whole body at once and pass
// it on later: its answer is waited for as long as the body takes at this rate.
const answerRate = 10_000

func (b bounds) answering(size int64) time.Duration {
	return max(b.answer, time.Duration(float64(size)/answerRate*float64(time.Second)))
}

// pulse shows whether a send is alive: what moved, by the word of the other side's
// kernel, and what is waited for where nothing does.
type pulse struct {
	size     int64
	fields   int64        // bytes of a form before the medium
	head     atomic.Int64 // bytes on the connection before the medium
	read     atomic.Int64 // bytes of the medium that were read and hashed
	most     atomic.Int64 // that were seen to be acknowledged
	sent     atomic.Bool  // the last byte was handed to the system
	answered atomic.Bool  // the answer's head is here
	held     atomic.Bool  // by the meter's limit
	at       atomic.Pointer[connection]
}

// connection is the one that a send goes over.
type connection struct {
	*egress.Socket
	send   int64 // its name there
	acked  int64 // bytes that were acknowledged before
	wrote  int64 // bytes that were written before
	reused bool
}

// trace lets the pulse know the connection, and when the last byte was written. That
// it was read is not enough: what is read last may wait for a receiver that takes no
// more.
func (p *pulse) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(got httptrace.GotConnInfo) {
			if socket := egress.SocketOf(got.Conn); socket != nil {
				p.at.Store(&connection{socket, socket.Begin(), socket.Transit().Acked, socket.Wrote(), got.Reused})
			}
		},
		WroteRequest: func(httptrace.WroteRequestInfo) { p.sent.Store(true) },
	})
}

// transit is what is on its way on the connection since the send began.
func (p *pulse) transit() egress.Transit {
	at := p.at.Load()
	if at == nil {
		return egress.Transit{}
	}
	t := at.Transit()
	t.Acked = max(t.Acked-at.acked, 0)
	return t
}

// begins notes that the medium's first byte is asked for: net/http has written the
// request's head by then. A form's fields come between.
func (p *pulse) begins() {
	if at := p.at.Load(); at != nil && p.head.Load() == 0 {
		p.head.Store(at.Wrote() - at.wrote + p.fields)
	}
}

// acknowledged is how many bytes of the medium the other side has acknowledged: what
// was read of it, where nobody knows better. What encryption adds counts as well, until
// all is acknowledged.
func (p *pulse) acknowledged() int64 {
	n := p.read.Load()
	if p.at.Load() != nil {
		n = max(min(n, p.transit().Acked-p.head.Load()), 0)
	}
	return p.atLeast(n)
}

// all notes that the whole medium is acknowledged, and returns its size.
func (p *pulse) all() int64 { return p.atLeast(p.size) }

// atLeast is how many bytes were ever seen to be acknowledged, with n among them.
func (p *pulse) atLeast(n int64) int64 {
	for {
		most := p.most.Load()
		if n <= most {
			return most
		}
		if p.most.CompareAndSwap(most, n) {
			return n
		}
	}
}

// done ends the watch of a send whose answer is here. Its connection may carry another.
func (p *pulse) done(whole bool) {
	if at := p.at.Load(); at != nil && whole {
		at.Done(at.send)
	}
}

// abort resets the connection, unless the send is done.
func (p *pulse) abort() {
	if at := p.at.Load(); at != nil {
		at.Abort(at.send)
	}
}

// stalledError is why a send was given up.
type stalledError struct {
	what  string
	limit time.Duration
}

func (e *stalledError) Error() string { return fmt.Sprintf("%s for %s", e.what, e.limit) }

// wait is what a send waits for, and for how long it may; 0: as long as it takes.
func (p *pulse) wait(b bounds, t egress.Transit) stalledError {
	switch {
	case p.held.Load():
		return stalledError{}
	case p.answered.Load():
		return stalledError{"the answer did not end", b.stall}
	case p.sent.Load() && !t.InFlight && !t.Unsent:
		return stalledError{"no answer came", b.answering(p.size)}
	case t.InFlight && t.Acked == 0 && p.at.Load().reused:
		return stalledError{"the other side acknowledged nothing on a kept connection", max(b.reused, 4*t.RoundTrip)}
	case t.InFlight:
		return stalledError{"the other side acknowledged nothing", b.stall}
	case t.Unsent:
		return stalledError{"the other side had no room for more", b.full}
	case t.Known:
		return stalledError{"the source gave nothing", b.stall}
	}
	return stalledError{"no data was transferred", b.stall}
}

// watch gives a send up in which nothing moves, and resets its connection when ctx
// ends, until stop is called.
func (p *pulse) watch(ctx context.Context, b bounds, cancel context.CancelCauseFunc) (stop func()) {
	done := make(chan struct{})
	go func() {
		ticker := time.NewTicker(b.every)
		defer ticker.Stop()
		if still := p.still(ctx, b, ticker.C, done); still != nil {
			cancel(still)
			p.abort() // nothing may be on its way when the send is made again
		}
	}()
	return func() { close(done) }
}

// still returns what nothing moved for, once that has taken too long, and nil when the
// send is done.
func (p *pulse) still(ctx context.Context, b bounds, ticks <-chan time.Time, done <-chan struct{}) error {
	var last [2]int64
	var what string
	var since time.Duration
	for {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			p.abort()
			return nil
		case <-ticks:
		}
		t := p.transit()
		now := [2]int64{p.read.Load(), t.Acked}
		wait := p.wait(b, t)
		if p.answered.Load() && p.sent.Load() { // whatever moves, an answer is short
			last = now
		}
		if now != last || wait.what != what || wait.limit == 0 {
			last, what, since = now, wait.what, 0
			continue
		}
		if since += b.every; since >= wait.limit {
			return &wait
		}
	}
}
