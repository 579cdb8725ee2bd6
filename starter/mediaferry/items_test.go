package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestASizeThatNobodyLookedAtIsNoZero(t *testing.T) {
	require.Equal(t, "-", known(0))
	require.Equal(t, "1 B", known(1))
}

func TestAMomentByAClockThatIsAheadIsNow(t *testing.T) {
	now := time.Now()
	require.Equal(t, "0s ago", ago(now.Add(3*time.Second), now))
	require.Equal(t, "-", ago(time.Time{}, now))
}
