package upload

import (
	"hash/fnv"
	"time"
)

// Pauses between tries of one step.
const (
	backoffBase = 500 * time.Millisecond
	backoffCap  = time.Minute
)

// Backoff is how long to wait after the try-th failure of something: doubling
// from half a second to a minute, of which a random share is taken (full
// jitter). The share depends on seed and try alone, so that a replayed workflow
// waits as long as the first time.
func Backoff(try int, seed string) time.Duration {
	ceiling := backoffCap
	if shift := try - 1; shift < 7 {
		ceiling = min(backoffBase<<max(shift, 0), backoffCap)
	}
	return time.Duration(Share(seed, try) * float64(ceiling))
}

// Jitter moves d by up to a fifth of it, up or down.
func Jitter(d time.Duration, seed string, n int) time.Duration {
	return d + time.Duration((Share(seed, n)-0.5)*0.4*float64(d))
}

// Spread moves d later by up to a fifth of it, or a minute where that is less,
// and never earlier: for a wait that somebody asked for.
func Spread(d time.Duration, seed string, n int) time.Duration {
	return d + time.Duration(Share(seed, n)*float64(min(d/5, time.Minute)))
}

// Share is a number between 0 and 1 that seed and n determine.
func Share(seed string, n int) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(seed)) // a hash never fails
	_, _ = h.Write([]byte{byte(n), byte(n >> 8), byte(n >> 16)})
	// FNV leaves neighbours near each other; one round of a 64-bit finaliser spreads them.
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11) / float64(1<<53)
}

// Schedule says when to look at something that takes its time.
type Schedule struct {
	Waits    []time.Duration // before the first look, the second, …; the last one repeats
	Deadline time.Duration   // after which one last look decides
}

// Wait returns the pause before the n-th look, from 1, moved a little so that
// many items do not look at once.
func (s Schedule) Wait(n int, seed string) time.Duration {
	if len(s.Waits) == 0 {
		return time.Second
	}
	return Jitter(s.Waits[min(max(n, 1), len(s.Waits))-1], seed, n)
}
