package following

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/output"
)

const (
	// claimTime is how long a command that does not wait for its uploads waits
	// for them to begin. A worker that lives needs a moment.
	claimTime = 15 * time.Second
	// queryTime bounds one question to a workflow.
	queryTime = 3 * time.Second
)

// Detach prints each upload as soon as other commands know it by its name, and
// leaves it. One that has ended by then, for example because its source does
// not exist, is printed as if it had been waited for.
func (u Uploads) Detach(ctx context.Context, all []*Upload, p output.Printer) error {
	late := time.NewTimer(claimTime)
	defer late.Stop()
	notReady := 0
	for _, f := range all {
		result, over, err := u.begun(ctx, f, late.C)
		if err != nil {
			return err
		}
		tell := p.Started
		if over {
			tell = p.Item
			if result.State != upload.StateReady {
				notReady++
			}
		}
		if err := tell(result); err != nil {
			return err
		}
	}
	if notReady > 0 {
		return &exit.NotReadyError{Count: notReady}
	}
	return nil
}

// begun waits until an upload's source is found to be good and its identity is
// claimed, or it has ended.
func (u Uploads) begun(ctx context.Context, f *Upload, late <-chan time.Time) (result upload.Result, over bool, err error) {
	polls := time.NewTicker(pollEvery / 5)
	defer polls.Stop()
	for {
		run := f.current()
		status, err := u.Status(ctx, run.GetID(), run.GetRunID())
		if err == nil && claimed(status) {
			return status.Result, status.Result.State.Ended(), nil
		}
		select {
		case <-f.ended:
			return u.result(ctx, f)
		case <-late:
			return upload.NewResult(f.item, upload.WayOwn, time.Now()), false, nil
		case <-ctx.Done():
			return result, false, ctx.Err()
		case <-polls.C:
		}
	}
}

// claimed reports whether an upload has its identity. The claim finds out the
// size, also if it finds that all is done or that another run holds the item; such
// a run never leaves its first state, and ends.
func claimed(status upload.Status) bool {
	return status.Result.Size > 0 && (status.Result.State != upload.StateWaiting || status.Waiting != "" || status.Paused)
}
