package egress

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// LongestWait bounds what anybody may ask us to wait, so that a slip does not park
// an account for good. The longest window of a vendor is a day.
const LongestWait = 24 * time.Hour

// RetryAfter reads how long the other side asks to wait, in seconds or until an
// HTTP date; 0 where it asks nothing. A date is on the other side's clock, so it
// counts from the answer's own Date; from now, on our clock, where that is
// missing.
func RetryAfter(header http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return time.Duration(min(seconds, int(LongestWait.Seconds()))) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		now = date
	}
	return min(max(at.Sub(now), 0), LongestWait)
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
