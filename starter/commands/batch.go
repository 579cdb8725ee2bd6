package commands

import (
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/starter/exit"
)

type batchCommand struct{ *given }

func (c batchCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "batch",
		Short: "send the rows of a manifest and control the run",
		Long: `A batch is one run of one manifest. A manifest is a CSV or JSON Lines file, local or at s3:
or oss:, with one row per file and account; or it is a folder of media files. A batch
survives crashes and restarts, and its report lists every row.

If you start the same batch again, the command attaches to it and sends nothing twice. If too
many rows fail, the batch is held until a person decides what to do.`,
		Example: `  mediaferry batch plan spring.csv                  list invalid rows, estimate
  mediaferry batch start spring.csv --follow        send it, wait until it ends
  mediaferry batch retry spring --kind rejected     retry the rejected rows
  mediaferry batch report spring --format html -o spring.html`,
		Args: noCommand,
		RunE: func(*cobra.Command, []string) error {
			return exit.Misused("batch needs a subcommand, for example plan MANIFEST, start MANIFEST, list or status ID")
		},
	}
	g := c.given
	cmd.AddGroup(&cobra.Group{ID: "send", Title: "To send"}, &cobra.Group{ID: "look", Title: "To look"}, &cobra.Group{ID: steering, Title: "To steer"})
	cmd.AddCommand(grouped("send", batchPlanCommand{g}.command(), batchStartCommand{g}.command(), batchScheduleCommand{g}.command())...)
	cmd.AddCommand(grouped("look", batchListCommand{g}.command(), batchStatusCommand{g}.command(), batchWatchCommand{g}.command(), batchReportCommand{g}.command())...)
	cmd.AddCommand(grouped(steering, batchPauseCommand{g}.command(), batchResumeCommand{g}.command(), batchSetCommand{g}.command(),
		batchRetryCommand{g}.command(), batchCancelCommand{g}.command())...)
	return cmd
}

// event is a decision of the person at the keyboard.
func (g *given) event(what, because, detail string) ledger.BatchEvent {
	return ledger.BatchEvent{What: what, By: g.Who(), Because: because, Detail: detail}
}
