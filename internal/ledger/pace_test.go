package ledger_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
)

func slow(t *testing.T, l *ledger.Ledger, wait time.Duration) {
	t.Helper()
	require.NoError(t, l.Slow(t.Context(), "sitoo", wait, "it asked for a pause"))
}

// spacing is how far apart permits are by now, given out one by one; it takes
// two of them.
func spacing(t *testing.T, l *ledger.Ledger, p ledger.Permit) time.Duration {
	t.Helper()
	first := reserve(t, l, p)
	return reserve(t, l, p) - first
}

func TestRefusalsLowerThePace(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		other := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		p := ledger.Permit{Account: "sitoo", N: 1, Rate: 10, Burst: 1}
		require.Equal(t, 100*time.Millisecond, spacing(t, l, p))

		slow(t, l, 0)
		require.Equal(t, 200*time.Millisecond, spacing(t, other, p), "for everybody")
		slow(t, other, 0)
		now.Add(999 * time.Millisecond)
		slow(t, l, 0)
		require.Equal(t, 200*time.Millisecond, spacing(t, l, p), "once a second")
		now.Add(time.Millisecond)
		slow(t, l, 0)
		require.Equal(t, 400*time.Millisecond, spacing(t, l, p))
		for range 10 {
			now.Add(time.Second)
			slow(t, l, 0)
		}
		require.Equal(t, 5*time.Second, spacing(t, l, p), "never below one in five seconds")
		n, err := other.Slowdowns(t.Context(), "sitoo")
		require.NoError(t, err)
		require.EqualValues(t, 14, n)
		n, err = other.Slowdowns(t.Context(), "trustana")
		require.NoError(t, err)
		require.Zero(t, n)
	})
}

func TestPaceRecoversByATenthASecond(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		p := ledger.Permit{Account: "sitoo", N: 1, Rate: 10, Burst: 1}
		reserve(t, l, p)
		slow(t, l, 30*time.Second)
		now.Add(30 * time.Second)
		pace := 5.0
		for range 8 { // 5 · 1.1⁷ is below 10, and 5 · 1.1⁸ above
			require.InDelta(t, float64(time.Second)/pace, float64(spacing(t, l, p)), 2, "while nobody may call nothing recovers")
			now.Add(time.Second)
			pace *= 1.1
		}
		require.Equal(t, 100*time.Millisecond, spacing(t, l, p), "it is dropped at the rate")
		slow(t, l, 0)
		require.Equal(t, 200*time.Millisecond, spacing(t, l, p), "and cut from there again")
	})
}

func TestAnAccountWithoutARateIsPacedByWhatItWasUsedAt(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		p := ledger.Permit{Account: "sitoo", N: 1}
		ahead := ledger.Permit{Account: "sitoo", N: 20}
		for range 3 {
			require.Zero(t, reserve(t, l, p), "there is no limit")
			require.Zero(t, reserve(t, l, ahead))
		}
		now.Add(time.Second)
		require.Zero(t, reserve(t, l, ahead))
		slow(t, l, 0) // 63 in the second before, 20 in this one
		require.Zero(t, reserve(t, l, p), "the first is earned")
		require.InDelta(t, float64(time.Second)/31.5, float64(reserve(t, l, p)), 1)
		require.InDelta(t, float64(time.Second)/31.5*21, float64(reserve(t, l, ahead)), 30, "as many as are asked for")

		now.Add(22 * time.Second) // 31.5 · 1.1²² is above 4 · 63
		require.Zero(t, reserve(t, l, ahead))
		require.Zero(t, reserve(t, l, ahead), "the pace is dropped")
		require.Zero(t, spacing(t, l, p))

		slow(t, l, 5*time.Second)
		now.Add(time.Second)
		require.GreaterOrEqual(t, reserve(t, l, p), 4*time.Second, "a pause is kept, too")
	})
}

func TestAPaceOfManyCutsIsDroppedOnlyAtWhatItWasFirstCutFrom(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		p := ledger.Permit{Account: "sitoo", N: 1}
		reserve(t, l, ledger.Permit{Account: "sitoo", N: 40})
		for range 8 { // to 0.2
			slow(t, l, 0)
			now.Add(time.Second)
		}
		now.Add(60 * time.Second) // 0.2 · 1.1⁶¹ is about 67, below 160
		require.Positive(t, spacing(t, l, p))
		now.Add(10 * time.Second) // and 1.1⁷¹ about 174
		require.Zero(t, spacing(t, l, p))
	})
}

func TestRefusalsOfAnAccountThatNobodyHasCalledOnlyPause(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		slow(t, l, 2*time.Second)
		now.Add(2 * time.Second)
		require.Zero(t, spacing(t, l, ledger.Permit{Account: "sitoo", N: 1}))
	})
}

func TestARateBelowTheSlowestPaceStays(t *testing.T) {
	l := ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{Now: newClock().Now})
	p := ledger.Permit{Account: "sitoo", N: 1, Rate: 0.1, Burst: 1}
	reserve(t, l, p)
	slow(t, l, 0)
	require.Equal(t, 10*time.Second, spacing(t, l, p))
}

// Whatever cuts and recovers the pace meanwhile, no span of time has more requests
// than the rate and the burst allow, from any number of processes.
func TestRateHoldsUnderAnyPace(t *testing.T) {
	const processes, hands, rounds = 3, 3, 40
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		random := rand.New(rand.NewPCG(seed, 1))
		p := ledger.Permit{Account: "sitoo", Rate: 7, Burst: 4}
		var mu sync.Mutex
		var at []time.Time // of each request
		ledgers := make([]*ledger.Ledger, processes)
		for i := range ledgers {
			ledgers[i] = ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		}
		for range rounds {
			var all sync.WaitGroup
			for _, l := range ledgers {
				if random.IntN(5) == 0 {
					wait := time.Duration(random.IntN(1500)) * time.Millisecond
					all.Go(func() {
						if err := l.Slow(t.Context(), "sitoo", wait, "it asked for a pause"); err != nil {
							t.Error(err)
						}
					})
				}
				for range hands {
					asked := p
					asked.N = 1 + random.IntN(p.Burst)
					all.Go(func() {
						wait, err := l.Reserve(t.Context(), asked)
						if err != nil {
							t.Error(err)
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
			now.Add(time.Duration(random.IntN(9000)) * time.Millisecond)
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
