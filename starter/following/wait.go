package following

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/output"
)

const (
	pollEvery    = 250 * time.Millisecond // how often the ledger is asked how far things are
	workersEvery = 3 * time.Second        // how often it is checked that some worker does the work
)

// Wait waits until each upload has ended, or waits for a person, and prints
// it. Meanwhile it shows how far they are, and does the work itself if no
// other worker does.
func (u Uploads) Wait(ctx context.Context, all []*Upload, p output.Printer) error {
	line := output.NewProgress(u.session.Err)
	defer line.Clear()
	watcher, stop := u.watchStatus(ctx, all, line)
	defer stop()
	polls, checks := time.NewTicker(pollEvery), time.NewTicker(workersEvery)
	defer polls.Stop()
	defer checks.Stop()
	pending, notReady, away := all, 0, time.Time{}
	var stopped gaps
	for {
		if gap := stopped.since(time.Now()); gap > 0 {
			line.Clear()
			u.session.Say("this command did not run for %s; continuing", gap.Round(time.Second))
		}
		left, failed, err := u.look(ctx, pending, line, &away, p)
		if err != nil {
			return err
		}
		notReady += failed
		if pending = left; len(pending) == 0 {
			break
		}
		watcher.watch(pending)
		line.Draw(progressOf(all, watcher))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-u.session.EngineLost():
			return u.session.EngineGone()
		case <-checks.C:
			if err := u.workers.EnsureQueues(ctx, queuesOf(pending)); err != nil && !passing(err) {
				return err
			}
		case <-polls.C:
		}
	}
	if notReady > 0 {
		return &exit.NotReadyError{Count: notReady}
	}
	return nil
}

// look prints the uploads that have ended, and returns those that are still waited for,
// and how many of the others are not ready. away is when it was said last that nobody
// could be asked.
func (u Uploads) look(ctx context.Context, pending []*Upload, line *output.Progress, away *time.Time, p output.Printer) (left []*Upload, notReady int, _ error) {
	for _, f := range pending {
		result, over, err := u.check(ctx, f)
		switch {
		case passing(err): // the upload goes on by itself
			line.Clear()
			u.waitFor(away, err)
			left = append(left, f)
			continue
		case err != nil:
			return nil, 0, err
		case !over:
			left = append(left, f)
			continue
		}
		f.over = true
		line.Clear()
		if err := u.printed(ctx, f, result, p); err != nil {
			return nil, 0, err
		}
		if result.State != upload.StateReady {
			notReady++
		}
	}
	return left, notReady, nil
}

// waitFor says now and then that a command waits for the ledger, or for Temporal.
func (u Uploads) waitFor(said *time.Time, err error) {
	if time.Since(*said) < time.Minute {
		return
	}
	*said = time.Now()
	what := "Temporal"
	if ledger.Passing(err) {
		what = "the ledger"
	}
	u.session.Say("waiting for %s, and trying again: %s", what, err)
}

