package workflows

import (
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

const (
	// inFlight is how many bytes of parts may be in flight at once: as many may
	// have to be sent again after a crash.
	inFlight = 256 << 20
	// widest is how many parts may be in flight, however small.
	widest = 16
	// firstWidth is how many are at first.
	firstWidth = 4
	// gain is by what share more must get through for one more part in flight to
	// be worth it.
	gain = 1.05
	// probeAfter is after how many rounds one more is tried, although the last
	// time it brought nothing: a line may have more to give by then.
	probeAfter = 8
	// kept is how many parts the speed is taken over.
	kept = 16
)

// pace decides how many parts are in flight. It adds one while more gets through
// for it, and halves when the store asks to slow down. All that it knows is in
// the history: when parts were acknowledged, and how long they took.
type pace struct {
	width, most int

	began  time.Time // of this round, which lasts for as many parts as there are in flight
	acks   int
	bytes  int64
	before float64 // bytes per second of the round before
	raised bool    // this round has one part more than the one before
	even   int     // rounds without gain

	cut    time.Time // when it was last halved
	recent []arrival // the last parts, in the order of their arrival
	from   time.Time // when the one before them arrived, or the sending began
	known  float64   // bytes per second that the account took of late
}

type arrival struct {
	at    time.Time
	took  time.Duration
	bytes int64
}

func newPace(terms upload.Terms, plan upload.Plan, now time.Time) *pace {
	most := widest
	if plan.PartSize > 0 {
		most = int(min(max(inFlight/plan.PartSize, 1), widest))
	}
	first := terms.Parallel
	if first <= 0 {
		first = firstWidth
	}
	return &pace{width: min(first, most), most: most, began: now, from: now, known: terms.Rate}
}

// arrived notes that a part was acknowledged.
func (p *pace) arrived(part upload.Part, now time.Time) {
	p.recent = append(p.recent, arrival{at: now, took: part.Took, bytes: part.Size})
	if len(p.recent) > kept {
		p.from, p.recent = p.recent[0].at, p.recent[1:]
	}
	p.acks++
	p.bytes += part.Size
	if p.acks >= p.width {
		p.judge(now)
	}
}

// judge looks at the end of a round whether its width was worth it.
func (p *pace) judge(now time.Time) {
	span := now.Sub(p.began).Seconds()
	rate := float64(p.bytes) / span
	p.began, p.acks, p.bytes = now, 0, 0
	if span <= 0 {
		return
	}
	grew := rate > p.before*gain
	switch {
	case grew && p.width < p.most:
		p.width, p.raised, p.even = p.width+1, true, 0
	case !grew && p.raised: // it brought nothing
		p.width, p.raised = p.width-1, false
	case !grew:
		if p.even++; p.even >= probeAfter && p.width < p.most {
			p.width, p.raised, p.even = p.width+1, true, 0
		}
	default:
		p.raised, p.even = false, 0
	}
	p.before = rate
}

// tooMuch halves the width, because the store said so of a part that began then.
// What was in flight at the time of the last halving says nothing new.
func (p *pace) tooMuch(began, now time.Time) {
	if began.Before(p.cut) {
		return
	}
	p.width, p.raised, p.even = max(p.width/2, 1), false, 0
	p.cut, p.began, p.acks, p.bytes, p.before = now, now, 0, 0, 0
}

// rest begins a round anew: while nothing was sent, nothing was learned.
func (p *pace) rest(now time.Time) {
	if speed := p.speed(); speed > 0 {
		p.known = speed
	}
	p.began, p.from, p.acks, p.bytes, p.recent = now, now, 0, 0, nil
}

// speed is bytes per second over the last parts, or before the first one what the
// account took of late; 0 where neither is known.
func (p *pace) speed() float64 {
	if len(p.recent) == 0 {
		return p.known
	}
	var bytes int64
	for _, one := range p.recent {
		bytes += one.bytes
	}
	span := p.recent[len(p.recent)-1].at.Sub(p.from).Seconds()
	if span <= 0 {
		return p.known
	}
	return float64(bytes) / span
}

// takes is how long one part of a size is likely to take beside the others, with
// a quarter for luck; 0 where nothing is known.
func (p *pace) takes(size int64) time.Duration {
	var bytes int64
	var took time.Duration
	for _, one := range p.recent {
		bytes, took = bytes+one.bytes, took+one.took
	}
	each := float64(bytes) / took.Seconds()
	if took <= 0 {
		each = p.known / float64(p.width)
	}
	if each <= 0 {
		return 0
	}
	return time.Duration(float64(size) / each * 1.25 * float64(time.Second))
}
