package commands

import (
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/opening"
)

type batchCommand struct{ *given }

func (c batchCommand) command() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "batch",
		Short: "send the rows of a manifest, and control the run",
		Long: `A batch is one run of one manifest: CSV or JSON Lines with a row for each medium and
account, in a file, at s3: or oss:, or a folder of media. Plan it, start it, watch it;
it survives crashes and restarts, and its report has every row.

Repeating the same start attaches to it; nothing is sent twice. A batch with too many
failures is held until a person decides. Decisions are recorded with who, when and why.`,
		Example: `  mediaferry batch plan spring.csv                      what it takes, and which rows are wrong
  mediaferry batch start spring.csv --follow            send it, and wait for its end
  mediaferry batch status spring
  mediaferry batch retry spring --kind rejected         again, in the same batch
  mediaferry batch report spring --format html -o spring.html`,
		Args: noCommand,
		RunE: func(*cobra.Command, []string) error {
			return exit.Misused("no subcommand is given, want one such as plan MANIFEST, start MANIFEST, list or status ID")
		},
	}
	g := c.given
	cmd.AddCommand(
		batchPlanCommand{g}.command(), batchStartCommand{g}.command(), batchListCommand{g}.command(), batchStatusCommand{g}.command(),
		batchWatchCommand{g}.command(), batchPauseCommand{g}.command(), batchResumeCommand{g}.command(), batchCancelCommand{g}.command(),
		batchSetCommand{g}.command(), batchRetryCommand{g}.command(), batchReportCommand{g}.command(), batchScheduleCommand{g}.command(),
	)
	return cmd
}

// event is a decision of the person at the keyboard.
func event(what, because, detail string) ledger.BatchEvent {
	return ledger.BatchEvent{What: what, By: opening.User(), Because: because, Detail: detail}
}