// watchStatus asks workflows in the background how far they are, for a progress
// line. stop ends that.
func (u Uploads) watchStatus(ctx context.Context, all []*Upload, line *output.Progress) (watcher *statusWatcher, stop func()) {
	every := output.QuietEvery
	if line.Terminal() {
		every = statusEvery
	}
	watcher = newStatusWatcher(u.ask, every/2)
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
func progressOf(all []*Upload, watcher *statusWatcher) []output.Upload {
	shown := make([]output.Upload, len(all))
	for i, f := range all {
		now := watcher.now(f.item.UploadID)
		shown[i] = output.Upload{Account: f.item.Account, Result: f.entry.Result, Status: now.status, Waiting: now.waiting, Limit: f.item.Bandwidth, Ended: f.over}
	}
	return shown
}

// check finds out whether there is anything to wait for: not where an upload has
// ended, is unconfirmed, or waits for its account.
func (u Uploads) check(ctx context.Context, f *Upload) (upload.Result, bool, error) {
	run := f.current()
	if run == nil {
		return u.checkRow(ctx, f)
	}
	select {
	case <-f.ended:
		return u.result(ctx, f)
	default:
	}
	entry, err := u.session.Ledger.Get(ctx, f.item.UploadID)
	var unknown *ledger.NotFoundError
	if errors.As(err, &unknown) {
		return upload.Result{}, false, nil // not claimed yet
	}
	if err != nil {
		return upload.Result{}, false, err
	}
	if entry.RunID != run.GetRunID() {
		return upload.Result{}, false, nil // of an earlier run
	}
	f.entry = entry
	if entry.Result.State == upload.StateUnconfirmed {
		return entry.Result, !entry.UpdatedAt.Equal(f.stale), nil
	}
	return u.checkAccount(ctx, f)
}

// checkAccount finds out whether an upload waits for its account, which a command
// does not wait for.
func (u Uploads) checkAccount(ctx context.Context, f *Upload) (upload.Result, bool, error) {
	account, err := u.session.Ledger.Account(ctx, f.item.Account)
	if err != nil || !account.Paused || f.entry.Result.State.Ended() {
		f.paused = false
		return upload.Result{}, false, err
	}
	if !f.paused { // it may be about to end; the next check decides
		f.paused = true
		return upload.Result{}, false, nil
	}
	status, err := u.Running(ctx, f.entry, true)
	if err != nil {
		return upload.Result{}, false, err
	}
	return OnHold(Newest(f.entry.Result, status), account, f.entry.Waiting), true, nil
}

// printed prints an upload that the command no longer waits for, with what it waits for
// itself.
func (u Uploads) printed(ctx context.Context, f *Upload, result upload.Result, p output.Printer) error {
	line := output.Line{Result: result}
	if !result.State.Ended() || result.State == upload.StateUnconfirmed {
		entry := f.entry
		entry.Result, entry.Result.Paused = result, f.entry.Result.Paused // by a person: its account's pause is told as such
		var err error
		if line.Waiting, err = u.Waiting(ctx, entry); err != nil {
			return err
		}
	}
	return p.Line(line)
}

// result is the result of a workflow that has ended, however it did.
func (u Uploads) result(ctx context.Context, f *Upload) (upload.Result, bool, error) {
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
	// Terminated or timed out from outside: no result was recorded.
	result := f.entry.Result
	if result.UploadID == "" {
		result = upload.NewResult(f.item, upload.WayOwn, time.Now())
	}
	result.State = upload.StateFailed
	result.Error = &upload.Failure{Kind: upload.KindInternal, Message: "the workflow was ended outside of mediaferry: " + execution.Unwrap().Error(), Hint: "to run it again: mediaferry retry " + upload.Text(upload.Argument(f.item.UploadID))}
	return result, true, nil
}

// queuesOf are the task queues in which sources of uploads are read.
func queuesOf(all []*Upload) []string {
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

// WaitFor waits for an item that runs, or prints how it ended.
func (u Uploads) WaitFor(ctx context.Context, entry ledger.Entry, asJSON bool) error {
	p := u.session.Printer(asJSON)
	if entry.Result.State.Ended() {
		if err := u.printed(ctx, &Upload{entry: entry}, entry.Result, p); err != nil {
			return err
		}
		if entry.Result.State != upload.StateReady {
			return &exit.NotReadyError{Count: 1}
		}
		return nil
	}
	follow := u.Resume
	if Grouped(entry) {
		follow = u.resumeRow
	}
	f, err := follow(ctx, entry)
	if err != nil {
		return err
	}
	return u.Wait(ctx, []*Upload{f}, p)
}

// AwaitEnd waits until the workflow of an upload has ended, and returns how it did.
func (u Uploads) AwaitEnd(ctx context.Context, f *Upload) (upload.Result, error) {
	select {
	case <-f.ended:
	case <-ctx.Done():
		return upload.Result{}, ctx.Err()
	}
	result, _, err := u.result(ctx, f)
	return result, err
}
