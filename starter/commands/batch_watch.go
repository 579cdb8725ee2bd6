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
		Long: `watch shows a line for each account of a batch: rows done and in flight, rows a second,
answers 429 since it watches, failures, and the time left. It ends with the batch, or when the
batch waits for a person. It does no work itself. Without a terminal it prints a line
every ten seconds.

Exit status: 0 all rows are ready, 3 some are not.`,
		Example: "  mediaferry batch watch spring",
		Args:    oneBatch,
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := c.OpenBatch(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			c.Parting = "the batch continues while an engine runs"
			return c.batches.Watch(cmd.Context(), b.ID, c.Printer(asJSON))
		},
		ValidArgsFunction: c.completeBatches,
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object at the end, as status does")
	return cmd
}
