package commands

import (
	"github.com/spf13/cobra"
)

type waitCommand struct{ *given }

func (c waitCommand) command() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "wait [flags] UPLOAD_ID",
		Short: "wait until an upload has ended",
		Long: `wait returns when an upload has ended, or when it needs a person because it is unconfirmed or
its account is paused. It does the work itself if no worker is running. For a row of a batch,
it also waits while the batch is paused or held, and says so.`,
		Example: "  mediaferry wait upload/truvideo/tour",
		Args:    oneUpload,
		RunE: func(cmd *cobra.Command, args []string) error {
			entry, err := c.uploads.Open(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return c.uploads.WaitFor(cmd.Context(), entry, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as one JSON object")
	cmd.ValidArgsFunction = c.completeUploads
	return cmd
}
