package shard

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/sitoo"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

func TestTheFirstLookIsNotBeforeAMediumCanBeDone(t *testing.T) {
	pace := upload.Schedule{Waits: []time.Duration{5 * time.Second, 2 * time.Second}}
	own := pace.Wait(1, "a")
	for name, c := range map[string]struct {
		took []time.Duration
		want time.Duration
	}{
		"a vendor that nobody knows yet keeps its own pace": {nil, own},
		"a quick one is looked at when most are done":       {[]time.Duration{800 * time.Millisecond}, 900 * time.Millisecond},
		"a slow one keeps its own pace":                     {[]time.Duration{time.Minute}, own},
	} {
		t.Run(name, func(t *testing.T) {
			var l timing
			for _, took := range c.took {
				l.learn(took, false)
			}
			require.Equal(t, c.want, l.first(pace, "a"))
		})
	}
}

// processing is a vendor that is never done.
type processing struct{ sitoo.Client }

func (processing) Poll(context.Context, *wire.Caller, upload.Poll) (upload.Media, error) {
	return upload.Media{State: upload.StateProcessing, Seen: "processing"}, nil
}

// looked is a row of a vendor that is never done, on an account with a rate.
func looked(t *testing.T, rate float64) *row {
	t.Helper()
	s, _ := metered(t)
	c := carrierOf(s, processing{})
	c.cached, c.asOf = &wire.Caller{Account: spec.Account{Name: "sitoo", Rate: rate}}, s.Now().Add(time.Hour)
	r := &row{carrier: c, item: upload.Item{UploadID: "batch/spring/a"}, p: upload.Progress{Next: upload.StepPoll, SentAt: s.Now()}}
	_, err := r.caller(t.Context())
	require.NoError(t, err)
	return r
}

// looksOf are how long after its last byte a row is looked at, so many times.
func looksOf(t *testing.T, r *row, times int) (at []time.Duration) {
	t.Helper()
	for range times {
		require.NoError(t, r.Pause(t.Context(), r.due()))
		at = append(at, r.Now().Sub(r.p.SentAt))
		require.True(t, r.poll(t.Context()))
		require.Equal(t, upload.StepPoll, r.p.Next)
	}
	return at
}

func TestLooksKeepTheVendorsPaceHoweverFastTheAccountMayCall(t *testing.T) {
	for name, rate := range map[string]float64{"without a limit": 0, "a hundred a second": 100, "five a second": 5} {
		t.Run(name, func(t *testing.T) {
			r := looked(t, rate)
			r.limiter.timing.scouted = r.Now() // another row does that
			r.scheduleFirstPoll(r.cached.Account)
			pace := r.spec.Policy.Poll
			var want []time.Duration
			at := time.Duration(0)
			for n := 1; n <= 4; n++ {
				at += pace.Wait(n, r.item.UploadID)
				want = append(want, at)
			}
			require.Equal(t, want, looksOf(t, r, 4))
		})
	}
}

func TestOneRowIsLookedAtEarlyForAllTheOthers(t *testing.T) {
	r := looked(t, 0)
	own := r.spec.Policy.Poll.Wait(1, r.item.UploadID)
	r.scheduleFirstPoll(r.cached.Account)
	next := &row{carrier: r.carrier, item: r.item, p: r.p}
	next.scheduleFirstPoll(r.cached.Account)
	require.Equal(t, own, next.due(), "one is enough")

	require.Equal(t, []time.Duration{firstPoll, 2 * firstPoll, own}, looksOf(t, r, 3), "until the vendor's own first look")
	require.True(t, r.limiter.timing.scout(r.Now().Add(2*own), r.spec.Policy.Poll), "until another is tried")

	calm := looked(t, 5)
	calm.scheduleFirstPoll(calm.cached.Account)
	require.Equal(t, own, calm.due(), "each call counts")
}

func TestRowsThatWaitAreLookedAtSoonerWhenOthersAreDone(t *testing.T) {
	r := looked(t, 0)
	r.limiter.timing.scouted = r.Now()
	r.scheduleFirstPoll(r.cached.Account)
	own := r.due()
	r.limiter.timing.learn(320*time.Millisecond, false)
	require.Equal(t, 360*time.Millisecond, r.due())
	require.Less(t, r.due(), own)

	looksOf(t, r, 1)
	next := r.p.NotBefore
	r.limiter.timing.learn(time.Millisecond, true)
	r.due()
	require.Equal(t, next, r.p.NotBefore, "what was looked at has its next look")
}
