package commands

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

type batchCancelCommand struct{ *given }

func (c batchCancelCommand) command() *cobra.Command {
	var because string
	cmd := &cobra.Command{
		Use:   "cancel ID",
		Short: "cancel a batch",
		Long: `cancel stops a batch and waits until it has ended. Rows in flight end cleanly, rows that
have not started are canceled, and the report lists all of them. Files that were delivered
stay at the vendor. To run the canceled rows later, use "mediaferry batch retry".`,
		Example:           `  mediaferry batch cancel spring --because "the wrong season"`,
		Args:              oneBatch,
		RunE:              func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args[0], because) },
		ValidArgsFunction: first(c.completeBatches),
	}
	cmd.Flags().StringVar(&because, "because", "", "record `TEXT` as the reason")
	return cmd
}

func (c batchCancelCommand) run(ctx context.Context, id, because string) error {
	b, err := c.OpenBatch(ctx, id)
	if err != nil {
		return err
	}
	if b.State.Ended() {
		return exit.Misused("batch %s is already %s", id, b.State)
	}
	if b.State != upload.BatchCanceling {
		change := ledger.BatchChange{Event: c.event("cancel", because, ""), State: upload.BatchCanceling, Paused: new(bool)}
		if b, err = c.Ledger.ChangeBatch(ctx, id, change); err != nil {
			return opening.UnknownBatch(id, err)
		}
	}
	c.Parting = "interrupted; the cancellation continues if an engine is running"
	if err := c.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
		return err
	}
	err = c.Temporal.CancelWorkflow(ctx, upload.BatchWorkflowID(id), "")
	var gone *serviceerror.NotFound
	switch {
	case errors.As(err, &gone):
		if err := c.endWithout(ctx, id); err != nil {
			return err
		}
	case err != nil:
		return fmt.Errorf("cancel batch %s: %w", id, err)
	default:
		if err := c.workers.EnsureBatch(ctx, id); err != nil {
			return err
		}
	}
	return c.awaitCanceled(ctx, id)
}

// endWithout ends a batch that no workflow runs: it was loaded and never started.
func (c batchCancelCommand) endWithout(ctx context.Context, id string) error {
	if _, err := c.Ledger.CancelRows(ctx, id); err != nil {
		return err
	}
	_, err := c.Ledger.ChangeBatch(ctx, id, ledger.BatchChange{Event: c.event("finish", "", "the batch was never started"), State: upload.BatchCanceled})
	return opening.UnknownBatch(id, err)
}

// awaitCanceled waits for the end. That rows are not ready then is what was asked
// for.
func (c batchCancelCommand) awaitCanceled(ctx context.Context, id string) error {
	err := c.batches.Follow(ctx, id, c.Printer(false))
	var items *exit.NotReadyError
	if !errors.As(err, &items) {
		return err
	}
	b, err := c.Ledger.Batch(ctx, id)
	if err == nil && b.State != upload.BatchCanceled {
		c.Say("the batch ended before it could be canceled")
	}
	return err
}
