package shard

import (
	"context"
	"errors"
	"time"

	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// handleOutcome acts upon what a step came to, and reports whether the row goes on.
func (r *row) handleOutcome(ctx context.Context, step upload.Step, err error) bool {
	var later *steps.Later
	var ledgerErr *steps.LedgerError
	var refused *ledger.Refusal
	var out *steps.OutOfOrder
	switch {
	case err == nil:
		r.resumeShard()
		return r.proceed(ctx)
	case errors.As(err, &refused): // the next attempt reads what became of it
		r.countWaiting()
		return false
	case ctx.Err() != nil && r.hasRequest():
		r.obeyRequest(ctx)
		return false
	case ctx.Err() != nil:
		r.countWaiting()
		return false
	case errors.As(err, &out):
		return r.sitOut(ctx, step, out)
	case errors.As(err, &later):
		r.p.Attempts.Add(step, -1)
		if r.Pause(ctx, later.After) == nil {
			r.forget()
			return true
		}
		r.saveAndWait(ctx)
		return false
	case errors.As(err, &ledgerErr):
		r.fail(ctx, err)
		r.countWaiting()
		return false
	}
	return r.judge(ctx, step, steps.Failure(ctx, err, step))
}

// proceed saves the row's progress after a step, or records its end, and reports
// whether it goes on.
func (r *row) proceed(ctx context.Context) bool {
	if r.done {
		return false
	}
	if r.p.Next == upload.StepEnd {
		return r.end(ctx)
	}
	if r.p.Next == upload.StepPoll && r.p.Until.IsZero() && r.p.Attempts.Poll == 0 {
		r.scheduleFirstPoll(r.account)
	}
	if err := r.save(ctx); err != nil {
		return r.handleOutcome(ctx, r.p.At(), err)
	}
	return true
}

// judge does as the judge says of a failure, and reports whether the row goes on.
func (r *row) judge(ctx context.Context, step upload.Step, e *upload.Error) bool {
	if step == upload.StepTransfer && flow.SlowDown(e) {
		r.limiter.tooMuch()
	}
	switch verdict := r.way.Judge(&r.p, step, e, r.Now()); verdict.Then {
	case flow.Repeat:
		if step == upload.StepPoll {
			r.p.NotBefore = r.Now().Add(verdict.After)
			return true
		}
		r.noteWait(ctx, verdict.After)
		if e.Peer == upload.PeerSource { // no other row's affair
			r.noteSlowHost()
			return r.restForSource(ctx, verdict.After)
		}
		return r.rest(ctx, e, verdict.After)
	case flow.Hold:
		r.hold(ctx, e)
		return false
	}
	return r.proceed(ctx)
}

// noteWait notes what a row waits for that is not claimed and saves nothing. Short waits
// are noted less often each time.
func (r *row) noteWait(ctx context.Context, wait time.Duration) {
	w := r.p.Waiting
	if r.p.Content.Size > 0 || w == nil || wait <= restInSlot && w.Tries&(w.Tries-1) != 0 {
		return
	}
	r.fail(ctx, r.Ledger.NoteWait(ctx, r.item.UploadID, r.attempt.Run.ID, w))
}

// rest waits before a call is made again: here, where it is not long, and else until
// the shard comes back.
func (r *row) rest(ctx context.Context, why *upload.Error, wait time.Duration) bool {
	if wait <= restInSlot && r.Pause(ctx, wait) == nil {
		return true
	}
	said := "a row is waiting"
	if why != nil {
		said = why.Message
	}
	r.stop(said, wait)
	r.saveAndWait(ctx)
	return false
}

// sitOut leaves the row until its shard comes back, while another item tries whether an
// outage is over. A row that tried last leaves that to others of its shard. What has not
// changed is not saved.
func (r *row) sitOut(ctx context.Context, step upload.Step, out *steps.OutOfOrder) bool {
	if step == upload.StepPoll {
		r.p.NotBefore = r.Now().Add(out.After)
		r.pollInNextAttempt()
		return false
	}
	if out.Outage.Trying != r.item.UploadID {
		r.stopOutage(out)
	}
	if r.unsaved {
		r.saveAndWait(ctx)
		return false
	}
	r.countWaiting()
	return false
}

// hold pauses an account that its vendor denied, for all, and waits with it.
func (r *row) hold(ctx context.Context, e *upload.Error) {
	if !e.Paused {
		said := upload.Error{Message: e.Message, RequestID: e.RequestID}
		if _, err := r.Ledger.PauseAccount(ctx, r.carrier.account, said.Error(), upload.ByItself); err != nil {
			r.fail(ctx, err)
		}
	}
	r.forget()
	r.stop("account "+r.carrier.account+" is paused", r.returnDelay())
	r.saveAndWait(ctx)
}

// saveAndWait leaves the row, as far as it is, until its shard comes back.
func (r *row) saveAndWait(ctx context.Context) {
	if r.p.Next != upload.StepPoll && r.p.Content.Size > 0 {
		r.saveIdle(ctx)
	}
	r.countWaiting()
}

// saveIdle saves that nothing of the row is on its way, and reports whether the ledger
// took that.
func (r *row) saveIdle(ctx context.Context) bool {
	r.p.Idle = true
	err := r.save(context.WithoutCancel(ctx))
	if err != nil {
		r.fail(ctx, err)
	}
	return err == nil
}

// detachOrWait detaches the row, or leaves it to the next attempt where the ledger does
// not take that.
func (r *row) detachOrWait(ctx context.Context, because string) {
	if err := r.detach(ctx, because); err != nil {
		r.fail(ctx, err)
		r.countWaiting()
	}
}

// end records how the row ended, and returns false.
func (r *row) end(ctx context.Context) bool {
	result := r.result(upload.StateReady)
	if r.p.Cause != nil {
		if err := r.saveFailedEnd(ctx); err != nil {
			r.fail(ctx, err)
			r.countWaiting()
			return false
		}
		result.State, result.Error = upload.StateFailed, upload.FailureOf(r.p.Cause)
	} else {
		result.MediaID, result.MediaURL = upload.Text(r.p.Media.ID), upload.Text(r.p.Media.URL)
		r.fillChecksums(ctx, &result)
	}
	if err := r.record(ctx, result, r.p.Content.Fingerprint); err != nil {
		r.fail(ctx, err)
		r.countWaiting()
		return false
	}
	if r.p.Cause != nil {
		r.check(ctx) // it may have been one too many
	}
	return false
}
