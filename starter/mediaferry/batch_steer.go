package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
)

func (a *app) batchPauseCommand() *cobra.Command {
	var because string
	cmd := &cobra.Command{
		Use:   "pause ID",
		Short: "let a batch rest until it is resumed",
		Long: `pause lets a batch rest: no new row is begun, and what is in flight comes to rest where
it can go on later. It is kept with who, when and why, and outlives every program.`,
		Example:           `  mediaferry batch pause spring --because "the shop's sale"`,
		Args:              oneBatch,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.pauseBatch(cmd.Context(), args[0], because) },
		ValidArgsFunction: a.completeBatches,
	}
	cmd.Flags().StringVar(&because, "because", "", "the reason, `TEXT`")
	return cmd
}

func (a *app) batchResumeCommand() *cobra.Command {
	var because string
	cmd := &cobra.Command{
		Use:   "resume ID",
		Short: "go on with a batch that is paused or held",
		Long: `resume goes on with a batch that was paused. For one that is held it accepts what it is
held for: the first rows of a canary, or the failures so far, from which its budget
then counts anew. A batch that is held and paused is only held after the first resume;
the second accepts. Rows of it that were paused one by one go on too.`,
		Example:           "  mediaferry batch resume spring",
		Args:              oneBatch,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.resumeBatch(cmd.Context(), args[0], because) },
		ValidArgsFunction: a.completeBatches,
	}
	cmd.Flags().StringVar(&because, "because", "", "the reason, `TEXT`")
	return cmd
}

func (a *app) batchSetCommand() *cobra.Command {
	var limits limitFlags
	var because string
	cmd := &cobra.Command{
		Use:   "set ID [limits]",
		Short: "change the limits of a batch, also while it runs",
		Long: `set changes the limits that are given, and leaves the others as they are. Workers heed
them within a second or two. --failures replaces all budgets; none takes them away.`,
		Example: `  mediaferry batch set spring --rps trustana=2 --in-flight 16
  mediaferry batch set spring --rps trustana=none --failures 5% --failures rejected=100`,
		Args:              oneBatch,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.setBatch(cmd, args[0], limits, because) },
		ValidArgsFunction: a.completeBatches,
	}
	limits.register(cmd)
	cmd.Flags().StringVar(&because, "because", "", "the reason, `TEXT`")
	return cmd
}

// event is a decision of the person at the keyboard.
func event(what, because, detail string) ledger.BatchEvent {
	return ledger.BatchEvent{What: what, By: opening.User(), Because: because, Detail: detail}
}

func (a *app) pauseBatch(ctx context.Context, id, because string) error {
	b, err := a.OpenBatch(ctx, id)
	if err != nil {
		return err
	}
	switch {
	case b.State.Ended(), b.State == upload.BatchCanceling:
		return exit.Misused("batch %s is %s", id, b.State)
	case b.Paused:
		a.Say("batch %s is paused already", id)
		return nil
	}
	paused, why := true, because
	if why == "" {
		why = "paused by " + opening.User()
	}
	change := ledger.BatchChange{Event: event("pause", because, ""), Paused: &paused, Because: &why}
	if b.State == upload.BatchHeld {
		change.Because = nil // what it is held for still has to be read
	}
	if _, err := a.Ledger.ChangeBatch(ctx, id, change); err != nil {
		return opening.UnknownBatch(id, err)
	}
	if err := a.signalRows(ctx, id, upload.SignalPause); err != nil {
		return err
	}
	a.Say("batch %s is paused; what is in flight comes to rest", id)
	return nil
}

func (a *app) resumeBatch(ctx context.Context, id, because string) error {
	b, err := a.OpenBatch(ctx, id)
	if err != nil {
		return err
	}
	switch {
	case b.State.Ended(), b.State == upload.BatchCanceling:
		return &exit.UsageError{Text: fmt.Sprintf("batch %s is %s", id, b.State), Hint: "to run what failed or was canceled once more: mediaferry batch retry " + id}
	case !b.Paused && b.State != upload.BatchHeld:
		a.Say("batch %s is neither paused nor held", id)
		return nil
	}
	change := ledger.BatchChange{Event: event("resume", because, ""), Paused: new(bool), Because: new(string)}
	switch {
	case b.State == upload.BatchHeld && b.Paused:
		// The pause was a person's word, and ends with one. What the batch asks has
		// not been answered by that.
		change.Because, change.Event.Detail = nil, "the pause alone: it stays held"
	case b.State == upload.BatchHeld:
		change.State, change.Event.Detail = upload.BatchRunning, "accepted: "+b.Because
	}
	now, err := a.Ledger.ChangeBatch(ctx, id, change)
	if err != nil {
		return opening.UnknownBatch(id, err)
	}
	if err := a.signalRows(ctx, id, upload.SignalResume); err != nil {
		return err
	}
	if now.State == upload.BatchHeld {
		a.Say("batch %s is no longer paused, but it is held: %s; to accept that and go on: mediaferry batch resume %s", id, now.Because, id)
		return nil
	}
	if !a.EngineRuns(ctx) {
		a.Say("batch %s goes on as soon as an engine and a worker run: mediaferry up", id)
		return nil
	}
	a.Say("batch %s goes on", id)
	return nil
}

