package shard

import (
	"context"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// When the vendor is polled for a row whose bytes it has.
const (
	// firstPoll is how long nobody polls after the last byte.
	firstPoll = 250 * time.Millisecond
	// countedBelow is the rate, in calls a second, below which calls are counted.
	countedBelow = 50
)

// timing is how long an account's vendor takes with a medium, as far as it was
// seen. It serves to poll neither too early nor too late.
type timing struct {
	mu      sync.Mutex
	took    time.Duration // smoothed; 0: not known
	scouted time.Time     // when a row was last polled early to find out
}

// learn takes note of a medium that was seen ready so long after its last byte. A
// first poll that found it ready may have come late, so the next ones come a
// little earlier; one that came too early counts for what it is.
func (t *timing) learn(took time.Duration, first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.took == 0:
		t.took = took
	case !first:
		t.took += (took - t.took) / 4
	default:
		t.took -= t.took / 16
	}
}

// first is when to poll first: when most media are done, and not later than the
// vendor's own pace has it, which it is where nothing is known.
func (t *timing) first(pace upload.Schedule, seed string) time.Duration {
	t.mu.Lock()
	took := t.took
	t.mu.Unlock()
	own := pace.Wait(1, seed)
	if took == 0 {
		return own
	}
	return min(own, max(took+took/8, firstPoll))
}

// scout reports whether a row is to be polled early although nothing is known:
// one does that for all the others, again and again until something is.
func (t *timing) scout(now time.Time, pace upload.Schedule) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.took > 0 || now.Sub(t.scouted) < pace.Wait(1, "") {
		return false
	}
	t.scouted = now
	return true
}

// pollUntilSettled polls at the vendor's pace until the row is beyond that, and reports
// whether it goes on here. Otherwise it has ended, or its next poll is too far away
// to be waited for.
func (r *row) pollUntilSettled(ctx context.Context) bool {
	for r.p.Next == upload.StepPoll {
		late := r.due() > r.patience() || r.nap(ctx) != nil
		if r.hasRequest() {
			r.obeyRequest(ctx)
			return false
		}
		if late {
			r.pollInNextAttempt()
			return false
		}
		if !r.poll(ctx) {
			return false
		}
	}
	return true
}

// poll asks the vendor once, and reports whether the row goes on.
func (r *row) poll(ctx context.Context) bool {
	select {
	case r.asking <- struct{}{}:
		defer func() { <-r.asking }()
	case <-ctx.Done():
		return r.handleOutcome(ctx, upload.StepPoll, ctx.Err())
	}
	r.unpolled = false
	first := r.p.Attempts.Poll == 0
	caller, err := r.caller(ctx)
	if err == nil {
		err = r.admit(ctx, caller, flow.DoPoll)
	}
	if err == nil {
		err = r.do(ctx, caller, r.way.Next(&r.p))
	}
	if err != nil {
		return r.handleOutcome(ctx, upload.StepPoll, err)
	}
	since := r.Now().Sub(r.p.SentAt)
	if r.p.Media.State == upload.StateReady {
		r.limiter.timing.learn(since, first)
	}
	if r.p.Next == upload.StepPoll { // in vain: that need not be saved at once
		r.early(caller.Account, since)
		return true
	}
	return r.handleOutcome(ctx, upload.StepPoll, nil)
}

// scheduleFirstPoll sets when the vendor is to be polled first.
func (r *row) scheduleFirstPoll(account spec.Account) {
	timing, pace := &r.limiter.timing, r.spec.Policy.Poll
	wait := timing.first(pace, r.item.UploadID)
	if !counted(account) && timing.scout(r.p.SentAt, pace) {
		wait = min(wait, firstPoll)
	}
	r.p.NotBefore, r.unpolled = r.p.SentAt.Add(wait), true
}

// due is how long it is until the vendor is to be polled. A first poll comes sooner
// than was planned when other rows turn out to be done sooner.
func (r *row) due() time.Duration {
	if r.unpolled {
		sooner := r.p.SentAt.Add(r.limiter.timing.first(r.spec.Policy.Poll, r.item.UploadID))
		if sooner.Before(r.p.NotBefore) {
			r.p.NotBefore = sooner
		}
	}
	return r.p.NotBefore.Sub(r.Now())
}

// early sets the next poll after one that came before the vendor's own first one:
// when as much time has passed again, or else at that first one.
func (r *row) early(account spec.Account, since time.Duration) {
	left := r.spec.Policy.Poll.Wait(1, r.item.UploadID) - since
	switch {
	case left <= 0 || counted(account):
		return
	case left > 2*since:
		left = since
	}
	r.p.NotBefore = r.Now().Add(max(left, firstPoll))
}

// counted reports whether an account may make so few calls that none is to be in
// vain.
func counted(account spec.Account) bool { return account.Rate > 0 && account.Rate < countedBelow }
