package upload

import (
	"fmt"
	"time"
)

// Progress is how far an item is: all that its next step needs to know. The
// activity that made a step saves it, sealed, in the ledger before it returns: it
// holds signed URLs. Every other copy, a workflow's too, gives way to a newer one.
type Progress struct {
	// Version counts the saves of an item's progress. A copy with a lower one is old.
	Version int64 `json:"version,omitempty"`
	// Attempt is at which attempt of an activity it was saved, while that goes on; 0
	// between two steps.
	Attempt int `json:"attempt,omitempty"`
	// Next is the step that comes next; empty before the session is opened.
	Next Step `json:"next,omitempty"`

	Content Content `json:"content"`
	Session Session `json:"session"`
	// Idle says that nothing is on its way to the session: whatever was sent has
	// been answered. Progress that is not idle and whose worker died must take its
	// bytes for possibly arrived.
	Idle bool `json:"idle,omitempty"`
	// Arrived says that the session may hold the whole medium although no answer
	// said so.
	Arrived bool `json:"arrived,omitempty"`
	// Expired says that the session ran out or was lost, and is only kept for the
	// prepare that replaces it.
	Expired bool `json:"expired,omitempty"`
	// SentAt is when the last byte was acknowledged; zero before that.
	SentAt time.Time `json:"sent_at,omitzero"`
	// Receipt is what the store acknowledged.
	Receipt Receipt `json:"receipt,omitzero"`
	// Stored are the parts that the vendor lists, of a session whose completion it
	// refused.
	Stored []StoredPart `json:"stored,omitempty"`
	// Media is what the vendor made of the bytes, as far as it said.
	Media Media `json:"media,omitzero"`

	// NotBefore is when the next step may be made; zero: at once.
	NotBefore time.Time `json:"not_before,omitzero"`
	// Cause is the failure that led to the next step: the lost answer that is being
	// looked for, the refusal that another session avoids, or how the item ended.
	Cause *Error `json:"cause,omitempty"`
	// Until is when a search for the bytes of an old session ends.
	Until time.Time `json:"until,omitzero"`
	// Over says that the item ends with Cause where that search finds nothing.
	Over bool `json:"over,omitempty"`
	// Unasked is for how long the vendor could not be asked since SentAt.
	Unasked time.Duration `json:"unasked,omitempty"`
	// UnaskedTo is until when outages are in Unasked.
	UnaskedTo time.Time `json:"unasked_to,omitzero"`
	// Lenient believes a receipt whose ETag differs from the MD5 of the bytes.
	Lenient bool `json:"lenient,omitempty"`
	// Variant is the code of the refusal that the next session must avoid.
	Variant string `json:"variant,omitempty"`

	// Waiting is what keeps the next step from being made again at once; nil where
	// nothing does.
	Waiting *Wait `json:"waiting,omitempty"`

	Attempts  Attempts `json:"attempts,omitzero"`
	BytesSent int64    `json:"bytes_sent,omitempty"` // of the medium, repeats included
	Tally     Tally    `json:"tally,omitzero"`
	// Repeated counts what was repeated, by cause.
	Repeated map[string]int `json:"repeated,omitempty"`
	Notes    []string       `json:"notes,omitempty"` // what a person should know
}

// Wait is why a call is to be made again, and when.
type Wait struct {
	Step  Step      `json:"step"`
	Last  Error     `json:"last"`              // what the last call failed with
	Since time.Time `json:"since"`             // when the first of these calls failed
	Next  time.Time `json:"next_try,omitzero"` // when the next one is due; zero where a person decides that
	Tries int       `json:"tries"`             // calls that failed since, one after the other
}

// Again counts a repetition.
func (p *Progress) Again(cause string) {
	if p.Repeated == nil {
		p.Repeated = map[string]int{}
	}
	p.Repeated[cause]++
}

// Tally counts what an item has been through, against what its policy allows.
type Tally struct {
	// Tries are how many calls of a step were answered with a failure that may
	// still pass, by TryKey.
	Tries map[string]int `json:"tries,omitempty"`
	// Away is since when the other side of a step has not answered, without a
	// success between, and Misses how often it was tried meanwhile, by TryKey.
	Away   map[string]time.Time `json:"away,omitempty"`
	Misses map[string]int       `json:"misses,omitempty"`
	// Strange is since when somebody else seems to have spoken for the other side of a
	// step, by TryKey.
	Strange map[string]time.Time `json:"strange,omitempty"`
	// Seen are the failures that were worth exactly one more try.
	Seen map[string]bool `json:"seen,omitempty"`
	// Throttled counts refusals for speed since the last success.
	Throttled int `json:"throttled,omitempty"`

	Expired int `json:"expired,omitempty"` // sessions that ran out
	Early   int `json:"early,omitempty"`   // of these, in a row, before anything was sent to them
	Lost    int `json:"lost,omitempty"`    // sessions that were lost
	Failed  int `json:"failed,omitempty"`  // sessions whose medium the vendor failed to process
	Sends   int `json:"sends,omitempty"`   // to this session, that arrived
	Finds   int `json:"finds,omitempty"`   // searches for the bytes of a lost answer
	Refused int `json:"refused,omitempty"` // completions of this session that were refused
}

// TryKey is under what the tries of a step are counted. Each part of a session in
// parts has tries of its own; part is 0 for what is no part.
func TryKey(step Step, part int) string { return fmt.Sprintf("%s %d", step, part) }

// Note adds what a person should know, once.
func (p *Progress) Note(text string) {
	if text == "" {
		return
	}
	for _, said := range p.Notes {
		if said == text {
			return
		}
	}
	p.Notes = append(p.Notes, text)
}

// Leaves says in words what is left at the vendor of an item that is canceled
// here; empty where nothing is.
func (p *Progress) Leaves() string {
	switch {
	case !p.SentAt.IsZero() && p.Session.ID != "":
		return "the bytes of session " + p.Session.ID + " were sent, and the vendor may still process them"
	case !p.SentAt.IsZero():
		return "its bytes were sent, and the vendor may still process them"
	case p.Session.ID != "":
		return "session " + p.Session.ID + " stays at the vendor until it expires"
	}
	return ""
}

// At is the step that comes next, by the name that failures have for it.
func (p *Progress) At() Step {
	if p.Next == "" {
		return StepPrepare
	}
	return p.Next
}

// State is where an item is whose progress this is; empty where it has ended, or
// stays where it is.
func (p *Progress) State() State {
	switch p.Next {
	case "", StepPrepare:
		return StatePreparing
	case StepTransfer:
		return StateTransferring
	case StepComplete:
		return StateCompleting
	case StepPoll:
		return StateProcessing
	}
	return ""
}
