package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/following"
	"github.com/mediaferry/mediaferry/starter/opening"
)

func (a *app) waitCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "wait [flags] UPLOAD_ID",
		Short: "wait until an upload has ended",
		Long: `wait returns when an upload has ended, or waits for a person: unconfirmed, or with
its account paused. It does the work itself where no worker does. For a row of a batch
it waits too while the batch is paused or held, and says so.`,
		Example: "  mediaferry wait upload/truvideo/tour",
		Args:    oneUpload,
		RunE: func(cmd *cobra.Command, args []string) error {
			entry, err := a.openItem(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.uploads.WaitFor(cmd.Context(), entry, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as one JSON object")
	cmd.ValidArgsFunction = a.completeUploads
	return cmd
}

func (a *app) retryCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "retry [flags] UPLOAD_ID",
		Short: "run a failed or canceled upload once more",
		Long: `retry runs an upload that failed or was canceled once more, with the source and the
fields that it had, and waits for it.`,
		Example: "  mediaferry retry upload/sitoo/damage-7",
		Args:    oneUpload,
		RunE:    func(cmd *cobra.Command, args []string) error { return a.retry(cmd.Context(), args[0], asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as one JSON object")
	cmd.ValidArgsFunction = a.completeUploads
	return cmd
}

func (a *app) cancelCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "cancel UPLOAD_ID",
		Short: "give an upload up",
		Long: `cancel gives a running upload up and waits until it has ended. What it leaves at the
vendor, such as an open session, is named. The other rows of a batch go on without it;
a row that was not begun is canceled at once.`,
		Example: `  mediaferry cancel upload/truvideo/tour
  mediaferry cancel batch/spring/a-12`,
		Args:              oneUpload,
		ValidArgsFunction: a.completeUploads,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.cancel(cmd.Context(), args[0]) },
	}
}

func (a *app) decideCommand() *cobra.Command {
	var because, batch string
	cmd := &cobra.Command{
		Use:   "decide UPLOAD_ID ready|retry|fail --because TEXT",
		Short: "decide on uploads that are unconfirmed",
		Long: `decide settles an upload whose answer was lost and could not be found out. Look at the
vendor first, then say
  ready   the medium is there
  retry   it is not: send it again
  fail    give it up
With --batch instead of an UPLOAD_ID it settles all such rows of a batch. The decision
is kept with who, when and why.`,
		Example: `  mediaferry decide upload/closient/front retry --because "no such image in the gallery"
  mediaferry decide --batch spring fail --because "to be sent by hand"`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case batch != "" && len(args) != 1:
				return exit.Misused("want one of ready, retry, fail, and no UPLOAD_ID beside --batch")
			case batch == "" && len(args) != 2:
				return exit.Misused("want an UPLOAD_ID and one of ready, retry, fail")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			decision := upload.Decision{Verdict: upload.Verdict(args[len(args)-1]), Because: because, By: opening.User()}
			if batch != "" {
				return a.decideBatch(cmd.Context(), batch, decision)
			}
			return a.decide(cmd.Context(), args[0], decision)
		},
	}
	cmd.Flags().StringVar(&because, "because", "", "the reason, `TEXT`")
	cmd.Flags().StringVar(&batch, "batch", "", "decide on all unconfirmed rows of the batch `ID`")
	cmd.ValidArgsFunction = a.completeUploads
	return cmd
}

// openItem opens the engine and reads one item.
func (a *app) openItem(ctx context.Context, id string) (ledger.Entry, error) {
	if err := a.OpenLedger(ctx); err != nil {
		return ledger.Entry{}, err
	}
	entry, err := a.Upload(ctx, id)
	if err != nil {
		return entry, err
	}
	a.Parting = "interrupted; the upload goes on where the engine does"
	return entry, a.OpenEngine(ctx, opening.EngineOptions{})
}

