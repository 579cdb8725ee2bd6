package egress

import (
	"net/http"
	"testing"
	"time"
)

// Whatever the other side asks, the wait is one that ends.
func FuzzAWaitIsBounded(f *testing.F) {
	for _, seed := range []string{
		"5", "-5", "0.5", "30s", "NaN", "Inf", "-Inf", "1e308", "0x10", "99999999999", "1772366400", "1772366400000",
		"Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "soon", "",
	} {
		f.Add(seed, "", "Sun, 01 Mar 2026 12:00:00 GMT")
		f.Add("", seed, seed)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, wait, reset, date string) {
		header := http.Header{"Retry-After": {wait}, "X-Ratelimit-Reset": {reset}, "Date": {date}}
		for _, most := range []time.Duration{LongestWait, 24 * time.Hour} {
			for _, got := range []time.Duration{RetryAfterWithin(most, header, now), ThrottledFor(most, header, now)} {
				if got < 0 || got > most {
					t.Errorf("%q, %q at %q: %s", wait, reset, date, got)
				}
			}
		}
		Skew(header, now)
	})
}
