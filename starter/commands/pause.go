package commands

import (
	"github.com/spf13/cobra"
)

type pauseCommand struct{ *given }

func (c pauseCommand) command() *cobra.Command {
	return &cobra.Command{
		Use:   "pause UPLOAD_ID",
		Short: "pause an upload until it is resumed",
		Long: `pause stops a running upload: nothing new is started, and parts that are being sent get
ten seconds to end. What the store has acknowledged is kept; resume continues with what
is missing. A paused upload can be moved or canceled. A row that is grouped with others
of its batch is detached at its next step, and paused alone.`,
		Example:           "  mediaferry pause upload/truvideo/tour",
		Args:              oneUpload,
		ValidArgsFunction: c.completeUploads,
		RunE:              func(cmd *cobra.Command, args []string) error { return c.signal(cmd.Context(), args[0], true) },
	}
}
