package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/output"
)

const (
	lookEvery = 250 * time.Millisecond // how often the ledger is asked how far things are
	crewEvery = 3 * time.Second        // how often it is checked that somebody does the work
)

// following is an upload that a command waits for.
type following struct {
	item   upload.Item
	run    client.WorkflowRun // nil for a row that travels with others
	ended  chan struct{}      // closed when result and err are set
	result upload.Result
	err    error // the workflow ended in a way that left no result

	entry  ledger.Entry // as last seen
	paused bool         // seen waiting for its account
	rests  bool         // seen waiting for its batch
	over   bool         // nobody waits for it any more
	stale  time.Time    // what the ledger says as of then is no news
}

// start starts the items' workflows, or attaches to those that run.
func (a *app) start(ctx context.Context, items []upload.Item) ([]*following, error) {
	var all []*following
	for _, item := range items {
		if err := a.sameWork(ctx, item); err != nil {
			return nil, err
		}
		run, err := a.execute(ctx, item)
		if err != nil {
			return nil, err
		}
		all = append(all, a.attach(ctx, item, run))
	}
	return all, nil
}

// execute starts an item's workflow, or finds the one that runs.
func (a *app) execute(ctx context.Context, item upload.Item) (client.WorkflowRun, error) {
	run, err := a.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       item.UploadID,
		TaskQueue:                upload.TaskQueue,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            output.Shorten(upload.DisplaySource(item.Source)+" to "+item.Account, 200),
	}, item.Vendor, item)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", item.UploadID, err)
	}
	return run, nil
}

// sameWork refuses an identity under which something else is being uploaded.
func (a *app) sameWork(ctx context.Context, item upload.Item) error {
	entry, err := a.Ledger.Get(ctx, item.UploadID)
	var unknown *ledger.NotFoundError
	switch {
	case errors.As(err, &unknown):
		return nil
	case err != nil:
		return err
	case !entry.Result.State.Ended() && entry.Definition != item.Definition():
		return &exit.UsageError{
			Text: fmt.Sprintf("%s is being uploaded from another source or with other fields", item.UploadID),
			Hint: "choose another --id, or look at it: mediaferry show " + item.UploadID,
		}
	}
	return nil
}

// attach waits for the end of a run in the background.
func (a *app) attach(ctx context.Context, item upload.Item, run client.WorkflowRun) *following {
	f := &following{item: item, run: run, ended: make(chan struct{})}
	go func() {
		defer close(f.ended)
		f.err = run.Get(ctx, &f.result)
		if found, ok := resultOf(f.err); ok {
			f.result, f.err = found, nil
		}
	}()
	return f
}

// resultOf reads the result that a failed or canceled workflow ends with.
func resultOf(err error) (result upload.Result, ok bool) {
	var failed *temporal.ApplicationError
	if errors.As(err, &failed) && failed.HasDetails() && failed.Details(&result) == nil {
		return result, result.UploadID != ""
	}
	var canceled *temporal.CanceledError
	if errors.As(err, &canceled) && canceled.HasDetails() && canceled.Details(&result) == nil {
		return result, result.UploadID != ""
	}
	return result, false
}

// follow waits until each upload has ended, or waits for a person, and prints
// it. Meanwhile it shows how far they are, and does the work itself where nobody
// else does any more.
func (a *app) follow(ctx context.Context, all []*following, p output.Printer) error {
	line := output.NewProgress(a.Err)
	defer line.Clear()
	watcher, stop := a.watchStatus(ctx, all, line)
	defer stop()
	looks, crews := time.NewTicker(lookEvery), time.NewTicker(crewEvery)
	defer looks.Stop()
	defer crews.Stop()
	pending, notReady := all, 0
	for {
		var left []*following
		for _, f := range pending {
			result, over, err := a.look(ctx, f)
			if err != nil {
				return err
			}
			if !over {
				left = append(left, f)
				continue
			}
			f.over = true
			line.Clear()
			if err := p.Item(result); err != nil {
				return err
			}
			if result.State != upload.StateReady {
				notReady++
			}
		}
		if pending = left; len(pending) == 0 {
			break
		}
		watcher.watch(pending)
		line.Draw(progressOf(all, watcher))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-a.EngineLost():
			return a.EngineGone()
		case <-crews.C:
			if err := a.workers.EnsureQueues(ctx, queuesOf(pending)); err != nil {
				return err
			}
		case <-looks.C:
		}
	}
	if notReady > 0 {
		return &exit.NotReadyError{Count: notReady}
	}
	return nil
}

