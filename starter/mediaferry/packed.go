package main

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/opening"
)

// callTime is how long a command waits until a row has left those that it travels
// with, and its own workflow has begun.
const callTime = time.Minute

// withOthers reports whether an item is a row of a batch that has no workflow of its
// own: it is packed with others, or waits.
func withOthers(e ledger.Entry) bool {
	return e.Result.Batch != "" && e.WorkflowID != e.Result.UploadID
}

// followRow follows a row that has no workflow of its own by what the ledger says.
func (a *app) followRow(entry ledger.Entry) (*following, error) {
	item, err := entry.Item()
	return &following{item: item, entry: entry}, err
}

// resumeRow is resume for a row that has no workflow of its own.
func (a *app) resumeRow(ctx context.Context, entry ledger.Entry) (*following, error) {
	f, err := a.followRow(entry)
	if err != nil {
		return nil, err
	}
	return f, a.workers.EnsureQueues(ctx, queuesOf([]*following{f}))
}

// lookRow is look for a row that has no workflow of its own, or had none at first.
func (a *app) lookRow(ctx context.Context, f *following) (upload.Result, bool, error) {
	entry, err := a.Ledger.Get(ctx, f.item.UploadID)
	if err != nil {
		return upload.Result{}, false, err
	}
	f.entry = entry
	if entry.Result.State.Ended() {
		return entry.Result, true, nil
	}
	b, err := a.Ledger.Batch(ctx, f.item.Batch)
	if err != nil {
		return upload.Result{}, false, opening.UnknownBatch(f.item.Batch, err)
	}
	if rests := b.Paused || b.State == upload.BatchHeld; rests != f.rests {
		if f.rests = rests; rests {
			a.Say("%s waits: batch %s rests (%s); to go on: mediaferry batch resume %s", f.item.UploadID, b.ID, b.Because, b.ID)
		}
	}
	return a.lookAccount(ctx, f)
}

// cancelRow gives up a row that has no workflow of its own. Where nobody has it, it
// is canceled in the ledger, and no engine is needed; else its shard does it.
func (a *app) cancelRow(ctx context.Context, entry ledger.Entry) error {
	call := ledger.DetachRequest{UploadID: entry.Result.UploadID, Want: ledger.WantCancel, By: opening.User()}
	entry, err := a.Ledger.RequestDetach(ctx, call)
	if err != nil {
		return err
	}
	if !entry.Result.State.Ended() {
		a.Parting = "interrupted; the row ends as soon as its shard hears of it"
		if err := a.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
			return err
		}
		ended := func(e ledger.Entry) bool { return e.Result.State.Ended() || !withOthers(e) }
		if entry, err = a.requestDetach(ctx, call, entry, ended, nil); err != nil {
			return err
		}
	}
	if !entry.Result.State.Ended() {
		return a.cancelWorkflow(ctx, entry)
	}
	return a.canceled(entry.Result)
}

// requestDetach waits until what was asked of a row is done. late, if not nil, ends the
// wait with the row as it is then.
func (a *app) requestDetach(ctx context.Context, call ledger.DetachRequest, entry ledger.Entry, done func(ledger.Entry) bool, late <-chan time.Time) (ledger.Entry, error) {
	f, err := a.followRow(entry)
	if err != nil {
		return entry, err
	}
	a.Say("%s travels with others of batch %s; waiting for it to come to its next step", call.UploadID, entry.Result.Batch)
	looks, crews := time.NewTicker(lookEvery), time.NewTicker(crewEvery)
	defer looks.Stop()
	defer crews.Stop()
	called := entry.RunID
	for err = a.workers.EnsureQueues(ctx, queuesOf([]*following{f})); err == nil && !done(entry); {
		select {
		case <-ctx.Done():
			return entry, ctx.Err()
		case <-late:
			return entry, nil
		case <-a.EngineLost():
			return entry, a.EngineGone()
		case <-crews.C:
			if err = a.workers.EnsureQueues(ctx, queuesOf([]*following{f})); err == nil {
				err = a.freeOrphan(ctx, f)
			}
		case <-looks.C:
			if entry, err = a.Ledger.Get(ctx, call.UploadID); err == nil && entry.RunID != called && !done(entry) {
				entry, err = a.Ledger.RequestDetach(ctx, call) // who was called has it no more
			}
			f.entry, called = entry, entry.RunID
		}
	}
	return entry, err
}