func (a *app) retry(ctx context.Context, id string, asJSON bool) error {
	entry, err := a.openItem(ctx, id)
	if err != nil {
		return err
	}
	switch entry.Result.State {
	case upload.StateFailed, upload.StateCanceled:
	case upload.StateUnconfirmed:
		return &exit.UsageError{Text: id + " is unconfirmed", Hint: "look at the vendor, then: mediaferry decide " + id + " retry --because TEXT"}
	default:
		return exit.Misused("%s is %s, only what failed or was canceled can be retried", id, entry.Result.State)
	}
	item, err := entry.Item()
	if err != nil {
		return err
	}
	item.Queue = ""
	if err := a.Ledger.AllowClaims(ctx, id); err != nil {
		return err
	}
	items := []upload.Item{item}
	missing, err := a.workers.Assign(ctx, items)
	if err != nil {
		return err
	}
	if err := a.workers.CheckCredentials(missing, items); err != nil {
		return err
	}
	if err := a.workers.Ensure(ctx, missing); err != nil {
		return err
	}
	follow, err := a.uploads.Start(ctx, items)
	if err != nil {
		return err
	}
	return a.batches.Reported(ctx, item.Batch, a.uploads.Wait(ctx, follow, a.Printer(asJSON)))
}

func (a *app) cancel(ctx context.Context, id string) error {
	if err := a.OpenLedger(ctx); err != nil {
		return err
	}
	entry, err := a.Upload(ctx, id)
	if err != nil {
		return err
	}
	if s := entry.Result.State; s.Ended() && s != upload.StateUnconfirmed {
		return exit.Misused("%s is %s already", id, s)
	}
	if following.Grouped(entry) {
		return a.cancelRow(ctx, entry)
	}
	a.Parting = "interrupted; the upload goes on where the engine does"
	if err := a.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
		return err
	}
	return a.cancelWorkflow(ctx, entry)
}

// cancelWorkflow gives up an upload by its own workflow.
func (a *app) cancelWorkflow(ctx context.Context, entry ledger.Entry) error {
	if err := a.Temporal.CancelWorkflow(ctx, entry.WorkflowID, entry.RunID); err != nil {
		return fmt.Errorf("cancel %s: %w", entry.Result.UploadID, err)
	}
	f, err := a.uploads.Resume(ctx, entry)
	if err != nil {
		return err
	}
	result, err := a.uploads.AwaitEnd(ctx, f)
	if err != nil {
		return err
	}
	return a.batches.Reported(ctx, string(result.Batch), a.canceled(result))
}

// canceled prints how an upload ended that was to be given up.
func (a *app) canceled(result upload.Result) error {
	if err := a.Printer(false).Item(result); err != nil {
		return err
	}
	if result.State != upload.StateCanceled {
		a.Say("it had ended before the cancellation reached it")
	}
	return nil
}

// checkDecision says what a decision lacks.
func checkDecision(d upload.Decision) error {
	switch d.Verdict {
	case upload.VerdictReady, upload.VerdictRetry, upload.VerdictFail:
	default:
		return exit.Misused("verdict %q is unknown, want one of ready, retry, fail", d.Verdict)
	}
	if d.Because == "" {
		return exit.Misused("--because is missing: a decision is kept with its reason")
	}
	return nil
}

func (a *app) decide(ctx context.Context, id string, d upload.Decision) error {
	if err := checkDecision(d); err != nil {
		return err
	}
	entry, err := a.openItem(ctx, id)
	if err != nil {
		return err
	}
	if entry.Result.State != upload.StateUnconfirmed {
		return exit.Misused("%s is %s, only an unconfirmed upload can be decided", id, entry.Result.State)
	}
	f, err := a.uploads.Resume(ctx, entry)
	if err != nil {
		return err
	}
	handle, err := a.Temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: entry.WorkflowID, RunID: entry.RunID, UpdateName: upload.UpdateDecide,
		WaitForStage: client.WorkflowUpdateStageCompleted, Args: []any{d},
	})
	if err == nil {
		err = handle.Get(ctx, nil)
	}
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return fmt.Errorf("%s: its workflow has ended; run the upload again with --again where the medium is not there", id)
	}
	if err != nil {
		return fmt.Errorf("decide %s: %w", id, err)
	}
	f.Ignore(entry.UpdatedAt)
	return a.batches.Reported(ctx, string(entry.Result.Batch), a.uploads.Wait(ctx, []*following.Upload{f}, a.Printer(false)))
}
