package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/output"
)

func (a *app) batchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "batch",
		Short: "send the rows of a manifest, watch and steer them",
		Long: `A batch is one run of one manifest: CSV or JSON Lines with a row for each medium and
account, in a file, at s3: or oss:, or a folder of media. Plan it, start it, watch it;
it survives whatever ends its programs, and tells of each row in a report.

The same start again attaches; nothing is sent twice. A batch with too many failures
is held and asks. Decisions are kept with who, when and why.`,
		Example: `  mediaferry batch plan spring.csv                      what it takes, and which rows are wrong
  mediaferry batch start spring.csv --follow            send it, and wait for its end
  mediaferry batch status spring
  mediaferry batch retry spring --kind rejected         once more, in the same batch
  mediaferry batch report spring --format html -o spring.html`,
		Args: noCommand,
		RunE: func(*cobra.Command, []string) error {
			return exit.Misused("what is to be done with batches is missing, want such as plan MANIFEST, start MANIFEST, list or status ID")
		},
	}
	cmd.AddCommand(
		a.batchPlanCommand(), a.batchStartCommand(), a.batchListCommand(), a.batchStatusCommand(), a.batchWatchCommand(),
		a.batchPauseCommand(), a.batchResumeCommand(), a.batchCancelCommand(), a.batchSetCommand(), a.batchRetryCommand(),
		a.batchReportCommand(), a.batchScheduleCommand(),
	)
	return cmd
}

func oneBatch(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return &exit.UsageError{Text: "no batch is named", Hint: "mediaferry batch list prints them"}
	case 1:
		return nil
	}
	return exit.Misused("unexpected argument %q", args[1])
}

func oneManifest(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return exit.Misused("no MANIFEST is given")
	case 1:
		return nil
	}
	return exit.Misused("unexpected argument %q: a batch has one manifest", args[1])
}

func (a *app) batchListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list batches",
		Long: `list prints the batches that the ledger knows, the latest first. It works with no worker
and no engine alive.`,
		Example: "  mediaferry batch list",
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.batchList(cmd.Context(), asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object a line, as status does")
	return cmd
}

func (a *app) batchList(ctx context.Context, asJSON bool) error {
	if err := a.OpenLedger(ctx); err != nil {
		return err
	}
	all, err := a.Ledger.Batches(ctx)
	if err != nil {
		return err
	}
	p := a.Printer(asJSON)
	rows := [][]string{{"BATCH", "STATE", "ROWS", "READY", "FAILED", "OPEN", "STARTED", "MANIFEST"}}
	for _, b := range all {
		s, err := a.batches.Numbers(ctx, b)
		if err != nil {
			return err
		}
		if asJSON {
			if err := p.Object(s); err != nil {
				return err
			}
			continue
		}
		rows = append(rows, []string{
			b.ID, output.BatchStateWords(b), fmt.Sprint(s.Total), fmt.Sprint(s.Ready), fmt.Sprint(s.Failed), fmt.Sprint(s.Waiting + s.InProgress + s.Unconfirmed),
			output.Ago(b.CreatedAt, time.Now()), b.Manifest,
		})
	}
	if asJSON {
		return nil
	}
	if len(rows) == 1 {
		a.Say("no batches")
		return nil
	}
	return p.Table(rows)
}

// completeBatches helps a shell with the names of batches.
func (a *app) completeBatches(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 || a.Begin() != nil || a.OpenLedger(cmd.Context()) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer a.Close()
	all, err := a.Ledger.Batches(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []string
	for _, b := range all[:min(len(all), 50)] {
		ids = append(ids, b.ID)
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}
