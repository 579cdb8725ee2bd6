package commands

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/batch"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/output"
)

type batchPlanCommand struct{ *given }

type planFlags struct {
	to      string
	sample  int
	again   bool
	literal []string
	json    bool
}

func (c batchPlanCommand) command() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "plan [flags] MANIFEST",
		Short: "check a manifest and estimate its calls, time and price",
		Long: `plan reads the whole manifest. It reports rows and bytes per account, calls to the vendors,
the minimum time that rate limits allow, Temporal actions and their price, duplicate files
and rows that were delivered before. For each row that would be refused, it gives the line,
the column and how to fix it. It sends nothing and changes nothing.

With --sample it also opens some sources. Exit status: 3 if rows would be refused.`,
		Example: `  mediaferry batch plan spring.csv
  mediaferry batch plan --to trustana --sample 50 s3://shop-media/spring.csv
  mediaferry batch plan --to trustoo photos/ --json`,
		Args: oneManifest,
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), f, args[0]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.to, "to", "", "use `ACCOUNT` for rows that do not name one")
	flags.IntVar(&f.sample, "sample", 0, "also open `N` sources, spread over the manifest")
	flags.BoolVar(&f.again, "again", false, "count rows that were delivered before as rows to send")
	registerLiteral(cmd, &f.literal)
	flags.BoolVar(&f.json, "json", false, "print one JSON object")
	_ = cmd.RegisterFlagCompletionFunc("to", c.completeAccounts)
	return cmd
}

func (c batchPlanCommand) run(ctx context.Context, f planFlags, given string) error {
	if f.sample < 0 {
		return exit.Misused("--sample must be 0 or more, got %d", f.sample)
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
	plan, err := batch.Make(ctx, planning)
	if err != nil {
		return c.manifestError(err)
	}
	return c.print(plan, c.Printer(f.json))
}

// planning is what a plan needs to know.
func (c batchPlanCommand) planning(ctx context.Context, f planFlags, given string) (batch.Planning, error) {
	place, err := c.manifests.Locate(ctx, given)
	if err != nil {
		return batch.Planning{}, c.manifestError(err)
	}
	planning := batch.Planning{
		Place: place, Catalog: c.Config, Batch: batch.NameOf(place), To: f.to, Again: f.again, Sample: f.sample, Literal: f.literal,
	}
	if planning.Opener, err = c.manifests.Opener(); err != nil {
		return planning, err
	}
	roots, err := c.Roots()
	if err != nil {
		return planning, err
	}
	if planning.Sources, err = wiring.Sources(c.Config, roots, c.Data); err != nil {
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
	planning.Reads = func(path string) error {
		if _, found := wiring.Queue(workers, host, path); found {
			return nil
		}
		_, err := c.manifests.RowRoot(path)
		return err
	}
	return planning, err
}

func (c batchPlanCommand) print(plan *batch.Plan, p output.Printer) error {
	var err error
	if p.JSON {
		err = p.Object(plan)
	} else if err = p.Table(output.PlanRows(plan)); err == nil {
		c.Warnings(plan.Problems)
		c.Problems(plan.Problems)
		c.Problems(plan.Sources)
		err = c.Sample(plan.Sample)
	}
	if err != nil {
		return err
	}
	bad := int(plan.Refused + plan.Unfit)
	switch {
	case plan.Whole:
		c.Say("batch start would refuse this manifest, even with --skip-invalid: %s", headerFirst)
	case plan.Refused > 0:
		c.Say("%d of %d rows would be refused. batch start would send nothing; with --skip-invalid it would skip only these rows", plan.Refused, plan.Rows)
	}
	if plan.Unfit > 0 {
		c.Say("%d of %d rows would fail because of their sources", plan.Unfit, plan.Rows)
	}
	if plan.Sample != nil {
		bad += len(plan.Sample.Bad)
	}
	if bad > 0 {
		return &exit.NotReadyError{Count: bad}
	}
	return nil
}
