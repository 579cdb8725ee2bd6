package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/waits"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/following"
	"github.com/mediaferry/mediaferry/starter/history"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
)

type showCommand struct{ *given }

func (c showCommand) command() *cobra.Command {
	var verify, asJSON bool
	cmd := &cobra.Command{
		Use:   "show [flags] UPLOAD_ID",
		Short: "show what happened to one upload",
		Long: `show prints the state of one upload and what happened to it, step by step. The steps come from
the workflow's history, which Temporal keeps for a limited time. Without a running engine,
show prints only what is in the ledger.

With --verify, a worker asks the vendor about an upload that is ready. show then prints the
comparison with what was sent: ID and state, the fields that the vendor returns, and the bytes if
the vendor serves the original. It changes nothing. Exit status: 3 if the medium differs, is gone,
or could not be checked.`,
		Example: `  mediaferry show upload/trustana/shoe
  mediaferry show upload/trustana/shoe --verify --json`,
		Args: oneUpload,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.Shown(c.run(cmd.Context(), args[0], verify, asJSON))
		},
	}
	cmd.Flags().BoolVar(&verify, "verify", false, "ask the vendor again and compare its answer with what was sent")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as one JSON object")
	cmd.ValidArgsFunction = c.completeUploads
	return cmd
}

func (c showCommand) run(ctx context.Context, id string, verify, asJSON bool) error {
	if err := c.OpenResults(ctx); err != nil {
		return err
	}
	entry, err := c.upload(ctx, id)
	if err != nil {
		return err
	}
	verified, end, err := c.verified(ctx, entry, verify)
	if err != nil {
		return err
	}
	if err := c.show(ctx, entry, verified, asJSON); err != nil {
		return err
	}
	return end
}

// upload is what is known of an upload: by the ledger, or of one that has not come as
// far as that yet, by Temporal.
func (c showCommand) upload(ctx context.Context, id string) (ledger.Entry, error) {
	entry, err := c.Upload(ctx, id)
	var unknown *exit.UsageError
	if !errors.As(err, &unknown) || !c.EngineRuns(ctx) {
		return entry, err
	}
	if err := c.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
		return entry, err
	}
	if begun, found := c.uploads.Unclaimed(ctx, id); found {
		return begun, nil
	}
	return entry, err
}

// verified asks the vendor again where that is wanted. end is what the command then
// ends with.
func (c showCommand) verified(ctx context.Context, entry ledger.Entry, wanted bool) (v *upload.Verification, end, err error) {
	if !wanted {
		return nil, nil, nil
	}
	if r := entry.Result; r.State != upload.StateReady {
		c.Say("%s is %s; you can verify only an upload that is ready", r.UploadID, r.State)
		return nil, &exit.NotReadyError{Count: 1}, nil
	}
	c.Parting = "interrupted; nothing was changed at the vendor"
	if err := c.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
		return nil, nil, err
	}
	found, err := c.uploads.Verify(ctx, entry)
	if err == nil && !found.Good() {
		end = &exit.NotReadyError{Count: 1}
	}
	return &found, end, err
}

// show prints an upload, and what happened to it.
func (c showCommand) show(ctx context.Context, entry ledger.Entry, verified *upload.Verification, asJSON bool) error {
	account, err := c.Ledger.Account(ctx, entry.Result.To)
	if err != nil {
		return err
	}
	p := c.Printer(asJSON)
	runs := c.Temporal != nil || c.EngineRuns(ctx)
	status, err := c.uploads.Running(ctx, entry, runs)
	if err != nil {
		return err
	}
	waiting, err := c.waiting(ctx, entry, runs)
	if err != nil {
		return err
	}
	result := following.Newest(entry.Result, status)
	if account.Paused && !result.State.Ended() {
		result = following.OnHold(result, account, entry.Waiting)
	}
	line := output.Line{Result: output.Advised(result), Waiting: waiting}
	if err := p.Card(entry, line, status, verified); err != nil || asJSON {
		return err
	}
	if c.Locked != nil {
		return nil
	}
	if !runs {
		c.Say("no engine is running, so this shows only what is in the ledger")
		return nil
	}
	if c.Temporal == nil {
		if err := c.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
			return err
		}
	}
	return c.history(ctx, entry, p)
}

// waiting is what an upload waits for: by the ledger, and where that does not know, by
// Temporal, where the engine runs.
func (c showCommand) waiting(ctx context.Context, entry ledger.Entry, runs bool) (*waits.Wait, error) {
	waiting, err := c.uploads.Waiting(ctx, entry)
	unclaimed := entry.Result.State == upload.StateWaiting // what its account waits for is not its own matter yet
	if err != nil || waiting != nil && !unclaimed || !runs || entry.Result.State.Ended() || following.Grouped(entry) || entry.WorkflowID == "" {
		return waiting, err
	}
	if c.Temporal == nil {
		if err := c.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
			return nil, err
		}
	}
	if pending := c.uploads.Pending(ctx, entry.WorkflowID, entry.RunID); pending != nil {
		return pending, nil
	}
	return waiting, nil
}

// history prints what happened in an upload's workflow, an event a line.
func (c showCommand) history(ctx context.Context, entry ledger.Entry, p output.Printer) error {
	if entry.WorkflowID == "" {
		return nil
	}
	run := history.Run{WorkflowID: entry.WorkflowID, RunID: entry.RunID, Done: "ready"}
	if following.Grouped(entry) {
		run.Done = "its shard ended"
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
