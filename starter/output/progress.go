package output

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/waits"
)

// QuietEvery is how often progress is shown where there is no terminal.
const QuietEvery = 10 * time.Second

// Upload is one of the uploads whose progress is shown.
type Upload struct {
	Account string
	Result  upload.Result  // as the ledger has it
	Status  *upload.Status // as its workflow has last answered; nil where that is not known
	Waiting *waits.Wait    // nil where it waits for nothing that is known
	Limit   int64          // bytes per second that the upload may send; 0: any number
	Ended   bool           // there is nothing left to wait for
}

// Progress shows how far a command's uploads are: in one line that is redrawn on
// a terminal, in a line now and then elsewhere.
type Progress struct {
	canvas
	began time.Time
	last  time.Time
	pace  pace
}

// NewProgress returns a progress line on an output.
func NewProgress(out io.Writer) *Progress {
	now := time.Now()
	return &Progress{canvas: canvasOn(out), began: now, last: now}
}

// Draw shows how far all of a command's uploads are.
func (p *Progress) Draw(all []Upload) { p.drawAt(all, time.Now()) }

func (p *Progress) drawAt(all []Upload, now time.Time) {
	t := tallyOf(all)
	t.rate, t.left = p.pace.note(now, t.sent, t.total)
	t.elapsed = now.Sub(p.began)
	line := progressOf(all, t, now)
	switch {
	case p.terminal:
		p.draw(fitted(p.screen, line))
	case now.Sub(p.last) >= QuietEvery:
		p.last = now
		_, _ = say(p.out, "mediaferry: %s\n", line.plain())
	}
}

// tally is how far all of a command's uploads are together.
type tally struct {
	sent, total int64
	inFlight    int64         // of sent: bytes of parts that are not whole yet
	rate        float64       // bytes per second; 0: not known
	left        time.Duration // until all is sent; 0: not known
	elapsed     time.Duration
}

// tallyOf adds up what has been sent and what there is to send. Of an upload in parts, those
// count that the store has acknowledged to its present session, and what has moved of
// those in flight: what was sent to a session that is gone is no part of the whole.
func tallyOf(all []Upload) (t tally) {
	for _, u := range all {
		r, moved := u.Result, u.Result.BytesSent
		if u.Status != nil && u.Status.Parts > 1 && !u.Ended {
			flying := inFlight(r.BytesSent, *u.Status)
			moved = u.Status.BytesDone + flying
			t.inFlight += flying
		}
		t.total += int64(r.Size)
		t.sent += min(moved, int64(r.Size))
	}
	return t
}

// inFlight is how much has moved of the parts that are being sent: what was sent beyond
// what is accounted for, and no more than these parts hold.
func inFlight(sent int64, s upload.Status) int64 {
	most := int64(s.InFlight) * s.PartSize
	return min(max(sent-s.Result.BytesSent-s.BytesDone, 0), most)
}

// The ranks of what a progress line tells: the lowest is left out last.
const (
	rankTrouble = iota
	rankLeft
	rankCount
	rankSent
	rankRate
	rankState
	rankElapsed
	rankFlying
	rankCause
)

func progressOf(all []Upload, t tally, now time.Time) gauge {
	pending := slices.DeleteFunc(slices.Clone(all), func(u Upload) bool { return u.Ended })
	g := gauge{share: -1, restRank: rankState}
	if len(all) > 1 {
		g.add(rankCount, "%d of %d items", len(all)-len(pending), len(all))
	}
	if t.total > 0 {
		g.share = float64(t.sent) / float64(t.total)
		g.segments = append(g.segments, segment{text: Size(t.sent) + " of " + Size(t.total), short: Size(t.sent) + "/" + Size(t.total), rank: rankSent})
	}
	if t.inFlight > 0 {
		g.add(rankFlying, "%s in flight", Size(t.inFlight))
	}
	if t.rate > 0 && t.sent < t.total {
		g.add(rankRate, "%s/s", Size(int64(t.rate)))
	}
	if t.elapsed >= time.Second {
		g.add(rankElapsed, "%s elapsed", TimeLeft(t.elapsed.Truncate(time.Second).Seconds()))
	}
	if t.left > 0 {
		g.add(rankLeft, "%s left", TimeLeft(t.left.Seconds()))
		g.add(rankCause, "set by %s", pacedBy(pending, t))
	}
	if len(pending) > 0 {
		first := slices.IndexFunc(pending, Upload.troubled)
		g.trouble = first >= 0
		if g.rest = pending[max(first, 0)].line(now); g.trouble {
			g.restRank = rankTrouble
		}
	}
	return g
}

// troubled reports whether an upload waits for something beyond its ordinary course.
func (u Upload) troubled() bool { return u.Waiting != nil && u.Waiting.Trouble() }

// limitShare is from what share of a limit on it sets the pace.
const limitShare = 0.85

// pacedBy names what sets the time left.
func pacedBy(pending []Upload, t tally) string {
	var limit int64
	for _, u := range pending {
		if u.Waiting != nil && u.Waiting.For == upload.ForRate {
			return "a rate limit"
		}
		if u.Waiting != nil && (u.Waiting.For == upload.ForVendor || u.Waiting.For == upload.ForProcessing) {
			return "the vendor"
		}
		limit += u.Limit
	}
	if limit > 0 && t.rate >= limitShare*float64(limit) {
		return "--bwlimit"
	}
	return "the line"
}

// line is how far one upload is that has not ended.
func (u Upload) line(now time.Time) string {
	state := u.Result.State
	if state == "" {
		state = upload.StateWaiting
	}
	words := []string{fmt.Sprintf("%s at %s", state, u.Account)}
	said := u.Waiting == nil && u.Status != nil && u.Status.Paused // which the status says
	if waiting := (Line{Waiting: u.Waiting}).waitingFor(u.Status, now); waiting != "" && !said {
		words = append(words, "waiting for "+waiting)
	}
	switch {
	case u.Status != nil:
		if status := statusWords(*u.Status, now); status != "" {
			words = append(words, status)
		}
	case u.Result.Paused:
		words = append(words, "paused")
	}
	return strings.Join(words, ", ")
}
