package flow

import (
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// OutOfOrder reports whether a failure says that the other side, or the way to it, is
// out of order for everybody: nobody answered, it answered that it cannot, or somebody
// else answered in its place with a refusal of everybody. What a firewall holds against
// one body or one path says nothing about the others.
func OutOfOrder(e *upload.Error) bool {
	if e == nil || e.Kind != upload.KindUnavailable {
		return false
	}
	return e.Then == "" || e.Strange && e.Then == upload.KindDenied
}

// Answers reports whether the other side of a call answers: it did as it was asked, or
// refused that by itself.
func Answers(e *upload.Error) bool {
	return e == nil || e.Status != 0 && e.Kind != upload.KindUnavailable
}

// Pause is how long nobody calls another side that is out of order after the n-th call
// that failed: longer each time, up to a minute, and at least as long as was asked.
func Pause(e upload.Error, seed string, n int64) time.Duration {
	ceiling := min(time.Second<<min(max(n-upload.OutageAfter, 0), 6), time.Minute)
	return max(upload.Jitter(ceiling*5/6, seed, int(n)), e.RetryAfter)
}

// Waited is the failure of a call that was not made for as long as patience allows,
// because the other side is out of order. It goes to the judge like that of a call.
func (f Flow) Waited(s *upload.Progress, at upload.Step, since, now time.Time, last upload.Error) *upload.Error {
	if now.Sub(since) < f.Patience {
		return nil
	}
	key := upload.TryKey(at, 0)
	if s.Tally.Away == nil {
		s.Tally.Away = map[string]time.Time{}
	}
	if was := s.Tally.Away[key]; was.IsZero() || since.Before(was) {
		s.Tally.Away[key] = since
	}
	return waited(last, at)
}

// WaitedAside is Waited for a call that has no progress of its own.
func (f Flow) WaitedAside(past *upload.Heartbeat, since, now time.Time, last upload.Error) *upload.Error {
	if now.Sub(since) < f.Patience {
		return nil
	}
	if past.Away.IsZero() || since.Before(past.Away) {
		past.Away = since
	}
	return waited(last, "")
}

func waited(last upload.Error, at upload.Step) *upload.Error {
	if at == upload.StepFind { // which no failure names
		at = upload.StepPoll
	}
	last.Step, last.Arrived, last.RetryAfter, last.Then, last.Strange = at, upload.ArrivedNothing, 0, "", false
	return &last
}

// Unasked takes note of an outage, from since to ended, in which the vendor could not
// be asked what became of the bytes.
func (f Flow) Unasked(s *upload.Progress, since, ended time.Time) {
	if s.SentAt.IsZero() || !ended.After(s.SentAt) || !ended.After(s.UnaskedTo) {
		return
	}
	s.Unasked += ended.Sub(latest(since, s.SentAt, s.UnaskedTo))
	s.UnaskedTo = ended
}

func latest(times ...time.Time) (last time.Time) {
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// WaitsSince takes up a wait for the source of an item that has no progress of its own:
// how long it has lasted counts.
func WaitsSince(s *upload.Progress, w *upload.Wait) {
	key := upload.TryKey(w.Step, 0)
	s.Waiting = w
	s.Tally.Away = map[string]time.Time{key: w.Since}
	s.Tally.Misses = map[string]int{key: w.Tries}
}
