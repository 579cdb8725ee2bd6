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
		Short: "let a batch rest until it is resumed",
		Long: `pause lets a batch rest: no new row is begun, and what is in flight comes to rest where
it can go on later. It is kept with who, when and why, and outlives every program.`,
		Example:           `  mediaferry batch pause spring --because "the shop's sale"`,
		Args:              oneBatch,
		RunE:              func(cmd *cobra.Command, args []string) error { return c.pauseBatch(cmd.Context(), args[0], because) },
		ValidArgsFunction: c.completeBatches,
	}
	cmd.Flags().StringVar(&because, "because", "", "the reason, `TEXT`")
	return cmd
}

func (c batchPauseCommand) pauseBatch(ctx context.Context, id, because string) error {
	b, err := c.OpenBatch(ctx, id)
	if err != nil {
		return err
	}
	switch {
	case b.State.Ended(), b.State == upload.BatchCanceling:
		return exit.Misused("batch %s is %s", id, b.State)
	case b.Paused:
		c.Say("batch %s is paused already", id)
		return nil
	}
	paused, why := true, because
	if why == "" {
		why = "paused by " + opening.User()
	}
	change := ledger.BatchChange{Event: event("pause", because, ""), Paused: &paused, Because: &why}
	if b.State == upload.BatchHeld {
		change.Because = nil // what it is held for still has to be read
	}
	if _, err := c.Ledger.ChangeBatch(ctx, id, change); err != nil {
		return opening.UnknownBatch(id, err)
	}
	if err := c.batches.SignalRows(ctx, id, upload.SignalPause); err != nil {
		return err
	}
	c.Say("batch %s is paused; what is in flight comes to rest", id)
	return nil
}