// watchStatus asks workflows in the background how far they are, for a progress
// line. stop ends that.
func (a *app) watchStatus(ctx context.Context, all []*following, line *output.Progress) (watcher *statusWatcher, stop func()) {
	every := output.QuietEvery
	if line.Terminal() {
		every = statusEvery
	}
	watcher = newStatusWatcher(a.status, every/2)
	watcher.watch(all) // what is shown first has been asked for by then
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		watcher.run(ctx)
	}()
	return watcher, func() {
		cancel()
		<-ended
	}
}

// progressOf is how far uploads are, for a progress line.
func progressOf(all []*following, watcher *statusWatcher) []output.Upload {
	shown := make([]output.Upload, len(all))
	for i, f := range all {
		shown[i] = output.Upload{Account: f.item.Account, Result: f.entry.Result, Status: watcher.status(f.item.UploadID), Ended: f.over}
	}
	return shown
}

// look finds out whether there is anything to wait for: not where an upload has
// ended, is unconfirmed, or waits for its account.
func (a *app) look(ctx context.Context, f *following) (upload.Result, bool, error) {
	if f.run == nil {
		return a.lookRow(ctx, f)
	}
	select {
	case <-f.ended:
		return a.ending(ctx, f)
	default:
	}
	entry, err := a.Ledger.Get(ctx, f.item.UploadID)
	var unknown *ledger.NotFoundError
	if errors.As(err, &unknown) {
		return upload.Result{}, false, nil // not claimed yet
	}
	if err != nil {
		return upload.Result{}, false, err
	}
	if entry.RunID != f.run.GetRunID() {
		return upload.Result{}, false, nil // of an earlier run
	}
	f.entry = entry
	if entry.Result.State == upload.StateUnconfirmed {
		return entry.Result, !entry.UpdatedAt.Equal(f.stale), nil
	}
	return a.lookAccount(ctx, f)
}

// lookAccount finds out whether an upload waits for its account, which nobody
// should wait for.
func (a *app) lookAccount(ctx context.Context, f *following) (upload.Result, bool, error) {
	account, err := a.Ledger.Account(ctx, f.item.Account)
	if err != nil || !account.Paused || f.entry.Result.State.Ended() {
		f.paused = false
		return upload.Result{}, false, err
	}
	if !f.paused { // it may be about to end; the next look decides
		f.paused = true
		return upload.Result{}, false, nil
	}
	status, err := a.running(ctx, f.entry, true)
	if err != nil {
		return upload.Result{}, false, err
	}
	waiting, err := a.waiting(ctx, f.item.UploadID)
	return onHold(newest(f.entry.Result, status), account, waiting), err == nil, err
}

// ending is the result of a workflow that has ended, however it did.
func (a *app) ending(ctx context.Context, f *following) (upload.Result, bool, error) {
	if f.err == nil {
		return f.result, true, nil
	}
	if ctx.Err() != nil {
		return upload.Result{}, false, ctx.Err()
	}
	var execution *temporal.WorkflowExecutionError
	if !errors.As(f.err, &execution) {
		return upload.Result{}, false, fmt.Errorf("wait for %s: %w", f.item.UploadID, f.err)
	}
	// Terminated or timed out from outside: nobody recorded it.
	result := f.entry.Result
	if result.UploadID == "" {
		result = upload.NewResult(f.item, upload.WayOwn, time.Now())
	}
	result.State = upload.StateFailed
	result.Error = &upload.Failure{Kind: upload.KindInternal, Message: "the workflow was ended from outside: " + execution.Unwrap().Error(), Hint: "mediaferry retry " + upload.Text(f.item.UploadID)}
	return result, true, nil
}

// queuesOf are the task queues in which sources of uploads are read.
func queuesOf(all []*following) []string {
	var queues []string
	for _, f := range all {
		queue := f.item.Queue
		if item, err := f.entry.Item(); err == nil {
			queue = item.Queue // of the run that was attached to
		}
		queues = append(queues, queue)
	}
	return queues
}
