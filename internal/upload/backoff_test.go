package upload

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAPauseGrowsToItsCeilingAndIsShared(t *testing.T) {
	for try, ceiling := range map[int]time.Duration{
		-1: 500 * time.Millisecond, 0: 500 * time.Millisecond, 1: 500 * time.Millisecond, 2: time.Second, 3: 2 * time.Second,
		4: 4 * time.Second, 5: 8 * time.Second, 6: 16 * time.Second, 7: 32 * time.Second, 8: time.Minute, 1000: time.Minute,
	} {
		t.Run(fmt.Sprint("try ", try), func(t *testing.T) {
			var least, most time.Duration = ceiling, 0
			for i := range 300 {
				pause := Backoff(try, fmt.Sprint("upload/", i))
				require.GreaterOrEqual(t, pause, time.Duration(0))
				require.Less(t, pause, ceiling)
				least, most = min(least, pause), max(most, pause)
			}
			require.Less(t, least, ceiling/10, "from nothing")
			require.Greater(t, most, ceiling*9/10, "to all of it")
		})
	}
}

func TestAShareIsTheSameEachTimeAndAnotherForOthers(t *testing.T) {
	seen := map[float64]bool{}
	for seed := range 50 {
		for n := range 50 {
			share := Share(fmt.Sprint(seed), n)
			require.Equal(t, share, Share(fmt.Sprint(seed), n))
			require.GreaterOrEqual(t, share, 0.0)
			require.Less(t, share, 1.0)
			require.False(t, seen[share], "seed %d, %d", seed, n)
			seen[share] = true
		}
	}
}

func TestSharesAreSpreadEvenly(t *testing.T) {
	const buckets, each = 10, 1000
	var count [buckets]int
	for i := range buckets * each {
		count[int(Share(fmt.Sprintf("batch/spring/%d", i), 1)*buckets)]++
	}
	for bucket, n := range count {
		require.InDelta(t, each, n, each/4, "tenth %d", bucket)
	}
}

func TestJitterMovesByAFifthAtMost(t *testing.T) {
	for i := range 500 {
		moved := Jitter(10*time.Second, "seed", i)
		require.GreaterOrEqual(t, moved, 8*time.Second)
		require.LessOrEqual(t, moved, 12*time.Second)
	}
	require.Zero(t, Jitter(0, "seed", 1))
}

func TestAWaitThatWasAskedForIsSpreadUpwardsOnly(t *testing.T) {
	for i := range 500 {
		moved := Spread(10*time.Second, "seed", i)
		require.GreaterOrEqual(t, moved, 10*time.Second)
		require.LessOrEqual(t, moved, 12*time.Second)
		moved = Spread(10*time.Hour, "seed", i)
		require.GreaterOrEqual(t, moved, 10*time.Hour)
		require.LessOrEqual(t, moved, 10*time.Hour+time.Minute)
	}
	require.Zero(t, Spread(0, "seed", 1))
}

func TestAScheduleRepeatsItsLastWait(t *testing.T) {
	s := Schedule{Waits: []time.Duration{5 * time.Second, 2 * time.Second, 30 * time.Second}}
	for n, want := range map[int]time.Duration{-1: 5 * time.Second, 0: 5 * time.Second, 1: 5 * time.Second, 2: 2 * time.Second, 3: 30 * time.Second, 4: 30 * time.Second, 1000: 30 * time.Second} {
		require.InDelta(t, want, s.Wait(n, "seed"), float64(want/5))
		require.Equal(t, s.Wait(n, "seed"), s.Wait(n, "seed"))
	}
	require.Equal(t, time.Second, Schedule{}.Wait(1, "seed"))
}
