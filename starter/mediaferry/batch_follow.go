package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
)

const (
	// batchLook is how often a batch is added up for those who watch; more
	// seldom where that takes its time.
	batchLook = time.Second
	lookShare = 10
)

func (a *app) batchWatchCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "watch [flags] ID",
		Short: "watch a batch until it ends",
		Long: `watch shows a line for each account of a batch: rows done and in flight, rows a second,
answers 429 since it watches, failures, and the time left. It ends with the batch, or when the batch
asks a person. It does no work itself. Off a terminal it prints a line now and then.

Exit status: 0 all rows are ready, 3 some are not.`,
		Example: "  mediaferry batch watch spring",
		Args:    oneBatch,
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := a.OpenBatch(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			a.Parting = "the batch goes on where the engine does"
			w := a.newBatchWatch(b.ID)
			w.staff = func(context.Context) error { return nil }
			return w.follow(cmd.Context(), a.Printer(asJSON))
		},
		ValidArgsFunction: a.completeBatches,
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object at the end, as status does")
	return cmd
}

// batchWatch follows one batch.
type batchWatch struct {
	*app
	id    string
	board *output.Board
	staff func(context.Context) error // sees to it that somebody does the work
	slow  map[string]int64            // answers 429 when the watch began, by account
	stuck time.Time                   // since when nothing can go on
	done  time.Time                   // since when the batch has ended
	stays bool                        // until the workflow has, too
}

func (a *app) newBatchWatch(id string) *batchWatch {
	return &batchWatch{
		app: a, id: id, board: output.NewBoard(a.Err), slow: map[string]int64{},
		staff: func(ctx context.Context) error { return a.workers.EnsureBatch(ctx, id) },
	}
}

// followBatch waits for a batch's end, and does the work where nobody else does.
func (a *app) followBatch(ctx context.Context, id string, p output.Printer) error {
	w := a.newBatchWatch(id)
	w.stays = true
	return w.follow(ctx, p)
}

// follow shows how far the batch is until it has ended, or waits for a person.
func (w *batchWatch) follow(ctx context.Context, p output.Printer) error {
	defer w.board.Clear()
	crews := time.NewTicker(crewEvery)
	defer crews.Stop()
	for {
		began := time.Now()
		view, err := w.look(ctx)
		if err != nil {
			return err
		}
		why := w.over(view)
		if why == ended && w.stays && w.closing(ctx) {
			why = ""
		}
		if why != "" {
			w.board.Clear()
			if why != ended {
				w.Say("%s", why)
			}
			return w.endBatch(ctx, view.Batch, p)
		}
		w.board.Draw(view.Lines(w.board.Terminal()))
		pause := time.NewTimer(max(batchLook, lookShare*time.Since(began)))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.EngineLost():
			return w.EngineGone()
		case <-crews.C:
			if err := w.staff(ctx); err != nil {
				return err
			}
		case <-pause.C:
		}
		pause.Stop()
	}
}

// ended is why a watch ends that needs no words.
const ended = "ended"

// over tells why there is nothing to wait for any more; "" where there is.
func (w *batchWatch) over(v output.BatchView) string {
	switch {
	case v.Batch.State.Ended():
		return ended
	case v.Batch.State == upload.BatchHeld:
		return fmt.Sprintf("batch %s is held: %s", w.id, v.Batch.Because)
	case v.Batch.Paused, v.Batch.State == upload.BatchCanceling:
		w.stuck = time.Time{}
		return ""
	}
	names := denied(v)
	if len(names) == 0 {
		w.stuck = time.Time{}
		return ""
	}
	if w.stuck.IsZero() { // rows in flight may just be ending
		w.stuck = time.Now()
	}
	if time.Since(w.stuck) < 3*batchLook {
		return ""
	}
	var accounts, commands []string
	for _, name := range names {
		accounts = append(accounts, "account "+name+", which is paused")
		commands = append(commands, "mediaferry account resume "+name)
	}
	return fmt.Sprintf("all that is left waits for %s, put that right, then: %s; the batch goes on by itself while mediaferry up runs, else with the same command",
		output.Join(accounts), strings.Join(commands, "; "))
}

// closeTime is how long a command waits for a batch's report.
const closeTime = 10 * time.Minute

