package flow

import (
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Aside decides about a call that an item's steps need, and that has no progress of
// its own: a look at the source, one part of many, URLs for parts. past is what its
// attempts leave to each other, and n how often it has failed by now. GoOn leaves the
// failure to whoever needs the call.
func (f Flow) Aside(e *upload.Error, past *upload.Heartbeat, n int, now time.Time) Verdict {
	since := failing(past, e, now)
	switch {
	case e.Kind != upload.KindUnavailable, e.Then == "":
	case e.Lingers() && now.Sub(since) >= upload.StrangeFor, !e.Lingers() && past.Again:
		becomes(e)
	default:
		past.Again = !e.Lingers()
	}
	switch e.Kind {
	case upload.KindThrottled:
		return Verdict{Repeat, Slow(e.RetryAfter, f.Seed, n)}
	case upload.KindDenied:
		return Verdict{Then: Hold}
	case upload.KindUnavailable:
		if now.Sub(since) < f.Patience {
			return Verdict{Repeat, max(upload.Backoff(n, f.Seed), e.RetryAfter, leastRest)}
		}
	}
	return Verdict{Then: GoOn}
}

// failing takes note of the failure of an attempt, and returns since when attempts have
// failed like this.
func failing(past *upload.Heartbeat, e *upload.Error, now time.Time) time.Time {
	if e.Kind != upload.KindUnavailable {
		past.Away, past.Strange = time.Time{}, time.Time{}
		return now
	}
	if past.Away.IsZero() {
		past.Away = now
	}
	if !e.Lingers() {
		past.Strange = time.Time{}
		return past.Away
	}
	if past.Strange.IsZero() {
		past.Strange = now
	}
	return past.Strange
}

// leastRest is the least time between two calls of which the first got no answer.
const leastRest = 200 * time.Millisecond
