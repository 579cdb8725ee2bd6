package egress

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhoIsThrottledReadsWhenTheWindowBeginsAnew(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(after time.Duration) int64 { return now.Add(after).Unix() }
	for _, c := range []struct {
		name, retry, reset, legacy string
		want                       time.Duration
	}{
		{"not at all", "", "", "", 0},
		{"in seconds", "", "30", "", 30 * time.Second},
		{"in a fraction of seconds", "", "0.5", "", 500 * time.Millisecond},
		{"in seconds, under the old name", "", "", "30", 30 * time.Second},
		{"under both names", "", "30", fmt.Sprint(at(time.Minute)), 30 * time.Second},
		{"at a Unix time", "", "", fmt.Sprint(at(time.Minute)), time.Minute},
		{"at a Unix time in milliseconds", "", "", fmt.Sprint(at(time.Minute) * 1000), time.Minute},
		{"at a Unix time with a fraction", "", "", fmt.Sprint(at(time.Minute)) + ".25", time.Minute},
		{"at a Unix time under the new name", "", fmt.Sprint(at(time.Minute)), "", time.Minute},
		{"at a Unix time that has passed", "", "", fmt.Sprint(at(-time.Minute)), 0},
		{"in more than an hour", "", "86400", "", time.Hour},
		{"Retry-After comes first", "7", "30", "60", 7 * time.Second},
		{"and where it says nothing, the window", "0", "30", "", 30 * time.Second},
		{"and where it cannot be read", "soon", "30", "", 30 * time.Second},
		{"in no number", "", "NaN", "none", 0},
		{"in numbers that are none", "", "-3", "0", 0},
		{"in a number without end", "", "-3", "1e300", time.Hour},
		{"in words", "", "soon", "2026-03-01", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			header := http.Header{"Retry-After": {c.retry}, "Ratelimit-Reset": {c.reset}, "X-Ratelimit-Reset": {c.legacy}}
			require.Equal(t, c.want, ThrottledFor(LongestWait, header, now))
			header.Set("Date", now.Format(http.TimeFormat))
			require.Equal(t, c.want, ThrottledFor(LongestWait, header, now.Add(time.Hour)), "by the clock of whoever answers")
		})
	}
}

func TestTheNameOfTheResetIsReadInThreeSpellings(t *testing.T) {
	for _, name := range []string{"ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset"} {
		header := http.Header{}
		header.Set(name, "30")
		require.Equal(t, 30*time.Second, ThrottledFor(LongestWait, header, time.Now()), name)
	}
}

func TestAWaitUntilADateCountsFromTheAnswersOwn(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(after time.Duration) string { return now.Add(after).Format(http.TimeFormat) }
	for _, c := range []struct {
		name, until, date string
		want              time.Duration
	}{
		{"by a clock like ours", at(9 * time.Second), at(0), 9 * time.Second},
		{"by a clock that is ahead", at(time.Hour + 9*time.Second), at(time.Hour), 9 * time.Second},
		{"by a clock that is behind", at(-time.Hour + 9*time.Second), at(-time.Hour), 9 * time.Second},
		{"by ours where it has none", at(9 * time.Second), "", 9 * time.Second},
		{"by ours where it has none to be read", at(9 * time.Second), "today", 9 * time.Second},
		{"which is over by its own word", at(0), at(time.Hour), 0},
		{"which is years ahead", at(100_000 * time.Hour), at(0), time.Hour},
		{"in seconds, whatever the clock", "7", at(time.Hour), 7 * time.Second},
		{"in a fraction of seconds", "1.5", at(0), 1500 * time.Millisecond},
		{"in seconds that say so", "7s", at(time.Hour), 7 * time.Second},
		{"until a Unix time", fmt.Sprint(now.Add(9 * time.Second).Unix()), at(0), 9 * time.Second},
		{"until a Unix time, by a clock that is ahead", fmt.Sprint(now.Add(time.Hour + 9*time.Second).Unix()), at(time.Hour), 9 * time.Second},
		{"until a Unix time that has passed", fmt.Sprint(now.Add(-time.Hour).Unix()), at(0), 0},
		{"in seconds that are many", "999999999", at(0), time.Hour},
		{"in seconds without end", "1e30", at(0), time.Hour},
		{"in no number", "NaN", at(0), 0},
		{"in seconds that are none", "-7", at(0), 0},
		{"in words", "soon", at(0), 0},
		{"not at all", "", at(0), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, RetryAfter(http.Header{"Retry-After": {c.until}, "Date": {c.date}}, now))
		})
	}
}
