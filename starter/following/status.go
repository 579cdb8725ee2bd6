package following

import (
	"context"
	"errors"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
)

// errNoWorkflow says that there is no workflow to ask.
var errNoWorkflow = errors.New("the upload has no workflow of its own")

// status asks an upload's workflow how far it is. Where no worker answers, it
// fails.
func (u Uploads) status(ctx context.Context, f *Upload) (status upload.Status, err error) {
	run := f.current()
	if run != nil {
		if status, err = u.Status(ctx, run.GetID(), run.GetRunID()); err != nil {
			return status, err
		}
	}
	if status.Waiting == "" { // what waits by Temporal's retry is known to the ledger alone
		waiting, err := u.Waiting(ctx, f.item.UploadID)
		if err != nil {
			return status, err
		}
		status.Waiting = output.WaitWords(waiting, time.Now())
	}
	if run == nil && status.Waiting == "" {
		return status, errNoWorkflow
	}
	return status, nil
}

// Status is status for the run of a workflow.
func (u Uploads) Status(ctx context.Context, workflowID, runID string) (status upload.Status, err error) {
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	answer, err := u.session.Temporal.QueryWorkflow(ctx, workflowID, runID, upload.QueryStatus)
	if err != nil {
		return status, err
	}
	return status, answer.Get(&status)
}

// Running asks an upload that has not ended how far it is; nil where it has, or
// where no worker runs it.
func (u Uploads) Running(ctx context.Context, entry ledger.Entry, engine bool) (*upload.Status, error) {
	r := entry.Result
	if !engine || entry.WorkflowID == "" || r.Way == upload.WayPacked || r.State.Ended() || !u.workers.Alive(ctx) {
		return nil, nil //nolint:nilnil // there is no workflow to ask, which is not a failure
	}
	if u.session.Temporal == nil {
		if err := u.session.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
			return nil, err
		}
	}
	status, err := u.Status(ctx, entry.WorkflowID, entry.RunID)
	if err != nil || status.Result.UploadID != r.UploadID {
		return nil, ctx.Err() // the ledger knows enough
	}
	return &status, nil
}

// Newest is what ledger and workflow know together: bytes under way are in the ledger
// first, everything else is in the workflow first.
func Newest(result upload.Result, status *upload.Status) upload.Result {
	if status == nil || status.Result.State == "" {
		return result
	}
	fresh := status.Result
	fresh.BytesSent = max(fresh.BytesSent, result.BytesSent)
	fresh.Paused = fresh.Paused || status.Paused
	return fresh
}
