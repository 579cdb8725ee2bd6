package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// way is the item's flow, as it was when the item was claimed.
func (r *run) way() flow.Flow {
	return flow.Flow{Policy: r.terms.Policy, Patience: r.terms.Patience, Seed: r.item.UploadID}
}

// drive takes the item from step to step until it has ended: ready, or with the
// failure that is returned.
func (r *run) drive(ctx workflow.Context) (upload.Media, error) {
	release, err := r.acquireSerial(ctx)
	if err != nil {
		return upload.Media{}, err
	}
	defer release()
	for {
		action := r.way().Next(&r.p)
		if action.Do == flow.DoEnd {
			break
		}
		if err := r.step(ctx, action); err != nil {
			return upload.Media{}, err
		}
	}
	if r.p.Cause != nil {
		return upload.Media{}, r.p.Cause
	}
	return r.p.Media, nil
}

// step waits until an action may be taken, and takes it.
func (r *run) step(ctx workflow.Context, action flow.Action) error {
	if state := r.p.State(); state != "" {
		r.enter(ctx, state)
	}
	if action.Do == flow.DoPrepare { // sessions are not opened for nobody
		if err := r.here(ctx); err != nil {
			return err
		}
	}
	if err := r.gate(ctx, action.Do == flow.DoSend); err != nil {
		return err
	}
	if wait := action.At.Sub(workflow.Now(ctx)); wait > 0 {
		if err := r.rest(ctx, action, wait); err != nil {
			return err
		}
	}
	at := " at " + r.item.Account
	switch action.Do {
	case flow.DoPrepare:
		return r.advance(ctx, upload.ActivityPrepare, control("prepare"+at))
	case flow.DoSend:
		return r.transfer(ctx)
	case flow.DoSendParts:
		return r.sendParts(ctx)
	case flow.DoFind:
		return r.advance(ctx, upload.ActivityFind, control("search after a lost answer"+at))
	case flow.DoComplete:
		if len(r.sent) == 0 { // another run sent them, and the ledger keeps them
			return r.sendParts(ctx)
		}
		return r.advance(ctx, upload.ActivityComplete, control("complete"+at))
	}
	if r.terms.Policy.Bytes == upload.BytesParts {
		r.startDigest(ctx)
	}
	return r.advance(ctx, upload.ActivityPoll, control("poll"+at))
}

// rest waits for an action's time, with its reason in the history.
func (r *run) rest(ctx workflow.Context, action flow.Action, wait time.Duration) error {
	why := "before the next " + string(action.Do)
	switch {
	case action.Do == flow.DoPoll:
		why = "the vendor is processing"
	case r.p.Cause != nil:
		why += ": " + r.p.Cause.Cause()
	}
	return workflow.NewTimerWithOptions(ctx, wait, workflow.TimerOptions{Summary: why}).Get(ctx, nil)
}

// advance has an activity make the next step, and takes over the progress that
// follows.
func (r *run) advance(ctx workflow.Context, activity string, options workflow.ActivityOptions) error {
	in := upload.Advance{Item: r.item, Progress: r.p, Reload: r.reload}
	in.Progress.Session.Parts = nil // whoever sends parts has their URLs
	switch activity {
	case upload.ActivityPrepare:
		in.Plan = r.terms.Plan
	case upload.ActivityComplete:
		in.Parts = r.sent
	}
	var next upload.Progress
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), activity, in).Get(ctx, &next)
	return r.learn(ctx, err, next)
}

// learn takes over what a step came to. Its failure comes with the progress that
// follows from it; an error that comes without ends the upload.
func (r *run) learn(ctx workflow.Context, err error, next upload.Progress) error {
	e, follows := failureOf(err)
	switch {
	case err == nil:
		r.take(ctx, next)
		return nil
	case follows != nil:
		r.take(ctx, *follows)
		return nil
	case e != nil:
		return e
	}
	return err
}

// take takes over a newer progress.
func (r *run) take(ctx workflow.Context, p upload.Progress) {
	if r.p.Content.Size > 0 { // a move may have changed it meanwhile
		p.Content.Fingerprint = r.p.Content.Fingerprint
	}
	if p.Session.ID == r.p.Session.ID && len(p.Session.Parts) == 0 {
		p.Session.Parts = r.p.Session.Parts
	}
	r.p, r.reload = p, false
	r.hostPatience = 0
	r.status.ExpiresAt = p.Session.ExpiresAt
	r.tally()
	r.show(ctx)
}

// tally lets the result tell what the progress holds.
func (r *run) tally() {
	p := &r.p
	r.result.Attempts, r.result.BytesSent = p.Attempts, p.BytesSent
	r.result.Tell(p)
}

