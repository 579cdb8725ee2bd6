package main

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/opening"
)

// decideBatch decides on all rows of a batch that are unconfirmed. Each is told
// as it is decided; what had ended meanwhile is left as it is.
func (a *app) decideBatch(ctx context.Context, id string, d upload.Decision) error {
	if err := checkDecision(d); err != nil {
		return err
	}
	if _, err := a.OpenBatch(ctx, id); err != nil {
		return err
	}
	var rows []ledger.Entry // the list changes with each decision
	for entry, err := range a.Ledger.List(ctx, ledger.Filter{Batch: id, State: upload.StateUnconfirmed}) {
		if err != nil {
			return err
		}
		rows = append(rows, entry)
	}
	if len(rows) == 0 {
		a.Say("batch %s has no unconfirmed rows", id)
		return nil
	}
	a.Parting = "interrupted; what was decided stays decided, and the same command goes on with the rest"
	if err := a.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
		return err
	}
	if err := a.workers.EnsureBatch(ctx, id); err != nil {
		return err
	}
	failed, decided := 0, rows[:0]
	for _, entry := range rows {
		err := a.decideRow(ctx, entry, d)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			a.Say("%s", err)
			failed++
			continue
		}
		if _, err := fmt.Fprintf(a.Out, "%-12s %s\n", d.Verdict, entry.Result.UploadID); err != nil {
			return err
		}
		decided = append(decided, entry)
	}
	var end error
	if failed > 0 {
		end = &exit.NotReadyError{Count: failed}
	}
	if d.Verdict == upload.VerdictRetry && !a.workers.CarriesUploads() {
		return end // workers that stay do that
	}
	if err := a.uploads.AwaitDecided(ctx, decided); err != nil {
		return err
	}
	return a.batches.Reported(ctx, id, end)
}

// decideRow sends a decision and waits until it is heard.
func (a *app) decideRow(ctx context.Context, entry ledger.Entry, d upload.Decision) error {
	id := entry.Result.UploadID
	handle, err := a.Temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: entry.WorkflowID, RunID: entry.RunID, UpdateName: upload.UpdateDecide,
		WaitForStage: client.WorkflowUpdateStageCompleted, Args: []any{d},
	})
	if err == nil {
		err = handle.Get(ctx, nil)
	}
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return fmt.Errorf("%s: its workflow has ended; run the row again with another batch and --again where the medium is not there", id)
	}
	if err != nil {
		return fmt.Errorf("decide %s: %w", id, err)
	}
	return nil
}
