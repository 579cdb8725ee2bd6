package transfer

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRatesAreReadAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]int64{
		"off": 0, "1": 1, "512k": 512_000, "10M": 10_000_000, "1.5Gi": 1_610_612_736, "2MiB": 2 << 20, "3mb": 3_000_000,
	} {
		got, err := ParseRate(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "fast", "-1", "0", "10X", "1e9999", "M"} {
		_, err := ParseRate(text)
		require.ErrorContains(t, err, "use for example", text)
	}
}

func TestATimetableHoldsByTimeOfDay(t *testing.T) {
	table, err := ParseTimetable("19:30,10M 08:00,512k 23:00,off")
	require.NoError(t, err)
	require.Equal(t, "08:00,512000 19:30,10000000 23:00,off", table.String())
	for clock, want := range map[string]int64{
		"07:59": 0, "08:00": 512_000, "19:29": 512_000, "19:30": 10_000_000, "23:30": 0, "00:00": 0,
	} {
		at, err := time.Parse("15:04", clock)
		require.NoError(t, err)
		require.Equal(t, want, table.At(at), clock)
	}
	for _, text := range []string{"8,1M 9,2M", "25:00,1M x", "08:00,fast 9:00,1M", "08:00 1M"} {
		_, err := ParseTimetable(text)
		require.Error(t, err, text)
	}
	none, err := ParseTimetable("")
	require.NoError(t, err)
	require.EqualValues(t, 0, none.At(time.Now()))
}

func TestBandwidthIsKeptAndMayChangeUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBandwidth(Timetable{{Rate: 1_000_000}}, time.Now)
		start := time.Now()
		for range 40 {
			require.NoError(t, b.Wait(t.Context(), 100_000))
		}
		require.InDelta(t, 4, time.Since(start).Seconds(), 0.3, "four megabytes at one a second, but for the first burst")

		b.Set(Timetable{{Rate: 4_000_000}})
		start = time.Now()
		for range 40 {
			require.NoError(t, b.Wait(t.Context(), 100_000))
		}
		require.InDelta(t, 1, time.Since(start).Seconds(), 0.1)

		b.Set(nil)
		start = time.Now()
		require.NoError(t, b.Wait(t.Context(), 1<<30))
		require.Zero(t, time.Since(start))
	})
	require.NoError(t, (*Bandwidth)(nil).Wait(t.Context(), 1))
}

func TestASlowRateIsSharedFairlyAndHasNoLargeBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBandwidth(Timetable{{Rate: 30_000}}, time.Now)
		start := time.Now()
		require.NoError(t, b.Wait(t.Context(), 30_000))
		require.InDelta(t, 1, time.Since(start).Seconds(), 0.2, "an idle line has saved up little")

		ctx, cancel := context.WithCancel(t.Context())
		var sent [4]int
		var all sync.WaitGroup
		for i := range sent {
			piece := 64 << 10 >> i // as they are read
			all.Go(func() {
				for b.Wait(ctx, piece) == nil {
					sent[i] += piece
				}
			})
		}
		time.Sleep(100 * time.Second)
		cancel()
		all.Wait()
		sum := 0
		for _, one := range sent {
			sum += one
			require.InDelta(t, 750_000, one, 80_000)
		}
		require.InDelta(t, 3_000_000, sum, 150_000)
	})
}

func TestARateMayChangeWhileSomebodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBandwidth(Timetable{{Rate: 10_000_000}}, time.Now)
		start, ended := time.Now(), make(chan error, 1)
		go func() { ended <- b.Wait(t.Context(), 20_000_000) }()
		time.Sleep(time.Second)
		b.Set(Timetable{{Rate: 1_000_000}})
		require.NoError(t, <-ended)
		require.InDelta(t, 11, time.Since(start).Seconds(), 0.5)
	})
}
