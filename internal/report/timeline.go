package report

import (
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// mostBars is how many bars a time line has at most: enough to see stalls, and
// few enough for a phone.
const mostBars = 72

// barWidths are the stretches of time that a bar may stand for. The ledger
// counts in stretches of ten seconds.
var barWidths = []time.Duration{
	10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// timeLine is how many rows ended, and when.
type timeLine struct {
	Start, End time.Time
	Width      time.Duration
	Bars       []bar
	// Peak is the most rows that ended within one bar.
	Peak int64
}

// bar is one stretch of time.
type bar struct {
	At            time.Time
	Ready, Others int64
	Bytes         int64

	// X, Y and the heights are in hundredths of the drawing.
	X, Wide             float64
	ReadyTop, ReadyHigh float64
	OtherTop, OtherHigh float64
}

func newTimeLine(ticks []ledger.Tick) timeLine {
	var l timeLine
	for _, tick := range ticks {
		if l.Start.IsZero() || tick.At.Before(l.Start) {
			l.Start = tick.At
		}
		if tick.At.After(l.End) {
			l.End = tick.At
		}
	}
	if l.Start.IsZero() {
		return l
	}
	l.Width = barWidth(l.End.Sub(l.Start))
	l.Start = l.Start.Truncate(l.Width)
	l.Bars = make([]bar, int(l.End.Sub(l.Start)/l.Width)+1)
	for i := range l.Bars {
		l.Bars[i].At = l.Start.Add(time.Duration(i) * l.Width)
	}
	for _, tick := range ticks {
		one := &l.Bars[int(tick.At.Sub(l.Start)/l.Width)]
		one.Bytes += tick.Bytes
		if tick.State == upload.StateReady {
			one.Ready += tick.Rows
		} else {
			one.Others += tick.Rows
		}
		l.Peak = max(l.Peak, one.Ready+one.Others)
	}
	l.End = l.End.Add(l.Width)
	l.draw()
	return l
}

func barWidth(over time.Duration) time.Duration {
	for _, width := range barWidths {
		if over/width < mostBars {
			return width
		}
	}
	day := barWidths[len(barWidths)-1]
	return (over/mostBars/day + 1) * day
}

// draw gives each bar its place.
func (l *timeLine) draw() {
	step := 100 / float64(len(l.Bars))
	for i := range l.Bars {
		b := &l.Bars[i]
		b.X, b.Wide = step*float64(i)+step*0.08, step*0.84
		if l.Peak > 0 {
			b.ReadyHigh = float64(b.Ready) * 100 / float64(l.Peak)
			b.OtherHigh = float64(b.Others) * 100 / float64(l.Peak)
		}
		b.ReadyTop = 100 - b.ReadyHigh
		b.OtherTop = b.ReadyTop - b.OtherHigh
	}
}

// Wide is how wide the drawing may be, in the size of its letters: a few bars
// over a whole page look like more than they are.
func (l timeLine) Wide() int { return 20 + 4*len(l.Bars) }

// PeakRate is the most rows that ended in a second, over one bar.
func (l timeLine) PeakRate() float64 {
	if l.Width == 0 {
		return 0
	}
	return float64(l.Peak) / l.Width.Seconds()
}
