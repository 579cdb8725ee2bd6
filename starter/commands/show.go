package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/following"
	"github.com/mediaferry/mediaferry/starter/history"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
)

type showCommand struct{ *given }

func (c showCommand) command() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show [flags] UPLOAD_ID",
		Short: "show what happened to one upload",
		Long: `show prints what is known about one upload, and what happened to it step by step. The
steps are read from the workflow's history, as long as Temporal keeps it; without a
running engine only what the ledger knows is printed.`,
		Example: `  mediaferry show upload/trustana/shoe
  mediaferry show upload/trustana/shoe --json`,
		Args: oneUpload,
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args[0], asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as one JSON object")
	cmd.ValidArgsFunction = c.completeUploads
	return cmd
}

func (c showCommand) run(ctx context.Context, id string, asJSON bool) error {
	if err := c.OpenLedger(ctx); err != nil {
		return err
	}
	entry, err := c.Upload(ctx, id)
	if err != nil {
		return err
	}
	account, err := c.Ledger.Account(ctx, entry.Result.To)
	if err != nil {
		return err
	}
	p := c.Printer(asJSON)
	runs := c.EngineRuns(ctx)
	status, err := c.uploads.Running(ctx, entry, runs)
	if err != nil {
		return err
	}
	waiting, err := c.uploads.Waiting(ctx, id)
	if err != nil {
		return err
	}
	result := following.Newest(entry.Result, status)
	if account.Paused && !result.State.Ended() {
		result = following.OnHold(result, account, waiting)
	}
	result = output.Advised(result)
	if words := output.WaitWords(waiting, time.Now()); words != "" && !result.Paused {
		if status == nil {
			status = &upload.Status{}
		}
		if status.Waiting == "" {
			status.Waiting = words
		}
	}
	if err := p.Card(entry, result, status); err != nil || asJSON {
		return err
	}
	if !runs {
		c.Say("no engine runs, so only what the ledger knows is shown")
		return nil
	}
	if c.Temporal == nil {
		if err := c.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
			return err
		}
	}
	return c.history(ctx, entry, p)
}

// history prints what happened in an upload's workflow, an event a line.
func (c showCommand) history(ctx context.Context, entry ledger.Entry, p output.Printer) error {
	if entry.WorkflowID == "" {
		return nil
	}
	run := history.Run{WorkflowID: entry.WorkflowID, RunID: entry.RunID, Done: "ready"}
	if following.Grouped(entry) {
		run.Done = "its shard has ended"
	}
	lines, err := history.Reader{Temporal: c.Temporal, Keys: c.Keys}.Read(ctx, run)
	if errors.Is(err, history.ErrNotKept) {
		c.Say("%s", err)
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(p.Out); err != nil {
		return err
	}
	return p.Table(lines)
}
