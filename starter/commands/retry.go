package commands

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/following"
)

type retryCommand struct{ *given }

func (c retryCommand) command() *cobra.Command {
	var asJSON, detach bool
	var because string
	cmd := &cobra.Command{
		Use:   "retry [flags] UPLOAD_ID",
		Short: "run a failed or canceled upload again",
		Long: `retry runs a failed or canceled upload again, with the same source and fields, and waits until
it ends. An upload in parts keeps the parts that the store has acknowledged, as long as the
vendor still knows its session.`,
		Example: "  mediaferry retry upload/sitoo/damage-7",
		Args:    oneUpload,
		RunE: func(cmd *cobra.Command, args []string) error {
			follow, err := c.run(cmd.Context(), args[0], because)
			switch {
			case err != nil:
				return err
			case detach:
				return c.uploads.Detach(cmd.Context(), follow, c.Printer(asJSON))
			}
			return c.batches.Reported(cmd.Context(), follow[0].Batch(), c.uploads.Wait(cmd.Context(), follow, c.Printer(asJSON)))
		},
	}
	cmd.Flags().BoolVar(&detach, "detach", false, "do not wait until it ends; needs a running worker")
	cmd.Flags().StringVar(&because, "because", "", "record `TEXT` as the reason")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as one JSON object")
	cmd.ValidArgsFunction = c.completeUploads
	return cmd
}

// run starts it again.
func (c retryCommand) run(ctx context.Context, id, because string) ([]*following.Upload, error) {
	entry, err := c.uploads.Open(ctx, id)
	if err != nil {
		return nil, err
	}
	switch entry.Result.State {
	case upload.StateFailed, upload.StateCanceled:
	case upload.StateUnconfirmed:
		return nil, &exit.UsageError{Text: id + " is unconfirmed", Hint: "check at the vendor, then: mediaferry decide " + upload.Argument(id) + " retry --because TEXT"}
	default:
		return nil, exit.Misused("%s is %s; you can retry only a failed or canceled upload", id, entry.Result.State)
	}
	item, err := entry.Item()
	if err != nil {
		return nil, err
	}
	if !c.Lent { // the page may be on a host that does not have the file
		item.Queue = ""
	}
	if err := c.Ledger.AllowClaims(ctx, item.UploadID); err != nil {
		return nil, err
	}
	items := []upload.Item{item}
	missing, err := c.workers.Assign(ctx, items)
	if err != nil {
		return nil, err
	}
	if err := c.workers.CheckCredentials(missing, items); err != nil {
		return nil, err
	}
	if err := c.workers.Ensure(ctx, missing); err != nil {
		return nil, err
	}
	follow, err := c.uploads.Start(ctx, items)
	if err != nil {
		return nil, err
	}
	return follow, c.noteItem(ctx, entry, ledger.EventRetry, because, "")
}
