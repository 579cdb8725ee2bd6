// Package workflows is what happens next in an upload, and nothing else: order,
// waiting, renewing, repeating, deciding. Each vendor's flow is a file that
// reads as the vendor's own documentation does; what they share (claiming,
// repeating, pausing, recording) is in upload.go and steps.go.
//
// It is deterministic by construction: it may import the vocabulary and the
// Temporal SDK, and a test keeps it so. It makes no request, reads no source,
// no clock but the workflow's, and writes no ledger; activities do.
package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// flow is what one vendor varies: from a claimed item to media. An error is an
// *upload.Error, or what a canceled workflow's steps fail with.
type flow func(ctx workflow.Context, r *run) (upload.Media, error)

// Flows are the workflows, by the name of the vendor, which is also the name of
// the workflow type.
func Flows() map[string]any {
	named := func(f flow) any {
		return func(ctx workflow.Context, item upload.Item) (upload.Result, error) { return carry(ctx, item, f) }
	}
	return map[string]any{
		"trustana": named(trustana),
		"trustoo":  named(trustoo),
		"sitoo":    named(sitoo),
		"closient": named(closient),
		"truvideo": named(truvideo),
	}
}

// run is one upload under way. What it holds is rebuilt by replay.
type run struct {
	item    upload.Item
	content upload.Content
	terms   upload.Terms
	result  upload.Result
	status  upload.Status

	trouble  upload.Trouble   // so far
	doubts   map[string]int   // of its tries, those that may have done their work
	starts   int              // that may fail, where each leaves something behind; 0: as usual
	queued   bool             // the last session ran out while it waited for a worker
	early    int              // sessions in a row that ran out before they were tried
	arrived  bool             // the session in use may hold the whole medium
	decision *upload.Decision // of a person, until it is acted upon
	session  string           // the one in use, for a person
	resumed  *upload.Progress // what was done before, until the flow comes to it
	handed   *upload.Error    // what the step at failed with before, until the flow comes to it
	at       upload.Step
	sentAt   time.Time     // when the bytes had arrived that were sent before; zero once that counts no more
	patience time.Duration // for how long a call may wait for a worker of its host; 0: as long as at first
	sender   *sender       // of the parts of the session in use
	sums     *summing      // of the whole source, once it has begun
	steering steering
	repeated []repetition // in the order in which their causes came up
}

// carry brings one item to its end, and past an unconfirmed one to what a
// person decides.
func carry(ctx workflow.Context, item upload.Item, f flow) (upload.Result, error) {
	r, err := begin(ctx, item)
	if err != nil {
		return upload.Result{}, err
	}
	claimed, err := r.claim(ctx)
	if err == nil && claimed.Known != nil {
		return *claimed.Known, nil
	}
	if err == nil && claimed.Refused != nil {
		r.conclude(ctx, upload.Media{}, claimed.Refused)
		return r.result, r.failure(claimed.Refused)
	}
	var media upload.Media
	if err == nil {
		media, err = r.follow(ctx, f)
	}
	for {
		r.conclude(ctx, media, err)
		if err := r.record(ctx); err != nil {
			return r.result, err
		}
		if r.result.State != upload.StateUnconfirmed {
			return r.result, r.failure(err)
		}
		r.tellShard(ctx)
		media, err = r.decided(ctx, f)
	}
}

func begin(ctx workflow.Context, item upload.Item) (*run, error) {
	r := &run{
		item:   item,
		result: upload.NewResult(item, upload.WayOwn, workflow.Now(ctx)),
		doubts: map[string]int{},
	}
	r.result.WorkflowID = upload.Text(workflow.GetInfo(ctx).WorkflowExecution.ID)
	if err := workflow.SetQueryHandler(ctx, upload.QueryStatus, r.tell); err != nil {
		return nil, err
	}
	if err := r.acceptSteering(ctx); err != nil {
		return nil, err
	}
	return r, r.acceptDecisions(ctx)
}

// follow runs the vendor's flow, and makes the checksums that it left out.
func (r *run) follow(ctx workflow.Context, f flow) (upload.Media, error) {
	media, err := f(ctx, r)
	if err != nil {
		r.dropSums()
		return upload.Media{}, err
	}
	return media, r.digest(ctx)
}

// conclude turns what a flow came to into a result.
func (r *run) conclude(ctx workflow.Context, media upload.Media, err error) {
	now := workflow.Now(ctx).UTC()
	r.result.FinishedAt, r.result.Paused = &now, false
	r.result.Error = nil
	switch {
	case err == nil:
		r.result.State = upload.StateReady
		r.result.MediaID, r.result.MediaURL = upload.Text(media.ID), upload.Text(media.URL)
	case temporal.IsCanceledError(err) || errors.Is(ctx.Err(), workflow.ErrCanceled):
		r.note(r.leaves())
		r.result.State = upload.StateCanceled
	default:
		e := upload.AsError(err, upload.StepClaim)
		r.result.State, r.result.Error = upload.StateFailed, upload.FailureOf(e)
		if e.Kind == upload.KindUnconfirmed && e.Code != codeDecided {
			r.result.State = upload.StateUnconfirmed
		}
	}
	r.show(ctx)
}

// leaves says in words what is left at the vendor of an upload that is canceled in
// the state it is in; empty where nothing is.
func (r *run) leaves() string {
	switch {
	case r.session == "":
		return ""
	case r.result.State == upload.StateCompleting, r.result.State == upload.StateProcessing:
		return "the bytes of session " + r.session + " were sent: the vendor may still make a medium of them"
	}
	return "session " + r.session + " stays at the vendor until it runs out"
}

// record writes the end into the ledger. It does so for a canceled upload too,
// and comes back until the ledger takes it.
func (r *run) record(ctx workflow.Context) error {
	free, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	free = workflow.WithActivityOptions(free, books("record "+string(r.result.State)))
	in := upload.Record{
		Item: r.steering.begun, Result: r.result, Fingerprint: r.steering.mark,
		RunID: workflow.GetInfo(ctx).WorkflowExecution.RunID,
	}
	return workflow.ExecuteActivity(free, upload.ActivityRecord, in).Get(free, nil)
}

// tellShard lets the shard that this upload belongs to go on without it: it waits
// for a person. A shard that is over needs no word.
func (r *run) tellShard(ctx workflow.Context) {
	parent := workflow.GetInfo(ctx).ParentWorkflowExecution
	if parent == nil {
		return
	}
	_ = workflow.SignalExternalWorkflow(ctx, parent.ID, parent.RunID, upload.SignalUnconfirmed, r.item.UploadID).Get(ctx, nil)
}

// failure is what the workflow itself ends with: an upload that failed is a
// failed workflow, so that Temporal's own lists show it as one. The result goes
// with it.
func (r *run) failure(err error) error {
	switch r.result.State {
	case upload.StateFailed:
		e := upload.AsError(err, upload.StepClaim)
		return temporal.NewApplicationErrorWithOptions(e.Error(), string(e.Kind), temporal.ApplicationErrorOptions{
			NonRetryable: true, Details: []any{r.result},
		})
	case upload.StateCanceled:
		return temporal.NewCanceledError(r.result)
	}
	return nil
}
