package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/following"
	"github.com/mediaferry/mediaferry/starter/history"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
)

func (a *app) showCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show [flags] UPLOAD_ID",
		Short: "tell the story of one upload",
		Long: `show prints what is known of one upload, and what happened to it step by step. The
story is read from the workflow's history, for as long as Temporal keeps it; without
a running engine, what the ledger knows is printed alone.`,
		Example: `  mediaferry show upload/trustana/shoe
  mediaferry show upload/trustana/shoe --json`,
		Args: oneUpload,
		RunE: func(cmd *cobra.Command, args []string) error { return a.show(cmd.Context(), args[0], asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as one JSON object")
	cmd.ValidArgsFunction = a.completeUploads
	return cmd
}

func oneUpload(_ *cobra.Command, args []string) error {
	switch len(args) {
	case 0:
		return &exit.UsageError{Text: "no UPLOAD_ID is given", Hint: "mediaferry list prints them"}
	case 1:
		return nil
	}
	return exit.Misused("unexpected argument %q", args[1])
}

func (a *app) show(ctx context.Context, id string, asJSON bool) error {
	if err := a.OpenLedger(ctx); err != nil {
		return err
	}
	entry, err := a.Upload(ctx, id)
	if err != nil {
		return err
	}
	account, err := a.Ledger.Account(ctx, entry.Result.To)
	if err != nil {
		return err
	}
	p := a.Printer(asJSON)
	runs := a.EngineRuns(ctx)
	status, err := a.uploads.Running(ctx, entry, runs)
	if err != nil {
		return err
	}
	waiting, err := a.uploads.Waiting(ctx, id)
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
		a.Say("no engine runs, so only the ledger's part of the story can be told")
		return nil
	}
	if a.Temporal == nil {
		if err := a.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
			return err
		}
	}
	return a.history(ctx, entry, p)
}

// history prints what happened in an upload's workflow, an event a line.
func (a *app) history(ctx context.Context, entry ledger.Entry, p output.Printer) error {
	if entry.WorkflowID == "" {
		return nil
	}
	run := history.Run{WorkflowID: entry.WorkflowID, RunID: entry.RunID, Done: "ready"}
	if following.Grouped(entry) {
		run.Done = "its page is done"
	}
	lines, err := history.Reader{Temporal: a.Temporal, Keys: a.Keys}.Read(ctx, run)
	if errors.Is(err, history.ErrNotKept) {
		a.Say("%s", err)
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
