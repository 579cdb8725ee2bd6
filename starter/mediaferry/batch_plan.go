package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/batch"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/manifest"
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
	if err := a.openConfig(); err != nil {
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
	_, err := a.config.Profile(to)
	return err
}

// planning is what a plan needs to know.
func (a *app) planning(ctx context.Context, f planFlags, given string) (batch.Planning, error) {
	place, err := a.locate(ctx, given)
	if err != nil {
		return batch.Planning{}, a.asManifest(err)
	}
	planning := batch.Planning{
		Place: place, Catalog: a.config, Batch: batch.NameOf(place), To: f.to, Again: f.again, Sample: f.sample,
	}
	if planning.Opener, err = a.manifests(); err != nil {
		return planning, err
	}
	roots, err := a.roots()
	if err != nil {
		return planning, err
	}
	if planning.Sources, err = wiring.Sources(a.config, roots); err != nil {
		return planning, err
	}
	var workers []ledger.Worker
	if a.ledgerThere() {
		if err := a.openLedger(ctx); err != nil {
			return planning, err
		}
		planning.Ledger = a.ledger
		if workers, err = a.ledger.Workers(ctx, wiring.WorkerAge); err != nil {
			return planning, err
		}
	}
	host, err := a.host()
	planning.Reads = func(path string) error {
		if _, found := wiring.Queue(workers, host, path); found {
			return nil
		}
		_, err := a.rowRoot(path)
		return err
	}
	return planning, err
}

// rowRoot is the root of this command's own that covers a row's path. The error is
// the row's where none does.
func (a *app) rowRoot(path string) (string, error) {
	root, err := a.ownRoot(path)
	var outside *exit.UsageError
	if errors.As(err, &outside) {
		return "", upload.Errorf(upload.KindInvalid, upload.StepClaim, "%s", outside.Text).WithHint("%s", outside.Hint)
	}
	return root, err
}

// ledgerThere reports whether there is a ledger to be asked: planning makes none.
func (a *app) ledgerThere() bool {
	url, err := a.config.Ledger()
	if err != nil || url != "" || wiring.ServiceConfigured() {
		return true // the opening tells what is wrong
	}
	_, err = os.Stat(filepath.Join(a.data, "ledger.db"))
	return err == nil
}

// locate finds the manifest that was named. Standard input is kept in a file for
// as long as the command runs, because it is read twice.
func (a *app) locate(ctx context.Context, given string) (manifest.Place, error) {
	here, err := os.Getwd()
	if err != nil {
		return manifest.Place{}, fmt.Errorf("current folder: %w", err)
	}
	if given != "-" {
		place, err := manifest.Locate(given, here)
		if err != nil {
			return place, exit.Misused("%s", upload.AsError(err, "").Message)
		}
		if _, err := os.Stat(place.Source); upload.IsLocal(place.Source) && os.IsNotExist(err) {
			return place, exit.Misused("manifest %s does not exist", place.Source)
		}
		return place, nil
	}
	folder, err := os.MkdirTemp("", "mediaferry-manifest-")
	if err != nil {
		return manifest.Place{}, fmt.Errorf("folder for standard input: %w", err)
	}
	a.onClose(func() { _ = os.RemoveAll(folder) }) // temporary: the system would remove it as well
	return manifest.Spool(ctx, os.Stdin, filepath.Join(folder, "manifest"), here)
}

// manifests opens manifests wherever the user can read: local_roots are about
// sources.
func (a *app) manifests() (manifest.Opener, error) {
	all, err := wiring.Sources(a.config, nil)
	if err != nil {
		return nil, err
	}
	return manifest.From(all), nil
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
