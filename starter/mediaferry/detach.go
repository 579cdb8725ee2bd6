package main

import (
	"context"
	"errors"
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

// detach prints each upload as soon as other commands know it by its name, and
// leaves it. One that has ended by then, as with a source that is none, is told
// as if it had been waited for.
func (a *app) detach(ctx context.Context, all []*following, p output.Printer) error {
	late := time.NewTimer(claimTime)
	defer late.Stop()
	notReady := 0
	for _, f := range all {
		result, over, err := a.begun(ctx, f, late.C)
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
func (a *app) begun(ctx context.Context, f *following, late <-chan time.Time) (result upload.Result, over bool, err error) {
	looks := time.NewTicker(lookEvery / 5)
	defer looks.Stop()
	for {
		status, err := a.status(ctx, f)
		if err == nil && claimed(status) {
			return status.Result, status.Result.State.Ended(), nil
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

// claimed reports whether an upload has its identity. The claim finds out the
// size, also where it finds that all is done or that somebody else is at it; such
// a run never leaves its first state, and ends.
func claimed(status upload.Status) bool {
	return status.Result.Size > 0 && (status.Result.State != upload.StateWaiting || status.Waiting != "" || status.Paused)
}

// errNobody says that there is no workflow to be asked.
var errNobody = errors.New("it has no workflow of its own")

// status asks an upload's workflow how far it is. Where no worker answers, it
// fails.
func (a *app) status(ctx context.Context, f *following) (status upload.Status, err error) {
	if f.run != nil {
		if status, err = a.statusOf(ctx, f.run.GetID(), f.run.GetRunID()); err != nil {
			return status, err
		}
	}
	if status.Waiting == "" { // what waits by Temporal's retry is known to the ledger alone
		waiting, err := a.waiting(ctx, f.item.UploadID)
		if err != nil {
			return status, err
		}
		status.Waiting = output.WaitWords(waiting, time.Now())
	}
	if f.run == nil && status.Waiting == "" {
		return status, errNobody
	}
	return status, nil
}

// statusOf is status for the run of a workflow.
func (a *app) statusOf(ctx context.Context, workflowID, runID string) (status upload.Status, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	answer, err := a.Temporal.QueryWorkflow(ctx, workflowID, runID, upload.QueryStatus)
	if err != nil {
		return status, err
	}
	return status, answer.Get(&status)
}
