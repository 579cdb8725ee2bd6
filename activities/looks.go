package activities

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// When a packed row is looked at whose bytes the vendor has.
const (
	// firstLook is how long nobody looks after the last byte.
	firstLook = 250 * time.Millisecond
	// slowLook is after what time at the earliest a medium takes unusually long.
	slowLook = 2 * time.Minute
	// countedBelow is the rate, in calls a second, below which calls are counted.
	countedBelow = 50
)

// looks is how long an account's vendor takes with a medium, as far as it was
// seen. It serves to look neither too early nor too late.
type looks struct {
	mu      sync.Mutex
	took    time.Duration // smoothed; 0: not known
	scouted time.Time     // when a row was last sent ahead to find out
}

// learn takes note of a medium that was seen ready so long after its last byte. A
// first look that found it ready may have come late, so the next ones come a
// little earlier; one that came too early counts for what it is.
func (l *looks) learn(took time.Duration, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.took == 0:
		l.took = took
	case !first:
		l.took += (took - l.took) / 4
	default:
		l.took -= l.took / 16
	}
}

// first is when to look first: when most media are done, and not later than the
// vendor's own pace has it, which it is where nothing is known.
func (l *looks) first(pace upload.Schedule, seed string) time.Duration {
	l.mu.Lock()
	took := l.took
	l.mu.Unlock()
	own := pace.Wait(1, seed)
	if took == 0 {
		return own
	}
	return min(own, max(took+took/8, firstLook))
}

// scout reports whether a row is to be looked at early although nothing is known:
// one does that for all the others, again and again until something is.
func (l *looks) scout(now time.Time, pace upload.Schedule) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.took > 0 || now.Sub(l.scouted) < pace.Wait(1, "") {
		return false
	}
	l.scouted = now
	return true
}

// slow is after what time a medium takes unusually long.
func (l *looks) slow() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(slowLook, 3*l.took)
}

// follow looks at the vendor's pace what became of the bytes, until they have
// ended or the next look is too far away to be waited for here.
func (r *packed) follow(ctx context.Context) {
	if r.broken != nil {
		r.again(ctx, upload.Errorf(upload.KindInternal, upload.StepClaim, "the row cannot be read: %w", r.broken))
		return
	}
	for {
		late := r.due() > r.patience() || r.nap(ctx) != nil
		if r.requested() {
			r.answer(ctx)
			return
		}
		if late {
			r.leaveBehind()
			return
		}
		over, err := r.lookOnce(ctx)
		if over || err != nil && !r.again(ctx, err) {
			return
		}
	}
}

// lookOnce asks the vendor once, and reports whether the row has ended.
func (r *packed) lookOnce(ctx context.Context) (bool, error) {
	r.at = upload.StepClaim
	caller, err := r.means(ctx)
	if err != nil {
		return false, err
	}
	select {
	case r.asking <- struct{}{}:
		defer func() { <-r.asking }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	r.at = upload.StepPoll
	r.unseen = false
	r.progress.Attempts.Add(upload.StepPoll, 1)
	media, err := r.vendor.Poll(ctx, caller, upload.Poll{Item: r.item, Content: r.progress.Content, Session: r.progress.Session, Since: r.progress.SentAt})
	if err = r.judged(ctx, caller.Account, err); err != nil {
		return false, asStep(err, upload.StepPoll)
	}
	since := r.Now().Sub(r.progress.SentAt)
	switch {
	case media.State == upload.StateReady:
		r.gate.looks.learn(since, r.progress.Attempts.Poll == 1)
		return true, r.ready(ctx, media)
	case media.State == upload.StateFailed:
		return true, r.detach(ctx, "the vendor failed to process it: "+media.Reason)
	case since > min(r.gate.looks.slow(), r.spec.Poll.Deadline):
		return true, r.detach(ctx, fmt.Sprintf("the vendor was slow to process it: %s after %s", media.Seen, since.Round(time.Second)))
	}
	r.progress.NextLook = r.Now().Add(r.pace(caller.Account, since))
	return false, nil
}

// await sets when the row is to be looked at first.
func (r *packed) await(account vendors.Account) {
	looks := &r.gate.looks
	wait := looks.first(r.spec.Poll, r.item.UploadID)
	if !counted(account) && looks.scout(r.progress.SentAt, r.spec.Poll) {
		wait = min(wait, firstLook)
	}
	r.progress.NextLook, r.unseen = r.progress.SentAt.Add(wait), true
}

// due is how long it is until the row is to be looked at. A first look comes sooner
// than was planned when other rows turn out to be done sooner.
func (r *packed) due() time.Duration {
	if r.unseen {
		sooner := r.progress.SentAt.Add(r.gate.looks.first(r.spec.Poll, r.item.UploadID))
		if sooner.Before(r.progress.NextLook) {
			r.progress.NextLook = sooner
		}
	}
	return r.progress.NextLook.Sub(r.Now())
}

// pace is how long to wait after a look that was in vain, so long after the last
// byte. One that came before the vendor's own first look is none of its pace: the
// next one comes when as much time has passed again, or else at that first look.
func (r *packed) pace(account vendors.Account, since time.Duration) time.Duration {
	early := r.spec.Poll.Wait(1, r.item.UploadID) - since
	switch {
	case early <= 0 || counted(account):
		return r.spec.Poll.Wait(r.progress.Attempts.Poll+1, r.item.UploadID)
	case early > 2*since:
		return max(since, firstLook)
	}
	return max(early, firstLook)
}

// counted reports whether an account may make so few calls that none is to be in
// vain.
func counted(account vendors.Account) bool { return account.Rate > 0 && account.Rate < countedBelow }
