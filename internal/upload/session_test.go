package upload

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhatIsSpent(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name             string
		left, life, need time.Duration
		want             bool
	}{
		{"a long life with a minute and a second left", 61 * time.Second, time.Hour, 0, false},
		{"a long life with a minute left", time.Minute, time.Hour, 0, false},
		{"a long life with less left", time.Minute - 1, time.Hour, 0, true},
		{"a short life with a fifth left", 20 * time.Second, 100 * time.Second, 0, false},
		{"a short life with less left", 20*time.Second - 1, 100 * time.Second, 0, true},
		{"five minutes, a fifth of which is a minute", time.Minute, 5 * time.Minute, 0, false},
		{"a life that nobody knows, with a minute left", time.Minute, 0, 0, false},
		{"a life that nobody knows, with less left", time.Minute - 1, 0, 0, true},
		{"what is needed is left", 10 * time.Minute, time.Hour, 10 * time.Minute, false},
		{"less than is needed is left", 10*time.Minute - 1, time.Hour, 10 * time.Minute, true},
		{"more than is needed, but less than the reserve", 30 * time.Second, time.Hour, 10 * time.Second, true},
		{"nothing is left", 0, time.Hour, 0, true},
		{"it is over", -time.Hour, time.Hour, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, Spent(now, now.Add(c.left), c.life, c.need))
		})
	}
	require.False(t, Spent(now, time.Time{}, time.Second, time.Hour), "what does not end")
}
