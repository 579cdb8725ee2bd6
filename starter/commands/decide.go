package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/following"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
)

type decideCommand struct{ *given }

func (c decideCommand) command() *cobra.Command {
	var because, batch string
	var detach bool
	cmd := &cobra.Command{
		Use:   "decide UPLOAD_ID ready|retry|fail --because TEXT",
		Short: "decide what becomes of an unconfirmed upload",
		Long: `An upload is unconfirmed if the vendor's answer was lost and mediaferry could not find out
whether the file arrived. Check at the vendor, then decide:
  ready   the file is there
  retry   the file is not there; send it again
  fail    record the upload as failed
With --batch instead of an UPLOAD_ID, you decide for all unconfirmed rows of a batch. The
decision is recorded with who, when and why.`,
		Example: `  mediaferry decide upload/closient/front retry --because "not in the gallery"
  mediaferry decide --batch spring fail --because "will be sent by hand"`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case batch != "" && len(args) != 1:
				return exit.Misused("with --batch, give one of ready, retry, fail, and no UPLOAD_ID")
			case batch == "" && len(args) != 2:
				return exit.Misused("give an UPLOAD_ID and one of ready, retry, fail")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			decision := upload.Decision{Verdict: upload.Verdict(args[len(args)-1]), Because: because, By: c.Who()}
			if batch != "" {
				return c.decideBatch(cmd.Context(), batch, decision)
			}
			return c.run(cmd.Context(), args[0], decision, detach)
		},
	}
	cmd.Flags().StringVar(&because, "because", "", "record `TEXT` as the reason")
	cmd.Flags().StringVar(&batch, "batch", "", "decide for all unconfirmed rows of `BATCH`")
	cmd.Flags().BoolVar(&detach, "detach", false, "do not wait until the upload has ended")
	cmd.ValidArgsFunction = c.completeDecision
	return cmd
}

// checkDecision says what a decision lacks.
func checkDecision(d upload.Decision) error {
	switch d.Verdict {
	case upload.VerdictReady, upload.VerdictRetry, upload.VerdictFail:
	default:
		return exit.Misused("unknown verdict %q; use ready, retry or fail", d.Verdict)
	}
	if d.Because == "" {
		return exit.Misused("--because is missing; give the reason for the decision")
	}
	return nil
}

func (c decideCommand) run(ctx context.Context, id string, d upload.Decision, detach bool) error {
	if err := checkDecision(d); err != nil {
		return err
	}
	entry, err := c.uploads.Open(ctx, id)
	if err != nil {
		return err
	}
	if entry.Result.State != upload.StateUnconfirmed {
		return exit.Misused("%s is %s; you can decide only for an unconfirmed upload", id, entry.Result.State)
	}
	f, err := c.uploads.Resume(ctx, entry)
	if err != nil {
		return err
	}
	running, err := c.decideRow(ctx, entry, d)
	switch {
	case err != nil || !running:
		return err
	case detach:
		c.Say("%s: %s", id, d.Verdict)
		return nil
	}
	f.Ignore(entry.UpdatedAt)
	return c.batches.Reported(ctx, string(entry.Result.Batch), c.uploads.Wait(ctx, []*following.Upload{f}, c.Printer(false)))
}

// decideBatch decides on all rows of a batch that are unconfirmed. Each is printed
// when it is decided; what had ended meanwhile is left as it is.
func (c decideCommand) decideBatch(ctx context.Context, id string, d upload.Decision) error {
	if err := checkDecision(d); err != nil {
		return err
	}
	if _, err := c.OpenBatch(ctx, id); err != nil {
		return err
	}
	var rows []ledger.Entry // the list changes with each decision
	for entry, err := range c.Ledger.List(ctx, ledger.Filter{Batch: id, State: upload.StateUnconfirmed}) {
		if err != nil {
			return err
		}
		rows = append(rows, entry)
	}
	if len(rows) == 0 {
		c.Say("batch %s has no unconfirmed rows", id)
		return nil
	}
	c.Parting = "interrupted; the decisions so far are saved. Run the command again to make the others"
	if err := c.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
		return err
	}
	if err := c.workers.EnsureBatch(ctx, id); err != nil {
		return err
	}
	failed, decided := 0, rows[:0]
	for _, entry := range rows {
		_, err := c.decideRow(ctx, entry, d)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			c.Say("%s", err)
			failed++
			continue
		}
		if _, err := fmt.Fprintf(c.Out, "%-12s %s\n", d.Verdict, output.Visible(entry.Result.UploadID)); err != nil {
			return err
		}
		decided = append(decided, entry)
	}
	var end error
	if failed > 0 {
		end = &exit.NotReadyError{Count: failed}
	}
	if d.Verdict == upload.VerdictRetry && !c.workers.CarriesUploads() {
		return end // workers that stay do that
	}
	if err := c.uploads.AwaitDecided(ctx, decided); err != nil {
		return err
	}
	return c.batches.Reported(ctx, id, end)
}

// decideWithout decides on an upload whose workflow was terminated or deleted. One that
// is to be sent again has failed until it is retried.
func (c decideCommand) decideWithout(ctx context.Context, entry ledger.Entry, d upload.Decision) error {
	item, err := entry.Item()
	if err != nil {
		return err
	}
	id, result := entry.Result.UploadID, entry.Result
	now := time.Now().UTC()
	result.FinishedAt, result.State, result.Error = &now, upload.StateReady, nil
	result.Note = fmt.Sprintf("%s decided %s because %s", d.By, d.Verdict, d.Because)
	if d.Verdict != upload.VerdictReady {
		result.State = upload.StateFailed
		result.Error = &upload.Failure{
			Kind: upload.KindUnconfirmed, Step: upload.StepTransfer, Message: "marked as failed by " + d.By + ": " + d.Because, Hint: "to run it again: mediaferry retry " + upload.Text(upload.Argument(id)),
		}
	}
	if err := c.Ledger.Record(ctx, upload.Record{Item: item, Result: result, Fingerprint: entry.Fingerprint, RunID: entry.RunID}); err != nil {
		return err
	}
	if d.Verdict == upload.VerdictRetry {
		c.Say("%s has no workflow any more; to send it again, run: mediaferry retry %s", id, upload.Argument(id))
	}
	return nil
}

// decideRow sends a decision, and waits until the workflow has received it. running is
// false where there is no workflow any more.
func (c decideCommand) decideRow(ctx context.Context, entry ledger.Entry, d upload.Decision) (running bool, err error) {
	id := entry.Result.UploadID
	handle, err := c.Temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: entry.WorkflowID, RunID: entry.RunID, UpdateName: upload.UpdateDecide,
		WaitForStage: client.WorkflowUpdateStageCompleted, Args: []any{d},
	})
	if err == nil {
		err = handle.Get(ctx, nil)
	}
	var gone *serviceerror.NotFound
	switch {
	case errors.As(err, &gone):
		err = c.decideWithout(ctx, entry, d)
	case err == nil:
		running = true
	}
	if err != nil {
		return running, fmt.Errorf("decide %s: %w", id, err)
	}
	return running, c.noteItem(ctx, entry, ledger.EventDecide, d.Because, string(d.Verdict))
}
