package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// line is a store that takes so many bytes per second: of one part, and of all
// together.
type line struct {
	p         *pace
	now       time.Time
	part      int64
	each, all float64
}

func newLine(p *pace, part int64, each, all float64) *line {
	return &line{p: p, now: noon, part: part, each: each, all: all}
}

// rounds lets as many parts arrive as there are in flight, so often.
func (l *line) rounds(n int) {
	for range n {
		width := l.p.width
		rate := min(l.each*float64(width), l.all)
		step := time.Duration(float64(l.part) / rate * float64(time.Second))
		for range width {
			l.now = l.now.Add(step)
			l.p.arrived(upload.Part{Size: l.part, Took: step * time.Duration(width)}, l.now)
		}
	}
}

func planOf(part int64) upload.Plan { return upload.Plan{Size: part * 120, PartSize: part, Parts: 120} }

func TestAtMostAQuarterOfAGigabyteIsInFlight(t *testing.T) {
	for _, c := range []struct {
		part        int64
		first, most int
	}{
		{5 << 20, 4, 16}, {16 << 20, 4, 16}, {32 << 20, 4, 8}, {64 << 20, 4, 4}, {100 << 20, 2, 2}, {200 << 20, 1, 1}, {600_000_000, 1, 1},
	} {
		p := newPace(upload.Terms{Parallel: 4}, planOf(c.part), noon)
		require.Equal(t, c.first, p.width, "parts of %d bytes", c.part)
		require.Equal(t, c.most, p.most)
		require.LessOrEqual(t, int64(p.most)*c.part, max(int64(inFlight), c.part))
	}
	require.Equal(t, firstWidth, newPace(upload.Terms{}, planOf(5<<20), noon).width, "claims of old say nothing")
}

func TestThePaceWidensWhileMoreGetsThrough(t *testing.T) {
	p := newPace(upload.Terms{Parallel: 4}, planOf(10<<20), noon)
	l := newLine(p, 10<<20, 10<<20, 1<<40)
	l.rounds(30)
	require.Equal(t, 16, p.width, "each part brings its own share")

	p = newPace(upload.Terms{Parallel: 4}, planOf(10<<20), noon)
	l = newLine(p, 10<<20, 10<<20, 60<<20)
	l.rounds(40)
	require.InDelta(t, 6, p.width, 1, "more than six bring nothing")
	require.InDelta(t, 60<<20, p.speed(), 6<<20)

	l.all = 120 << 20 // the line gives more at night
	l.rounds(200)
	require.GreaterOrEqual(t, p.width, 10)
}

func TestThePaceHalvesOnceForAllThatWereInFlight(t *testing.T) {
	p := newPace(upload.Terms{Parallel: 4}, planOf(10<<20), noon)
	p.width = 16
	for range 16 {
		p.tooMuch(noon, noon.Add(time.Minute))
	}
	require.Equal(t, 8, p.width)
	p.tooMuch(noon.Add(2*time.Minute), noon.Add(3*time.Minute))
	require.Equal(t, 4, p.width)
	for minute := range 5 {
		p.tooMuch(noon.Add(time.Duration(2*minute+4)*time.Minute), noon.Add(time.Duration(2*minute+5)*time.Minute))
	}
	require.Equal(t, 1, p.width, "one at least")
	l := newLine(p, 10<<20, 10<<20, 1<<40)
	l.now = noon.Add(time.Hour)
	l.rounds(40)
	require.Greater(t, p.width, 8, "it recovers by and by")
}

func TestWhatAPartTakesIsKnownFromThoseBefore(t *testing.T) {
	p := newPace(upload.Terms{Parallel: 4}, planOf(10<<20), noon)
	require.Zero(t, p.takes(10<<20), "nothing is known")
	require.Zero(t, p.speed())
	p = newPace(upload.Terms{Parallel: 4, Rate: 4 << 20}, planOf(10<<20), noon)
	require.Equal(t, 12500*time.Millisecond, p.takes(10<<20), "a quarter of the account's rate, and a quarter for luck")
	require.InDelta(t, 4<<20, p.speed(), 1)
	p.arrived(upload.Part{Size: 10 << 20, Took: 10 * time.Second}, noon.Add(10*time.Second))
	require.Equal(t, 12500*time.Millisecond, p.takes(10<<20))
	require.Equal(t, 6250*time.Millisecond, p.takes(5<<20))
	require.InDelta(t, 1<<20, p.speed(), 1)
	p.rest(noon.Add(time.Hour))
	require.InDelta(t, 1<<20, p.speed(), 1, "a pause says nothing about the line")
}

func TestPartsThatTookNoTimeTeachNothing(t *testing.T) {
	p := newPace(upload.Terms{Parallel: 4}, planOf(10<<20), noon)
	for range 40 {
		p.arrived(upload.Part{Size: 10 << 20}, noon)
	}
	require.Equal(t, 4, p.width)
	require.Zero(t, p.speed())
	require.Zero(t, p.takes(10<<20))
}
