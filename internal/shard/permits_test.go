package shard

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/sitoo"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

func groupedOf(s *steps.Steps, cs *Carriers) groupedPermits {
	return groupedPermits{steps.Permits{Steps: s}, cs, "spring"}
}

// waiter is a row that has to wait a second for its permit. While it does, slow
// comes in from another call that was answered with 429.
func waiter(t *testing.T, slow time.Duration) (take func() error, waited *[]time.Duration) {
	t.Helper()
	s, waited := metered(t)
	account := spec.Account{Name: "sitoo", Vendor: "sitoo", Rate: 1, Burst: 1}
	p := groupedOf(s, &Carriers{})
	require.NoError(t, p.Take(t.Context(), account))
	wait := s.Wait
	s.Wait = func(ctx context.Context, d time.Duration) error {
		if len(*waited) == 0 {
			require.NoError(t, s.Ledger.Slow(ctx, account.Name, slow, "it asked for a pause"))
		}
		return wait(ctx, d)
	}
	return func() error { return p.Take(t.Context(), account) }, waited
}

func TestWhoWaitedForAPermitHeedsAPauseThatTheVendorAskedForMeanwhile(t *testing.T) {
	take, waited := waiter(t, 3*time.Second)
	require.NoError(t, take())
	require.Equal(t, []time.Duration{time.Second, 2 * time.Second}, *waited)
}

func TestWhoWaitedForAPermitComesBackAfterALongPause(t *testing.T) {
	take, waited := waiter(t, time.Minute)
	err := take()
	require.Equal(t, upload.KindThrottled, upload.KindOf(err))
	require.Equal(t, 59*time.Second, upload.AsError(err, "").RetryAfter)
	require.Len(t, *waited, 1)
}

// denying is a vendor that denies its account.
type denying struct{ sitoo.Client }

var errDenied = upload.Errorf(upload.KindDenied, upload.StepPoll, "media answered 401")

func (denying) Poll(context.Context, *wire.Caller, upload.Poll) (upload.Media, error) {
	return upload.Media{}, errDenied
}

func TestADenialStopsTheRowsThatWaitForTheirTurn(t *testing.T) {
	s, _ := metered(t)
	account := spec.Account{Name: "sitoo", Vendor: "sitoo"}
	c := carrierOf(s, denying{})
	p := groupedOf(s, c.shared)
	require.NoError(t, p.Take(t.Context(), account))

	refused := false
	wait := s.Wait
	s.Wait = func(ctx context.Context, d time.Duration) error { // it is looked into
		var back *steps.Later
		require.ErrorAs(t, p.Take(ctx, account), &back, "another row's turn has come")
		require.Equal(t, steps.Noticed, back.After)
		refused = true
		return wait(ctx, d)
	}
	r := &row{carrier: c, item: upload.Item{UploadID: "batch/spring/a"}, p: upload.Progress{Next: upload.StepPoll}}
	err := r.do(t.Context(), &wire.Caller{Account: account}, flow.Action{Do: flow.DoPoll})
	require.ErrorIs(t, err, errDenied)
	require.True(t, refused)

	s.Wait = wait
	require.NoError(t, s.Pause(t.Context(), steps.PermitWait))
	require.NoError(t, p.Take(t.Context(), account), "whoever comes later reads credentials and account anew")
}
