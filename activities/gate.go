package activities

import (
	"context"
	"sync"
	"time"
)

// How many packed rows of one account are under way at once in this process.
const (
	gateFirst = 16
	gateMost  = 32
	// gateSpan is how long a width is tried before it is judged.
	gateSpan = time.Second / 2
	// gateGain is by what share more must get through for a wider gate to stay.
	gateGain = 1.05
	// gateRest is for how many spans a width that proved right is kept.
	gateRest = 4
)

// gates are the gates of all accounts.
type gates struct {
	mu  sync.Mutex
	all map[string]*gate
}

func (g *gates) of(account string, now func() time.Time) *gate {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all == nil {
		g.all = map[string]*gate{}
	}
	if g.all[account] == nil {
		g.all[account] = &gate{now: now, width: gateFirst}
	}
	return g.all[account]
}

// gate lets a number of rows through at once that follows what proves useful: it
// widens while more gets through for it, and halves when the other side says that
// it is too much. Those who wait are let in by turns, whatever their batch.
type gate struct {
	now func() time.Time

	mu      sync.Mutex
	width   int
	inside  int
	waiting []chan struct{}

	since time.Time // when the present span began
	done  int       // that left in it
	full  bool      // some had to wait in it
	best  float64   // rows a second, of the narrower gate
	grew  int       // by how many it was widened last
	rest  int       // spans in which it stays as it is

	doubted time.Time // until when the account's credentials are in doubt

	looks looks
}

// doubt keeps an account's rows from calling while it is looked into whether
// credentials that were refused are still those that count: what waits for its
// turn would be refused as well.
func (g *gate) doubt(span time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until := g.now().Add(span); until.After(g.doubted) {
		g.doubted = until
	}
}

// doubtful is for how long the credentials are still in doubt.
func (g *gate) doubtful() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(g.doubted.Sub(g.now()), 0)
}

// enter waits until the caller may go on. most is a limit of the caller's own; 0
// is none.
func (g *gate) enter(ctx context.Context, most int) error {
	for {
		g.mu.Lock()
		width := g.width
		if most > 0 {
			width = min(width, most)
		}
		if g.inside < width && ctx.Err() == nil {
			g.inside++
			g.mu.Unlock()
			return nil
		}
		g.full = true
		turn := make(chan struct{})
		g.waiting = append(g.waiting, turn)
		g.mu.Unlock()
		select {
		case <-turn:
		case <-ctx.Done():
			g.forget(turn)
			return ctx.Err()
		}
	}
}

// forget gives the turn of one that waits no longer to the next.
func (g *gate) forget(turn chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, w := range g.waiting {
		if w == turn {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			return
		}
	}
	g.wake()
}

// leave lets the next one in.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	g.done++
	g.judge()
	for range max(g.width-g.inside, 1) {
		g.wake()
	}
}

func (g *gate) wake() {
	if len(g.waiting) > 0 {
		close(g.waiting[0])
		g.waiting = g.waiting[1:]
	}
}

// judge looks at the end of a span whether the width was worth it.
func (g *gate) judge() {
	now := g.now()
	if g.since.IsZero() {
		g.since = now
	}
	span := now.Sub(g.since)
	if span < gateSpan {
		return
	}
	rate, full := float64(g.done)/span.Seconds(), g.full
	g.since, g.done, g.full = now, 0, false
	switch {
	case !full:
	case g.rest > 0:
		g.rest--
	case g.grew > 0 && rate < g.best*gateGain: // it brought nothing
		g.width, g.grew, g.rest = g.width-g.grew, 0, gateRest
	case g.width < gateMost:
		g.best, g.grew = rate, min(max(g.width/4, 2), gateMost-g.width)
		g.width += g.grew
	}
}

// tooMuch halves the gate: the other side said so. Many say it at once.
func (g *gate) tooMuch() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := g.now(); g.rest < gateRest || now.Sub(g.since) >= gateSpan {
		g.since, g.done, g.full, g.grew = now, 0, false, 0
		g.width, g.rest = max(g.width/2, 1), gateRest
	}
}
