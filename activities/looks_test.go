package activities

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/sitoo"
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
			var l looks
			for _, took := range c.took {
				l.learn(took, false)
			}
			require.Equal(t, c.want, l.first(pace, "a"))
		})
	}
}

// processing is a vendor that is never done.
type processing struct{ sitoo.Client }

func (processing) Poll(context.Context, *vendors.Caller, upload.Poll) (upload.Media, error) {
	return upload.Media{State: upload.StateProcessing, Seen: "processing"}, nil
}

// looked is a row of a vendor that is never done, on an account with a rate.
func looked(t *testing.T, rate float64) *packed {
	t.Helper()
	a, _ := metered(t)
	c := &carrier{
		Activities: a, vendor: processing{}, spec: processing{}.Spec(), gate: a.gates.of("sitoo", a.Now), asking: make(chan struct{}, 1),
		cached: &vendors.Caller{Account: vendors.Account{Name: "sitoo", Rate: rate}}, asOf: a.Now().Add(time.Hour),
	}
	r := &packed{carrier: c, item: upload.Item{UploadID: "batch/spring/a"}}
	r.progress.SentAt = a.Now()
	return r
}

// looksOf are how long after its last byte a row is looked at, so many times.
func looksOf(t *testing.T, r *packed, times int) (at []time.Duration) {
	t.Helper()
	for range times {
		require.NoError(t, r.pause(t.Context(), r.due()))
		at = append(at, r.Now().Sub(r.progress.SentAt))
		over, err := r.lookOnce(t.Context())
		require.NoError(t, err)
		require.False(t, over)
	}
	return at
}

func TestLooksKeepTheVendorsPaceHoweverFastTheAccountMayCall(t *testing.T) {
	for name, rate := range map[string]float64{"without a limit": 0, "a hundred a second": 100, "five a second": 5} {
		t.Run(name, func(t *testing.T) {
			r := looked(t, rate)
			r.gate.looks.scouted = r.Now() // another row does that
			r.await(r.cached.Account)
			pace := r.spec.Poll
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
	own := r.spec.Poll.Wait(1, r.item.UploadID)
	r.await(r.cached.Account)
	next := &packed{carrier: r.carrier, item: r.item, progress: r.progress}
	next.await(r.cached.Account)
	require.Equal(t, own, next.due(), "one is enough")

	require.Equal(t, []time.Duration{firstLook, 2 * firstLook, own}, looksOf(t, r, 3), "until the vendor's own first look")
	require.True(t, r.gate.looks.scout(r.Now().Add(2*own), r.spec.Poll), "until another is tried")

	calm := looked(t, 5)
	calm.await(calm.cached.Account)
	require.Equal(t, own, calm.due(), "each call counts")
}

func TestRowsThatWaitAreLookedAtSoonerWhenOthersAreDone(t *testing.T) {
	r := looked(t, 0)
	r.gate.looks.scouted = r.Now()
	r.await(r.cached.Account)
	own := r.due()
	r.gate.looks.learn(320*time.Millisecond, false)
	require.Equal(t, 360*time.Millisecond, r.due())
	require.Less(t, r.due(), own)

	looksOf(t, r, 1)
	next := r.progress.NextLook
	r.gate.looks.learn(time.Millisecond, true)
	r.due()
	require.Equal(t, next, r.progress.NextLook, "what was looked at has its next look")
}
