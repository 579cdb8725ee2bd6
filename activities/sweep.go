package activities

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/steps"
)

const (
	// sweepEvery is how often a worker looks for items whose workflows are gone.
	sweepEvery = 10 * time.Second
	// sweepLease is for how long one worker does that for all of its Temporal service.
	sweepLease = 3 * sweepEvery
	// sweepPage is how many runs are looked at before the lease is prolonged.
	sweepPage = 200
)

// SweepEvery looks for items and batches whose workflows were terminated or deleted
// outside of mediaferry, until stop is called, and lets them end: one worker does so for
// all.
func (a *Activities) SweepEvery(ctx context.Context) (stop func()) {
	failing := false
	return steps.Every(ctx, sweepEvery, func() bool {
		err := a.Sweep(ctx)
		if err != nil && !failing && ctx.Err() == nil { // once: it lasts as long as its cause
			a.Log.Warn("could not look for items whose workflows are gone; this is repeated every "+sweepEvery.String(), zap.Error(err))
		}
		failing = err != nil
		return true
	})
}

// Sweep looks once at every run that holds items, and at every batch, unless another
// worker does.
func (a *Activities) Sweep(ctx context.Context) error {
	lease := "sweep of " + a.Ledger.Service().String()
	after := ledger.Run{}
	for {
		// The lease of a token that nobody fetches.
		if mine, err := a.Ledger.LeaseToken(ctx, "", lease, a.Owner, sweepLease); err != nil || !mine {
			return err
		}
		holders, err := a.Ledger.Working(ctx, after, sweepPage)
		if err != nil {
			return err
		}
		if len(holders) == 0 {
			return a.buryBatches(ctx)
		}
		for _, h := range holders {
			// Rows of a shard too: a batch takes its rows back only at the end of a round, and
			// another shard may wait for them until then.
			after = h.Run
			if err := a.buryDead(ctx, h); err != nil {
				return err
			}
		}
	}
}
