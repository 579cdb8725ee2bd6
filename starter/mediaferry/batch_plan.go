package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/batch"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/wiring"
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
		return misused("--sample %d is no number of sources", f.sample)
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
	return a.tellPlan(plan, printer{out: a.stdout, err: a.stderr, json: f.json})
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
	var outside *usageError
	if errors.As(err, &outside) {
		return "", upload.Errorf(upload.KindInvalid, upload.StepClaim, "%s", outside.text).WithHint("%s", outside.hint)
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
			return place, misused("%s", upload.AsError(err, "").Message)
		}
		if _, err := os.Stat(place.Source); upload.IsLocal(place.Source) && os.IsNotExist(err) {
			return place, misused("manifest %s does not exist", place.Source)
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
			a.say("manifest %q is refused as a whole", refused.Manifest)
		} else {
			a.say("%s", err)
		}
		a.tellProblems(refused.Found)
		return &notReadyError{refused.Found.Refused}
	case !errors.As(err, &known):
		return err
	}
	switch known.Kind {
	case upload.KindInvalid, upload.KindMissing:
		a.say("%s", known.Message)
		if known.Hint != "" {
			_, _ = fmt.Fprintf(a.stderr, "  %s\n", known.Hint)
		}
		return &notReadyError{1}
	}
	return err
}

// tellProblems names every problem: the first in full, the rest in groups.
func (a *app) tellProblems(found manifest.Collected) {
	for _, p := range found.First {
		_, _ = fmt.Fprintln(a.stderr, p)
	}
	for _, g := range found.Rest {
		if !g.Warning {
			_, _ = fmt.Fprintln(a.stderr, g)
		}
	}
}

// tellWarnings names what is taken all the same, and may not be meant.
func (a *app) tellWarnings(found manifest.Collected) {
	for _, p := range found.FirstWarning {
		_, _ = fmt.Fprintf(a.stderr, "warning: %s\n", p)
	}
	for _, g := range found.Rest {
		if g.Warning {
			_, _ = fmt.Fprintf(a.stderr, "warning: %s\n", g)
		}
	}
}

func (a *app) tellPlan(plan *batch.Plan, p printer) error {
	var err error
	if p.json {
		err = p.object(plan)
	} else if err = p.table(planHead(plan)); err == nil {
		a.tellWarnings(plan.Problems)
		a.tellProblems(plan.Problems)
		a.tellProblems(plan.Sources)
		err = a.tellSample(plan.Sample)
	}
	if err != nil {
		return err
	}
	bad := int(plan.Refused + plan.Unfit)
	switch {
	case plan.Whole:
		a.say("batch start refuses the manifest, with --skip-invalid too: %s", headerFirst)
	case plan.Refused > 0:
		a.say("%d of %d rows would be refused: batch start refuses the manifest, or with --skip-invalid those rows", plan.Refused, plan.Rows)
	}
	if plan.Unfit > 0 {
		a.say("%d of %d rows would fail, because of their sources", plan.Unfit, plan.Rows)
	}
	if plan.Sample != nil {
		bad += len(plan.Sample.Bad)
	}
	if bad > 0 {
		return &notReadyError{bad}
	}
	return nil
}

// planHead is a plan for people: what it is about, then a line for each account.
func planHead(plan *batch.Plan) [][]string {
	rows := [][]string{
		{"manifest", plan.Manifest},
		{"sha256", plan.SHA256},
		{"rows", rowWords(plan)},
		{"bytes", bytesWords(plan.Bytes, plan.UnknownSize, plan.ToSend)},
		{"least time", floorWords(plan.Floor)},
		{"temporal", plan.Actions.String()},
		{"duplicates", duplicateWords(plan)},
	}
	for _, d := range plan.Duplicates.Examples[:min(len(plan.Duplicates.Examples), 5)] {
		rows = append(rows, []string{"", fmt.Sprintf("%s to %s, lines %s", d.Source, d.Account, numbers(d.Lines))})
	}
	for _, one := range plan.Accounts {
		if one.Rows == 0 {
			continue
		}
		rows = append(rows, []string{""}, []string{"account", fmt.Sprintf("%s (%s)", one.Account, one.Vendor)})
		rows = append(rows, accountRows(one)...)
	}
	return rows
}

