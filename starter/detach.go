package main

import (
	"context"
	"errors"
	"time"

	"github.com/mediaferry/mediaferry/ledger"
	"github.com/mediaferry/mediaferry/upload"
)

// claimTime is how long a command that does not wait for its uploads waits for
// the ledger to know of them. A worker that lives needs a moment.
const claimTime = 15 * time.Second

// detach prints each upload as soon as other commands know it by its name, and
// leaves it. One that has ended by then, as with a source that is none, is told
// as if it had been waited for.
func (a *app) detach(ctx context.Context, all []*following, p printer) error {
	late := time.NewTimer(claimTime)
	defer late.Stop()
	notReady := 0
	for _, f := range all {
		result, over, err := a.begun(ctx, f, late.C)
		if err != nil {
			return err
		}
		tell := p.started
		if over {
			tell = p.item
			if result.State != upload.StateReady {
				notReady++
			}
		}
		if err := tell(result); err != nil {
			return err
		}
	}
	if notReady > 0 {
		return &notReadyError{notReady}
	}
	return nil
}

// begun waits until an upload has claimed its identity, or has ended.
func (a *app) begun(ctx context.Context, f *following, late <-chan time.Time) (result upload.Result, over bool, err error) {
	looks := time.NewTicker(lookEvery / 5)
	defer looks.Stop()
	for {
		entry, err := a.ledger.Get(ctx, f.item.UploadID)
		var unknown *ledger.NotFoundError
		switch {
		case err != nil && !errors.As(err, &unknown):
			return result, false, err
		case err == nil && entry.RunID == f.run.GetRunID() && !entry.Result.State.Ended():
			return entry.Result, false, nil
		}
		select {
		case <-f.ended:
			return a.ending(ctx, f)
		case <-late:
			return upload.NewResult(f.item, upload.WayOwn, time.Now()), false, nil
		case <-ctx.Done():
			return result, false, ctx.Err()
		case <-looks.C:
		}
	}
}
