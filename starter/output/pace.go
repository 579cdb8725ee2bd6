package output

import "time"

const (
	rateLeast  = 20 * time.Second // the time over which a rate is taken, at least
	rateMost   = 2 * time.Minute  // and at most
	sampleGap  = time.Second      // between two samples for it
	settleTime = 5 * time.Second  // before which no rate is told
	smoothing  = 15 * time.Second // in which a new estimate replaces most of an old one
)

// pace is how fast bytes move, and when they will all have. The rate is taken over half
// the time that has passed, so that a line that comes and goes does not move it, and one
// that has changed for good does.
type pace struct {
	samples []sample
	ends    time.Time // as it is estimated; zero: not known
	at      time.Time // when it was
}

type sample struct {
	at   time.Time
	sent int64
}

// note takes what has been sent of a total, and returns bytes per second and the time that
// the rest takes; 0 where they are not known.
func (p *pace) note(now time.Time, sent, total int64) (rate float64, left time.Duration) {
	if n := len(p.samples); n > 0 && sent < p.samples[n-1].sent { // it started over
		*p = pace{}
	}
	if n := len(p.samples); n == 0 || now.Sub(p.samples[n-1].at) >= sampleGap {
		p.samples = append(p.samples, sample{now, sent})
	}
	began := p.samples[0].at
	window := min(max(now.Sub(began)/2, rateLeast), rateMost)
	from := p.samples[0]
	for _, s := range p.samples {
		if now.Sub(s.at) < window {
			break
		}
		from = s
	}
	p.forget(now)
	over := now.Sub(from.at)
	if over < settleTime || sent <= from.sent {
		p.ends = time.Time{}
		return 0, 0
	}
	rate = float64(sent-from.sent) / over.Seconds()
	if sent >= total {
		return rate, 0
	}
	return rate, p.smooth(now, time.Duration(float64(total-sent)/rate*float64(time.Second)))
}

// forget drops samples that no window reaches any more.
func (p *pace) forget(now time.Time) {
	for len(p.samples) > 2 && now.Sub(p.samples[1].at) > rateMost {
		p.samples = p.samples[1:]
	}
}

// smooth lets the estimated end move towards a new one instead of jumping there.
func (p *pace) smooth(now time.Time, left time.Duration) time.Duration {
	end := now.Add(left)
	if !p.ends.IsZero() {
		share := min(now.Sub(p.at).Seconds()/smoothing.Seconds(), 1)
		end = p.ends.Add(time.Duration(float64(end.Sub(p.ends)) * share))
	}
	p.ends, p.at = end, now
	return max(end.Sub(now), 0)
}
