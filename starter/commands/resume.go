package commands

import (
	"github.com/spf13/cobra"
)

type resumeCommand struct{ *given }

func (c resumeCommand) command() *cobra.Command {
	var because string
	cmd := &cobra.Command{
		Use:   "resume UPLOAD_ID",
		Short: "resume a paused upload",
		Long: `resume continues a paused upload. If an upload waits because its account is paused, use
"mediaferry account resume NAME".`,
		Example:           "  mediaferry resume upload/truvideo/tour",
		Args:              oneUpload,
		ValidArgsFunction: c.completeUploads,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.signal(cmd.Context(), args[0], false, because)
		},
	}
	cmd.Flags().StringVar(&because, "because", "", "record `TEXT` as the reason")
	return cmd
}
