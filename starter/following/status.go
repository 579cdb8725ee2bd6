package following

import (
	"context"

	"go.temporal.io/api/enums/v1"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/waits"
	"github.com/mediaferry/mediaferry/starter/history"
	"github.com/mediaferry/mediaferry/starter/opening"
)

// underWay is how far an upload is, and what it waits for.
type underWay struct {
	status  *upload.Status // nil where no workflow answers
	waiting *waits.Wait
}

// ask finds out how far an upload is: from its workflow, where it has one and a worker
// answers, and what it waits for from the ledger.
func (u Uploads) ask(ctx context.Context, f *Upload) (now underWay, err error) {
	run := f.current()
	if run != nil {
		if status, err := u.Status(ctx, run.GetID(), run.GetRunID()); err == nil {
			now.status = &status
		}
	}
	entry, err := u.session.Ledger.Get(ctx, f.item.UploadID)
	if err == nil && (run == nil || entry.RunID == run.GetRunID()) {
		now.waiting, err = u.Waiting(ctx, entry)
	}
	if (now.waiting == nil || err != nil || entry.Result.State == upload.StateWaiting) && run != nil { // it is not claimed yet, or waits for the ledger
		if pending := u.Pending(ctx, run.GetID(), run.GetRunID()); pending != nil {
			now.waiting = pending
		}
	}
	return now, ctx.Err()
}

// Unclaimed is an upload that the ledger does not have yet, because its source has not
// been examined: found is false where no workflow of that name runs.
func (u Uploads) Unclaimed(ctx context.Context, id string) (entry ledger.Entry, found bool) {
	workflowID := upload.WorkflowID(id)
	described, err := u.session.Temporal.DescribeWorkflowExecution(ctx, workflowID, "")
	info := described.GetWorkflowExecutionInfo()
	if err != nil || info.GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return entry, false
	}
	entry.WorkflowID, entry.RunID = workflowID, info.GetExecution().GetRunId()
	entry.Result = upload.Result{UploadID: id, State: upload.StateWaiting, Way: upload.WayOwn}
	if status, err := u.Status(ctx, workflowID, entry.RunID); err == nil {
		entry.Result = status.Result
	}
	return entry, entry.Result.UploadID == id
}

// Pending is what an activity of a workflow waits for after its last attempt failed, by
// the word of Temporal; nil where none does, or Temporal does not answer.
func (u Uploads) Pending(ctx context.Context, workflowID, runID string) *waits.Wait {
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	pending, err := history.Reader{Temporal: u.session.Temporal, Keys: u.session.Keys}.Pending(ctx, workflowID, runID)
	if err != nil {
		return nil
	}
	return waits.Call(pending)
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
