package activities

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/upload"
	"github.com/mediaferry/mediaferry/vendors"
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
type processing struct{ vendors.Sitoo }

func (processing) Poll(context.Context, *vendors.Caller, upload.Poll) (upload.Media, error) {
	return upload.Media{State: upload.StateProcessing, Seen: "processing"}, nil
}

func TestLooksKeepTheVendorsPaceHoweverFastTheAccountMayCall(t *testing.T) {
	for name, rate := range map[string]float64{"without a limit": 0, "a hundred a second": 100, "five a second": 5} {
		t.Run(name, func(t *testing.T) {
			a, _ := metered(t)
			spec := processing{}.Spec()
			c := &carrier{
				Activities: a, vendor: processing{}, spec: spec, gate: a.gates.of("sitoo", a.Now), asking: make(chan struct{}, 1),
				cached: &vendors.Caller{Account: vendors.Account{Name: "sitoo", Rate: rate}}, asOf: a.Now().Add(time.Hour),
			}
			r := &packed{carrier: c, item: upload.Item{UploadID: "batch/spring/a"}}
			r.leg.SentAt = a.Now()
			r.leg.NextLook = a.Now()
			for n := 2; n <= 4; n++ {
				require.NoError(t, a.pause(t.Context(), r.leg.NextLook.Sub(a.Now())+time.Millisecond))
				over, err := r.lookOnce(t.Context())
				require.NoError(t, err)
				require.False(t, over)
				require.Equal(t, spec.Poll.Wait(n, r.item.UploadID), r.leg.NextLook.Sub(a.Now()))
			}
		})
	}
}
