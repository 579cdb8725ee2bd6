package activities

import (
	"context"
	"errors"
	"net/http"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// again decides what a failure of a packed row means: true to go on with it. If
// not, the row has ended, is to travel alone, or waits until its shard comes back.
//
// Only what is plain is decided here. Everything else is for a workflow of the
// row's own, with a history to look into.
func (r *packed) again(ctx context.Context, err error) bool {
	var made *temporal.ApplicationError
	var refused *ledger.Refusal
	switch {
	case errors.As(err, &refused): // the next attempt reads what became of it
		r.postponed()
		return false
	case errors.Is(err, errDetachRequested), ctx.Err() != nil && r.requested():
		r.answer(ctx)
		return false
	case ctx.Err() != nil:
		r.postponed()
		return false
	case errors.As(err, &made):
		return r.comesBack(ctx, made)
	}
	e := upload.AsError(err, r.at)
	e.Message = egress.Redact(e.Message)
	r.progress.Trouble.Judge(r.key(), e)
	e.Then = ""
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
	if r.at == upload.StepTransfer || e.Kind == upload.KindInternal {
		return r.apart(ctx, e)
	}
	return r.end(ctx, e)
}

// key is under what the tries of the step under way are counted.
func (r *packed) key() string { return upload.TryKey(r.at, 0) }

// comesBack obeys a failure that was made for Temporal: of the ledger, or because
// something has changed meanwhile.
func (r *packed) comesBack(ctx context.Context, made *temporal.ApplicationError) bool {
	switch {
	case made.Type() == typeLedger:
		r.fail(ctx, made)
	case made.Type() == typeWaiting:
		r.uncounted()
		if r.pause(ctx, made.NextRetryDelay()) == nil {
			r.forget()
			return true
		}
	}
	r.postpone(ctx)
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
	r.uncounted()
	r.slowed++
	return r.rest(ctx, e, patience(e.RetryAfter, r.item.UploadID, r.slowed))
}

// rest waits before a call is made again: here, where it is not long, and else
// until the shard comes back.
func (r *packed) rest(ctx context.Context, e *upload.Error, wait time.Duration) bool {
	if wait <= packedWait && r.pause(ctx, wait) == nil {
		return true
	}
	r.stop(e.Message, wait)
	r.postpone(ctx)
	return false
}

// postpone leaves the row, as far as it is, until its shard comes back.
func (r *packed) postpone(ctx context.Context) {
	if r.at != upload.StepPoll && r.progress.Content.Size > 0 {
		r.progress.Idle = true
		if err := r.keep(context.WithoutCancel(ctx), ""); err != nil {
			r.fail(ctx, err)
		}
	}
	r.postponed()
}

// uncounted takes the call under way back out of the attempts.
func (r *packed) uncounted() { r.progress.Attempts.Add(r.at, -1) }

// denied pauses the account, for all, and waits with it.
func (r *packed) denied(ctx context.Context, e *upload.Error) bool {
	r.uncounted()
	if !e.Paused {
		said := upload.Error{Message: e.Message, RequestID: e.RequestID}
		if _, err := r.Ledger.PauseAccount(ctx, r.account, said.Error(), upload.ByItself); err != nil {
			r.fail(ctx, err)
		}
	}
	r.forget()
	r.stop("account "+r.account+" is paused", restWaits.Wait(int(attempt(ctx)), r.runID))
	r.postpone(ctx)
	return false
}

// unavailable tries again a few times, where nothing can come of it twice.
func (r *packed) unavailable(ctx context.Context, e *upload.Error) bool {
	if r.at == upload.StepPoll {
		r.progress.NextLook = r.Now().Add(max(e.RetryAfter, r.spec.Poll.Wait(r.progress.Attempts.Poll+1, r.item.UploadID)))
		if r.Now().Sub(r.progress.SentAt) > r.spec.Poll.Deadline {
			return r.apart(ctx, e)
		}
		return true
	}
	maybe := e.Arrived == upload.ArrivedMaybe || e.Arrived == ""
	tries := r.progress.Trouble.Tries[r.key()] + 1 + e.Repeats
	if tries >= packedTries || r.at == upload.StepTransfer && maybe && !r.spec.Packing.Resend {
		return r.apart(ctx, e)
	}
	r.progress.Trouble.Count(r.key(), 1+e.Repeats)
	if r.at == upload.StepTransfer {
		r.progress.Arrived = r.progress.Arrived || maybe
		if e.Status == http.StatusServiceUnavailable {
			r.gate.tooMuch()
		}
	}
	return r.rest(ctx, e, max(upload.Backoff(tries, r.item.UploadID+r.key()), e.RetryAfter, time.Millisecond))
}

// expired opens another session, where the bytes cannot have arrived in the old
// one.
func (r *packed) expired(ctx context.Context, e *upload.Error) bool {
	if r.progress.Arrived || r.at != upload.StepTransfer || r.progress.Trouble.Renewals >= packedRenewals {
		return r.apart(ctx, e)
	}
	r.progress.Trouble.Count(r.key(), 1)
	r.progress.Trouble.Renewals++
	// Kept before another is asked for: after a crash it would be taken for one whose
	// bytes may have arrived, and be tried again.
	r.progress.Expired, r.progress.Idle = true, true
	if err := r.keep(ctx, upload.StatePreparing); err != nil {
		r.fail(ctx, err)
		r.postponed()
		return false
	}
	return true
}

// apart gives the row a workflow of its own because of a failure, which that
// acts upon as if it were its own. What nobody understood is tried afresh there.
func (r *packed) apart(ctx context.Context, e *upload.Error) bool {
	if understood := e.Kind != upload.KindInternal || e.Status != 0; understood && (r.at == upload.StepPrepare || r.at == upload.StepTransfer) {
		r.progress.Failed, r.progress.At = e, r.at
	}
	if err := r.detach(ctx, "travels alone since "+e.Error()); err != nil {
		r.fail(ctx, err)
		r.postponed()
	}
	return false
}

// end records that the row failed.
func (r *packed) end(ctx context.Context, e *upload.Error) bool {
	result := r.result(upload.StateFailed)
	result.Error = upload.FailureOf(e)
	if err := r.record(ctx, result, r.progress.Content.Fingerprint); err != nil {
		r.fail(ctx, err)
		r.postponed()
		return false
	}
	r.heed(ctx) // it may have been one too many
	return false
}
