package following

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/opening"
)

// detachTime is how long a command waits until a row is detached and its own workflow
// has started.
const detachTime = time.Minute

// Grouped reports whether an item is a row of a batch that has no workflow of its
// own: it is in a shard with others, or waits.
func Grouped(e ledger.Entry) bool {
	return e.Result.Batch != "" && e.WorkflowID != upload.WorkflowID(e.Result.UploadID)
}

// followRow follows a row that has no workflow of its own, by the ledger.
func (u Uploads) followRow(entry ledger.Entry) (*Upload, error) {
	item, err := entry.Item()
	return &Upload{item: item, entry: entry}, err
}

// resumeRow is resume for a row that has no workflow of its own.
func (u Uploads) resumeRow(ctx context.Context, entry ledger.Entry) (*Upload, error) {
	f, err := u.followRow(entry)
	if err != nil {
		return nil, err
	}
	return f, u.workers.EnsureQueues(ctx, queuesOf([]*Upload{f}))
}

// checkRow is check for a row that has no workflow of its own, or had none at first.
func (u Uploads) checkRow(ctx context.Context, f *Upload) (upload.Result, bool, error) {
	entry, err := u.session.Ledger.Get(ctx, f.item.UploadID)
	if err != nil {
		return upload.Result{}, false, err
	}
	f.entry = entry
	if entry.Result.State.Ended() {
		return entry.Result, true, nil
	}
	b, err := u.session.Ledger.Batch(ctx, f.item.Batch)
	if err != nil {
		return upload.Result{}, false, opening.UnknownBatch(f.item.Batch, err)
	}
	if held := b.Paused || b.State == upload.BatchHeld; held != f.held {
		if f.held = held; held {
			u.session.Say("%s is waiting because batch %s is paused or held (%s). To continue: mediaferry batch resume %s", f.item.UploadID, b.ID, b.Because, b.ID)
		}
	}
	return u.checkAccount(ctx, f)
}

// RequestDetach waits until what was asked of a row is done. late, if not nil, ends the
// wait with the row as it is then.
func (u Uploads) RequestDetach(ctx context.Context, request ledger.DetachRequest, entry ledger.Entry, done func(ledger.Entry) bool, late <-chan time.Time) (ledger.Entry, error) {
	f, err := u.followRow(entry)
	if err != nil {
		return entry, err
	}
	u.session.Say("%s is grouped with other rows of batch %s; waiting until it reaches its next step", request.UploadID, entry.Result.Batch)
	polls, checks := time.NewTicker(pollEvery), time.NewTicker(workersEvery)
	defer polls.Stop()
	defer checks.Stop()
	asked := entry.RunID
	for err = u.workers.EnsureQueues(ctx, queuesOf([]*Upload{f})); err == nil && !done(entry); {
		select {
		case <-ctx.Done():
			return entry, ctx.Err()
		case <-late:
			return entry, nil
		case <-u.session.EngineLost():
			return entry, u.session.EngineGone()
		case <-checks.C:
			if err = u.workers.EnsureQueues(ctx, queuesOf([]*Upload{f})); err == nil {
				err = u.freeOrphan(ctx, f)
			}
		case <-polls.C:
			if entry, err = u.session.Ledger.Get(ctx, request.UploadID); err == nil && entry.RunID != asked && !done(entry) {
				entry, err = u.session.Ledger.RequestDetach(ctx, request) // the run that was asked no longer holds it
			}
			f.entry, asked = entry, entry.RunID
		}
	}
	return entry, err
}

// freeOrphan takes a row from a shard that cannot receive the request any more: it was
// ended in Temporal, or the host that carried it is gone.
func (u Uploads) freeOrphan(ctx context.Context, f *Upload) error {
	e := f.entry
	if e.RunID == "" || !Grouped(e) || u.session.Ledger.Elsewhere(e.Run) {
		return nil
	}
	polled, err := u.workers.Polled(ctx, upload.ShardsQueue(f.item.Queue))
	if err != nil {
		return err
	}
	described, err := u.session.Temporal.DescribeWorkflowExecution(ctx, e.WorkflowID, e.RunID)
	if err != nil {
		return nil //nolint:nilerr // it is asked again in a moment
	}
	info := described.GetWorkflowExecutionInfo()
	orphaned := time.Since(info.GetCloseTime().AsTime()) > upload.OrphanTime
	if info.GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		orphaned = !polled
		for _, one := range described.GetPendingActivities() {
			orphaned = orphaned && one.GetState() != enums.PENDING_ACTIVITY_STATE_STARTED
		}
	}
	if !orphaned {
		return nil
	}
	return u.session.Ledger.OrphanRow(ctx, e.Result.UploadID, e.RunID)
}

// DetachRow gives a row a workflow of its own, which can be paused and moved, and returns the
// row with it.
func (u Uploads) DetachRow(ctx context.Context, entry ledger.Entry) (ledger.Entry, error) {
	id := entry.Result.UploadID
	request := ledger.DetachRequest{UploadID: id, Want: ledger.WantDetach, By: u.session.Who()}
	late := time.NewTimer(detachTime)
	defer late.Stop()
	entry, err := u.session.Ledger.RequestDetach(ctx, request)
	if err != nil {
		return entry, err
	}
	out := func(e ledger.Entry) bool {
		return e.Result.State.Ended() || !Grouped(e) || e.Detached && e.RunID == ""
	}
	if !out(entry) {
		u.session.Work, u.session.Parting = "", "interrupted; the row gets a workflow of its own at its next step"
		if entry, err = u.RequestDetach(ctx, request, entry, out, late.C); err != nil {
			return entry, err
		}
	}
	switch {
	case !out(entry):
		return entry, fmt.Errorf("%s is still grouped with other rows of batch %s. It gets a workflow of its own at its next step; then run the command again", id, entry.Result.Batch)
	case entry.Result.State.Ended():
		return entry, CheckActive(entry)
	case !Grouped(entry):
		return entry, nil
	}
	return u.startDetached(ctx, entry)
}

// startDetached starts the workflow of a row that is detached: its shard would first have to
// end its other rows.
func (u Uploads) startDetached(ctx context.Context, entry ledger.Entry) (ledger.Entry, error) {
	row, err := u.session.Ledger.ReadProgress(ctx, entry.Result.UploadID)
	if err != nil {
		return entry, err
	}
	item, err := row.OwnItem()
	if err != nil {
		return entry, err
	}
	run, err := u.execute(ctx, item)
	if err != nil {
		return entry, err
	}
	entry.WorkflowID, entry.RunID = run.GetID(), run.GetRunID()
	return entry, nil
}

// AwaitWorkflow waits until the workflow of a detached row has claimed the row and can
// receive a signal: one that is paused before that would show the row as waiting.
func (u Uploads) AwaitWorkflow(ctx context.Context, entry ledger.Entry) error {
	late := time.NewTimer(detachTime)
	defer late.Stop()
	polls := time.NewTicker(signalPoll)
	defer polls.Stop()
	for {
		status, err := u.Status(ctx, entry.WorkflowID, entry.RunID)
		if err == nil && (status.Result.State != upload.StateWaiting || status.Waiting != "" || status.Paused) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late.C:
			return fmt.Errorf("%s has a workflow of its own, but no worker is running. Start one with `mediaferry up`, then run the command again", entry.Result.UploadID)
		case <-polls.C:
		}
	}
}
