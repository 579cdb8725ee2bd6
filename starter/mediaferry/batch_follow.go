package main

import (
	"github.com/spf13/cobra"
)

func (a *app) batchWatchCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "watch [flags] ID",
		Short: "watch a batch until it ends",
		Long: `watch shows a line for each account of a batch: rows done and in flight, rows a second,
answers 429 since it watches, failures, and the time left. It ends with the batch, or when the batch
asks a person. It does no work itself. Off a terminal it prints a line now and then.

Exit status: 0 all rows are ready, 3 some are not.`,
		Example: "  mediaferry batch watch spring",
		Args:    oneBatch,
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := a.OpenBatch(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			a.Parting = "the batch goes on where the engine does"
			return a.batches.Watch(cmd.Context(), b.ID, a.Printer(asJSON))
		},
		ValidArgsFunction: a.completeBatches,
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object at the end, as status does")
	return cmd
}
