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

// RetryAfter reads how long the other side asks to wait, in seconds (fractions too)
// or until an HTTP date, up to LongestWait; 0 where it asks nothing. A date is on the
// other side's clock, so it counts from the answer's own Date; from now, on our clock,
// where that is missing.
func RetryAfter(header http.Header, now time.Time) time.Duration {
	return RetryAfterWithin(LongestWait, header, now)
}

// RetryAfterWithin is RetryAfter up to most, for a side whose windows are known to be
// longer.
func RetryAfterWithin(most time.Duration, header http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds > 0 {
		return time.Duration(min(seconds, most.Seconds()) * float64(time.Second))
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		now = date
	}
	return min(max(at.Sub(now), 0), most)
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
