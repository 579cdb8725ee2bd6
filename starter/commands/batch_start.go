package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/batch"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
)

type batchStartCommand struct{ *given }

type startFlags struct {
	id, to      string
	skipInvalid bool
	again       bool
	canary      int
	literal     []string
	follow      bool
	json        bool
	limits      limitFlags
}

func (c batchStartCommand) command() *cobra.Command {
	var f startFlags
	cmd := &cobra.Command{
		Use:   "start [flags] MANIFEST",
		Short: "send the rows of a manifest",
		Long: `start checks a manifest and saves its rows in the ledger. Workers then send them; with
--follow, this command does if none is running. If a row is invalid, start sends
nothing, unless --skip-invalid is set. If the batch already exists, the command attaches to it.
MANIFEST is a file (or FILE.xlsx#SHEET), a folder, an s3:// or oss:// URL, or - for standard input.

Exit status: 3 if any row is refused or, with --follow, if any row is not ready.`,
		Example: `  mediaferry batch start spring.csv --canary 20 --failures 1%
  mediaferry batch start photos/ --to trustoo --follow`,
		Args:              oneManifest,
		ValidArgsFunction: manifests,
		RunE:              func(cmd *cobra.Command, args []string) error { return c.run(cmd, f, args[0]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.id, "id", "", "use `ID` for the batch (default: the manifest's name)")
	flags.StringVar(&f.to, "to", "", "use `ACCOUNT` for rows that do not name one")
	flags.BoolVar(&f.skipInvalid, "skip-invalid", false, "skip invalid rows and report them as failed")
	flags.BoolVar(&f.again, "again", false, "send rows again that were delivered before")
	flags.IntVar(&f.canary, "canary", 0, "send the first `N` rows of each account, then hold the batch")
	registerLiteral(cmd, &f.literal)
	f.limits.register(cmd)
	flags.BoolVar(&f.follow, "follow", false, "wait until the batch ends, and do the work if no worker is running")
	flags.BoolVar(&f.json, "json", false, "print one JSON object, in the format of batch status")
	return cmd
}

func (c batchStartCommand) run(cmd *cobra.Command, f startFlags, given string) error {
	ctx := cmd.Context()
	if err := c.OpenConfig(); err != nil {
		return err
	}
	if err := c.RequireSharedResults(); err != nil {
		return err
	}
	limits, err := f.limits.apply(cmd, c.Config.AccountNames(), upload.Limits{})
	if err != nil {
		return err
	}
	if err := c.knownAccount(f.to); err != nil {
		return err
	}
	if err := manifest.CheckLiteral(f.literal); err != nil {
		return exit.Misused("--literal: %s", err)
	}
	if f.canary < 0 {
		return exit.Misused("--canary must be 0 or more, got %d", f.canary)
	}
	if !f.follow && !c.EngineRuns(ctx) {
		return &exit.UsageError{Text: "batch start needs a running engine or --follow", Hint: "to start one, run in another terminal: mediaferry up"}
	}
	place, err := c.manifests.Locate(ctx, given)
	if err != nil {
		return c.manifestError(err)
	}
	if f.id, err = batchID(f.id, place); err != nil {
		return err
	}
	if err := c.OpenLedger(ctx); err != nil {
		return err
	}
	loaded, err := c.loadBatch(ctx, f, place, limits)
	if err != nil {
		return err
	}
	c.printLoaded(cmd, f, loaded)
	if f.follow {
		c.Work = "the batch"
	}
	return c.runBatch(ctx, loaded.Batch, f.follow, c.Printer(f.json))
}

// batchID is the name of the batch of a manifest.
func batchID(given string, place manifest.Place) (string, error) {
	if given == "" {
		if given = batch.NameOf(place); given == "" {
			return "", &exit.UsageError{Text: "the batch has no name, because its manifest has none", Hint: "give it one with --id"}
		}
		return given, nil
	}
	if err := upload.CheckBatchID(given); err != nil {
		return "", exit.Misused("--id: %s", err)
	}
	return given, nil
}

// loadBatch saves the rows in the ledger, or attaches to a batch that has them.
func (c batchStartCommand) loadBatch(ctx context.Context, f startFlags, place manifest.Place, limits upload.Limits) (batch.Loaded, error) {
	opener, err := c.manifests.Opener()
	if err != nil {
		return batch.Loaded{}, err
	}
	workers, err := c.Ledger.Workers(ctx, wiring.WorkerAge)
	if err != nil {
		return batch.Loaded{}, err
	}
	host, err := c.Host()
	if err != nil {
		return batch.Loaded{}, err
	}
	queue, err := c.queues(workers, host, f.follow)
	if err != nil {
		return batch.Loaded{}, err
	}
	from, err := c.manifests.RowSources(workers, host)
	if err != nil {
		return batch.Loaded{}, err
	}
	bar := output.NewBoard(c.Err)
	loaded, err := batch.Load(ctx, batch.Loading{
		Place: place, Opener: opener, Catalog: c.Config, Ledger: c.Ledger, Batch: f.id, To: f.to, Again: f.again, SkipInvalid: f.skipInvalid, Literal: f.literal,
		Limits: limits, Canary: f.canary, By: c.Who(), Queue: queue, Sources: from,
		Beat: func(rows int64) { bar.Draw([]string{fmt.Sprintf("saved %d rows", rows)}) },
	})
	bar.Clear()
	var known *upload.Error
	if err != nil && loaded.Attached && errors.As(err, &known) && known.Kind == upload.KindInvalid {
		return loaded, &exit.UsageError{Text: known.Message, Hint: known.Hint} // the name is another batch's
	}
	if err != nil {
		status := c.manifestError(err)
		c.printRefused(err)
		err = status
	}
	return loaded, err
}

// printRefused says what to do about a manifest that was refused.
func (c batchStartCommand) printRefused(err error) {
	var refused *batch.RefusedError
	switch {
	case !errors.As(err, &refused):
	case refused.Whole:
		c.Say("nothing was sent: %s", headerFirst)
	default:
		c.Say("nothing was sent; correct these rows, or skip them with --skip-invalid")
	}
}

// queues returns what finds the queue in which a local path is read: that of a worker
// of this host, or this command's own if it stays until the end.
func (c batchStartCommand) queues(workers []ledger.Worker, host string, stays bool) (batch.Queue, error) {
	if !stays && !wiring.Carried(workers) {
		return nil, &exit.UsageError{Text: "batch start needs a running worker or --follow", Hint: "to start one, run in another terminal: mediaferry up"}
	}
	own, err := c.Roots()
	if err != nil {
		return nil, err
	}
	return func(_ context.Context, path string) (string, error) {
		if queue, found := wiring.Queue(workers, host, own, path); found {
			return queue, nil
		}
		root, err := c.manifests.RowRoot(path)
		if err == nil && !stays {
			err = &exit.UsageError{Text: fmt.Sprintf("no worker on this host can read %s", path), Hint: "to start one, run in another terminal: mediaferry up. Or add --follow, and this command does the work"}
		}
		return root.Queue(host), err
	}, nil
}

// printLoaded says what may differ from what was expected.
func (c batchStartCommand) printLoaded(cmd *cobra.Command, f startFlags, loaded batch.Loaded) {
	b := loaded.Batch
	if loaded.Attached {
		c.Say("batch %s was started at %s and is %s", b.ID, b.CreatedAt.Local().Format(time.DateTime), output.BatchStateWords(b))
		if f.limits.given(cmd) != "" || f.canary > 0 {
			c.Say("the limits that you gave were ignored; to change them: mediaferry batch set %s", b.ID)
		}
		return
	}
	if loaded.Found.Refused > 0 {
		c.Say("%d of %d rows are skipped and reported as failed: invalid", loaded.Found.Refused, loaded.Layout.Rows)
		c.Problems(loaded.Found)
	}
	const few = 5
	switch n := loaded.Found.Warnings; {
	case n == 0:
	case n <= few:
		c.Warnings(loaded.Found)
	default:
		c.Say("the manifest has %d warnings; to see them: mediaferry batch plan", n)
	}
}

// runBatch lets a batch run whose rows are in the ledger, and waits for it where
// that is wanted.
func (c batchStartCommand) runBatch(ctx context.Context, b ledger.Batch, follow bool, p output.Printer) error {
	if b.State.Ended() {
		return c.batches.End(ctx, b, p)
	}
	if err := c.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
		return err
	}
	if follow {
		if err := c.workers.EnsureBatch(ctx, b.ID); err != nil {
			return err
		}
	}
	if err := c.batches.Start(ctx, b.ID); err != nil {
		return err
	}
	if follow {
		return c.batches.Follow(ctx, b.ID, p)
	}
	if p.JSON {
		return c.batches.PrintStatus(ctx, b, p)
	}
	_, err := fmt.Fprintf(p.Out, "%-12s %s, %d rows\n", "started", b.ID, b.Total)
	return err
}