func (a *app) setBatch(cmd *cobra.Command, id string, f limitFlags, because string) error {
	ctx := cmd.Context()
	given := f.given(cmd)
	if given == "" {
		return exit.Misused("no limit is given, want one or more of --rps, --in-flight, --bwlimit, --failures")
	}
	b, err := a.OpenBatch(ctx, id)
	if err != nil {
		return err
	}
	limits, err := f.apply(cmd, a.Config.AccountNames(), b.Limits)
	if err != nil {
		return err
	}
	if b.State.Ended() {
		return exit.Misused("batch %s is %s", id, b.State)
	}
	if b, err = a.Ledger.ChangeBatch(ctx, id, ledger.BatchChange{Event: event("set", because, given), Limits: &limits}); err != nil {
		return opening.UnknownBatch(id, err)
	}
	lines := output.LimitLines(b.Limits)
	if len(lines) == 0 {
		lines = []string{"no limits but those of its accounts"}
	}
	a.Say("batch %s: %s", id, output.Join(lines))
	return nil
}

// signalRows tells the rows that run in workflows of their own. Those of a page
// look into the ledger by themselves.
func (a *app) signalRows(ctx context.Context, id, signal string) error {
	if !a.EngineRuns(ctx) {
		return nil // nothing runs; rows look into the ledger when they begin
	}
	if err := a.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
		return err
	}
	for _, state := range upload.States() {
		if state.Ended() || state == upload.StateWaiting {
			continue
		}
		for entry, err := range a.Ledger.List(ctx, ledger.Filter{Batch: id, State: state}) {
			if err != nil {
				return err
			}
			if entry.WorkflowID != entry.Result.UploadID {
				continue
			}
			err := a.Temporal.SignalWorkflow(ctx, entry.WorkflowID, entry.RunID, signal, nil)
			var gone *serviceerror.NotFound
			if err != nil && !errors.As(err, &gone) { // it has just ended
				return fmt.Errorf("%s %s: %w", signal, entry.WorkflowID, err)
			}
		}
	}
	return nil
}

func (a *app) batchRetryCommand() *cobra.Command {
	var kinds []string
	var because string
	var follow bool
	cmd := &cobra.Command{
		Use:   "retry [flags] ID",
		Short: "run failed rows of a batch once more",
		Long: `retry lets rows of a batch wait again that failed, and without --kind those that were
canceled too. They run within the same batch and its report. Rows that were refused for
what the manifest says fail again: correct the manifest and start another batch.`,
		Example: `  mediaferry batch retry spring --kind unavailable --kind timeout
  mediaferry batch retry spring --follow --because "the bucket's rights are mended"`,
		Args: oneBatch,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.retryBatch(cmd.Context(), args[0], kinds, because, follow)
		},
		ValidArgsFunction: a.completeBatches,
	}
	cmd.Flags().StringArrayVar(&kinds, "kind", nil, "only failures of `KIND`: "+output.Join(upload.Kinds())+"; may be repeated")
	cmd.Flags().StringVar(&because, "because", "", "the reason, `TEXT`")
	cmd.Flags().BoolVar(&follow, "follow", false, "wait for the end, and do the work where nobody else does")
	return cmd
}

func (a *app) retryBatch(ctx context.Context, id string, names []string, because string, follow bool) error {
	var kinds []upload.Kind
	for _, name := range names {
		if !slices.Contains(upload.Kinds(), upload.Kind(name)) {
			return exit.Misused("--kind %q is unknown, want one of %s", name, output.Join(upload.Kinds()))
		}
		kinds = append(kinds, upload.Kind(name))
	}
	b, err := a.OpenBatch(ctx, id)
	if err != nil {
		return err
	}
	if b.State == upload.BatchLoading || b.State == upload.BatchCanceling {
		return exit.Misused("batch %s is %s", id, b.State)
	}
	if !follow && !a.EngineRuns(ctx) {
		return &exit.UsageError{Text: "batch retry needs a running engine, or --follow", Hint: "start one in another terminal: mediaferry up"}
	}
	n, err := a.Ledger.RetryRows(ctx, id, kinds)
	if err != nil {
		return opening.UnknownBatch(id, err)
	}
	if n == 0 {
		a.Say("batch %s has no rows to retry", id)
		return nil
	}
	detail := fmt.Sprintf("%d rows", n)
	if n == 1 {
		detail = "1 row"
	}
	if len(kinds) > 0 {
		detail += " of kind " + output.Join(kinds)
	}
	change := ledger.BatchChange{Event: event("retry", because, detail)}
	if b.State.Ended() {
		change.State = upload.BatchRunning
	}
	if _, err := a.Ledger.ChangeBatch(ctx, id, change); err != nil {
		return opening.UnknownBatch(id, err)
	}
	a.Say("batch %s: once more with %s", id, detail)
	return a.goOn(ctx, id, follow)
}

// goOn tells a batch's workflow that there is more to do, and starts one where
// it has ended.
func (a *app) goOn(ctx context.Context, id string, follow bool) error {
	a.Parting = "interrupted; the batch goes on where the engine does"
	if err := a.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
		return err
	}
	if follow {
		if err := a.workers.EnsureBatch(ctx, id); err != nil {
			return err
		}
	}
	if err := wiring.WakeBatch(ctx, a.Temporal, id); err != nil {
		return fmt.Errorf("go on with batch %s: %w", id, err)
	}
	if follow {
		return a.batches.Follow(ctx, id, a.Printer(false))
	}
	return nil
}
