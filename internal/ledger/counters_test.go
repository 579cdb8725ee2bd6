package ledger_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
)

func TestCounterCountsFromItsFirstUse(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		c := ledger.Counter{Account: "closient", Name: "day", Window: 24 * time.Hour, Limit: 10, N: 4}
		count := func(n int64) (bool, time.Time) {
			asked := c
			asked.N = n
			ok, resets, err := l.Count(t.Context(), asked)
			require.NoError(t, err)
			return ok, resets
		}
		counted := func() (int64, time.Time) {
			used, resets, err := l.Counted(t.Context(), c)
			require.NoError(t, err)
			return used, resets
		}
		used, resets := counted()
		require.Zero(t, used)
		require.Zero(t, resets)

		ok, resets := count(4)
		require.True(t, ok)
		require.Equal(t, noon.Add(24*time.Hour), resets)
		now.Add(time.Hour)
		ok, resets = count(7)
		require.False(t, ok, "seven do not fit to four of ten")
		require.Equal(t, noon.Add(24*time.Hour), resets)
		ok, _ = count(6)
		require.True(t, ok, "what did not fit was not taken")
		ok, _ = count(1)
		require.False(t, ok)
		used, resets = counted()
		require.EqualValues(t, 10, used)
		require.Equal(t, noon.Add(24*time.Hour), resets)

		now.Add(23 * time.Hour)
		used, _ = counted()
		require.Zero(t, used)
		ok, resets = count(10)
		require.True(t, ok, "the next window begins with its own first use")
		require.Equal(t, noon.Add(48*time.Hour), resets)
	})
}

func TestCounterSurvivesARestart(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		c := ledger.Counter{Account: "closient", Name: "day", Window: 24 * time.Hour, Limit: 10, N: 10}
		for _, want := range []bool{true, false} {
			l, err := ledger.Open(t.Context(), ledger.Options{URL: url, Sealer: ledgertest.NewSealer(t)})
			require.NoError(t, err)
			ok, _, err := l.Count(t.Context(), c)
			require.NoError(t, err)
			require.Equal(t, want, ok)
			require.NoError(t, l.Close())
		}
	})
}

func TestCounterIsExactAcrossProcesses(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		c := ledger.Counter{Account: "closient", Name: "day", Window: 24 * time.Hour, Limit: 100, N: 3}
		var taken atomic.Int64
		var all sync.WaitGroup
		for range 3 {
			l := ledgertest.Open(t, url, ledger.Options{})
			for range 20 {
				all.Go(func() {
					ok, _, err := l.Count(t.Context(), c)
					if err != nil {
						t.Error(err)
					}
					if ok {
						taken.Add(c.N)
					}
				})
			}
		}
		all.Wait()
		require.EqualValues(t, 99, taken.Load())
	})
}

func TestImpossibleCountersAreRefused(t *testing.T) {
	l := ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{})
	for want, c := range map[string]ledger.Counter{
		"a window of 0s":                 {Name: "day", Limit: 1, N: 1},
		"a limit of 0":                   {Name: "day", Window: time.Hour, N: 1},
		"was asked for 0":                {Name: "day", Window: time.Hour, Limit: 1},
		"was asked for 2, which must be": {Name: "day", Window: time.Hour, Limit: 1, N: 2},
	} {
		_, _, err := l.Count(t.Context(), c)
		require.ErrorContains(t, err, want)
	}
}
