package transfer

import (
	"context"
	"errors"
	"io"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

var errStalled = errors.New("no data was transferred")

// pulse shows whether a send is alive. Reading a source, sending and hearing the
// answer have no bound of their own, so something must move all the time. Two
// waits are not silence: for the answer's head, which the client bounds, and for
// the limit of the meter, which the context bounds.
type pulse struct {
	moved    atomic.Int64 // bytes, in either direction
	sent     atomic.Bool  // the last byte was handed to the system
	answered atomic.Bool  // the answer's head is here
	held     atomic.Bool  // by the meter's limit
}

// trace lets the pulse know when the last byte was written. That it was read is
// not enough: what is read last may wait for a receiver that takes no more.
func (p *pulse) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { p.sent.Store(true) },
	})
}

// watch cancels a send in which nothing moved for the whole of stall.
func (p *pulse) watch(stall time.Duration, cancel context.CancelCauseFunc) (stop func()) {
	done := make(chan struct{})
	go func() {
		ticker := time.NewTicker(stall / stillTicks)
		defer ticker.Stop()
		if p.still(ticker.C, done) {
			cancel(errStalled)
		}
	}()
	return func() { close(done) }
}

// stillTicks is how often watch looks before it believes that nothing moves.
const stillTicks = 4

// still returns true once nothing has moved between stillTicks+1 ticks, and
// false when the send is done.
func (p *pulse) still(ticks <-chan time.Time, done <-chan struct{}) bool {
	last, same := int64(-1), 0
	for {
		select {
		case <-done:
			return false
		case <-ticks:
		}
		now := p.moved.Load()
		if now != last || p.held.Load() || p.sent.Load() && !p.answered.Load() {
			last, same = now, 0
			continue
		}
		if same++; same == stillTicks {
			return true
		}
	}
}

// moving counts what is read of an answer.
type moving struct {
	io.Reader
	pulse *pulse
}

func (m moving) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	m.pulse.moved.Add(int64(n))
	return n, err
}
