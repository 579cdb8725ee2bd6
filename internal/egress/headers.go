package egress

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// LongestWait bounds what another side may ask us to wait, so that a slip of its does
// not park an account or an item for good.
const LongestWait = time.Hour

// RetryAfter reads how long the other side asks to wait, in seconds (fractions and 30s
// too) or until an HTTP date, up to LongestWait; 0 where it asks nothing. Some write a
// Unix time. A date is on the other side's clock, so it counts from the answer's own
// Date; from now, on our clock, where that is missing.
func RetryAfter(header http.Header, now time.Time) time.Duration {
	return RetryAfterWithin(LongestWait, header, now)
}

// RetryAfterWithin is RetryAfter up to most, for a side whose windows are known to be
// longer.
func RetryAfterWithin(most time.Duration, header http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if n, err := strconv.ParseFloat(strings.TrimSuffix(value, "s"), 64); err == nil {
		return min(until(n, most, header, now), most)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(dated(header, now)), 0), most)
}

// ThrottledFor reads how long a side that refused a call for its rate asks to wait, up
// to most: by Retry-After, and where that says nothing, by when the window of its limit
// begins anew; 0 where neither does.
func ThrottledFor(most time.Duration, header http.Header, now time.Time) time.Duration {
	if wait := RetryAfterWithin(most, header, now); wait > 0 {
		return wait
	}
	for _, name := range []string{"RateLimit-Reset", "X-RateLimit-Reset", "X-Rate-Limit-Reset"} {
		n, err := strconv.ParseFloat(strings.TrimSpace(header.Get(name)), 64)
		if wait := until(n, most, header, now); err == nil && wait > 0 {
			return min(wait, most)
		}
	}
	return 0
}

// until is the time that a number means: so many seconds, or where it is too large for
// that, until a Unix time, which some write in milliseconds. What is too large for that,
// too, is the longest.
func until(n float64, longest time.Duration, header http.Header, now time.Time) time.Duration {
	const (
		asSeconds      = 1_000_000_000 // a Unix time of 2001
		asMilliseconds = 1_000 * asSeconds
		absurd         = 100 * asMilliseconds
	)
	switch {
	case !(n > 0): // NaN, too
		return 0
	case n < asSeconds:
		return time.Duration(min(n, longest.Seconds()) * float64(time.Second))
	case n >= absurd:
		return longest
	case n >= asMilliseconds:
		n /= 1_000
	}
	return max(time.Unix(int64(n), 0).Sub(dated(header, now)), 0)
}

// dated is when an answer was given, by the clock of whoever gave it; now, by ours,
// where it does not say.
func dated(header http.Header, now time.Time) time.Time {
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		return date
	}
	return now
}

// Skew is how far the other side's clock is ahead of ours, by the Date of its
// answer. Date counts whole seconds, so less than two are taken for none.
func Skew(header http.Header, now time.Time) time.Duration {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0
	}
	skew := date.Sub(now)
	if skew.Abs() < 2*time.Second {
		return 0
	}
	return skew
}