func accountRows(one batch.AccountPlan) [][]string {
	rate := "no limit of requests"
	if one.Rate > 0 {
		rate = fmt.Sprintf("%g requests a second", one.Rate)
	}
	if one.Floor > 0 {
		rate += ", at least " + floorWords(one.Floor)
	}
	calls := fmt.Sprintf("prepare %d, transfer %d", one.Calls.Prepare, one.Calls.Transfer)
	if one.Calls.Complete > 0 {
		calls += fmt.Sprintf(", complete %d", one.Calls.Complete)
	}
	if one.Calls.Poll > 0 {
		calls += fmt.Sprintf(", poll %d", one.Calls.Poll)
	}
	return [][]string{
		{"  rows", fmt.Sprintf("%d: %d in pages, %d on their own, %d delivered before", one.Rows, one.Packed, one.Own, one.Known)},
		{"  bytes", bytesWords(one.Bytes, one.UnknownSize, one.Rows-one.Known)},
		{"  calls", calls + ", at least"},
		{"  pace", rate},
	}
}

// headerFirst is what to do about a manifest that is refused as a whole.
const headerFirst = "what is said about line 1 concerns every row; put that right first"

func rowWords(plan *batch.Plan) string {
	if plan.Whole {
		return fmt.Sprintf("%d: none to send, because of line 1", plan.Rows)
	}
	text := fmt.Sprintf("%d: %d to send", plan.Rows, plan.ToSend)
	for _, one := range []struct {
		n    int64
		word string
	}{{plan.Known, "delivered before"}, {plan.Refused, "refused"}, {plan.Unfit, "without a fit source"}} {
		if one.n > 0 {
			text += fmt.Sprintf(", %d %s", one.n, one.word)
		}
	}
	return text
}

func bytesWords(n, unknown, of int64) string {
	switch {
	case of == 0:
		return "none"
	case unknown == of:
		return "not known before the sources are opened"
	case unknown > 0:
		return fmt.Sprintf("%s, and %d rows of unknown size", size(n), unknown)
	}
	return size(n)
}

func floorWords(seconds float64) string {
	if seconds == 0 {
		return "no limit sets one"
	}
	return (time.Duration(seconds*10) * time.Second / 10).Round(time.Second / 10).String()
}

func duplicateWords(plan *batch.Plan) string {
	d := plan.Duplicates
	switch {
	case plan.ToSend == 0:
		return "not compared: no row is to be sent"
	case d.Compared == 0:
		return "not compared: of the rows to send, none has its source on this host"
	case d.Rows == 0:
		return fmt.Sprintf("none among the %d rows on this host", d.Compared)
	case d.Rows == 1:
		return "1 row repeats the content of an earlier one for the same account, " + size(d.Bytes)
	}
	return fmt.Sprintf("%d rows repeat the content of an earlier one for the same account, %s", d.Rows, size(d.Bytes))
}

func numbers(all []int) string {
	texts := make([]string, len(all))
	for i, n := range slices.Sorted(slices.Values(all)) {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, ", ")
}

// tellSample says what came of opening some sources.
func (a *app) tellSample(s *batch.Sample) error {
	if s == nil {
		return nil
	}
	for _, bad := range s.Bad {
		_, _ = fmt.Fprintf(a.stderr, "line %d: %s to %s: %s: %s\n", bad.Line, bad.Source, bad.Account, bad.Kind, bad.Message)
		if bad.Hint != "" {
			_, _ = fmt.Fprintf(a.stderr, "  %s\n", bad.Hint)
		}
	}
	_, err := fmt.Fprintf(a.stdout, "\nsample: %d of %d sources are good, of %s on average\n", s.Good, s.Looked, size(s.MeanBytes))
	return err
}
