package flow

import (
	"fmt"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Verdict is what a failure means for whoever made the call.
type Verdict struct {
	Then Then
	// After is how long to wait before the same call, and for whom Hold means to
	// look whether the account goes on.
	After time.Duration
}

// Then is what follows a failure.
type Then string

// What follows a failure.
const (
	Repeat Then = "repeat" // the same call, After a while; nothing else has changed
	Hold   Then = "hold"   // the account cannot go on: pause it for all, and come back
	GoOn   Then = "go on"  // the progress has moved: see Next
)

// Tries of one step that may be answered with a failure that may still pass.
const (
	ControlTries  = 6
	TransferTries = 8
)

// Judge decides what the failure of a call means, and takes note of it. at is the
// step that the call was made for. It never fails: what nobody understood ends the
// item.
func (f Flow) Judge(s *upload.Progress, at upload.Step, e *upload.Error, now time.Time) Verdict {
	verdict := f.judge(s, at, e, now)
	wait(s, at, e, now, verdict)
	return verdict
}

// wait takes note of what the same call waits for, where it is made again. A call
// that was not made, because the account is paused, changes nothing but the wait's
// beginning.
func wait(s *upload.Progress, at upload.Step, e *upload.Error, now time.Time, verdict Verdict) {
	if verdict.Then == GoOn {
		s.Waiting = nil
		return
	}
	w := s.Waiting
	if w == nil || w.Step != at {
		w = &upload.Wait{Step: at, Since: now}
		s.Waiting = w
	}
	if !e.Paused || w.Tries == 0 {
		w.Last = *e
	}
	if !e.Paused {
		w.Tries++
	}
	w.Next = time.Time{}
	if verdict.Then == Repeat {
		w.Next = now.Add(verdict.After)
	}
}

func (f Flow) judge(s *upload.Progress, at upload.Step, e *upload.Error, now time.Time) Verdict {
	key := upload.TryKey(at, 0)
	second(&s.Tally, key, e, now)
	s.Again(e.Cause())
	if at == upload.StepComplete {
		s.Idle = true
	}
	if at == upload.StepTransfer {
		s.Idle = true
		s.Arrived = s.Arrived || e.MayHaveArrived()
		if e.Receipt != nil {
			s.BytesSent += e.Receipt.BytesSent
		}
	}
	switch e.Kind {
	case upload.KindThrottled:
		return f.throttled(s, at, e)
	case upload.KindDenied:
		if !e.Paused { // no call was made
			s.Attempts.Add(at, -1)
		}
		return Verdict{Then: Hold}
	case upload.KindUnavailable:
		return f.unavailable(s, at, e, now)
	case upload.KindCorrupt:
		if at == upload.StepTransfer {
			return f.corrupt(s, key, e)
		}
	case upload.KindExpired:
		f.expired(s, at, e, now)
		return Verdict{Then: GoOn}
	case upload.KindRejected:
		if f.cured(s, at, e, now) {
			return Verdict{Then: GoOn}
		}
	}
	f.fail(s, at, e, now)
	return Verdict{Then: GoOn}
}

// second gives a failure the kind that it has when it comes a second time, or for too
// long.
func second(t *upload.Tally, key string, e *upload.Error, now time.Time) {
	if e.Lingers() {
		lingering(t, key, e, now)
		return
	}
	if !e.Unmade() {
		delete(t.Strange, key)
	}
	if e.Then == "" {
		return
	}
	mark := fmt.Sprintf("%s %d %s %s", key, e.Status, e.Code, e.Lacks)
	if t.Seen[mark] {
		becomes(e)
	}
	if t.Seen == nil {
		t.Seen = map[string]bool{}
	}
	t.Seen[mark] = true
}

// becomes gives a failure its other kind.
func becomes(e *upload.Error) { e.Kind, e.Then = e.Then, "" }

// lingering gives a failure that somebody else seems to have said its other kind when
// it has come for too long, one after the other.
func lingering(t *upload.Tally, key string, e *upload.Error, now time.Time) {
	since, found := t.Strange[key]
	switch {
	case !found:
		if t.Strange == nil {
			t.Strange = map[string]time.Time{}
		}
		t.Strange[key] = now
	case now.Sub(since) >= upload.StrangeFor:
		becomes(e)
	}
}

// throttled waits as the other side asked, and longer each time where it asked
// nothing. It counts as no attempt.
func (f Flow) throttled(s *upload.Progress, at upload.Step, e *upload.Error) Verdict {
	s.Attempts.Add(at, -1)
	s.Tally.Throttled++
	return Verdict{Repeat, Slow(e.RetryAfter, f.Seed, s.Tally.Throttled)}
}

// Slow is how long a caller that was throttled for the n-th time in a row waits: at
// least as long as was asked, and where nothing was, longer each time.
func Slow(asked time.Duration, seed string, n int) time.Duration {
	if asked > 0 {
		return upload.Spread(max(asked, time.Second), seed, n)
	}
	return max(upload.Backoff(n+1, seed), time.Second)
}

// unavailable waits an outage out: what may be repeated is repeated until patience
// is over, and what may have been heard is looked for first.
func (f Flow) unavailable(s *upload.Progress, at upload.Step, e *upload.Error, now time.Time) Verdict {
	key := upload.TryKey(at, 0)
	over := f.missed(s, key, now)
	switch {
	case at == upload.StepTransfer && f.stored(s):
		if f.tried(s, key) >= TransferTries {
			f.ready(s)
			return Verdict{Then: GoOn}
		}
		over = false
	case at == upload.StepComplete && (e.Strange || e.MayHaveArrived()), at == upload.StepTransfer && f.mustFind(s, e):
		s.Over = over
		f.find(s, e, now)
		return Verdict{Then: GoOn}
	}
	if over {
		f.fail(s, at, e, now)
		return Verdict{Then: GoOn}
	}
	wait := f.rest(s, key, e)
	if at == upload.StepPoll {
		wait = max(wait, f.pollDelay(s))
	}
	return Verdict{Repeat, wait}
}

// mustFind reports whether bytes must be looked for before they are sent again. Where
// nothing but a search tells, a body that was cut short is reason enough.
func (f Flow) mustFind(s *upload.Progress, e *upload.Error) bool {
	switch f.Policy.Find.By {
	case upload.FindByPoll:
		return s.Arrived
	case upload.FindBySearch:
		return e.Arrived != upload.ArrivedNothing
	}
	return false
}

// missed takes note of a call that nobody answered, and reports whether patience
// with the other side is over.
func (f Flow) missed(s *upload.Progress, key string, now time.Time) (over bool) {
	if s.Tally.Away == nil {
		s.Tally.Away = map[string]time.Time{}
	}
	if s.Tally.Misses == nil {
		s.Tally.Misses = map[string]int{}
	}
	if s.Tally.Away[key].IsZero() {
		s.Tally.Away[key] = now
	}
	s.Tally.Misses[key]++
	return now.Sub(s.Tally.Away[key]) >= f.Patience
}

// rest is the pause before the next call of a step that failed.
func (f Flow) rest(s *upload.Progress, key string, e *upload.Error) time.Duration {
	failures := s.Tally.Misses[key] + s.Tally.Tries[key]
	return max(upload.Backoff(failures, f.Seed+key), e.RetryAfter, time.Millisecond)
}

// stored reports whether the bytes are stored already, and are only sent again so
// that the vendor is told: what becomes of that does not matter.
func (f Flow) stored(s *upload.Progress) bool {
	return f.Policy.UntoldSends > 0 && s.Tally.Sends > 0
}

// corrupt sends bytes again that did not arrive as they are.
func (f Flow) corrupt(s *upload.Progress, key string, e *upload.Error) Verdict {
	s.Lenient = true
	if f.tried(s, key) >= TransferTries {
		end(s, e)
		return Verdict{Then: GoOn}
	}
	return Verdict{Repeat, f.rest(s, key, e)}
}

func (f Flow) tried(s *upload.Progress, key string) int {
	if s.Tally.Tries == nil {
		s.Tally.Tries = map[string]int{}
	}
	s.Tally.Tries[key]++
	return s.Tally.Tries[key]
}

// expired goes on with a session that ran out, or was lost.
func (f Flow) expired(s *upload.Progress, at upload.Step, e *upload.Error, now time.Time) {
	switch {
	case at == upload.StepTransfer && f.stored(s):
		f.ready(s)
		return
	case e.Lost && at != upload.StepPrepare && (at != upload.StepTransfer || f.Policy.LostSessions > 0):
		f.lose(s, e)
		return
	case at != upload.StepTransfer, f.Policy.LostSessions > 0:
		end(s, e)
		return
	}
	f.ranOut(s, e)
	switch {
	case s.Arrived && !e.Lost && f.settle(s, e, now):
	case s.Over:
		end(s, e)
	default:
		renew(s, e)
	}
}

// ranOut counts a session that ran out, unless that was while it waited for a worker,
// or for a store that did not answer.
func (f Flow) ranOut(s *upload.Progress, e *upload.Error) {
	if e.Code == upload.CodeQueued || !s.Tally.Away[upload.TryKey(upload.StepTransfer, 0)].IsZero() {
		return
	}
	if s.Tally.Early++; e.Code != upload.CodeSpent {
		s.Tally.Early = 0
	}
	tries := f.tried(s, upload.TryKey(upload.StepTransfer, 0))
	s.Tally.Expired++
	s.Over = s.Tally.Expired >= TransferTries || tries >= TransferTries
}

// PartsFailed ends the sending of parts that cannot go on: with another session where
// this one is lost, and otherwise with the failure.
func (f Flow) PartsFailed(s *upload.Progress, e *upload.Error) {
	if e.Lost {
		f.lose(s, e)
		return
	}
	end(s, e)
}

// lose has another session opened in place of one that is gone, as often as the
// policy allows.
func (f Flow) lose(s *upload.Progress, e *upload.Error) {
	lost, most := &s.Tally.Lost, f.Policy.LostSessions
	if most == 0 {
		lost, most = &s.Tally.Expired, TransferTries
	}
	if *lost++; *lost >= most {
		end(s, e)
		return
	}
	f.noteAbandonedSession(s)
	renew(s, e)
}

// cured goes on after a refusal that another call may avoid, and reports whether
// there is one.
func (f Flow) cured(s *upload.Progress, at upload.Step, e *upload.Error, now time.Time) bool {
	v := f.Policy.Variant
	switch {
	case at == upload.StepTransfer && f.stored(s):
		f.ready(s)
	case at == upload.StepTransfer && v.Code != "" && s.Variant == "" && e.Code == v.Code && strings.Contains(strings.ToLower(e.Message), v.Says):
		s.Variant = v.Code
		renew(s, e)
	case at == upload.StepComplete:
		s.Tally.Refused++
		s.Over = e.Strange // no other session, and no byte sent again, changes what stands between
		f.find(s, e, now)
	default:
		return false
	}
	return true
}

// fail ends an item with a failure. Where its bytes may have arrived all the same,
// they are looked for before.
func (f Flow) fail(s *upload.Progress, at upload.Step, e *upload.Error, now time.Time) {
	switch {
	case at == upload.StepTransfer && f.stored(s):
		f.ready(s)
	case at == upload.StepFind && f.Policy.Find.By == upload.FindBySearch:
		end(s, unconfirmed(s.Cause, "the search for the file failed: "+e.Message))
	case at == upload.StepPoll && !s.Until.IsZero():
		end(s, s.Cause)
	case at == upload.StepTransfer && e.Kind == upload.KindUnavailable && s.Arrived && !s.Over:
		s.Over = true
		if !f.settle(s, e, now) {
			end(s, e)
		}
	default:
		end(s, e)
	}
}

// settle looks for the bytes of an old session, and reports whether there is a way.
func (f Flow) settle(s *upload.Progress, e *upload.Error, now time.Time) bool {
	switch {
	case f.Policy.Settle == upload.SettlePoll:
		s.Cause, s.Until = e, now.Add(f.Policy.SettleFor)
		f.poll(s, now)
	case f.Policy.Settle == upload.SettleFind, f.Policy.Find.By != "":
		f.find(s, e, now)
	default:
		return false
	}
	return true
}

// find looks for what a lost answer may have done.
func (f Flow) find(s *upload.Progress, e *upload.Error, now time.Time) {
	s.Cause, s.Tally.Finds = e, 0
	at := time.Time{}
	if waits := f.Policy.Find.Waits; len(waits) > 0 && !ofCompletion(e) {
		at = now.Add(waits[0])
	}
	to(s, upload.StepFind, at)
}
