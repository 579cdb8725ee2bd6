package commands

import (
	"github.com/spf13/cobra"
)

type batchWatchCommand struct{ *given }

func (c batchWatchCommand) command() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "watch [flags] ID",
		Short: "watch a batch until it ends",
		Long: `watch shows one line per account of a batch: rows done and in flight, rows per second, 429
answers since the watch began, failures, and the time left. It ends when the batch ends or
waits for a person. It sends nothing itself. If the output is not a terminal, it prints a line
every ten seconds.

Exit status: 0 if all rows are ready, 3 if some are not.`,
		Example: "  mediaferry batch watch spring",
		Args:    oneBatch,
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := c.OpenBatch(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			c.Parting = "stopped watching; the batch continues if an engine is running"
			return c.batches.Watch(cmd.Context(), b.ID, c.Printer(asJSON))
		},
		ValidArgsFunction: first(c.completeBatches),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object at the end, in the format of batch status")
	return cmd
}
