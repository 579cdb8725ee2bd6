package commands

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/following"
	"github.com/mediaferry/mediaferry/starter/opening"
)

type cancelCommand struct{ *given }

func (c cancelCommand) command() *cobra.Command {
	var because string
	cmd := &cobra.Command{
		Use:   "cancel UPLOAD_ID",
		Short: "cancel an upload",
		Long: `cancel stops an upload and waits until it has ended. It tells you what stays at the vendor, for
example an open session. If the upload is a row of a batch, the other rows continue. A row
that has not started is canceled at once.`,
		Example: `  mediaferry cancel upload/truvideo/tour
  mediaferry cancel batch/spring/a-12`,
		Args:              oneUpload,
		ValidArgsFunction: c.completeUploads,
		RunE:              func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args[0], because) },
	}
	cmd.Flags().StringVar(&because, "because", "", "record `TEXT` as the reason")
	return cmd
}

func (c cancelCommand) run(ctx context.Context, id, because string) error {
	if err := c.OpenLedger(ctx); err != nil {
		return err
	}
	entry, err := c.Upload(ctx, id)
	if err != nil {
		return err
	}
	if s := entry.Result.State; s.Ended() && s != upload.StateUnconfirmed {
		return exit.Misused("%s is already %s", id, s)
	}
	if err := c.noteItem(ctx, entry, ledger.EventCancel, because, ""); err != nil {
		return err
	}
	if following.Grouped(entry) {
		return c.cancelRow(ctx, entry)
	}
	c.Work = "the upload"
	if err := c.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
		return err
	}
	return c.cancelWorkflow(ctx, entry)
}

// cancelWorkflow cancels an upload through its own workflow.
func (c cancelCommand) cancelWorkflow(ctx context.Context, entry ledger.Entry) error {
	if err := c.Temporal.CancelWorkflow(ctx, entry.WorkflowID, entry.RunID); err != nil {
		return fmt.Errorf("cancel %s: %w", entry.Result.UploadID, err)
	}
	f, err := c.uploads.Resume(ctx, entry)
	if err != nil {
		return err
	}
	result, err := c.uploads.AwaitEnd(ctx, f)
	if err != nil {
		return err
	}
	return c.batches.Reported(ctx, string(result.Batch), c.canceled(result))
}

// cancelRow cancels a row that has no workflow of its own. If no run holds it, it
// is canceled in the ledger, and no engine is needed; else its shard does it.
func (c cancelCommand) cancelRow(ctx context.Context, entry ledger.Entry) error {
	request := ledger.DetachRequest{UploadID: entry.Result.UploadID, Want: ledger.WantCancel, By: c.Who()}
	entry, err := c.Ledger.RequestDetach(ctx, request)
	if err != nil {
		return err
	}
	if !entry.Result.State.Ended() {
		c.Parting = "interrupted; the row is canceled as soon as its shard reads the request"
		if err := c.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
			return err
		}
		ended := func(e ledger.Entry) bool { return e.Result.State.Ended() || !following.Grouped(e) }
		if entry, err = c.uploads.RequestDetach(ctx, request, entry, ended, nil); err != nil {
			return err
		}
	}
	if !entry.Result.State.Ended() {
		return c.cancelWorkflow(ctx, entry)
	}
	return c.canceled(entry.Result)
}

// canceled prints how a canceled upload ended.
func (c cancelCommand) canceled(result upload.Result) error {
	if err := c.Printer(false).Item(result); err != nil {
		return err
	}
	if result.State != upload.StateCanceled {
		c.Say("the upload ended before it could be canceled")
	}
	return nil
}
