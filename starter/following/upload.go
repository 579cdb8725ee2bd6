// Package following follows uploads and batches until they end: it starts their
// workflows or attaches to those that run, asks the ledger and the workflows how far
// they are, shows that, and makes sure that some worker does the work. It refuses to
// decide which uploads a command is about, and what a failure means.
package following

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
)

// Uploads follows uploads.
type Uploads struct {
	session *opening.Session
	workers *opening.Workers
}

// NewUploads returns what follows uploads for a command.
func NewUploads(s *opening.Session, w *opening.Workers) Uploads {
	return Uploads{session: s, workers: w}
}

// Upload is an upload that a command waits for.
type Upload struct {
	item   upload.Item
	mu     sync.Mutex
	run    client.WorkflowRun // nil for a grouped row; a reset in Temporal replaces it
	ended  chan struct{}      // closed when result and err are set
	result upload.Result
	err    error // the workflow ended in a way that left no result

	entry  ledger.Entry // as last seen
	paused bool         // seen waiting for its account
	held   bool         // seen waiting for its batch
	over   bool         // there is nothing left to wait for
	stale  time.Time    // what the ledger said at that time is ignored
}

// Batch is the batch to which it belongs; "" for none.
func (f *Upload) Batch() string { return f.item.Batch }

// Start starts the items' workflows, or attaches to those that run.
func (u Uploads) Start(ctx context.Context, items []upload.Item) ([]*Upload, error) {
	var all []*Upload
	for _, item := range items {
		if err := u.checkSameWork(ctx, item); err != nil {
			return nil, err
		}
		run, err := u.execute(ctx, item)
		if err != nil {
			return nil, err
		}
		all = append(all, u.attach(ctx, item, run))
	}
	return all, nil
}

// execute starts an item's workflow, or finds the one that runs.
func (u Uploads) execute(ctx context.Context, item upload.Item) (client.WorkflowRun, error) {
	run, err := u.session.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       upload.WorkflowID(item.UploadID),
		TaskQueue:                upload.TaskQueue,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            "upload to " + item.Account,
	}, item.Vendor, item)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", item.UploadID, err)
	}
	return run, nil
}

// checkSameWork refuses an identity under which something else is being uploaded.
func (u Uploads) checkSameWork(ctx context.Context, item upload.Item) error {
	entry, err := u.session.Ledger.Get(ctx, item.UploadID)
	var unknown *ledger.NotFoundError
	switch {
	case errors.As(err, &unknown):
		return nil
	case err != nil:
		return err
	case !entry.Result.State.Ended() && !entry.AskedFor(item):
		return &exit.UsageError{
			Text: fmt.Sprintf("%s is already being uploaded from another source or with other fields", item.UploadID),
			Hint: "choose another --id, or see the running upload: mediaferry show " + upload.Argument(item.UploadID),
		}
	case !entry.Result.State.Ended():
		u.noteLimit(entry, item)
	}
	return nil
}

// noteLimit says that a limit does not change an upload that is running.
func (u Uploads) noteLimit(entry ledger.Entry, item upload.Item) {
	running, err := entry.Item()
	if err != nil || item.Bandwidth == 0 || item.Bandwidth == running.Bandwidth {
		return
	}
	was := "without a limit"
	if running.Bandwidth > 0 {
		was = "with " + output.Size(running.Bandwidth) + "/s"
	}
	u.session.Say("%s is already running %s; --bwlimit does not change that", item.UploadID, was)
}

// attach waits for the end of a run in the background.
func (u Uploads) attach(ctx context.Context, item upload.Item, run client.WorkflowRun) *Upload {
	f := &Upload{item: item, run: run, ended: make(chan struct{})}
	go func() {
		defer close(f.ended)
		for {
			f.err = endOf(ctx, f.current(), &f.result)
			if !u.reset(ctx, f) {
				break
			}
		}
		if found, ok := resultOf(f.err); ok {
			f.result, f.err = found, nil
		}
	}()
	return f
}

// current is the run that is followed; nil for a grouped row.
func (f *Upload) current() client.WorkflowRun {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.run
}

// reset reports whether a run was terminated by a reset in Temporal, and follows the
// one that goes on.
func (u Uploads) reset(ctx context.Context, f *Upload) bool {
	var terminated *temporal.TerminatedError
	if !errors.As(f.err, &terminated) {
		return false
	}
	run := f.current()
	newest, err := u.session.Temporal.DescribeWorkflowExecution(ctx, run.GetID(), "")
	id := newest.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	if err != nil || id == "" || id == run.GetRunID() {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.run = u.session.Temporal.GetWorkflow(ctx, run.GetID(), id)
	return true
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

// Resume attaches to an item's workflow and makes sure that a worker does the work.
func (u Uploads) Resume(ctx context.Context, entry ledger.Entry) (*Upload, error) {
	item, err := entry.Item()
	if err != nil {
		return nil, err
	}
	f := u.attach(ctx, item, u.session.Temporal.GetWorkflow(ctx, entry.WorkflowID, entry.RunID))
	f.entry = entry
	return f, u.workers.EnsureQueues(ctx, queuesOf([]*Upload{f}))
}

// Ignore makes Wait ignore what the ledger says of the upload as of a moment: a
// decision is about to change it.
func (f *Upload) Ignore(asOf time.Time) { f.stale = asOf }

// Open opens the engine and reads one item.
func (u Uploads) Open(ctx context.Context, id string) (ledger.Entry, error) {
	if err := u.session.OpenLedger(ctx); err != nil {
		return ledger.Entry{}, err
	}
	entry, err := u.session.Upload(ctx, id)
	if err != nil {
		return entry, err
	}
	u.session.Work = "the upload"
	return entry, u.session.OpenEngine(ctx, opening.EngineOptions{})
}
