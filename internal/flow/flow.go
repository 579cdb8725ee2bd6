// Package flow decides what an upload does next, and what a failure means for it.
// Both are pure functions of a vendor's policy, the item's progress and what
// happened: the same for a single item and for a row of a shard, in a workflow, in
// an activity and in a test.
//
// It imports the vocabulary only. It makes no call, reads no clock, waits for
// nothing and keeps nothing; whoever drives an item does, and saves the progress
// that comes out.
package flow

import (
	"slices"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Flow is the way of one item.
type Flow struct {
	Policy upload.Policy
	// Patience is for how long an outage is waited out; 0: not at all.
	Patience time.Duration
	// Seed spreads the waits of different items: their upload ID.
	Seed string
}

// Do is one thing to do for an item.
type Do string

// What there is to do.
const (
	DoPrepare   Do = "prepare"    // open a session
	DoSend      Do = "send"       // send the whole medium to it
	DoSendParts Do = "send parts" // send the parts that it lacks
	DoFind      Do = "find"       // find out whether a call whose answer was lost did its work
	DoComplete  Do = "complete"   // tell the vendor that all bytes have arrived
	DoPoll      Do = "poll"       // ask what became of the bytes
	DoEnd       Do = "end"        // record how the item ended
)

// Acts reports whether something has effects at the vendor, so that only the run that
// holds the item may do it.
func Acts(do Do) bool {
	return do == DoPrepare || do == DoSend || do == DoSendParts || do == DoComplete
}

// Action is the next thing to do.
type Action struct {
	Do Do
	At time.Time // not before; zero: at once
	// Last says that a poll is the last one, and ByName that it asks by the session's
	// second name.
	Last, ByName bool
}

// Next is what comes next for an item.
func (f Flow) Next(s *upload.Progress) Action {
	a := Action{At: s.NotBefore}
	switch s.Next {
	case upload.StepTransfer:
		a.Do = DoSend
		if f.Policy.Bytes == upload.BytesParts {
			a.Do = DoSendParts
		}
	case upload.StepFind:
		a.Do = DoFind
	case upload.StepComplete:
		a.Do = DoComplete
	case upload.StepPoll:
		a.Do = DoPoll
		if end := f.deadline(s); s.Until.IsZero() && !s.NotBefore.Before(end) {
			a.Last = true
			a.ByName = f.Policy.LastPollByName && s.Session.FileName != ""
		}
	case upload.StepEnd:
		a.Do = DoEnd
	default:
		a.Do = DoPrepare
	}
	return a
}

// deadline is when the time for processing is over. Time in which the vendor could
// not be asked does not count.
func (f Flow) deadline(s *upload.Progress) time.Time {
	return s.SentAt.Add(f.Policy.Poll.Deadline + s.Unasked)
}

// Unseen reports whether the vendor has not noticed the bytes of a session.
func (f Flow) Unseen(m upload.Media) bool {
	return slices.ContainsFunc(f.Policy.Unseen, func(word string) bool { return strings.EqualFold(word, m.Seen) })
}

// to moves an item on to a step, not before a moment.
func to(s *upload.Progress, step upload.Step, at time.Time) {
	s.Next, s.NotBefore, s.Waiting = step, at, nil
}

// end ends an item: with a failure, or ready where there is none.
func end(s *upload.Progress, cause *upload.Error) {
	to(s, upload.StepEnd, time.Time{})
	s.Cause, s.Until, s.Over = cause, time.Time{}, false
}

// renew has another session opened in place of the one that there is.
func renew(s *upload.Progress, cause *upload.Error) {
	if at := slices.Index(s.Notes, continued(s.Session.ID)); at >= 0 {
		s.Notes[at] = "started over, because session " + s.Session.ID + " of an earlier run could not be continued"
	}
	to(s, upload.StepPrepare, time.Time{})
	s.Cause, s.Until, s.Over, s.Expired, s.Idle = cause, time.Time{}, false, true, true
}
