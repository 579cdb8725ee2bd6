package activities

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/shard"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/upload"
)

const (
	// detachedRows is how many rows that travel alone are handed out at once: each
	// brings its session along.
	detachedRows = 25
	// detachedWidth is how many of a shard are under way at once, unless the batch
	// says otherwise.
	detachedWidth = 16
)

// RegisterBatches registers what batches need done anywhere.
func (a *Activities) RegisterBatches(w worker.ActivityRegistry) {
	for name, f := range map[string]any{
		upload.ActivityRoutes:       a.Routes,
		upload.ActivityCutShards:    a.CutShards,
		upload.ActivityDetachedRows: a.DetachedRows,
		upload.ActivityAwaitCanary:  a.AwaitCanary,
		upload.ActivityFinishBatch:  a.FinishBatch,
	} {
		w.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
}

// RegisterShards registers what is done in a queue of shards.
func (a *Activities) RegisterShards(w worker.ActivityRegistry) {
	w.RegisterActivityWithOptions(a.RunShard, activity.RegisterOptions{Name: upload.ActivityRunShard})
	w.RegisterActivityWithOptions(a.LoadBatch, activity.RegisterOptions{Name: upload.ActivityLoadBatch})
}

// RunShard carries all rows of a shard that can be grouped. It comes back, by
// Temporal's retries, while rows are being processed and while its batch or its
// account is paused.
func (a *Activities) RunShard(ctx context.Context, in upload.Shard) (upload.ShardDone, error) {
	c, err := a.shards.Open(a.Steps, in, shard.Attempt{
		Run: run(ctx), N: int(attempt(ctx)), Stop: activity.GetWorkerStopChannel(ctx),
	})
	if err != nil {
		return upload.ShardDone{}, result(ctx, err)
	}
	defer beat(ctx, func() any { return upload.Heartbeat{Sent: c.Sent(), Words: c.Words()} })()
	detached, err := c.Carry(ctx)
	return upload.ShardDone{Detached: detached}, result(ctx, err)
}

// LoadBatch makes a batch of what is new in a manifest. It may be repeated.
func (a *Activities) LoadBatch(ctx context.Context, in upload.Scheduled) (upload.BatchRun, error) {
	defer alive(ctx)()
	of := run(ctx)
	in.Name = scheduledBatch(in.Name, of.WorkflowID, of.Started)
	batch, err := a.Load(ctx, in)
	return upload.BatchRun{Batch: batch}, result(ctx, err)
}

// scheduledBatch names one run of a schedule, by the time at which it was due:
// Temporal puts that behind the workflow's ID.
func scheduledBatch(name, workflowID string, started time.Time) string {
	due := started.UTC()
	if i := strings.LastIndex(workflowID, "-20"); i >= 0 {
		if at, err := time.Parse(time.RFC3339, workflowID[i+1:]); err == nil {
			due = at
		}
	}
	return name + "-" + due.Format("20060102-150405")
}

// Routes says what is left to do of a batch.
func (a *Activities) Routes(ctx context.Context, id string) (plan upload.BatchPlan, err error) {
	batch, err := a.Ledger.Batch(ctx, id)
	if err != nil {
		return plan, ledgerError(ctx, err)
	}
	routes, err := a.Ledger.Routes(ctx, id)
	if err != nil {
		return plan, ledgerError(ctx, err)
	}
	for _, r := range routes {
		plan.Routes = append(plan.Routes, upload.RouteRows{Route: r.Route, Waiting: r.Waiting})
	}
	passed, err := a.Ledger.CanaryPassed(ctx, id)
	if !passed {
		plan.Canary = batch.Canary
	}
	return plan, ledgerError(ctx, err)
}

// CutShards returns the next shards of a route.
func (a *Activities) CutShards(ctx context.Context, in upload.Cut) (cut upload.ShardsCut, err error) {
	cut.Shards, err = a.Ledger.CutShards(ctx, in.Batch, in.Route, in.After, in.Sizes)
	if err == nil && len(cut.Shards) == 0 {
		cut.Later, err = a.Ledger.LastRowsWait(ctx, upload.Shard{Batch: in.Batch, Route: in.Route, Last: math.MaxInt32})
	}
	return cut, ledgerError(ctx, err)
}

// DetachedRows returns the next rows of a shard that are to have workflows of their
// own. While the batch may not go on it comes back.
func (a *Activities) DetachedRows(ctx context.Context, in upload.DetachedQuery) (upload.DetachedRows, error) {
	if err := a.BatchRests(ctx, in.Shard.Batch); err != nil {
		return upload.DetachedRows{}, result(ctx, err)
	}
	batch, err := a.Ledger.Batch(ctx, in.Shard.Batch)
	if err != nil {
		return upload.DetachedRows{}, ledgerError(ctx, err)
	}
	out := upload.DetachedRows{Width: detachedWidth}
	var rows []ledger.DetachedRow
	if in.Last {
		rows, err = a.lastRows(ctx, in.Shard)
	} else if rows, err = a.Ledger.DetachedRows(ctx, in.Shard, in.After, in.AfterID, detachedRows); err == nil && len(rows) == 0 {
		out.Later, err = a.Ledger.LastRowsWait(ctx, in.Shard)
	}
	var waits *steps.Later
	switch {
	case errors.As(err, &waits):
		return upload.DetachedRows{}, rest(ctx, waits)
	case err != nil:
		return upload.DetachedRows{}, ledgerError(ctx, err)
	}
	if batch.Limits.InFlight > 0 {
		out.Width = min(detachedWidth, batch.Limits.InFlight)
	}
	for _, row := range rows {
		out.Items = append(out.Items, row.Item)
	}
	return out, nil
}

// lastWaits is how often a shard looks whether the turn of its rows that go last has come.
// Rows that were just given workflows claim their items within the first of them.
var lastWaits = upload.Schedule{Waits: []time.Duration{
	2 * time.Second, 5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute,
}}

// lastRows reads rows of a shard that go last and whose turn it is. While there are only
// others it comes back.
func (a *Activities) lastRows(ctx context.Context, shard upload.Shard) (rows []ledger.DetachedRow, err error) {
	if attempt(ctx) > 1 {
		if rows, err = a.Ledger.LastRows(ctx, shard, detachedRows); err != nil || len(rows) > 0 {
			return rows, err
		}
	}
	left, err := a.Ledger.LastRowsWait(ctx, shard)
	if err != nil || !left {
		return nil, err
	}
	return nil, &steps.Later{
		Why:   "rows wait until the other rows of their products have been sent",
		After: lastWaits.Wait(int(attempt(ctx)), seed(ctx)),
	}
}

// AwaitCanary returns when a person has seen how the first rows of all routes
// ended. It holds the batch for that, and comes back until then.
func (a *Activities) AwaitCanary(ctx context.Context, id string, _ upload.Route) error {
	passed, err := a.Ledger.CanaryPassed(ctx, id)
	if err != nil || passed {
		return ledgerError(ctx, err)
	}
	summary, err := a.Ledger.Summarize(ctx, id)
	if err != nil {
		return ledgerError(ctx, err)
	}
	if summary.InProgress > 0 { // of another route's canary
		if more, err := a.awaitRows(ctx, id, "rows of the canary", summary.InProgress); !more {
			return err
		}
		return rest(ctx, &steps.Later{Why: "rows of the canary are waiting again"})
	}
	because := fmt.Sprintf("the canary has ended: %d rows are ready and %d failed", summary.Counts[upload.StateReady], summary.Counts[upload.StateFailed])
	batch, err := a.Ledger.ChangeBatch(ctx, id, ledger.BatchChange{
		State: upload.BatchHeld, Because: &because,
		Event: ledger.BatchEvent{What: ledger.EventHold, By: upload.ByItself, Because: because},
	})
	if err != nil {
		return ledgerError(ctx, err)
	}
	return rest(ctx, &steps.Later{Why: "waiting for a person: " + batch.Because})
}

// FinishBatch ends a batch when no row of it is under way. Where it was canceled,
// rows that never began are canceled too. Of a batch that has ended before, it
// only writes the reports anew.
func (a *Activities) FinishBatch(ctx context.Context, in upload.Finish) (upload.BatchEnd, error) {
	defer alive(ctx)()
	batch, err := a.Ledger.Batch(ctx, in.Batch)
	if err != nil {
		return upload.BatchEnd{}, ledgerError(ctx, err)
	}
	// It may be canceled while its end is awaited already.
	if in.Canceled = in.Canceled || batch.State == upload.BatchCanceling; in.Canceled {
		if err := a.cancelRows(ctx, in.Batch); err != nil {
			return upload.BatchEnd{}, ledgerError(ctx, err)
		}
	}
	summary, err := a.Ledger.Summarize(ctx, in.Batch)
	if err != nil {
		return upload.BatchEnd{}, ledgerError(ctx, err)
	}
	end := upload.BatchEnd{Batch: in.Batch, State: upload.BatchCompleted, Counts: summary.Counts}
	switch {
	case in.Canceled:
		end.State = upload.BatchCanceled
	case summary.Counts[upload.StateWaiting] > 0:
		return upload.BatchEnd{Batch: in.Batch, More: true}, nil
	}
	if summary.InProgress > 0 {
		more, err := a.awaitRows(ctx, in.Batch, "rows", summary.InProgress)
		if more && in.Canceled { // they end with the next attempt
			err = rest(ctx, &steps.Later{Why: "rows are waiting to be canceled"})
		}
		return upload.BatchEnd{Batch: in.Batch, More: more}, err
	}
	if end.State, err = a.endBatch(ctx, in.Batch, end.State); err != nil {
		return upload.BatchEnd{}, ledgerError(ctx, err)
	}
	end.Reports = a.report(ctx, in.Batch)
	return end, nil
}

// report writes the reports of a batch that has ended, and returns where they are. That
// they could not be written ends nothing: they can be made at any time.
func (a *Activities) report(ctx context.Context, batch string) []string {
	written, err := a.Report(ctx, batch)
	if err != nil {
		a.reportFailed(ctx, batch, err)
		return written
	}
	if err := a.Ledger.ReportWritten(ctx, batch); err != nil {
		a.Log.Warn("could not note that the report of a batch was written", zap.String("batch", batch), zap.Error(err))
	}
	return written
}

// reportFailed counts, logs and tells that a report could not be written.
func (a *Activities) reportFailed(ctx context.Context, batch string, cause error) {
	a.Metrics.ReportFailed()
	a.Log.Warn("could not write the report of a batch", zap.String("batch", batch), zap.Error(cause))
	if err := a.Ledger.ReportFailed(ctx, batch, egress.Redact(cause.Error())); err != nil {
		a.Log.Warn("could not note that the report of a batch failed", zap.String("batch", batch), zap.Error(err))
	}
}

// endBatch puts down that a batch has ended, and returns how: as it did before
// where it had.
func (a *Activities) endBatch(ctx context.Context, id string, state upload.BatchState) (upload.BatchState, error) {
	was, err := a.Ledger.Batch(ctx, id)
	if err != nil || was.State.Ended() {
		return was.State, err
	}
	_, err = a.Ledger.ChangeBatch(ctx, id, ledger.BatchChange{
		State: state, Event: ledger.BatchEvent{At: run(ctx).Started, // the same in every attempt, so that it is written once
			What: ledger.EventFinish, By: upload.ByItself, Because: string(state)},
	})
	return state, err
}

// cancelRows ends the rows of a canceled batch that nobody has: those that never
// began, and those whose shard ended without a word, or before it gave them
// workflows of their own.
func (a *Activities) cancelRows(ctx context.Context, id string) error {
	if _, err := a.Ledger.CancelRows(ctx, id); err != nil {
		return err
	}
	for _, state := range upload.States() {
		if state.Ended() {
			continue
		}
		for entry, err := range a.Ledger.List(ctx, ledger.Filter{Batch: id, State: state}) {
			if err != nil {
				return err
			}
			if entry.RunID != "" && !strings.HasPrefix(entry.WorkflowID, upload.WorkflowShard+"/") {
				continue // its own workflow ends it
			}
			if err := a.cancelRow(ctx, entry); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *Activities) cancelRow(ctx context.Context, entry ledger.Entry) error {
	item, err := entry.Item()
	if err != nil {
		return err
	}
	now := a.Now().UTC()
	result := entry.Result
	result.State, result.FinishedAt = upload.StateCanceled, &now
	return a.LeftToHolder(a.Ledger.Record(ctx, upload.Record{Item: item, Result: result, Fingerprint: entry.Fingerprint, RunID: entry.RunID}))
}
