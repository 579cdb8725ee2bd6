package commands

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/opening"
)

type batchResumeCommand struct{ *given }

func (c batchResumeCommand) command() *cobra.Command {
	var because string
	cmd := &cobra.Command{
		Use:   "resume ID",
		Short: "resume a batch that is paused or held",
		Long: `resume continues a batch that was paused. For one that is held it accepts what it is
held for: the first rows of a canary, or the failures so far, after which its budget
starts again. A batch that is held and paused is only held after the first resume; the
second accepts. Rows of it that were paused one by one are resumed too.`,
		Example:           "  mediaferry batch resume spring",
		Args:              oneBatch,
		RunE:              func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args[0], because) },
		ValidArgsFunction: c.completeBatches,
	}
	cmd.Flags().StringVar(&because, "because", "", "the reason, `TEXT`")
	return cmd
}

func (c batchResumeCommand) run(ctx context.Context, id, because string) error {
	b, err := c.OpenBatch(ctx, id)
	if err != nil {
		return err
	}
	switch {
	case b.State.Ended(), b.State == upload.BatchCanceling:
		return &exit.UsageError{Text: fmt.Sprintf("batch %s is %s", id, b.State), Hint: "to run failed and canceled rows again: mediaferry batch retry " + id}
	case !b.Paused && b.State != upload.BatchHeld:
		c.Say("batch %s is neither paused nor held", id)
		return nil
	}
	change := ledger.BatchChange{Event: event("resume", because, ""), Paused: new(bool), Because: new(string)}
	switch {
	case b.State == upload.BatchHeld && b.Paused:
		// This ends only the pause. The question for which the batch is held has
		// not been answered by that.
		change.Because, change.Event.Detail = nil, "the pause alone: it stays held"
	case b.State == upload.BatchHeld:
		change.State, change.Event.Detail = upload.BatchRunning, "accepted: "+b.Because
	}
	now, err := c.Ledger.ChangeBatch(ctx, id, change)
	if err != nil {
		return opening.UnknownBatch(id, err)
	}
	if err := c.batches.SignalRows(ctx, id, upload.SignalResume); err != nil {
		return err
	}
	if now.State == upload.BatchHeld {
		c.Say("batch %s is no longer paused, but it is held: %s; to accept that and continue: mediaferry batch resume %s", id, now.Because, id)
		return nil
	}
	if !c.EngineRuns(ctx) {
		c.Say("batch %s continues as soon as an engine and a worker run: mediaferry up", id)
		return nil
	}
	c.Say("batch %s is resumed", id)
	return nil
}
