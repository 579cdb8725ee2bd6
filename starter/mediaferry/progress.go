package main

import (
	"fmt"
	"io"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

const (
	quietEvery = 10 * time.Second // between two lines off a terminal
	rateOver   = 5 * time.Second  // the time over which a rate is taken, at least
	sampleGap  = time.Second      // between two looks for it
)

// progress shows how far a command's uploads are: in one line that is redrawn on
// a terminal, in a line now and then elsewhere.
type progress struct {
	screen
	out     io.Writer
	lookout *lookout
	all     []*following
	drawn   bool
	last    time.Time
	started time.Time
	samples []sample
}

type sample struct {
	at   time.Time
	sent int64
}

func newProgress(out io.Writer, all []*following) *progress {
	now := time.Now()
	return &progress{screen: screenOf(out), out: out, all: all, started: now, last: now}
}

// draw shows the state of things.
func (p *progress) draw(pending []*following) {
	now := time.Now()
	sent, total := p.sum()
	rate := p.rate(now, sent)
	if !p.terminal && now.Sub(p.last) < quietEvery {
		return
	}
	p.last = now
	line := p.line(pending, tally{sent, total, rate}, now)
	if !p.terminal {
		_, _ = fmt.Fprintf(p.out, "mediaferry: %s\n", line)
		return
	}
	_, _ = fmt.Fprintf(p.out, "\r\x1b[K%s", p.fit(line))
	p.drawn = true
}

// clear takes the line away, so that something else can be written.
func (p *progress) clear() {
	if p.drawn {
		_, _ = fmt.Fprint(p.out, "\r\x1b[K")
		p.drawn = false
	}
}

// tally is how far all of a command's uploads are together.
type tally struct {
	sent, total int64
	rate        float64 // bytes per second
}

// sum adds up what has been sent and what there is to send. The store's word on
// the parts that it has stands above the last mark of bytes on their way.
func (p *progress) sum() (sent, total int64) {
	for _, f := range p.all {
		r := f.entry.Result
		total += int64(r.Size)
		sent += min(max(r.BytesSent, p.lookout.done(f)), int64(r.Size))
	}
	return sent, total
}

func (p *progress) line(pending []*following, t tally, now time.Time) string {
	line := fmt.Sprintf("%d of %d items", len(p.all)-len(pending), len(p.all))
	if t.total > 0 {
		line += fmt.Sprintf(", %s of %s", size(t.sent), size(t.total))
	}
	if t.rate > 0 && t.sent < t.total {
		line += fmt.Sprintf(", %s/s, %s left", size(int64(t.rate)), about(float64(t.total-t.sent)/t.rate))
	}
	if len(pending) > 0 {
		line += "; " + p.first(pending, now)
	}
	return line
}

// first is how far the first upload is that has not ended.
func (p *progress) first(pending []*following, now time.Time) string {
	f := pending[0]
	state := f.entry.Result.State
	if state == "" {
		state = upload.StateWaiting
	}
	text := fmt.Sprintf("%s at %s", state, f.item.Account)
	if status, known := p.lookout.look(pending); known {
		if seen := glance(status, now); seen != "" {
			text += ", " + seen
		}
		return text
	}
	if f.entry.Result.Paused {
		text += ", paused"
	}
	return text
}

// rate is bytes per second over the last while.
func (p *progress) rate(now time.Time, sent int64) float64 {
	if n := len(p.samples); n == 0 || now.Sub(p.samples[n-1].at) >= sampleGap {
		p.samples = append(p.samples, sample{now, sent})
	}
	for len(p.samples) > 2 && now.Sub(p.samples[1].at) > rateOver {
		p.samples = p.samples[1:]
	}
	first := p.samples[0]
	if over := now.Sub(first.at).Seconds(); over > 0.5 {
		return float64(sent-first.sent) / over
	}
	return 0
}
