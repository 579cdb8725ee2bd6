package commands

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/opening"
)

type batchPauseCommand struct{ *given }

func (c batchPauseCommand) command() *cobra.Command {
	var because string
	cmd := &cobra.Command{
		Use:   "pause ID",
		Short: "pause a batch until you resume it",
		Long: `pause stops a batch from starting rows. Rows in flight stop at a point from which they can
continue. The pause is recorded with who, when and why, and survives restarts.`,
		Example:           `  mediaferry batch pause spring --because "the shop's sale"`,
		Args:              oneBatch,
		RunE:              func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args[0], because) },
		ValidArgsFunction: first(c.completeBatches),
	}
	cmd.Flags().StringVar(&because, "because", "", "record `TEXT` as the reason")
	return cmd
}

func (c batchPauseCommand) run(ctx context.Context, id, because string) error {
	b, err := c.OpenBatch(ctx, id)
	if err != nil {
		return err
	}
	switch {
	case b.State.Ended(), b.State == upload.BatchCanceling:
		return exit.Misused("batch %s is %s", id, b.State)
	case b.Paused:
		c.Say("batch %s is already paused", id)
		return nil
	}
	paused, why := true, because
	if why == "" {
		why = "paused by " + c.Who()
	}
	change := ledger.BatchChange{Event: c.event("pause", because, ""), Paused: &paused, Because: &why}
	if b.State == upload.BatchHeld {
		change.Because = nil // what it is held for still has to be read
	}
	if _, err := c.Ledger.ChangeBatch(ctx, id, change); err != nil {
		return opening.UnknownBatch(id, err)
	}
	if err := c.batches.SignalRows(ctx, id, upload.SignalPause); err != nil {
		return err
	}
	c.Say("batch %s is paused; rows in flight stop at their next step", id)
	return nil
}
