package egress

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

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
