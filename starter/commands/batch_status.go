package commands

import (
	"github.com/spf13/cobra"
)

type batchStatusCommand struct{ *given }

func (c batchStatusCommand) command() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status [flags] ID",
		Short: "show how far a batch is",
		Long: `status prints how many rows of a batch are in each state, how fast rows are sent, and which
failures occurred. It needs no running worker or engine.`,
		Example: `  mediaferry batch status spring
  mediaferry batch status spring --json`,
		Args: oneBatch,
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := c.OpenBatchResults(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return c.Shown(c.batches.PrintStatus(cmd.Context(), b, c.Printer(asJSON)))
		},
		ValidArgsFunction: first(c.completeBatches),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}
