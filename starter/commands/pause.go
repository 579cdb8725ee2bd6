package commands

import (
	"github.com/spf13/cobra"
)

type pauseCommand struct{ *given }

func (c pauseCommand) command() *cobra.Command {
	return &cobra.Command{
		Use:   "pause UPLOAD_ID",
		Short: "let an upload rest until it is resumed",
		Long: `pause lets a running upload rest: nothing new is started, and parts that are on their
way get ten seconds to end. What the store has acknowledged is kept; resume goes on
with what is missing. A paused upload can be moved, or canceled. A row that travels
with others of its batch leaves them at its next step, and rests by itself.`,
		Example:           "  mediaferry pause upload/truvideo/tour",
		Args:              oneUpload,
		ValidArgsFunction: c.completeUploads,
		RunE:              func(cmd *cobra.Command, args []string) error { return c.signal(cmd.Context(), args[0], true) },
	}
}
