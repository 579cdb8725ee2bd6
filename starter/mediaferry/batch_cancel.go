package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/opening"
)

func (a *app) batchCancelCommand() *cobra.Command {
	var because string
	cmd := &cobra.Command{
		Use:   "cancel ID",
		Short: "give a batch up",
		Long: `cancel gives up what is left of a batch, and waits until it has ended: what is in flight
ends cleanly, rows that were not begun end as canceled, and the report is complete. What
was delivered stays. batch retry runs what was canceled after all.`,
		Example:           `  mediaferry batch cancel spring --because "the wrong season"`,
		Args:              oneBatch,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.cancelBatch(cmd.Context(), args[0], because) },
		ValidArgsFunction: a.completeBatches,
	}
	cmd.Flags().StringVar(&because, "because", "", "the reason, `TEXT`")
	return cmd
}

func (a *app) cancelBatch(ctx context.Context, id, because string) error {
	b, err := a.OpenBatch(ctx, id)
	if err != nil {
		return err
	}
	if b.State.Ended() {
		return exit.Misused("batch %s is %s already", id, b.State)
	}
	if b.State != upload.BatchCanceling {
		change := ledger.BatchChange{Event: event("cancel", because, ""), State: upload.BatchCanceling, Paused: new(bool)}
		if b, err = a.Ledger.ChangeBatch(ctx, id, change); err != nil {
			return opening.UnknownBatch(id, err)
		}
	}
	a.Parting = "interrupted; the batch ends where the engine runs"
	if err := a.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
		return err
	}
	err = a.Temporal.CancelWorkflow(ctx, upload.BatchWorkflowID(id), "")
	var gone *serviceerror.NotFound
	switch {
	case errors.As(err, &gone):
		if err := a.endWithout(ctx, id); err != nil {
			return err
		}
	case err != nil:
		return fmt.Errorf("cancel batch %s: %w", id, err)
	default:
		if err := a.workers.EnsureBatch(ctx, id); err != nil {
			return err
		}
	}
	return a.awaitCanceled(ctx, id)
}

// endWithout ends a batch that no workflow runs: it was loaded and never started.
func (a *app) endWithout(ctx context.Context, id string) error {
	if _, err := a.Ledger.CancelRows(ctx, id); err != nil {
		return err
	}
	_, err := a.Ledger.ChangeBatch(ctx, id, ledger.BatchChange{Event: event("finish", "", "it had not been started"), State: upload.BatchCanceled})
	return opening.UnknownBatch(id, err)
}

// awaitCanceled waits for the end. That rows are not ready then is what was asked
// for.
func (a *app) awaitCanceled(ctx context.Context, id string) error {
	err := a.batches.Follow(ctx, id, a.Printer(false))
	var items *exit.NotReadyError
	if !errors.As(err, &items) {
		return err
	}
	b, err := a.Ledger.Batch(ctx, id)
	if err == nil && b.State != upload.BatchCanceled {
		a.Say("it had ended before the cancellation reached it")
	}
	return err
}
