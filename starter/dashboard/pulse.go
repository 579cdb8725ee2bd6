package dashboard

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
)

const (
	beat      = time.Second      // how often somebody looks whether something changed
	slowBeat  = 10 * time.Second // how often a page is loaded again at least: ages change
	askEvery  = 5 * time.Second  // how often Temporal is asked whether it answers
	askTime   = 3 * time.Second
	keepAlive = 20 * time.Second
)

// pulse tells open pages that something changed. It looks while somebody listens, once for
// all of them.
type pulse struct {
	o Options

	mu        sync.Mutex
	listeners map[chan string]struct{}
	stop      context.CancelFunc // of the one who looks; nil while nobody does
	down      time.Time          // since when Temporal does not answer; zero while it does
	asked     time.Time
}

func newPulse(o Options) *pulse {
	return &pulse{o: o, listeners: map[chan string]struct{}{}}
}

// listen returns what hears of changes, and what ends that.
func (p *pulse) listen() (heard chan string, end func()) {
	heard = make(chan string, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listeners[heard] = struct{}{}
	if p.stop == nil {
		ctx, cancel := context.WithCancel(context.Background())
		p.stop = cancel
		go p.look(ctx)
	}
	return heard, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.listeners, heard)
		if len(p.listeners) == 0 && p.stop != nil {
			p.stop()
			p.stop = nil
		}
	}
}

// look tells all who listen when something changed.
func (p *pulse) look(ctx context.Context) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	last, told := "", time.Time{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		var said bytes.Buffer
		s, ok := p.o.Lend(output.Console{Out: &said, Err: &said})
		if !ok {
			continue
		}
		p.ask(ctx, s)
		now, err := s.Ledger.Stamp(ctx)
		if err != nil {
			continue // who loads a page sees why
		}
		if now == last && time.Since(told) < slowBeat {
			continue
		}
		last, told = now, time.Now()
		p.tell(now)
	}
}

func (p *pulse) tell(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for heard := range p.listeners {
		select {
		case heard <- what:
		default: // it has not heard of the last change yet
		}
	}
}

// ask finds out whether Temporal answers.
func (p *pulse) ask(ctx context.Context, s *opening.Session) {
	p.mu.Lock()
	due := time.Since(p.asked) >= askEvery
	if due {
		p.asked = time.Now()
	}
	p.mu.Unlock()
	if !due {
		return
	}
	answers := s.Answers(ctx, askTime)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case answers:
		p.down = time.Time{}
	case p.down.IsZero():
		p.down = time.Now()
	}
}

// temporalDown is why Temporal cannot be asked; "" while it can.
func (p *pulse) temporalDown() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down.IsZero() {
		return ""
	}
	return "Temporal has not answered since " + p.down.Local().Format(time.TimeOnly) + ". The views show what the ledger knows; what runs goes on when Temporal answers"
}

// events is the stream by which a browser hears of changes.
func (p *Page) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // for proxies
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // the stream has no end; where that cannot be set, the browser comes again
	_ = control.SetWriteDeadline(time.Time{})
	heard, end := p.pulse.listen()
	defer end()
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	_, _ = fmt.Fprint(w, "retry: 2000\n\n")
	for control.Flush() == nil {
		var err error
		select {
		case <-r.Context().Done():
			return
		case <-heard:
			_, err = fmt.Fprint(w, "event: changed\ndata: 1\n\n")
		case <-alive.C:
			_, err = fmt.Fprint(w, ": still here\n\n")
		}
		if err != nil {
			return
		}
	}
}
