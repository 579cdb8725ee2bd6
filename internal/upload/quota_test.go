package upload

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhatIsNewlyToldReplacesItsOwnSortOfWindow(t *testing.T) {
	per := func(window time.Duration, n int64) Quota { return Quota{Window: window, Limit: n} }
	minute, day := per(time.Minute, 300), per(24*time.Hour, 10_000)
	for name, c := range map[string]struct{ known, newer, want []Quota }{
		"both":              {[]Quota{minute, day}, []Quota{per(time.Minute, 30), per(24*time.Hour, 50)}, []Quota{per(time.Minute, 30), per(24*time.Hour, 50)}},
		"the pace alone":    {[]Quota{minute, day}, []Quota{per(time.Minute, 600)}, []Quota{per(time.Minute, 600), day}},
		"the count alone":   {[]Quota{minute, day}, []Quota{per(time.Hour, 5)}, []Quota{minute, per(time.Hour, 5)}},
		"another pace":      {[]Quota{minute, day}, []Quota{per(time.Second, 2)}, []Quota{per(time.Second, 2), day}},
		"nothing":           {[]Quota{day, minute}, nil, []Quota{minute, day}},
		"the same":          {[]Quota{minute, day}, []Quota{day, minute}, []Quota{minute, day}},
		"one window twice":  {nil, []Quota{per(time.Minute, 9), per(time.Minute, 3)}, []Quota{per(time.Minute, 3)}},
		"nothing was known": {nil, []Quota{minute}, []Quota{minute}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, Supersede(c.known, c.newer))
		})
	}
	require.InDelta(t, 5, minute.Rate(), 0)
}
