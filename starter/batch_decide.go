package main

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/mediaferry/mediaferry/ledger"
	"github.com/mediaferry/mediaferry/upload"
)

// decideBatch decides on all rows of a batch that are unconfirmed. Each is told
// as it is decided; what had ended meanwhile is left as it is.
func (a *app) decideBatch(ctx context.Context, id string, d upload.Decision) error {
	if err := checkDecision(d); err != nil {
		return err
	}
	if _, err := a.openBatch(ctx, id); err != nil {
		return err
	}
	var rows []ledger.Entry // the list changes with each decision
	for entry, err := range a.ledger.List(ctx, ledger.Filter{Batch: id, State: upload.StateUnconfirmed}) {
		if err != nil {
			return err
		}
		rows = append(rows, entry)
	}
	if len(rows) == 0 {
		a.say("batch %s has no unconfirmed rows", id)
		return nil
	}
	a.parting = "interrupted; what was decided stays decided, and the same command goes on with the rest"
	if err := a.openEngine(ctx, engineOptions{}); err != nil {
		return err
	}
	if err := a.staff(ctx, id); err != nil {
		return err
	}
	failed := 0
	for _, entry := range rows {
		err := a.decideRow(ctx, entry, d)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			a.say("%s", err)
			failed++
			continue
		}
		if _, err := fmt.Fprintf(a.stdout, "%-12s %s\n", d.Verdict, entry.Result.UploadID); err != nil {
			return err
		}
	}
	if failed > 0 {
		return &notReadyError{failed}
	}
	return nil
}

// decideRow sends a decision and waits until it is heard.
func (a *app) decideRow(ctx context.Context, entry ledger.Entry, d upload.Decision) error {
	id := entry.Result.UploadID
	handle, err := a.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
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
