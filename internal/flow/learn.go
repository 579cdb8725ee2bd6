package flow

import (
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Prepared takes note of a session that was opened. From here on its bytes count
// as being on their way: the progress is saved before any is sent.
func (f Flow) Prepared(s *upload.Progress, session upload.Session) {
	resetFailures(s, upload.StepPrepare)
	refused := s.Cause
	s.Session, s.Cause = session, nil
	s.Arrived, s.Expired, s.Idle, s.Lenient = false, false, false, false
	s.Receipt, s.SentAt, s.Stored, s.Media = upload.Receipt{}, time.Time{}, nil, upload.Media{}
	s.Unasked, s.UnaskedTo = 0, time.Time{}
	s.Tally.Sends, s.Tally.Finds, s.Tally.Refused = 0, 0, 0
	to(s, upload.StepTransfer, time.Time{})
	if s.Variant != "" && refused != nil && hasField(session, f.Policy.Variant.Field) { // the account's settings keep it
		end(s, refused)
	}
}

func hasField(session upload.Session, name string) bool {
	for _, field := range session.Form {
		if field.Name == name {
			return true
		}
	}
	return false
}

// Sent takes note of bytes that the store acknowledged.
func (f Flow) Sent(s *upload.Progress, receipt upload.Receipt, now time.Time) {
	resetFailures(s, upload.StepTransfer)
	s.BytesSent += receipt.BytesSent
	s.Receipt = receipt
	s.Note(receipt.Note)
	s.Tally.Sends++
	s.Tally.Early = 0
	f.arrived(s, now)
}

// SentParts takes note that the store has acknowledged all parts. Their bytes are
// counted already.
func (f Flow) SentParts(s *upload.Progress, receipt upload.Receipt, now time.Time) {
	s.Stored, s.Receipt = nil, receipt
	f.arrived(s, now)
}

// Restart takes over what an earlier run of an item left: a session in parts that may
// still be known to the vendor, a call whose answer nobody heard, and bytes of which
// the vendor may yet make a medium. Everything else begins anew. s holds the same
// content, and what the new run knows; its counts begin anew in any case.
func (f Flow) Restart(s *upload.Progress, was upload.Progress, now time.Time) {
	switch {
	case f.canReuseSession(&was):
		was.Cause, was.Idle = nil, true
		to(&was, upload.StepTransfer, time.Time{})
	case was.Next == upload.StepPoll && was.Until.IsZero(): // after its time, another session is opened
		was.Cause, was.Until, was.NotBefore = unprocessed(&was), f.deadline(&was), time.Time{}
	case was.Next == upload.StepPoll:
		was.NotBefore = time.Time{}
	case endedByTimeout(&was):
		if !f.settle(&was, unprocessed(&was), now) {
			return
		}
	case !answerOutstanding(&was):
		return
	}
	notes := s.Notes
	*s = was
	s.Attempts, s.BytesSent, s.Tally, s.Repeated, s.Waiting, s.Over, s.Attempt = upload.Attempts{}, 0, upload.Tally{}, nil, nil, false, 0
	s.Notes = notes
	if s.Session.ID == "" { // not all vendors name theirs
		s.Note("continued what an earlier run had begun")
	} else {
		s.Note(continued(s.Session.ID))
	}
	f.SenderLost(s, now)
}

// continued is what is noted of a session that an earlier run began.
func continued(session string) string {
	return "continued with session " + session + " of an earlier run"
}

// endedByTimeout reports whether a run ended because the vendor did not process its bytes in time.
func endedByTimeout(was *upload.Progress) bool {
	return was.Next == upload.StepEnd && was.Cause != nil && was.Cause.Kind == upload.KindTimeout && was.Session.Method != ""
}

// unprocessed is why another session is opened in place of one of an earlier run.
func unprocessed(was *upload.Progress) *upload.Error {
	return upload.Errorf(upload.KindExpired, upload.StepTransfer, "session %s of an earlier run was not processed in time", was.Session.ID)
}

// answerOutstanding reports whether a call may have done its work and nobody knows: it was cut off,
// or the search for its answer was.
func answerOutstanding(was *upload.Progress) bool {
	if was.Session.Method == "" {
		return false
	}
	sending := was.Next == upload.StepTransfer || was.Next == upload.StepComplete
	return was.Next == upload.StepFind || sending && !was.Idle
}

// canReuseSession reports whether the session of a run that has ended may be continued: its
// parts are kept, and nobody has said that the vendor does not know it.
func (f Flow) canReuseSession(was *upload.Progress) bool {
	if f.Policy.Bytes != upload.BytesParts || was.Session.ID == "" || was.Expired {
		return false
	}
	if was.Next == upload.StepEnd {
		return was.Cause != nil && !was.Cause.Lost && (was.Cause.Step == upload.StepTransfer || was.Cause.Step == upload.StepComplete)
	}
	return was.Next == upload.StepTransfer
}

// SenderLost takes note that whoever sent the bytes can say nothing of it any more: a
// worker that died, or a send that was given up. They may have arrived.
func (f Flow) SenderLost(s *upload.Progress, now time.Time) {
	if s.Idle {
		return
	}
	if s.Next == upload.StepComplete {
		s.Idle = true
		s.Attempts.Complete++
		f.find(s, &upload.Error{
			Kind: upload.KindUnavailable, Step: upload.StepComplete, Message: "the worker stopped responding during the call", Arrived: upload.ArrivedMaybe,
		}, now)
	}
	if s.Next != upload.StepTransfer {
		return
	}
	s.Arrived = true
	if f.Policy.Find.By != "" {
		f.find(s, &upload.Error{
			Kind: upload.KindUnavailable, Step: upload.StepTransfer, Message: "the worker stopped responding while it was sending", Arrived: upload.ArrivedMaybe,
		}, now)
	}
}

// MustNotRepeat reports whether a call is under way, as far as the progress tells, that must
// not be made twice: made again before its answer is looked for, it may leave a
// duplicate.
func (f Flow) MustNotRepeat(s *upload.Progress) bool {
	if s.Idle || s.Session.Method == "" {
		return false
	}
	return s.Next == upload.StepComplete || s.Next == upload.StepTransfer && f.Policy.Find.By == upload.FindBySearch
}

// arrived goes on with bytes that have arrived.
func (f Flow) arrived(s *upload.Progress, now time.Time) {
	s.Arrived, s.Idle, s.SentAt, s.Cause = false, true, now, nil
	switch {
	case s.Receipt.Untold && s.Tally.Sends < f.Policy.UntoldSends:
		to(s, upload.StepTransfer, time.Time{})
	case f.Policy.Complete:
		to(s, upload.StepComplete, time.Time{})
	case len(f.Policy.Poll.Waits) > 0:
		f.poll(s, now)
	default:
		f.ready(s)
	}
}

// ready ends an item whose vendor is not asked: the answer to the bytes, or the
// session itself, names the medium.
func (f Flow) ready(s *upload.Progress) {
	s.Media = s.Session.Media
	if s.Receipt.Media != nil {
		s.Media = *s.Receipt.Media
	}
	s.Media.State = upload.StateReady
	end(s, nil)
}

// poll has the vendor asked at its pace, from now on.
func (f Flow) poll(s *upload.Progress, now time.Time) {
	to(s, upload.StepPoll, now.Add(f.Policy.Poll.Wait(1, f.Seed)))
}

// Completed takes note that the vendor has heard that all bytes have arrived.
func (f Flow) Completed(s *upload.Progress, now time.Time) {
	resetFailures(s, upload.StepComplete)
	s.Cause, s.SentAt, s.Idle, s.Over = nil, now, true, false
	f.poll(s, now)
}

// Polled takes note of what the vendor said of the bytes.
func (f Flow) Polled(s *upload.Progress, media upload.Media, now time.Time) {
	if since := s.Tally.Away[upload.TryKey(upload.StepPoll, 0)]; !since.IsZero() {
		s.Unasked += max(now.Sub(latest(since, s.UnaskedTo)), 0)
	}
	resetFailures(s, upload.StepPoll)
	s.Media = media
	settling := !s.Until.IsZero()
	switch {
	case media.State == upload.StateReady:
		end(s, nil)
	case settling && (media.State == upload.StateFailed || !now.Before(s.Until)):
		f.resume(s, now)
	case settling:
		s.NotBefore = sooner(now.Add(f.pollDelay(s)), s.Until)
	case media.State == upload.StateFailed:
		f.failed(s, media)
	case f.Policy.UnseenFor > 0 && f.Unseen(media) && now.Sub(s.SentAt) >= f.Policy.UnseenFor:
		f.unnoticed(s, media)
	case !now.Before(f.deadline(s)):
		end(s, f.timedOut(media.Seen))
	default:
		s.NotBefore = sooner(now.Add(f.pollDelay(s)), f.deadline(s))
	}
}

// pollDelay is how long to wait after a poll that was in vain.
func (f Flow) pollDelay(s *upload.Progress) time.Duration {
	return f.Policy.Poll.Wait(s.Attempts.Poll+1, f.Seed)
}

// failed goes on with a medium that the vendor failed to process.
func (f Flow) failed(s *upload.Progress, media upload.Media) {
	e := upload.Errorf(upload.KindRejected, upload.StepPoll, "processing of %s failed: %s", s.Session.ID, media.Reason)
	if s.Tally.Failed++; s.Tally.Failed > f.Policy.FailedSessions {
		if s.Tally.Failed > 1 {
			e = upload.Errorf(upload.KindRejected, upload.StepPoll, "processing of %s failed twice: %s", s.Session.ID, media.Reason)
		}
		end(s, e)
		return
	}
	s.Tally.Lost++
	f.noteAbandonedSession(s)
	renew(s, e)
}

// unnoticed goes on with bytes that the store took and the vendor does not notice.
func (f Flow) unnoticed(s *upload.Progress, media upload.Media) {
	if s.Tally.Sends < f.Policy.UnseenSends {
		s.SentAt = time.Time{}
		to(s, upload.StepTransfer, time.Time{})
		return
	}
	end(s, upload.Errorf(upload.KindTimeout, upload.StepPoll, "the vendor did not notice the file; its last status: %s", media.Seen))
}

// timedOut is the failure of a medium that was not processed in time.
func (f Flow) timedOut(seen string) *upload.Error {
	return upload.Errorf(upload.KindTimeout, upload.StepPoll, "the vendor did not process the file within %s; its last status: %s", f.Policy.Poll.Deadline, seen).
		WithHint("the vendor may still finish; check there before you send the file again, to avoid a duplicate")
}

// noteAbandonedSession notes a session that stays at the vendor, where that leaves something to
// see.
func (f Flow) noteAbandonedSession(s *upload.Progress) {
	if f.Policy.LostSessions > 0 {
		s.Note("session " + s.Session.ID + " remains at the vendor")
	}
}

// Found takes note of what a search found.
func (f Flow) Found(s *upload.Progress, found upload.Settled, now time.Time) {
	resetFailures(s, upload.StepFind)
	s.Note(found.Note)
	switch {
	case found.Doubt != "":
		end(s, unconfirmed(s.Cause, found.Doubt))
	case found.Media != nil:
		s.Media = *found.Media
		s.Media.State = upload.StateReady
		end(s, nil)
	case found.Arrived && ofCompletion(s.Cause):
		s.Tally.Finds = 0
		f.Completed(s, now)
	case found.Arrived:
		s.Tally.Finds = 0
		s.Tally.Sends++
		resetFailures(s, upload.StepTransfer)
		f.arrived(s, now)
	default:
		f.foundNothing(s, found, now)
	}
}

// foundNothing searches once more, or goes on knowing that nothing arrived.
func (f Flow) foundNothing(s *upload.Progress, found upload.Settled, now time.Time) {
	if s.Tally.Finds++; s.Tally.Finds < len(f.Policy.Find.Waits) {
		s.NotBefore = now.Add(f.Policy.Find.Waits[s.Tally.Finds])
		return
	}
	s.Tally.Finds, s.Stored = 0, found.Stored
	f.resume(s, now)
}

// resume goes on where an item was before it was searched for.
func (f Flow) resume(s *upload.Progress, now time.Time) {
	cause := s.Cause
	s.Until = time.Time{}
	switch {
	case cause == nil:
		to(s, upload.StepTransfer, time.Time{})
	case s.Over:
		end(s, cause)
	case cause.Kind == upload.KindExpired:
		renew(s, cause)
	case ofCompletion(cause):
		f.completeAgain(s, cause, now)
	default:
		to(s, upload.StepTransfer, now.Add(f.rest(s, upload.TryKey(upload.StepTransfer, 0), cause)))
	}
}

// completeAgain tells the vendor once more that all bytes have arrived. What it
// lacks by its own list is sent again before that.
func (f Flow) completeAgain(s *upload.Progress, cause *upload.Error, now time.Time) {
	switch {
	case cause.Kind != upload.KindRejected:
		to(s, upload.StepComplete, now.Add(f.rest(s, upload.TryKey(upload.StepComplete, 0), cause)))
	case s.Tally.Refused > 1:
		f.lose(s, cause)
	default:
		to(s, upload.StepTransfer, time.Time{}) // whoever sends parts sends those that are not stored
	}
}

func ofCompletion(cause *upload.Error) bool {
	return cause != nil && cause.Step == upload.StepComplete
}

// unconfirmed is the end of a search that could not tell.
func unconfirmed(lost *upload.Error, doubt string) *upload.Error {
	if lost == nil {
		lost = &upload.Error{Message: "the vendor's answer was lost"}
	}
	e := upload.Errorf(upload.KindUnconfirmed, upload.StepTransfer, "%s; %s", lost.Message, doubt)
	e.Status, e.RequestID = lost.Status, lost.RequestID
	return e
}

// resetFailures clears what was counted while the other side of a step did not answer.
func resetFailures(s *upload.Progress, step upload.Step) {
	key := upload.TryKey(step, 0)
	delete(s.Tally.Away, key)
	delete(s.Tally.Misses, key)
	delete(s.Tally.Strange, key)
	s.Tally.Throttled = 0
	s.Waiting = nil
}

func sooner(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
