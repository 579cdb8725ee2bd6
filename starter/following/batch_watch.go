package following

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
	"github.com/mediaferry/mediaferry/starter/views"
)

const (
	// batchEvery is how often a batch is added up for a watch; less often if that
	// is slow.
	batchEvery = time.Second
	viewShare  = 10
)

// batchWatch follows one batch.
type batchWatch struct {
	Batches
	id    string
	board *output.Board
	works bool             // this command does the work if no other worker does
	stays bool             // until the workflow has ended, too
	slow  map[string]int64 // answers 429 when the watch began, by account
	stuck time.Time        // since when no row can continue
	done  time.Time        // since when the batch has ended
}

func (bs Batches) newBatchWatch(id string) *batchWatch {
	return &batchWatch{Batches: bs, id: id, board: output.NewBoard(bs.session.Err), slow: map[string]int64{}}
}

// Follow waits until a batch has ended and its reports are written, or until it
// waits for a person, and prints it. It does the work if no other
// worker does.
func (bs Batches) Follow(ctx context.Context, id string, p output.Printer) error {
	w := bs.newBatchWatch(id)
	w.works, w.stays = true, true
	return w.follow(ctx, p)
}

// Watch waits until a batch has ended, or waits for a person, and prints it. It does
// no work itself.
func (bs Batches) Watch(ctx context.Context, id string, p output.Printer) error {
	return bs.newBatchWatch(id).follow(ctx, p)
}

// follow shows how far the batch is until it has ended, or waits for a person.
func (w *batchWatch) follow(ctx context.Context, p output.Printer) error {
	defer w.board.Clear()
	checks := time.NewTicker(workersEvery)
	defer checks.Stop()
	for {
		began := time.Now()
		view, err := w.view(ctx)
		if err != nil {
			return err
		}
		why := w.over(view)
		if why == ended && w.stays && w.writingReports(ctx) {
			why = ""
		}
		if why != "" {
			w.board.Clear()
			if why != ended {
				w.session.Say("%s", why)
			}
			return w.End(ctx, view.Batch, p)
		}
		w.board.DrawBatch(view)
		pause := time.NewTimer(max(batchEvery, viewShare*time.Since(began)))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.session.EngineLost():
			return w.session.EngineGone()
		case <-checks.C:
			if err := w.ensureWorkers(ctx); err != nil {
				return err
			}
		case <-pause.C:
		}
		pause.Stop()
	}
}

// ensureWorkers makes this process do what no other worker does, if the command works.
func (w *batchWatch) ensureWorkers(ctx context.Context) error {
	if !w.works {
		return nil
	}
	return w.workers.EnsureBatch(ctx, w.id)
}

// ended is a reason to stop that needs no message.
const ended = "ended"

// over is why there is nothing left to wait for; empty while there is.
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
	names := blocking(v)
	if len(names) == 0 {
		w.stuck = time.Time{}
		return ""
	}
	if w.stuck.IsZero() { // rows in flight may just be ending
		w.stuck = time.Now()
	}
	if time.Since(w.stuck) < 3*batchEvery {
		return ""
	}
	var accounts, commands []string
	for _, name := range names {
		accounts = append(accounts, "account "+name+", which is paused")
		commands = append(commands, "mediaferry account resume "+name)
	}
	return fmt.Sprintf("all remaining rows wait for %s. Correct the problem, then: %s. The batch continues if mediaferry up is running. If not, run the command again.",
		output.Join(accounts), strings.Join(commands, "; "))
}

// closeTime is how long a command waits for a batch's report.
const closeTime = 10 * time.Minute

// writingReports reports whether the workflow of a batch that has ended still writes its
// report: the worker that does may be this process.
func (w *batchWatch) writingReports(ctx context.Context) bool {
	if w.done.IsZero() {
		w.done = time.Now()
	}
	if time.Since(w.done) > closeTime {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, queryTime)
	defer cancel()
	described, err := w.session.Temporal.DescribeWorkflowExecution(ctx, upload.BatchWorkflowID(w.id), "")
	if err != nil { // it can be made at any time, and is not worth more
		return false
	}
	return described.GetWorkflowExecutionInfo().GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING
}

// view adds the batch up.
func (w *batchWatch) view(ctx context.Context) (output.BatchView, error) {
	var v output.BatchView
	var err error
	if v.Batch, err = w.session.Ledger.Batch(ctx, w.id); err != nil {
		return v, opening.UnknownBatch(w.id, err)
	}
	s, err := w.session.Ledger.Summarize(ctx, w.id)
	if err != nil {
		return v, err
	}
	now := time.Now()
	ticks, err := w.session.Ledger.Ticks(ctx, w.id, now.Add(-views.RateWindow))
	if err != nil {
		return v, err
	}
	v.Numbers = views.NumbersOf(v.Batch, s, views.Rate(ticks, now, ""))
	routes, err := w.session.Ledger.Routes(ctx, w.id)
	if err != nil {
		return v, err
	}
	var paused []ledger.AccountState // with rows left
	for _, route := range routes {
		if route.Account == "" || slices.ContainsFunc(v.Accounts, func(a output.AccountView) bool { return a.Name == route.Account }) {
			continue
		}
		one, state, err := w.account(ctx, route.Account)
		if err != nil {
			return v, err
		}
		one.Rate = views.Rate(ticks, now, route.Account)
		v.Accounts = append(v.Accounts, one)
		if state.Paused && one.Done < one.Total {
			paused = append(paused, state)
		}
	}
	v.Numbers.Pause(paused)
	known, err := views.ReadWaits(ctx, w.session.Ledger)
	if err != nil {
		return v, err
	}
	waiting, err := known.OfBatch(ctx, v.Batch)
	v.Numbers.Wait(waiting)
	return v, err
}

// account adds up the rows of one account, and tells whether it is paused.
func (w *batchWatch) account(ctx context.Context, name string) (output.AccountView, ledger.AccountState, error) {
	v := output.AccountView{Name: name}
	var state ledger.AccountState
	counts, err := w.session.Ledger.Counts(ctx, ledger.Filter{Batch: w.id, Account: name})
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
	slowdowns, err := w.session.Ledger.Slowdowns(ctx, name)
	if err != nil {
		return v, state, err
	}
	if _, known := w.slow[name]; !known {
		w.slow[name] = slowdowns
	}
	v.Slowdowns = slowdowns - w.slow[name]
	state, err = w.session.Ledger.Account(ctx, name)
	v.Paused = state.Paused
	return v, state, err
}

// blocking are the paused accounts for which all rows that are left wait; none where
// another account has rows to do.
func blocking(v output.BatchView) (names []string) {
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
