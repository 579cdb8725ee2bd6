package egress

import (
	"context"
	"fmt"
	"io"
	"time"
)

const (
	// StallTime is the longest time that a read of a Steady body may take.
	StallTime = 60 * time.Second
	// leastRate is how many bytes a second must come, on average over StallTime. Only
	// the time that is spent waiting for them counts.
	leastRate = 1000
)

// ErrStalled says that nothing came for StallTime.
var ErrStalled = fmt.Errorf("no data for %s", StallTime)

// Steady is a body that ends its request where the other side sends too little: nothing
// for StallTime, or less than 1 kB/s over as long.
type Steady struct {
	ctx    context.Context // of the request
	cancel context.CancelCauseFunc
	src    io.ReadCloser
	watch  *time.Timer
	waited time.Duration // for the other side, since its rate was last judged
	got    int64         // bytes, since then
}

// NewSteady watches the body of an answer to a request with this context, which cancel
// ends. The caller closes it.
func NewSteady(ctx context.Context, cancel context.CancelCauseFunc, src io.ReadCloser) *Steady {
	watch := time.AfterFunc(StallTime, func() { cancel(ErrStalled) })
	watch.Stop() // it runs only during a read: the reader may be slow on purpose
	return &Steady{ctx: ctx, cancel: cancel, src: src, watch: watch}
}

// Read fails with the reason where the request was ended.
func (s *Steady) Read(p []byte) (int, error) {
	s.watch.Reset(StallTime)
	began := time.Now()
	n, err := s.src.Read(p)
	s.watch.Stop()
	if err == nil {
		err = s.drips(time.Since(began), n)
	}
	if cause := context.Cause(s.ctx); err != nil && cause != nil {
		err = cause
	}
	return n, err
}

// drips fails where too little came in the last StallTime that was spent waiting.
func (s *Steady) drips(waited time.Duration, n int) error {
	s.waited, s.got = s.waited+waited, s.got+int64(n)
	if s.waited < StallTime {
		return nil
	}
	rate := float64(s.got) / s.waited.Seconds()
	s.waited, s.got = 0, 0
	if rate >= leastRate {
		return nil
	}
	err := fmt.Errorf("the source sends only %.0f bytes per second", rate)
	s.cancel(err)
	return err
}

// Close ends the request, even if bytes remain.
func (s *Steady) Close() error {
	s.watch.Stop()
	err := s.src.Close()
	s.cancel(nil)
	return err
}