// closing reports whether the workflow of a batch that has ended still writes its
// report: the worker that does may be this process.
func (w *batchWatch) closing(ctx context.Context) bool {
	if w.done.IsZero() {
		w.done = time.Now()
	}
	if time.Since(w.done) > closeTime {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	described, err := w.Temporal.DescribeWorkflowExecution(ctx, upload.BatchWorkflowID(w.id), "")
	if err != nil { // it can be made at any time, and is not worth more
		return false
	}
	return described.GetWorkflowExecutionInfo().GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING
}

// reported waits until the reports of a batch that has ended tell of what has just
// become of one of its rows; err is handed through. The worker that writes them
// may be this process.
func (a *app) reported(ctx context.Context, id string, err error) error {
	if id == "" || ctx.Err() != nil {
		return err
	}
	b, unread := a.Ledger.Batch(ctx, id)
	if unread != nil || !b.State.Ended() { // they are still to come
		return err
	}
	for w := a.newBatchWatch(id); w.closing(ctx); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-a.EngineLost():
			return err
		case <-time.After(lookEvery):
		}
	}
	return err
}

// look adds the batch up.
func (w *batchWatch) look(ctx context.Context) (output.BatchView, error) {
	var v output.BatchView
	var err error
	if v.Batch, err = w.Ledger.Batch(ctx, w.id); err != nil {
		return v, opening.UnknownBatch(w.id, err)
	}
	s, err := w.Ledger.Summarize(ctx, w.id)
	if err != nil {
		return v, err
	}
	now := time.Now()
	ticks, err := w.Ledger.Ticks(ctx, w.id, now.Add(-rateWindow))
	if err != nil {
		return v, err
	}
	v.Numbers = numbersOf(v.Batch, s, rateOf(ticks, now, ""))
	routes, err := w.Ledger.Routes(ctx, w.id)
	if err != nil {
		return v, err
	}
	var paused []ledger.AccountState // with rows left
	for _, route := range routes {
		if slices.ContainsFunc(v.Accounts, func(a output.AccountView) bool { return a.Name == route.Account }) {
			continue
		}
		one, state, err := w.account(ctx, route.Account)
		if err != nil {
			return v, err
		}
		one.Rate = rateOf(ticks, now, route.Account)
		v.Accounts = append(v.Accounts, one)
		if state.Paused && one.Done < one.Total {
			paused = append(paused, state)
		}
	}
	v.Numbers.Pause(paused)
	return v, nil
}

// account adds up the rows of one account, and tells whether it is paused.
func (w *batchWatch) account(ctx context.Context, name string) (output.AccountView, ledger.AccountState, error) {
	v := output.AccountView{Name: name}
	var state ledger.AccountState
	counts, err := w.Ledger.Counts(ctx, ledger.Filter{Batch: w.id, Account: name})
	if err != nil {
		return v, state, err
	}
	for state, n := range counts {
		v.Total += n
		switch {
		case state.Ended():
			v.Done += n
		case state != upload.StateWaiting:
			v.InFlight += n
		}
	}
	v.Failed = counts[upload.StateFailed]
	slowdowns, err := w.Ledger.Slowdowns(ctx, name)
	if err != nil {
		return v, state, err
	}
	if _, known := w.slow[name]; !known {
		w.slow[name] = slowdowns
	}
	v.Slowdowns = slowdowns - w.slow[name]
	state, err = w.Ledger.Account(ctx, name)
	v.Paused = state.Paused
	return v, state, err
}

// denied are the accounts for which all rows that are left wait, where there is
// no other with anything to do.
func denied(v output.BatchView) (names []string) {
	for _, a := range v.Accounts {
		switch {
		case a.Done == a.Total:
		case !a.Paused:
			return nil
		default:
			names = append(names, a.Name)
		}
	}
	return names
}

// endBatch prints a batch that has ended, or waits for a person.
func (a *app) endBatch(ctx context.Context, b ledger.Batch, p output.Printer) error {
	n, err := a.batchStatus(ctx, b)
	if err != nil {
		return err
	}
	if err := a.tellCanary(ctx, b, p); err != nil {
		return err
	}
	if err = p.Batch(b, n); err == nil && n.Ready < n.Total {
		err = &exit.NotReadyError{Count: int(n.Total - n.Ready)}
	}
	return err
}

// mostShown is how many rows of a canary are shown.
const mostShown = 50

// tellCanary shows the first rows of each account, on which a person decides.
func (a *app) tellCanary(ctx context.Context, b ledger.Batch, p output.Printer) error {
	if b.State != upload.BatchHeld || b.Canary == 0 || p.JSON {
		return nil
	}
	passed, err := a.Ledger.CanaryPassed(ctx, b.ID)
	if err != nil || passed {
		return err
	}
	shown := 0
	for _, state := range []upload.State{upload.StateReady, upload.StateFailed, upload.StateUnconfirmed} {
		for entry, err := range a.Ledger.List(ctx, ledger.Filter{Batch: b.ID, State: state}) {
			if err != nil {
				return err
			}
			if entry.Result.WorkflowID == "" { // refused: it was never on its way
				continue
			}
			if err := p.Item(entry.Result); err != nil {
				return err
			}
			if shown++; shown == mostShown {
				break
			}
		}
	}
	_, err = fmt.Fprintln(p.Out)
	return err
}
