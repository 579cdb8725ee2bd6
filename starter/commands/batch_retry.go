package commands

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
)

type batchRetryCommand struct{ *given }

func (c batchRetryCommand) command() *cobra.Command {
	var kinds []string
	var because, to, message string
	var follow bool
	cmd := &cobra.Command{
		Use:   "retry [flags] ID",
		Short: "retry failed rows of a batch",
		Long: `retry runs a batch's failed rows again; without --kind, it also runs its canceled rows. The
rows stay in the same batch and report. A row that was refused because of the manifest
fails again: correct the manifest and start another batch.`,
		Example: `  mediaferry batch retry spring --kind unavailable --kind timeout
  mediaferry batch retry spring --message "prepare answered 422: no such SKU"
  mediaferry batch retry spring --follow --because "bucket is open again"`,
		Args: oneBatch,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.run(cmd.Context(), args[0], retryOf{kinds, to, message, because}, follow)
		},
		ValidArgsFunction: first(c.completeBatches),
	}
	cmd.Flags().StringArrayVar(&kinds, "kind", nil, "retry only failures of `KIND`: "+output.Join(upload.Kinds())+"; can be repeated")
	cmd.Flags().StringVar(&to, "to", "", "retry only rows of `ACCOUNT`")
	cmd.Flags().StringVar(&message, "message", "", "retry only rows that failed with a message like `TEXT`; numbers and names may differ")
	cmd.Flags().StringVar(&because, "because", "", "record `TEXT` as the reason")
	cmd.Flags().BoolVar(&follow, "follow", false, "wait until the batch ends, and do the work if no worker is running")
	return cmd
}

// retryOf says which rows are retried, and why.
type retryOf struct {
	kinds                []string
	to, message, because string
}

// which leaves out the rows that are not meant.
func (of retryOf) which(ctx context.Context, books *ledger.Ledger) (ledger.Which, error) {
	which := ledger.Which{Account: of.to}
	if of.message == "" {
		return which, nil
	}
	var err error
	which.Cause, err = books.CauseOf(ctx, of.message)
	return which, err
}

// detail says which rows are retried.
func (of retryOf) detail(n int64, kinds []upload.Kind) string {
	detail := fmt.Sprintf("%d rows", n)
	if n == 1 {
		detail = "1 row"
	}
	if len(kinds) > 0 {
		detail += " of kind " + output.Join(kinds)
	}
	if of.to != "" {
		detail += " to " + of.to
	}
	if of.message != "" {
		detail += ", failed with: " + of.message
	}
	return detail
}

func (c batchRetryCommand) run(ctx context.Context, id string, of retryOf, follow bool) error {
	var kinds []upload.Kind
	for _, name := range of.kinds {
		if !slices.Contains(upload.Kinds(), upload.Kind(name)) {
			return exit.Misused("unknown --kind %q; use one of %s", name, output.Join(upload.Kinds()))
		}
		kinds = append(kinds, upload.Kind(name))
	}
	b, err := c.OpenBatch(ctx, id)
	if err != nil {
		return err
	}
	if err := c.knownAccount(of.to); err != nil {
		return err
	}
	if b.State == upload.BatchLoading || b.State == upload.BatchCanceling {
		return exit.Misused("batch %s is %s", id, b.State)
	}
	if !follow && !c.EngineRuns(ctx) {
		return &exit.UsageError{Text: "batch retry needs a running engine or --follow", Hint: "to start one, run in another terminal: mediaferry up"}
	}
	which, err := of.which(ctx, c.Ledger)
	if err != nil {
		return err
	}
	n, err := c.Ledger.RetryRows(ctx, id, kinds, which)
	if err != nil {
		return opening.UnknownBatch(id, err)
	}
	if n == 0 {
		c.Say("batch %s has no rows to retry", id)
		return nil
	}
	detail := of.detail(n, kinds)
	change := ledger.BatchChange{Event: c.event("retry", of.because, detail)}
	if b.State.Ended() {
		change.State = upload.BatchRunning
	}
	if _, err := c.Ledger.ChangeBatch(ctx, id, change); err != nil {
		return opening.UnknownBatch(id, err)
	}
	c.Say("batch %s: retrying %s", id, detail)
	return c.wake(ctx, id, follow)
}

// wake signals a batch's workflow that there are more rows, and starts one if
// it has ended.
func (c batchRetryCommand) wake(ctx context.Context, id string, follow bool) error {
	c.Parting = "interrupted; the batch continues if an engine is running. If not, run `mediaferry up`"
	if err := c.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
		return err
	}
	if follow {
		if err := c.workers.EnsureBatch(ctx, id); err != nil {
			return err
		}
	}
	if err := wiring.WakeBatch(ctx, c.Temporal, id); err != nil {
		return fmt.Errorf("continue batch %s: %w", id, err)
	}
	if follow {
		return c.batches.Follow(ctx, id, c.Printer(false))
	}
	return nil
}
