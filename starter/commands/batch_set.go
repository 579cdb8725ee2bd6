package commands

import (
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
)

type batchSetCommand struct{ *given }

func (c batchSetCommand) command() *cobra.Command {
	var limits limitFlags
	var because string
	cmd := &cobra.Command{
		Use:   "set ID [limits]",
		Short: "change a batch's limits, even while it runs",
		Long: `set changes the limits that you give and keeps the others. Workers apply a change within a
second or two. --failures replaces all failure budgets; --failures none removes them.`,
		Example: `  mediaferry batch set spring --rps trustana=2 --in-flight 16
  mediaferry batch set spring --rps trustana=none --failures 5%`,
		Args:              oneBatch,
		RunE:              func(cmd *cobra.Command, args []string) error { return c.run(cmd, args[0], limits, because) },
		ValidArgsFunction: first(c.completeBatches),
	}
	limits.register(cmd)
	cmd.Flags().StringVar(&because, "because", "", "record `TEXT` as the reason")
	return cmd
}

func (c batchSetCommand) run(cmd *cobra.Command, id string, f limitFlags, because string) error {
	ctx := cmd.Context()
	given := f.given(cmd)
	if given == "" {
		return exit.Misused("no limit is given; use one or more of --rps, --in-flight, --bwlimit, --failures")
	}
	b, err := c.OpenBatch(ctx, id)
	if err != nil {
		return err
	}
	limits, err := f.apply(cmd, c.Config.AccountNames(), b.Limits)
	if err != nil {
		return err
	}
	if b.State.Ended() {
		return exit.Misused("batch %s is %s", id, b.State)
	}
	if b, err = c.Ledger.ChangeBatch(ctx, id, ledger.BatchChange{Event: c.event("set", because, given), Limits: &limits}); err != nil {
		return opening.UnknownBatch(id, err)
	}
	lines := output.LimitLines(b.Limits)
	if len(lines) == 0 {
		lines = []string{"no limits of its own; only those of its accounts apply"}
	}
	c.Say("batch %s: %s", id, output.Join(lines))
	return nil
}
