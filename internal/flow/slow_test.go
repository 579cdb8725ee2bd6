package flow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/flow"
)

func TestWhoIsThrottledNeverWaitsLessThanAsked(t *testing.T) {
	for n := range 500 {
		for _, asked := range []time.Duration{time.Second, 7 * time.Second, time.Hour} {
			wait := flow.Slow(asked, "seed", n)
			require.GreaterOrEqual(t, wait, asked)
			require.LessOrEqual(t, wait, asked+asked/5)
		}
		require.GreaterOrEqual(t, flow.Slow(time.Millisecond, "seed", n), time.Second, "our own metering asks for no less")
	}
}

func TestWhoIsThrottledWithoutAWordWaitsLongerEachTime(t *testing.T) {
	most := func(n int) (most time.Duration) {
		for _, seed := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"} {
			wait := flow.Slow(0, seed, n)
			require.GreaterOrEqual(t, wait, time.Second)
			require.LessOrEqual(t, wait, time.Minute)
			most = max(most, wait)
		}
		return most
	}
	require.Equal(t, time.Second, most(1))
	require.Greater(t, most(4), 2*time.Second)
	require.Greater(t, most(8), 15*time.Second)
	require.Greater(t, most(1000), 15*time.Second)
}
