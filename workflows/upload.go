// Package workflows drives uploads and batches on Temporal: it has an activity make
// the step that an item's flow asks for, waits by timers, listens to people, and
// records how the item ended. What comes next, and what a failure means, is decided
// by package flow; parts of a session, several at once, are scheduled here.
//
// It is deterministic by construction: it may import the vocabulary, the flow and
// the Temporal SDK, and a test keeps it so. It makes no request, reads no source, no
// clock but the workflow's, and writes no ledger; activities do.
package workflows

import (
	"errors"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Uploads are the workflows of items, by the names of the vendors: an operator
// recognises them in lists. All are the same; what vendors vary is in the policy that
// a claim returns.
func Uploads(vendors []string) map[string]any {
	all := map[string]any{}
	for _, vendor := range vendors {
		all[vendor] = item
	}
	return all
}

// run is one upload under way. What it holds is rebuilt by replay.
type run struct {
	item   upload.Item
	terms  upload.Terms
	p      upload.Progress // a copy: the ledger's is the one that counts
	result upload.Result
	status upload.Status

	sent         []upload.Part    // of the session in use, as the store acknowledged them
	decision     *upload.Decision // of a person, until it is acted upon
	reload       bool             // the copy may be old: a step with it was given up
	absent       bool             // no worker took the last call that reads the source
	hostPatience time.Duration    // for how long a call may wait for a worker of its host; 0: as long as at first
	sender       *sender          // of the parts of the session in use
	sums         *summing         // of the whole source, once it has begun
	steering     steering
	listed       listed
	notes        []string     // of this run, what a person should know
	repeated     []repetition // of parts, in the order in which their causes came up
}

// item brings one item to its end, and past an unconfirmed one to what a person
// decides.
func item(ctx workflow.Context, item upload.Item) (upload.Result, error) {
	r, err := begin(ctx, item)
	if err != nil {
		return upload.Result{}, err
	}
	claimed, err := r.claim(ctx)
	if err == nil && claimed.Known != nil {
		return r.known(ctx, *claimed.Known)
	}
	if err == nil && claimed.Refused != nil {
		r.conclude(ctx, upload.Media{}, claimed.Refused)
		return r.result, r.failure(claimed.Refused)
	}
	var media upload.Media
	if err == nil {
		media, err = r.follow(ctx)
	}
	for {
		if ended := endedIn(err); ended != nil {
			return r.known(ctx, *ended)
		}
		r.conclude(ctx, media, err)
		if known, err := r.record(ctx); err != nil || known != nil {
			return r.recorded(ctx, known, err)
		}
		if r.result.State != upload.StateUnconfirmed {
			return r.result, r.failure(err)
		}
		r.tellShard(ctx)
		media, err = r.decided(ctx)
	}
}

// known ends with the result that the item has already.
func (r *run) known(ctx workflow.Context, result upload.Result) (upload.Result, error) {
	r.result = result
	r.list(ctx)
	if result.Error == nil { // ready, or canceled by a person while no run held it
		return result, nil
	}
	f := result.Error
	return result, r.failure(&upload.Error{Kind: f.Kind, Step: f.Step, Message: f.Message, Hint: string(f.Hint)})
}

func (r *run) recorded(ctx workflow.Context, known *upload.Result, err error) (upload.Result, error) {
	if known != nil {
		return r.known(ctx, *known)
	}
	return r.result, err
}

// endedIn is how an item has ended already, as an activity found; nil where it has not.
func endedIn(err error) *upload.Result {
	var application *temporal.ApplicationError
	var result upload.Result
	if !errors.As(err, &application) || application.Type() != upload.FailureEnded || application.Details(&result) != nil {
		return nil
	}
	return &result
}

// endedAs is the failure of a run whose item has ended already.
func endedAs(result upload.Result) error {
	return temporal.NewApplicationErrorWithOptions("the item has ended as "+string(result.State), upload.FailureEnded,
		temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{result}})
}

func begin(ctx workflow.Context, item upload.Item) (*run, error) {
	r := &run{
		item:   item,
		result: upload.NewResult(item, upload.WayOwn, workflow.Now(ctx)),
	}
	if from := item.Resume; from != nil { // what was done before counts also where the claim fails
		was := from.Progress
		r.p = upload.Progress{Attempts: was.Attempts, BytesSent: was.BytesSent, Repeated: was.Repeated, Notes: was.Notes}
		r.p.Note(from.Because)
		r.tally()
		if state := was.State(); state != "" && was.Session.Method != "" { // one that is paused before its claim keeps it
			r.result.State = state
		}
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

// follow drives the item to its end, and makes the checksums that it left out.
func (r *run) follow(ctx workflow.Context) (upload.Media, error) {
	media, err := r.drive(ctx)
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
		r.note(r.p.Leaves())
		r.result.State = upload.StateCanceled
	default:
		e := upload.AsError(err, upload.StepClaim)
		r.result.State, r.result.Error = upload.StateFailed, upload.FailureOf(e)
		if e.Unsettled() && e.Code != codeDecided {
			r.result.State = upload.StateUnconfirmed
		}
	}
	r.result.Note = strings.Join(append(slices.Clone(r.p.Notes), r.notes...), "; ")
	r.show(ctx)
	r.list(ctx)
}

// note adds what a person should know.
func (r *run) note(text string) {
	if text != "" && !slices.Contains(r.notes, text) {
		r.notes = append(r.notes, text)
	}
}

// record writes the end into the ledger. It does so for a canceled upload too, and
// comes back until the ledger takes it. Where the item has ended already, known is its
// result.
func (r *run) record(ctx workflow.Context) (known *upload.Result, _ error) {
	free, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	free = workflow.WithActivityOptions(free, books("record "+string(r.result.State)))
	in := upload.Record{
		Item: r.steering.begun, Result: r.result, Fingerprint: r.steering.mark,
		RunID: workflow.GetInfo(ctx).WorkflowExecution.RunID, Handle: r.p.Session.Handle(),
	}
	var done upload.Recorded
	err := workflow.ExecuteActivity(free, upload.ActivityRecord, in).Get(free, &done)
	return done.Known, err
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