// freeOrphan takes a row from a shard that cannot receive the request any more: it was
// ended in Temporal, or the host that carried it is gone.
func (a *app) freeOrphan(ctx context.Context, f *following) error {
	e := f.entry
	if e.RunID == "" || !withOthers(e) || a.Ledger.Elsewhere(e.Run) {
		return nil
	}
	polled, err := a.workers.Polled(ctx, upload.ShardsQueue(f.item.Queue))
	if err != nil {
		return err
	}
	described, err := a.Temporal.DescribeWorkflowExecution(ctx, e.WorkflowID, e.RunID)
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
	return a.Ledger.OrphanRow(ctx, e.Result.UploadID, e.RunID)
}

// rowNotPaused says that a row that travels with others is not paused by itself: it
// would have left them.
func (a *app) rowNotPaused(ctx context.Context, entry ledger.Entry) error {
	id, batch := entry.Result.UploadID, string(entry.Result.Batch)
	b, err := a.Ledger.Batch(ctx, batch)
	if err != nil {
		return opening.UnknownBatch(batch, err)
	}
	hint := "mediaferry show " + id
	if b.Paused || b.State == upload.BatchHeld {
		hint = "its batch rests; to go on: mediaferry batch resume " + batch
	}
	return &exit.UsageError{Text: id + " is not paused", Hint: hint}
}

// takeOut gives a row a workflow of its own, which can be steered, and returns the
// row with it.
func (a *app) takeOut(ctx context.Context, entry ledger.Entry) (ledger.Entry, error) {
	id := entry.Result.UploadID
	call := ledger.DetachRequest{UploadID: id, Want: ledger.WantDetach, By: opening.User()}
	late := time.NewTimer(callTime)
	defer late.Stop()
	entry, err := a.Ledger.RequestDetach(ctx, call)
	if err != nil {
		return entry, err
	}
	out := func(e ledger.Entry) bool {
		return e.Result.State.Ended() || !withOthers(e) || e.Detached && e.RunID == ""
	}
	if !out(entry) {
		a.Parting = "interrupted; the row goes on by itself once it has left the others"
		if entry, err = a.requestDetach(ctx, call, entry, out, late.C); err != nil {
			return entry, err
		}
	}
	switch {
	case !out(entry):
		return entry, fmt.Errorf("%s is still on its way with others of batch %s; it leaves them at its next step, then repeat the command", id, entry.Result.Batch)
	case entry.Result.State.Ended():
		return entry, steerable(entry)
	case !withOthers(entry):
		return entry, nil
	}
	return a.startDetached(ctx, entry)
}

// startDetached starts the workflow of a row that has left its shard, which would have
// to carry the others first.
func (a *app) startDetached(ctx context.Context, entry ledger.Entry) (ledger.Entry, error) {
	row, err := a.Ledger.ReadProgress(ctx, entry.Result.UploadID)
	if err != nil {
		return entry, err
	}
	item, err := row.OwnItem()
	if err != nil {
		return entry, err
	}
	run, err := a.execute(ctx, item)
	if err != nil {
		return entry, err
	}
	entry.WorkflowID, entry.RunID = run.GetID(), run.GetRunID()
	return entry, nil
}

// answers waits until the workflow of a row that has just left the others can be
// told something: one that is paused before it has claimed the row would leave that
// among those that wait.
func (a *app) answers(ctx context.Context, entry ledger.Entry) error {
	late := time.NewTimer(callTime)
	defer late.Stop()
	looks := time.NewTicker(heedLook)
	defer looks.Stop()
	for {
		if _, err := a.statusOf(ctx, entry.WorkflowID, entry.RunID); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late.C:
			return fmt.Errorf("%s has a workflow of its own now, and no worker carries it; start one, then repeat the command", entry.Result.UploadID)
		case <-looks.C:
		}
	}
}