// transfer has the whole medium sent by a worker that can read the source. Where a
// move gives it up, or no worker takes it, the step is made again: what was sent by
// then may have arrived.
func (r *run) transfer(ctx workflow.Context) error {
	expires := r.p.Session.ExpiresAt
	if r.p.Tally.Early > 0 {
		expires = time.Time{} // our idea of its life may be wrong: the store has the word
	}
	options := r.sending(ctx, "send to "+string(r.p.Session.Store), expires)
	err := r.reads(ctx, false, func(ctx workflow.Context) error {
		return r.advance(ctx, upload.ActivityTransfer, options)
	})
	switch {
	case givenUp(ctx, err):
		r.reload = true // it may have arrived
		r.way().SenderLost(&r.p, workflow.Now(ctx))
		return nil
	case !isQueued(err):
		return err
	}
	if !expires.IsZero() && !workflow.Now(ctx).Before(expires) {
		r.way().Judge(&r.p, upload.StepTransfer, upload.AsError(err, upload.StepTransfer), workflow.Now(ctx))
		r.absent = true
		return nil
	}
	r.wait()
	r.absent = true
	return r.here(ctx)
}

// here waits for a worker that can read the source, where none took the last call.
func (r *run) here(ctx workflow.Context) error {
	waited := r.absent && r.item.Queue != ""
	r.absent = false
	if !waited {
		return nil
	}
	defer r.await(ctx, "")
	for {
		if err := r.gate(ctx, true); err != nil {
			return err
		}
		who := "a worker " + upload.Readers(r.item.Queue)
		r.await(ctx, who)
		err := r.reads(ctx, false, func(ctx workflow.Context) error {
			ctx = workflow.WithActivityOptions(ctx, r.reading("wait for a worker that can read the source"))
			return workflow.ExecuteActivity(ctx, upload.ActivityHere).Get(ctx, nil)
		})
		if !givenUp(ctx, err) {
			return err
		}
	}
}

// claim looks at the source and claims the item's identity.
func (r *run) claim(ctx workflow.Context) (claimed upload.Claimed, err error) {
	if r.item.Queue != "" {
		r.await(ctx, "a worker "+upload.Readers(r.item.Queue))
	}
	for {
		if err := r.gate(ctx, true); err != nil {
			return claimed, err
		}
		err = r.reads(ctx, false, func(ctx workflow.Context) error {
			ctx = workflow.WithActivityOptions(ctx, r.reading("examine the source"))
			return workflow.ExecuteActivity(ctx, upload.ActivityClaim, &r.item).Get(ctx, &claimed)
		})
		if !givenUp(ctx, err) {
			break
		}
	}
	r.await(ctx, "")
	if e, _ := failureOf(err); e != nil {
		return claimed, e
	}
	if err != nil {
		return claimed, err
	}
	r.terms, r.p = claimed.Terms, claimed.Progress
	r.steering.mark = r.p.Content.Fingerprint
	if plan := r.terms.Plan; plan.Parts > 0 {
		r.status.Parts, r.status.PartSize, r.status.Speed = plan.Parts, plan.PartSize, r.terms.Rate
		if r.terms.Rate > 0 {
			r.status.LeftSeconds = float64(plan.Size) / r.terms.Rate
		}
	}
	r.tally()
	return claimed, nil
}

// failureOf reads what an activity failed with, and the progress that follows where
// it tells; nil for success, for an upload that was canceled, and for an item that has
// ended already.
func failureOf(err error) (e *upload.Error, follows *upload.Progress) {
	if err == nil || temporal.IsCanceledError(err) || endedIn(err) != nil {
		return nil, nil
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		if queuedTooLong(timeout.TimeoutType()) {
			return &upload.Error{Kind: upload.KindExpired, Code: upload.CodeQueued, Message: "the session expired before a worker started to use it", Arrived: upload.ArrivedNothing}, nil
		}
		return &upload.Error{Kind: upload.KindInternal, Message: "the worker stopped responding during the call", Arrived: upload.ArrivedMaybe}, nil
	}
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		return stated(application)
	}
	if errors.As(err, &e) {
		return e, nil
	}
	return &upload.Error{Kind: upload.KindInternal, Message: err.Error()}, nil
}

// stated is what an activity itself said of its failure.
func stated(application *temporal.ApplicationError) (*upload.Error, *upload.Progress) {
	var e upload.Error
	var p *upload.Progress
	if !application.HasDetails() || application.Details(&e) != nil || e.Kind == "" {
		return &upload.Error{Kind: upload.KindInternal, Message: application.Message()}, nil
	}
	if application.Details(&e, &p) != nil { // fewer payloads are no error, and leave it nil
		return &e, nil
	}
	return &e, p
}

// isQueued reports whether no worker took a call in time.
func isQueued(err error) bool {
	var e *upload.Error
	return errors.As(err, &e) && e.Code == upload.CodeQueued
}

// inWords is a wait as a person reads it.
func inWords(d time.Duration) string { return fmt.Sprint(d.Round(time.Second)) }
