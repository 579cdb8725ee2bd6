package commands

import (
	"github.com/spf13/cobra"
)

type pauseCommand struct{ *given }

func (c pauseCommand) command() *cobra.Command {
	var because string
	cmd := &cobra.Command{
		Use:   "pause UPLOAD_ID",
		Short: "pause an upload until you resume it",
		Long: `pause stops a running upload. It starts nothing new, and parts in flight get ten seconds to
finish. Parts that the store has acknowledged are kept, and resume continues with the
missing ones. You can move or cancel a paused upload. A row of a batch gets a workflow of its
own at its next step; the other rows continue.`,
		Example:           "  mediaferry pause upload/truvideo/tour",
		Args:              oneUpload,
		ValidArgsFunction: c.completeUploads,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.signal(cmd.Context(), args[0], true, because)
		},
	}
	cmd.Flags().StringVar(&because, "because", "", "record `TEXT` as the reason")
	return cmd
}
