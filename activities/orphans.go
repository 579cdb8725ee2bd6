package activities

import (
	"context"
	"fmt"
	"strings"

	"go.uber.org/zap"

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
		if a.Ledger.Elsewhere(h.Run) {
			continue // nobody here can find out whether it is open
		}
		alive, err := a.Running(ctx, h.WorkflowID, h.RunID)
		if err != nil {
			return 0, err
		}
		if alive {
			continue
		}
		if err := a.bury(ctx, batch, h); err != nil {
			return 0, err
		}
	}
	return a.Ledger.Requeue(ctx, batch, a.Now().Add(-upload.OrphanTime))
}

// bury takes the rows from a dead run. A row that had a workflow of its own has
// failed with that, as it would have if its shard had seen the end.
func (a *Activities) bury(ctx context.Context, batch string, h ledger.Holder) error {
	if strings.HasPrefix(h.WorkflowID, upload.WorkflowShard+"/") {
		n, err := a.Ledger.Orphan(ctx, batch, h.RunID)
		a.Log.Info("a shard was terminated outside of mediaferry; its rows will be sent again", zap.String("workflow_id", h.WorkflowID), zap.Int64("rows", n))
		return err
	}
	entry, err := a.Ledger.Get(ctx, h.WorkflowID)
	if err != nil || entry.RunID != h.RunID || entry.Result.State.Ended() {
		return err
	}
	item, err := entry.Item()
	if err != nil {
		return err
	}
	now, result := a.Now().UTC(), entry.Result
	result.State, result.Paused, result.FinishedAt = upload.StateFailed, false, &now
	result.Error = upload.FailureOf(upload.Errorf(upload.KindInternal, "", "the workflow was terminated outside of mediaferry").
		WithHint("to run it again: mediaferry retry %s", item.UploadID))
	return a.LeftToHolder(a.Ledger.Record(ctx, upload.Record{Item: item, Result: result, Fingerprint: entry.Fingerprint, RunID: h.RunID}))
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
