package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/batch"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/output"
)

type planFlags struct {
	to     string
	sample int
	again  bool
	json   bool
}

func (a *app) batchPlanCommand() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "plan [flags] MANIFEST",
		Short: "tell what a manifest takes, and which rows would be refused",
		Long: `plan reads a manifest through and tells rows and bytes by account, the calls to the
vendors and the least time that their rate limits leave, the Temporal actions and their
price, equal contents, what was delivered before, and every row that would be refused:
with line, column and remedy. It sends nothing and changes nothing.

--sample opens some of the sources for real. Exit status: 3 where rows would be refused.`,
		Example: `  mediaferry batch plan spring.csv
  mediaferry batch plan --to trustana --sample 50 s3://shop-media/spring.csv
  mediaferry batch plan --to trustoo photos/ --json`,
		Args: oneManifest,
		RunE: func(cmd *cobra.Command, args []string) error { return a.batchPlan(cmd.Context(), f, args[0]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.to, "to", "", "the `ACCOUNT` of rows that name none")
	flags.IntVar(&f.sample, "sample", 0, "open `N` sources for real, spread over the manifest")
	flags.BoolVar(&f.again, "again", false, "also count rows that were delivered before")
	flags.BoolVar(&f.json, "json", false, "print one JSON object")
	_ = cmd.RegisterFlagCompletionFunc("to", a.completeAccounts)
	return cmd
}

func (a *app) batchPlan(ctx context.Context, f planFlags, given string) error {
	if f.sample < 0 {
		return exit.Misused("--sample %d is no number of sources", f.sample)
	}
	if err := a.OpenConfig(); err != nil {
		return err
	}
	if err := a.knownAccount(f.to); err != nil {
		return err
	}
	planning, err := a.planning(ctx, f, given)
	if err != nil {
		return err
	}
	plan, err := batch.Make(ctx, planning)
	if err != nil {
		return a.asManifest(err)
	}
	return a.tellPlan(plan, a.Printer(f.json))
}

// knownAccount refuses an account of --to that cannot be used; "" names none.
func (a *app) knownAccount(to string) error {
	if to == "" {
		return nil
	}
	_, err := a.Config.Profile(to)
	return err
}

// planning is what a plan needs to know.
func (a *app) planning(ctx context.Context, f planFlags, given string) (batch.Planning, error) {
	place, err := a.LocateManifest(ctx, given)
	if err != nil {
		return batch.Planning{}, a.asManifest(err)
	}
	planning := batch.Planning{
		Place: place, Catalog: a.Config, Batch: batch.NameOf(place), To: f.to, Again: f.again, Sample: f.sample,
	}
	if planning.Opener, err = a.ManifestOpener(); err != nil {
		return planning, err
	}
	roots, err := a.Roots()
	if err != nil {
		return planning, err
	}
	if planning.Sources, err = wiring.Sources(a.Config, roots); err != nil {
		return planning, err
	}
	var workers []ledger.Worker
	if a.HasLedger() {
		if err := a.OpenLedger(ctx); err != nil {
			return planning, err
		}
		planning.Ledger = a.Ledger
		if workers, err = a.Ledger.Workers(ctx, wiring.WorkerAge); err != nil {
			return planning, err
		}
	}
	host, err := a.Host()
	planning.Reads = func(path string) error {
		if _, found := wiring.Queue(workers, host, path); found {
			return nil
		}
		_, err := a.RowRoot(path)
		return err
	}
	return planning, err
}

// asManifest makes of an error about a manifest what its exit status needs: what
// is wrong with the manifest itself is told, and the command ends as with a bad
// row.
func (a *app) asManifest(err error) error {
	var known *upload.Error
	var refused *batch.RefusedError
	switch {
	case errors.As(err, &refused):
		if refused.Whole { // its problems follow
			a.Say("manifest %q is refused as a whole", refused.Manifest)
		} else {
			a.Say("%s", err)
		}
		a.Problems(refused.Found)
		return &exit.NotReadyError{Count: refused.Found.Refused}
	case !errors.As(err, &known):
		return err
	}
	switch known.Kind {
	case upload.KindInvalid, upload.KindMissing:
		a.Say("%s", known.Message)
		a.Hint(known.Hint)
		return &exit.NotReadyError{Count: 1}
	}
	return err
}

func (a *app) tellPlan(plan *batch.Plan, p output.Printer) error {
	var err error
	if p.JSON {
		err = p.Object(plan)
	} else if err = p.Table(output.PlanRows(plan)); err == nil {
		a.Warnings(plan.Problems)
		a.Problems(plan.Problems)
		a.Problems(plan.Sources)
		err = a.Sample(plan.Sample)
	}
	if err != nil {
		return err
	}
	bad := int(plan.Refused + plan.Unfit)
	switch {
	case plan.Whole:
		a.Say("batch start refuses the manifest, with --skip-invalid too: %s", headerFirst)
	case plan.Refused > 0:
		a.Say("%d of %d rows would be refused: batch start refuses the manifest, or with --skip-invalid those rows", plan.Refused, plan.Rows)
	}
	if plan.Unfit > 0 {
		a.Say("%d of %d rows would fail, because of their sources", plan.Unfit, plan.Rows)
	}
	if plan.Sample != nil {
		bad += len(plan.Sample.Bad)
	}
	if bad > 0 {
		return &exit.NotReadyError{Count: bad}
	}
	return nil
}

// headerFirst is what to do about a manifest that is refused as a whole.
const headerFirst = "what is said about line 1 concerns every row; put that right first"
