package commands

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
)

type retryCommand struct{ *given }

func (c retryCommand) command() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "retry [flags] UPLOAD_ID",
		Short: "run a failed or canceled upload again",
		Long: `retry runs a failed or canceled upload again, with the same source and fields, and waits until
it ends. An upload in parts keeps the parts that the store has acknowledged, as long as the
vendor still knows its session.`,
		Example: "  mediaferry retry upload/sitoo/damage-7",
		Args:    oneUpload,
		RunE:    func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args[0], asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as one JSON object")
	cmd.ValidArgsFunction = c.completeUploads
	return cmd
}

func (c retryCommand) run(ctx context.Context, id string, asJSON bool) error {
	entry, err := c.uploads.Open(ctx, id)
	if err != nil {
		return err
	}
	switch entry.Result.State {
	case upload.StateFailed, upload.StateCanceled:
	case upload.StateUnconfirmed:
		return &exit.UsageError{Text: id + " is unconfirmed", Hint: "check at the vendor, then: mediaferry decide " + upload.Argument(id) + " retry --because TEXT"}
	default:
		return exit.Misused("%s is %s; you can retry only a failed or canceled upload", id, entry.Result.State)
	}
	item, err := entry.Item()
	if err != nil {
		return err
	}
	item.Queue = ""
	if err := c.Ledger.AllowClaims(ctx, item.UploadID); err != nil {
		return err
	}
	items := []upload.Item{item}
	missing, err := c.workers.Assign(ctx, items)
	if err != nil {
		return err
	}
	if err := c.workers.CheckCredentials(missing, items); err != nil {
		return err
	}
	if err := c.workers.Ensure(ctx, missing); err != nil {
		return err
	}
	follow, err := c.uploads.Start(ctx, items)
	if err != nil {
		return err
	}
	return c.batches.Reported(ctx, item.Batch, c.uploads.Wait(ctx, follow, c.Printer(asJSON)))
}
