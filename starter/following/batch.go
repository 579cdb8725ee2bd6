package following

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
)

// Batches follows batches.
type Batches struct {
	session *opening.Session
	workers *opening.Workers
}

// NewBatches returns what follows batches for a command.
func NewBatches(s *opening.Session, w *opening.Workers) Batches {
	return Batches{session: s, workers: w}
}

// Reported waits until the reports of a batch that has ended include a row that has
// just changed; err is returned unchanged. The worker that writes them may be this
// process.
func (bs Batches) Reported(ctx context.Context, id string, err error) error {
	if id == "" || ctx.Err() != nil {
		return err
	}
	batch, unread := bs.session.Ledger.Batch(ctx, id)
	if unread != nil || !batch.State.Ended() { // they are still to come
		return err
	}
	for w := bs.newBatchWatch(id); w.writingReports(ctx); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-bs.session.EngineLost():
			return err
		case <-time.After(pollEvery):
		}
	}
	return err
}

// End prints a batch that has ended, or waits for a person.
func (bs Batches) End(ctx context.Context, b ledger.Batch, p output.Printer) error {
	n, err := bs.Numbers(ctx, b)
	if err != nil {
		return err
	}
	if err := bs.showCanary(ctx, b, p); err != nil {
		return err
	}
	if err = p.Batch(b, n); err == nil && n.Ready < n.Total {
		err = &exit.NotReadyError{Count: int(n.Total - n.Ready)}
	}
	return err
}

// mostShown is how many rows of a canary are shown.
const mostShown = 50

// showCanary shows the first rows of each account, on which a person decides.
func (bs Batches) showCanary(ctx context.Context, b ledger.Batch, p output.Printer) error {
	if b.State != upload.BatchHeld || b.Canary == 0 || p.JSON {
		return nil
	}
	passed, err := bs.session.Ledger.CanaryPassed(ctx, b.ID)
	if err != nil || passed {
		return err
	}
	shown := 0
	for _, state := range []upload.State{upload.StateReady, upload.StateFailed, upload.StateUnconfirmed} {
		for entry, err := range bs.session.Ledger.List(ctx, ledger.Filter{Batch: b.ID, State: state}) {
			if err != nil {
				return err
			}
			if entry.Result.WorkflowID == "" { // refused: it was never sent
				continue
			}
			if err := p.Item(entry.Result); err != nil {
				return err
			}
			if shown++; shown == mostShown {
				break
			}
		}
	}
	_, err = fmt.Fprintln(p.Out)
	return err
}

// Start starts a batch's workflow, or finds it running.
func (bs Batches) Start(ctx context.Context, id string) error {
	_, err := bs.session.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       upload.BatchWorkflowID(id),
		TaskQueue:                upload.TaskQueue,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            "batch " + id,
	}, upload.WorkflowBatch, upload.BatchRun{Batch: id})
	if err != nil {
		return fmt.Errorf("start batch %s: %w", id, err)
	}
	return nil
}

// SignalRows signals the single rows of a batch. The grouped ones read the ledger by
// themselves.
func (bs Batches) SignalRows(ctx context.Context, id, signal string) error {
	if !bs.session.EngineRuns(ctx) {
		return nil // nothing runs; rows read the ledger when they start
	}
	if err := bs.session.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
		return err
	}
	for _, state := range upload.States() {
		if state.Ended() || state == upload.StateWaiting {
			continue
		}
		for entry, err := range bs.session.Ledger.List(ctx, ledger.Filter{Batch: id, State: state}) {
			if err != nil {
				return err
			}
			if entry.WorkflowID != upload.WorkflowID(entry.Result.UploadID) {
				continue
			}
			err := bs.session.Temporal.SignalWorkflow(ctx, entry.WorkflowID, entry.RunID, signal, nil)
			var gone *serviceerror.NotFound
			if err != nil && !errors.As(err, &gone) { // it has just ended
				return fmt.Errorf("%s %s: %w", signal, entry.WorkflowID, err)
			}
		}
	}
	return nil
}
