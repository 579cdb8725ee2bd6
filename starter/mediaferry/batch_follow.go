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
			b, err := a.openBatch(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			a.parting = "the batch goes on where the engine does"
			w := a.newBatchWatch(b.ID)
			w.staff = func(context.Context) error { return nil }
			return w.follow(cmd.Context(), printer{out: a.stdout, err: a.stderr, json: asJSON})
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
	board *board
	staff func(context.Context) error // sees to it that somebody does the work
	slow  map[string]int64            // answers 429 when the watch began, by account
	stuck time.Time                   // since when nothing can go on
	done  time.Time                   // since when the batch has ended
	stays bool                        // until the workflow has, too
}

func (a *app) newBatchWatch(id string) *batchWatch {
	return &batchWatch{
		app: a, id: id, board: newBoard(a.stderr), slow: map[string]int64{},
		staff: func(ctx context.Context) error { return a.staff(ctx, id) },
	}
}

// followBatch waits for a batch's end, and does the work where nobody else does.
func (a *app) followBatch(ctx context.Context, id string, p printer) error {
	w := a.newBatchWatch(id)
	w.stays = true
	return w.follow(ctx, p)
}

// follow shows how far the batch is until it has ended, or waits for a person.
func (w *batchWatch) follow(ctx context.Context, p printer) error {
	defer w.board.clear()
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
			w.board.clear()
			if why != ended {
				w.say("%s", why)
			}
			return w.endBatch(ctx, view.batch, p)
		}
		w.board.draw(view.lines(w.board.terminal))
		pause := time.NewTimer(max(batchLook, lookShare*time.Since(began)))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.engineLost():
			return w.engineGone()
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
func (w *batchWatch) over(v batchView) string {
	switch {
	case v.batch.State.Ended():
		return ended
	case v.batch.State == upload.BatchHeld:
		return fmt.Sprintf("batch %s is held: %s", w.id, v.batch.Because)
	case v.batch.Paused, v.batch.State == upload.BatchCanceling:
		w.stuck = time.Time{}
		return ""
	}
	names := v.denied()
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
		join(accounts), strings.Join(commands, "; "))
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
	described, err := w.temporal.DescribeWorkflowExecution(ctx, upload.BatchWorkflowID(w.id), "")
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
	b, unread := a.ledger.Batch(ctx, id)
	if unread != nil || !b.State.Ended() { // they are still to come
		return err
	}
	for w := a.newBatchWatch(id); w.closing(ctx); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-a.engineLost():
			return err
		case <-time.After(lookEvery):
		}
	}
	return err
}

// batchView is a batch at one moment.
type batchView struct {
	batch    ledger.Batch
	numbers  batchNumbers
	accounts []accountView
}

// accountView is one account of a batch.
type accountView struct {
	name                          string
	total, done, inFlight, failed int64
	rate                          float64
	slowdowns                     int64
	paused                        ledger.AccountState // Paused: it rests
}

func (w *batchWatch) look(ctx context.Context) (batchView, error) {
	var v batchView
	var err error
	if v.batch, err = w.ledger.Batch(ctx, w.id); err != nil {
		return v, unknownBatch(w.id, err)
	}
	s, err := w.ledger.Summarize(ctx, w.id)
	if err != nil {
		return v, err
	}
	now := time.Now()
	ticks, err := w.ledger.Ticks(ctx, w.id, now.Add(-rateWindow))
	if err != nil {
		return v, err
	}
	v.numbers = numbersOf(v.batch, s, rateOf(ticks, now, ""))
	routes, err := w.ledger.Routes(ctx, w.id)
	if err != nil {
		return v, err
	}
	for _, route := range routes {
		if slices.ContainsFunc(v.accounts, func(a accountView) bool { return a.name == route.Account }) {
			continue
		}
		one, err := w.account(ctx, route.Account)
		if err != nil {
			return v, err
		}
		one.rate = rateOf(ticks, now, route.Account)
		v.accounts = append(v.accounts, one)
	}
	for _, one := range v.accounts {
		if one.paused.Paused && one.done < one.total {
			v.numbers.rest(append(v.numbers.resting, one.paused))
		}
	}
	return v, nil
}

func (w *batchWatch) account(ctx context.Context, name string) (accountView, error) {
	v := accountView{name: name}
	counts, err := w.ledger.Counts(ctx, ledger.Filter{Batch: w.id, Account: name})
	if err != nil {
		return v, err
	}
	for state, n := range counts {
		v.total += n
		switch {
		case state.Ended():
			v.done += n
		case state != upload.StateWaiting:
			v.inFlight += n
		}
	}
	v.failed = counts[upload.StateFailed]
	slowdowns, err := w.ledger.Slowdowns(ctx, name)
	if err != nil {
		return v, err
	}
	if _, known := w.slow[name]; !known {
		w.slow[name] = slowdowns
	}
	v.slowdowns = slowdowns - w.slow[name]
	account, err := w.ledger.Account(ctx, name)
	v.paused = account
	return v, err
}

// denied are the accounts for which all rows that are left wait, where there is
// no other with anything to do.
func (v batchView) denied() (names []string) {
	for _, a := range v.accounts {
		switch {
		case a.done == a.total:
		case !a.paused.Paused:
			return nil
		default:
			names = append(names, a.name)
		}
	}
	return names
}

// endBatch prints a batch that has ended, or waits for a person.
func (a *app) endBatch(ctx context.Context, b ledger.Batch, p printer) error {
	n, err := a.batchStatus(ctx, b)
	if err != nil {
		return err
	}
	if err := a.tellCanary(ctx, b, p); err != nil {
		return err
	}
	if p.json {
		err = p.object(n)
	} else {
		err = p.table(statusRows(b, n))
	}
	if err == nil && n.Ready < n.Total {
		err = &notReadyError{int(n.Total - n.Ready)}
	}
	return err
}

// mostShown is how many rows of a canary are shown.
const mostShown = 50

// tellCanary shows the first rows of each account, on which a person decides.
func (a *app) tellCanary(ctx context.Context, b ledger.Batch, p printer) error {
	if b.State != upload.BatchHeld || b.Canary == 0 || p.json {
		return nil
	}
	passed, err := a.ledger.CanaryPassed(ctx, b.ID)
	if err != nil || passed {
		return err
	}
	shown := 0
	for _, state := range []upload.State{upload.StateReady, upload.StateFailed, upload.StateUnconfirmed} {
		for entry, err := range a.ledger.List(ctx, ledger.Filter{Batch: b.ID, State: state}) {
			if err != nil {
				return err
			}
			if entry.Result.WorkflowID == "" { // refused: it was never on its way
				continue
			}
			if err := p.item(entry.Result); err != nil {
				return err
			}
			if shown++; shown == mostShown {
				break
			}
		}
	}
	_, err = fmt.Fprintln(p.out)
	return err
}
