package activities

import (
	"context"
	"fmt"
	"strings"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// takeBack finds rows under way that no open run of this service holds, and lets them
// wait again. Such are left where somebody ends a shard in Temporal, and the batch
// goes on. It returns how many wait again by now.
//
// A row that its shard has released, but not come to starting its workflow, only shows
// as waiting once more.
func (a *Activities) takeBack(ctx context.Context, batch string) (int64, error) {
	holders, err := a.Ledger.Holders(ctx, batch)
	if err != nil {
		return 0, err
	}
	for _, h := range holders {
		if err := a.buryDead(ctx, h); err != nil {
			return 0, err
		}
	}
	return a.Ledger.Requeue(ctx, batch, a.Now().Add(-upload.OrphanTime))
}

// buryDead takes the items from a run that is over without a word. One that was reset
// in Temporal has a successor, which takes over by itself.
func (a *Activities) buryDead(ctx context.Context, h ledger.Holder) error {
	if a.Ledger.Elsewhere(h.Run) {
		return nil // nobody here can find out whether it is open
	}
	for _, run := range []string{h.RunID, ""} {
		if open, err := a.Running(ctx, h.WorkflowID, run); err != nil || open {
			return err
		}
	}
	return a.bury(ctx, h)
}

// bury takes the items from a dead run. One that had a workflow of its own has failed
// with that, as it would have if its shard had seen the end; it is unconfirmed where a
// call was under way that must not be made twice.
func (a *Activities) bury(ctx context.Context, h ledger.Holder) error {
	if strings.HasPrefix(h.WorkflowID, upload.WorkflowShard+"/") {
		n, err := a.Ledger.Orphan(ctx, h.Batch, h.RunID)
		a.Log.Info("a shard was terminated outside of mediaferry; its rows will be sent again", zap.String("workflow_id", h.WorkflowID), zap.Int64("rows", n))
		return err
	}
	row, err := a.Ledger.ReadProgress(ctx, h.UploadID)
	if err != nil || row.RunID != h.RunID || row.Result.State.Ended() {
		return err
	}
	item, err := row.Item()
	if err != nil {
		return err
	}
	way, err := a.flowOf(ctx, item)
	if err != nil {
		return err
	}
	if a.Silent(way, row.Progress, row.UpdatedAt) != nil {
		return nil // its worker may still hear the answer: the next look decides
	}
	now, result := a.Now().UTC(), row.Result
	e := terminated(way, row.Progress, item.UploadID)
	result.State, result.Paused, result.FinishedAt, result.Error = upload.StateFailed, false, &now, upload.FailureOf(e)
	if row.Progress != nil {
		result.Attempts = row.Progress.Attempts
	}
	if e.Unsettled() {
		result.State = upload.StateUnconfirmed
	}
	a.Log.Info("a workflow was terminated or deleted outside of mediaferry", zap.String("upload_id", item.UploadID), zap.String("state", string(result.State)))
	return a.LeftToHolder(a.Ledger.Record(ctx, upload.Record{Item: item, Result: result, Fingerprint: row.Fingerprint, RunID: h.RunID}))
}

// terminated is the failure of an item whose workflow was ended from outside.
func terminated(way flow.Flow, p *upload.Progress, uploadID string) *upload.Error {
	if p != nil && way.MustNotRepeat(p) {
		return upload.Errorf(upload.KindUnconfirmed, p.Next, "the workflow was terminated or deleted outside of mediaferry during a call that must not be repeated").
			WithHint("check at the vendor, then: mediaferry decide %s ready|retry|fail --because TEXT", upload.Argument(uploadID))
	}
	return upload.Errorf(upload.KindInternal, "", "the workflow was terminated or deleted outside of mediaferry").
		WithHint("to run it again: mediaferry retry %s", upload.Argument(uploadID))
}

// AwaitRun returns when a workflow has no open run. Until then it comes back.
func (a *Activities) AwaitRun(ctx context.Context, workflowID string) error {
	running, err := a.Running(ctx, workflowID, "")
	switch {
	case err != nil:
		return err
	case running:
		return rest(ctx, &steps.Later{Why: workflowID + " runs already, and is waited for"})
	}
	return nil
}

// awaitRows comes back while rows of a batch are under way. It reports whether some
// wait again, because nobody had them.
func (a *Activities) awaitRows(ctx context.Context, batch, what string, n int64) (more bool, err error) {
	back, err := a.takeBack(ctx, batch)
	switch {
	case err != nil:
		return false, ledgerError(ctx, err)
	case back > 0:
		return true, nil
	}
	return false, rest(ctx, &steps.Later{Why: fmt.Sprintf("%d %s are in progress", n, what)})
}
