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
		Long: `resume continues a batch that was paused. For a batch that is held, it accepts the reason: the
canary's results, or the failures so far, after which the failure budget starts again. If a
batch is both held and paused, the first resume ends the pause and the second one accepts the
reason. Rows of the batch that were paused one by one are resumed too.`,
		Example:           "  mediaferry batch resume spring",
		Args:              oneBatch,
		RunE:              func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args[0], because) },
		ValidArgsFunction: first(c.completeBatches),
	}
	cmd.Flags().StringVar(&because, "because", "", "record `TEXT` as the reason")
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
	change := ledger.BatchChange{Event: c.event("resume", because, ""), Paused: new(bool), Because: new(string)}
	switch {
	case b.State == upload.BatchHeld && b.Paused:
		// This ends only the pause. The question for which the batch is held has
		// not been answered by that.
		change.Because, change.Event.Detail = nil, "ended the pause only; the batch stays held"
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
		c.Say("batch %s is no longer paused, but it is still held: %s. To accept this and continue: mediaferry batch resume %s", id, now.Because, id)
		return nil
	}
	if !c.EngineRuns(ctx) {
		c.Say("batch %s continues as soon as an engine and a worker are running; to start them: mediaferry up", id)
		return nil
	}
	c.Say("batch %s is resumed", id)
	return nil
}
