package output

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/waits"
)

// QuietEvery is how often progress is shown where there is no terminal.
const QuietEvery = 10 * time.Second

const (
	rateOver  = 20 * time.Second // the time over which a rate is taken, at least
	sampleGap = time.Second      // between two samples for it
)

// Upload is one of the uploads whose progress is shown.
type Upload struct {
	Account string
	Result  upload.Result  // as the ledger has it
	Status  *upload.Status // as its workflow has last answered; nil where that is not known
	Waiting *waits.Wait    // nil where it waits for nothing that is known
	Ended   bool           // there is nothing left to wait for
}

// Progress shows how far a command's uploads are: in one line that is redrawn on
// a terminal, in a line now and then elsewhere.
type Progress struct {
	screen
	out     io.Writer
	drawn   bool
	last    time.Time
	samples []sample
}

type sample struct {
	at   time.Time
	sent int64
}

// NewProgress returns a progress line on an output.
func NewProgress(out io.Writer) *Progress {
	return &Progress{screen: screenOf(out), out: out, last: time.Now()}
}

// Terminal reports whether the line is drawn on a terminal.
func (p *Progress) Terminal() bool { return p.terminal }

// Draw shows how far all of a command's uploads are.
func (p *Progress) Draw(all []Upload) {
	now := time.Now()
	sent, total := sum(all)
	rate := p.rate(now, sent)
	if !p.terminal && now.Sub(p.last) < QuietEvery {
		return
	}
	p.last = now
	line := progressLine(all, tally{sent, total, rate}, now)
	if !p.terminal {
		_, _ = say(p.out, "mediaferry: %s\n", line)
		return
	}
	_, _ = fmt.Fprintf(p.out, "\r\x1b[K%s", p.fit(line))
	p.drawn = true
}

// Clear takes the line away, so that something else can be written.
func (p *Progress) Clear() {
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

// sum adds up what has been sent and what there is to send. Of an upload in parts, those
// count that the store has acknowledged to its present session, and what has moved of
// those in flight: what was sent to a session that is gone is no part of the whole.
func sum(all []Upload) (sent, total int64) {
	for _, u := range all {
		r, moved := u.Result, u.Result.BytesSent
		if u.Status != nil && u.Status.Parts > 1 && !u.Ended {
			moved = u.Status.BytesDone + inFlight(r.BytesSent, *u.Status)
		}
		total += int64(r.Size)
		sent += min(moved, int64(r.Size))
	}
	return sent, total
}

// inFlight is how much has moved of the parts that are being sent: what was sent beyond
// what is accounted for, and no more than these parts hold.
func inFlight(sent int64, s upload.Status) int64 {
	most := int64(s.InFlight) * s.PartSize
	return min(max(sent-s.Result.BytesSent-s.BytesDone, 0), most)
}

func progressLine(all []Upload, t tally, now time.Time) string {
	pending := slices.DeleteFunc(slices.Clone(all), func(u Upload) bool { return u.Ended })
	line := fmt.Sprintf("%d of %d items", len(all)-len(pending), len(all))
	if t.total > 0 {
		line += fmt.Sprintf(", %s of %s", Size(t.sent), Size(t.total))
	}
	if t.rate > 0 && t.sent < t.total {
		line += fmt.Sprintf(", %s/s, %s left", Size(int64(t.rate)), TimeLeft(float64(t.total-t.sent)/t.rate))
	}
	if len(pending) > 0 {
		line += "; " + pending[0].line(now)
	}
	return line
}

// line is how far one upload is that has not ended.
func (u Upload) line(now time.Time) string {
	state := u.Result.State
	if state == "" {
		state = upload.StateWaiting
	}
	text := fmt.Sprintf("%s at %s", state, u.Account)
	switch {
	case u.Status != nil:
		if words := statusWords(*u.Status, now); words != "" {
			text += ", " + words
		}
	case u.Result.Paused:
		text += ", paused"
	}
	if u.Waiting == nil && u.Status != nil && u.Status.Paused { // which it says
		return text
	}
	if words := (Line{Waiting: u.Waiting}).waitingFor(u.Status, now); words != "" {
		text += ", waiting for " + words
	}
	return text
}

// rate is bytes per second over the last while.
func (p *Progress) rate(now time.Time, sent int64) float64 {
	if n := len(p.samples); n == 0 || now.Sub(p.samples[n-1].at) >= sampleGap {
		p.samples = append(p.samples, sample{now, sent})
	}
	for len(p.samples) > 2 && now.Sub(p.samples[1].at) > rateOver {
		p.samples = p.samples[1:]
	}
	first := p.samples[0]
	if over := now.Sub(first.at).Seconds(); over > 0.5 && sent >= first.sent { // fewer: it started over
		return float64(sent-first.sent) / over
	}
	return 0
}
