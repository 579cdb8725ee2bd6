package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/mediaferry/mediaferry/egress"
	"github.com/mediaferry/mediaferry/upload"
)

// again decides what a failure of a packed row means: true to go on with it. If
// not, the row has ended, is to travel alone, or waits until its page comes back.
//
// Only what is plain is decided here. Everything else is for a workflow of the
// row's own, with a history to look into.
func (r *packed) again(ctx context.Context, err error) bool {
	var made *temporal.ApplicationError
	switch {
	case ctx.Err() != nil:
		r.postponed()
		return false
	case errors.As(err, &made):
		return r.comesBack(ctx, made)
	}
	e := upload.AsError(err, upload.StepClaim)
	e.Message = egress.Redact(e.Message)
	r.second(e)
	switch e.Kind {
	case upload.KindThrottled:
		return r.throttled(ctx, e)
	case upload.KindDenied:
		return r.denied(ctx, e)
	case upload.KindUnavailable:
		return r.unavailable(ctx, e)
	case upload.KindExpired:
		return r.expired(ctx, e)
	}
	if e.Step == upload.StepTransfer || e.Kind == upload.KindInternal {
		return r.apart(ctx, e)
	}
	return r.end(ctx, e)
}

// second gives a failure the kind that it has when it comes a second time.
func (r *packed) second(e *upload.Error) {
	if e.Then == "" {
		return
	}
	key := fmt.Sprintf("%s %d %s", e.Step, e.Status, e.Code)
	if r.seen[key] {
		e.Kind = e.Then
	}
	r.seen[key] = true
}

// comesBack obeys a failure that was made for Temporal: of the ledger, or because
// something has changed meanwhile.
func (r *packed) comesBack(ctx context.Context, made *temporal.ApplicationError) bool {
	switch {
	case made.Type() == typeLedger:
		r.fail(ctx, made)
	case made.Type() == typeWaiting && r.pause(ctx, made.NextRetryDelay()) == nil:
		r.forget()
		return true
	}
	r.postponed()
	return false
}

// forget has the credentials read anew.
func (r *packed) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cached = nil
}

// throttled waits as it was asked to, which counts as no attempt.
func (r *packed) throttled(ctx context.Context, e *upload.Error) bool {
	r.uncounted(e.Step)
	wait := max(e.RetryAfter, 200*time.Millisecond)
	wait = upload.Jitter(wait+wait/5, r.item.UploadID, int(r.bytes))
	if wait > packedWait || r.pause(ctx, wait) != nil {
		r.stop(e.Message, wait)
		r.postponed()
		return false
	}
	return true
}

// uncounted takes a call back out of the attempts.
func (r *packed) uncounted(step upload.Step) { r.leg.Attempts.Add(step, -1) }

// denied pauses the account, for all, and waits with it.
func (r *packed) denied(ctx context.Context, e *upload.Error) bool {
	r.uncounted(e.Step)
	if !e.Paused {
		said := upload.Error{Message: e.Message, RequestID: e.RequestID}
		if _, err := r.Ledger.PauseAccount(ctx, r.account, said.Error(), byWorkflow); err != nil {
			r.fail(ctx, err)
		}
	}
	r.forget()
	r.stop("account "+r.account+" is paused", restWaits.Wait(int(attempt(ctx)), r.runID))
	r.postponed()
	return false
}

// unavailable tries again a few times, where nothing can come of it twice.
func (r *packed) unavailable(ctx context.Context, e *upload.Error) bool {
	if e.Step == upload.StepTransfer {
		r.leg.Arrived = r.leg.Arrived || e.Arrived == upload.ArrivedMaybe || e.Arrived == ""
	}
	if e.Step == upload.StepPoll {
		r.leg.NextLook = r.Now().Add(max(e.RetryAfter, r.spec.Poll.Wait(r.leg.Attempts.Poll+1, r.item.UploadID)))
		if r.Now().Sub(r.leg.SentAt) > r.spec.Poll.Deadline {
			return r.apart(ctx, e)
		}
		return true
	}
	r.tries[e.Step]++
	if r.tries[e.Step] >= packedTries {
		return r.apart(ctx, e)
	}
	wait := max(upload.Backoff(r.tries[e.Step], r.item.UploadID+string(e.Step)), e.RetryAfter, time.Millisecond)
	if wait > packedWait {
		return r.apart(ctx, e)
	}
	if r.pause(ctx, wait) != nil {
		r.postponed()
		return false
	}
	return true
}

// expired opens another session, where the bytes cannot have arrived in the old
// one.
func (r *packed) expired(ctx context.Context, e *upload.Error) bool {
	r.renewed++
	if r.leg.Arrived || e.Step == upload.StepPoll || r.renewed > packedRenewals {
		return r.apart(ctx, e)
	}
	r.leg.Session = upload.Session{}
	return true
}

// apart gives the row a workflow of its own because of a failure.
func (r *packed) apart(ctx context.Context, e *upload.Error) bool {
	if err := r.goAlone(ctx, "travels alone since "+e.Error()); err != nil {
		r.fail(ctx, err)
		r.postponed()
	}
	return false
}

// end records that the row failed.
func (r *packed) end(ctx context.Context, e *upload.Error) bool {
	result := r.result(upload.StateFailed)
	result.Error = upload.FailureOf(e)
	if err := r.record(ctx, result, r.leg.Content.Fingerprint); err != nil {
		r.fail(ctx, err)
		r.postponed()
		return false
	}
	r.heed(ctx) // it may have been one too many
	return false
}
