package shard

import (
	"context"
	"sync"
	"time"
)

// How many packed rows of one account are under way at once in this process.
const (
	limiterFirst = 16
	limiterMost  = 32
	// limiterSpan is how long a width is tried before it is judged.
	limiterSpan = time.Second / 2
	// limiterGain is by what share more must get through for a higher limit to stay.
	limiterGain = 1.05
	// limiterRest is for how many spans a width that proved right is kept.
	limiterRest = 4
)

// limiters are the concurrency limiters of all accounts.
type limiters struct {
	mu  sync.Mutex
	all map[string]*limiter
}

func (l *limiters) of(account string, now func() time.Time) *limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[string]*limiter{}
	}
	if l.all[account] == nil {
		l.all[account] = &limiter{now: now, width: limiterFirst}
	}
	return l.all[account]
}

// limiter lets as many rows through at once as prove useful: it
// widens while more gets through for it, and halves when the other side says that
// it is too much. Those who wait are let in by turns, whatever their batch.
type limiter struct {
	now func() time.Time

	mu      sync.Mutex
	width   int
	inside  int
	waiting []chan struct{}

	since time.Time // when the present span began
	done  int       // that left in it
	full  bool      // some had to wait in it
	best  float64   // rows a second, of the lower limit
	grew  int       // by how many it was widened last
	rest  int       // spans in which it stays as it is

	doubted time.Time // until when the account's credentials are in doubt

	timing timing
}

// doubt keeps an account's rows from calling while it is looked into whether
// credentials that were refused are still those that count: what waits for its
// turn would be refused as well.
func (l *limiter) doubt(span time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := l.now().Add(span); until.After(l.doubted) {
		l.doubted = until
	}
}

// doubtful is for how long the credentials are still in doubt.
func (l *limiter) doubtful() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(l.doubted.Sub(l.now()), 0)
}

// enter waits until the caller may go on. most is a limit of the caller's own; 0
// is none.
func (l *limiter) enter(ctx context.Context, most int) error {
	for {
		l.mu.Lock()
		width := l.width
		if most > 0 {
			width = min(width, most)
		}
		if l.inside < width && ctx.Err() == nil {
			l.inside++
			l.mu.Unlock()
			return nil
		}
		l.full = true
		turn := make(chan struct{})
		l.waiting = append(l.waiting, turn)
		l.mu.Unlock()
		select {
		case <-turn:
		case <-ctx.Done():
			l.forget(turn)
			return ctx.Err()
		}
	}
}

// forget gives the turn of one that waits no longer to the next.
func (l *limiter) forget(turn chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, w := range l.waiting {
		if w == turn {
			l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
			return
		}
	}
	l.wake()
}

// leave lets the next one in.
func (l *limiter) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inside--
	l.done++
	l.adjust()
	for range max(l.width-l.inside, 1) {
		l.wake()
	}
}

func (l *limiter) wake() {
	if len(l.waiting) > 0 {
		close(l.waiting[0])
		l.waiting = l.waiting[1:]
	}
}

// adjust decides at the end of a span whether the width was worth it.
func (l *limiter) adjust() {
	now := l.now()
	if l.since.IsZero() {
		l.since = now
	}
	span := now.Sub(l.since)
	if span < limiterSpan {
		return
	}
	rate, full := float64(l.done)/span.Seconds(), l.full
	l.since, l.done, l.full = now, 0, false
	switch {
	case !full:
	case l.rest > 0:
		l.rest--
	case l.grew > 0 && rate < l.best*limiterGain: // it brought nothing
		l.width, l.grew, l.rest = l.width-l.grew, 0, limiterRest
	case l.width < limiterMost:
		l.best, l.grew = rate, min(max(l.width/4, 2), limiterMost-l.width)
		l.width += l.grew
	}
}

// tooMuch halves the limit: the other side asked for it. Many say it at once.
func (l *limiter) tooMuch() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.now(); l.rest < limiterRest || now.Sub(l.since) >= limiterSpan {
		l.since, l.done, l.full, l.grew = now, 0, false, 0
		l.width, l.rest = max(l.width/2, 1), limiterRest
	}
}
