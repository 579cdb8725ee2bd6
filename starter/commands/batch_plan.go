package commands

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/batch"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/report"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/output"
)

type batchPlanCommand struct{ *given }

type planFlags struct {
	to      string
	sample  string
	again   bool
	literal []string
	json    bool
	out     string
}

func (c batchPlanCommand) command() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "plan [flags] MANIFEST",
		Short: "check a manifest and estimate its calls, time and price",
		Long: `plan reads the whole manifest. It reports rows and bytes per account, calls to the vendors,
the minimum time that rate limits allow, Temporal actions and their price, duplicate files
and rows that were delivered before. It groups the rows that batch start would refuse by
cause, with their lines and how to fix them; -o writes one row per problem to a CSV file.
It sends nothing and changes nothing.

It opens the files of this host: all of them up to 10,000, and 1,000 of more. --sample opens
that many sources of any kind instead. Exit status: 3 if rows would be refused.`,
		Example: `  mediaferry batch plan spring.csv
  mediaferry batch plan spring.csv -o problems.csv
  mediaferry batch plan --to trustana --sample 50 s3://shop-media/spring.csv
  mediaferry batch plan --to trustoo photos/ --json`,
		Args:              oneManifest,
		ValidArgsFunction: manifests,
		RunE:              func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), f, args[0]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.to, "to", "", "use `ACCOUNT` for rows that do not name one")
	flags.StringVar(&f.sample, "sample", "", "open `N` sources of any kind, spread over the manifest, or all")
	flags.BoolVar(&f.again, "again", false, "count rows that were delivered before as rows to send")
	registerLiteral(cmd, &f.literal)
	flags.BoolVar(&f.json, "json", false, "print a JSON object per cause, then one with the totals")
	flags.StringVarP(&f.out, "output", "o", "", "write one row per problem to `FILE`, as CSV")
	return cmd
}

func (c batchPlanCommand) run(ctx context.Context, f planFlags, given string) error {
	sampling, err := samplingOf(f.sample)
	if err != nil {
		return err
	}
	if err := manifest.CheckLiteral(f.literal); err != nil {
		return exit.Misused("--literal: %s", err)
	}
	if err := c.OpenConfig(); err != nil {
		return err
	}
	if err := c.knownAccount(f.to); err != nil {
		return err
	}
	planning, err := c.planning(ctx, f, given)
	if err != nil {
		return err
	}
	planning.Sampling = sampling
	plan, err := c.make(ctx, planning, f.out)
	if err != nil {
		return c.manifestError(err)
	}
	return c.print(plan, c.Printer(f.json))
}

// samplingOf reads --sample.
func samplingOf(given string) (batch.Sampling, error) {
	switch given {
	case "":
		return batch.SampleHeads(), nil
	case "all":
		return batch.SampleAll(), nil
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < 0 {
		return batch.Sampling{}, exit.Misused("--sample must be a number, 0 or more, or all; got %q", given)
	}
	return batch.SampleOf(n), nil
}

// make makes the plan. Where a file is named, every problem becomes a row of it.
func (c batchPlanCommand) make(ctx context.Context, p batch.Planning, file string) (plan *batch.Plan, err error) {
	if file == "" {
		return batch.Make(ctx, p)
	}
	full, err := filepath.Abs(file)
	if err != nil {
		return nil, fmt.Errorf("file for the problems: %w", err)
	}
	err = report.StoreFile(ctx, full, func(w io.Writer) error {
		table, err := output.NewProblemTable(w)
		if err != nil {
			return err
		}
		p.Each = table.Add
		if plan, err = batch.Make(ctx, p); err != nil {
			return err
		}
		return table.Flush()
	})
	if err == nil {
		c.Say("wrote %s (errors: %d, warnings: %d)", full, plan.Found.Problems, plan.Found.Warnings)
	}
	return plan, err
}

// planning is what a plan needs to know.
func (c batchPlanCommand) planning(ctx context.Context, f planFlags, given string) (batch.Planning, error) {
	place, err := c.manifests.Locate(ctx, given)
	if err != nil {
		return batch.Planning{}, c.manifestError(err)
	}
	planning := batch.Planning{
		Place: place, Catalog: c.Config, Batch: batch.NameOf(place), To: f.to, Again: f.again, Literal: f.literal,
	}
	if planning.Opener, err = c.manifests.Opener(); err != nil {
		return planning, err
	}
	var workers []ledger.Worker
	if c.HasLedger() {
		if err := c.OpenLedger(ctx); err != nil {
			return planning, err
		}
		planning.Ledger = c.Ledger
		if workers, err = c.Ledger.Workers(ctx, wiring.WorkerAge); err != nil {
			return planning, err
		}
	}
	host, err := c.Host()
	if err != nil {
		return planning, err
	}
	own, err := c.Roots()
	if err != nil {
		return planning, err
	}
	planning.Queue = func(_ context.Context, path string) (string, error) {
		if queue, found := wiring.Queue(workers, host, own, path); found {
			return queue, nil
		}
		root, err := c.manifests.RowRoot(path)
		return root.Queue(host), err
	}
	planning.Readers = func(queue string) []string { return wiring.HostsPolling(workers, queue) }
	planning.Sources, err = c.manifests.RowSources(workers, host)
	return planning, err
}

func (c batchPlanCommand) print(plan *batch.Plan, p output.Printer) error {
	if err := c.printPlan(plan, p); err != nil {
		return err
	}
	switch {
	case plan.Whole:
		c.Say("batch start would refuse this manifest, even with --skip-invalid: %s", headerFirst)
	case plan.Refused > 0:
		c.Say("%d of %d rows would be refused. batch start would send nothing; with --skip-invalid it would skip only these rows", plan.Refused, plan.Rows)
	}
	if plan.Refused > 0 {
		return &exit.NotReadyError{Count: int(plan.Refused)}
	}
	return nil
}

func (c batchPlanCommand) printPlan(plan *batch.Plan, p output.Printer) error {
	if p.JSON {
		if err := p.ProblemObjects(plan.Found); err != nil {
			return err
		}
		return p.Object(plan)
	}
	if err := p.Table(output.PlanRows(plan)); err != nil {
		return err
	}
	if err := c.Sample(plan.Sample); err != nil {
		return err
	}
	c.Warnings(plan.Found)
	c.Problems(plan.Found)
	return nil
}
