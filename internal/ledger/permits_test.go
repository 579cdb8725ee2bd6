package ledger_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
)

func reserve(t *testing.T, l *ledger.Ledger, p ledger.Permit) time.Duration {
	t.Helper()
	wait, err := l.Reserve(t.Context(), p)
	require.NoError(t, err)
	return wait
}

func TestPermitsComeAtTheirRate(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		p := ledger.Permit{Account: "closient", N: 1, Rate: 5, Burst: 3}
		waits := func(n int) (ms []int64) {
			for range n {
				ms = append(ms, reserve(t, l, p).Milliseconds())
			}
			return ms
		}
		require.Equal(t, []int64{0, 0, 0, 200, 400}, waits(5))
		now.Add(time.Second)
		require.Equal(t, []int64{0, 0, 0, 200}, waits(4), "a second later five are earned, and two of them owed")
		now.Add(time.Hour)
		require.Equal(t, []int64{0, 0, 0, 200}, waits(4), "no more than a burst is saved")

		p.Account = "trustana" // another account has its own
		require.Equal(t, []int64{0, 0, 0, 200}, waits(4))
		p.N = 3
		require.Equal(t, []int64{800}, waits(1), "as many as are asked for")
	})
}

func TestAskedForPauseHoldsForAll(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		other := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		p := ledger.Permit{Account: "closient", N: 1, Rate: 10, Burst: 5}
		slowed := func() time.Duration {
			wait, err := other.Slowed(t.Context(), "closient")
			require.NoError(t, err)
			return wait
		}
		require.Zero(t, slowed())
		require.NoError(t, l.Slow(t.Context(), "closient", 30*time.Second, "it asked for a pause"))
		require.NoError(t, l.Slow(t.Context(), "closient", 10*time.Second, "it asked for a pause"), "the longer one counts")
		require.NoError(t, l.Slow(t.Context(), "closient", -time.Second, "it asked for a pause"))
		require.Equal(t, 30*time.Second, slowed())
		require.Equal(t, 30*time.Second, reserve(t, other, p))
		require.Equal(t, 30*time.Second+100*time.Millisecond, reserve(t, l, p), "without a burst afterwards")
		now.Add(31 * time.Second)
		require.Zero(t, slowed())
		require.Zero(t, reserve(t, l, p))
	})
}

func TestImpossiblePermitsAreRefused(t *testing.T) {
	l := ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{})
	for want, p := range map[string]ledger.Permit{
		"must be at least 1":      {Account: "a"},
		"the burst is 0":          {Account: "a", N: 1, Rate: 1},
		"0 requests at once":      {Account: "a", Rate: 1, Burst: 1},
		"3 requests at once":      {Account: "a", N: 3, Rate: 1, Burst: 2},
		"must be 1 to 2":          {Account: "a", N: 3, Rate: 1, Burst: 2},
		"the rate is -1":          {Account: "a", N: 1, Rate: -1, Burst: 2},
		"reserve requests to abc": {Account: "abc", Rate: 1},
		"the rate is NaN":         {Account: "a", N: 1, Rate: math.NaN(), Burst: 1},
		"the rate is +Inf":        {Account: "a", N: 1, Rate: math.Inf(1), Burst: 1},
		"takes 1e+12 seconds":     {Account: "a", N: 1, Rate: 1e-9, Burst: 1000},
	} {
		_, err := l.Reserve(t.Context(), p)
		require.ErrorContains(t, err, want)
	}
}

// Several processes reserve at once while the clock goes on. Whichever span of
// time one looks at, it never has more requests than the rate and the burst
// allow.
func TestRateIsExactAcrossProcesses(t *testing.T) {
	const processes, hands, rounds = 3, 4, 30
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		random := rand.New(rand.NewPCG(seed, 1))
		p := ledger.Permit{Account: "closient", Rate: 7, Burst: 4}
		var mu sync.Mutex
		var at []time.Time // of each request
		ledgers := make([]*ledger.Ledger, processes)
		for i := range ledgers {
			ledgers[i] = ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		}
		for round := range rounds {
			var all sync.WaitGroup
			for _, l := range ledgers {
				for range hands {
					asked := p
					asked.N = 1 + random.IntN(p.Burst)
					all.Go(func() {
						wait, err := l.Reserve(t.Context(), asked)
						if err != nil {
							t.Error(err)
							return
						}
						mu.Lock()
						defer mu.Unlock()
						for range asked.N {
							at = append(at, now.Now().Add(wait))
						}
					})
				}
			}
			all.Wait()
			// Now and then long enough that a burst is saved up again.
			now.Add(time.Duration(random.IntN(1+round%7*2000)) * time.Millisecond)
		}
		slices.SortFunc(at, time.Time.Compare)
		for i := range at {
			for j := i; j < len(at); j++ {
				n, span := j-i+1, at[j].Sub(at[i])
				if limit := p.Rate*span.Seconds() + float64(p.Burst); float64(n) > limit+1e-6 {
					t.Fatalf("%d requests within %s, want at most %.3f", n, span, limit)
				}
			}
		}
	})
}

// Every permit that waits follows the one before at once: nothing is given away.
func TestNoPermitIsWasted(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		var mu sync.Mutex
		var waits []time.Duration
		var all sync.WaitGroup
		p := ledger.Permit{Account: "closient", N: 1, Rate: 100, Burst: 1}
		for range 3 {
			l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
			for range 50 {
				all.Go(func() {
					wait, err := l.Reserve(t.Context(), p)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					waits = append(waits, wait)
				})
			}
		}
		all.Wait()
		slices.Sort(waits)
		for i, wait := range waits {
			require.Equal(t, time.Duration(i)*10*time.Millisecond, wait)
		}
	})
}

func TestIntervalIsNeverTooShort(t *testing.T) {
	for _, rate := range []float64{0.001, 0.3, 1, 3, 5, 7, 300.0 / 60, 1000.0 / 3, 999_999} {
		ns := ledger.Interval(ledger.Permit{Rate: rate})
		require.GreaterOrEqual(t, float64(ns)*rate, float64(time.Second))
		require.Less(t, float64(ns-1)*rate, float64(time.Second)+rate)
	}
}

// On PostgreSQL it is the server's clock that counts, and hosts need not agree.
func TestServersClockCounts(t *testing.T) {
	l := ledgertest.Open(t, ledgertest.Postgres(t), ledger.Options{})
	p := ledger.Permit{Account: "closient", N: 1, Rate: 0.001, Burst: 2}
	require.Zero(t, reserve(t, l, p))
	require.Zero(t, reserve(t, l, p))
	wait := reserve(t, l, p)
	require.Greater(t, wait, 10*time.Minute)
	require.LessOrEqual(t, wait, 1000*time.Second)
}
