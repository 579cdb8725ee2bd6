package upload

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind says what sort of failure stopped a step. Programs decide on the kind,
// never on the text. Kinds are stored and printed: their names do not change.
type Kind string

// The kinds.
const (
	KindInvalid     Kind = "invalid"     // refused before any request
	KindMissing     Kind = "missing"     // the source is gone, or changed under way
	KindRejected    Kind = "rejected"    // the vendor refused it for good, or failed to process it
	KindDenied      Kind = "denied"      // the account cannot go on
	KindThrottled   Kind = "throttled"   // too fast; counts as no attempt
	KindUnavailable Kind = "unavailable" // 5xx, reset, timeout; may pass
	KindExpired     Kind = "expired"     // the session, or its URL, ran out
	KindCorrupt     Kind = "corrupt"     // bytes or checksum differ
	KindTimeout     Kind = "timeout"     // the vendor never finished processing
	KindUnconfirmed Kind = "unconfirmed" // the answer was lost and cannot be found out
	KindSuperseded  Kind = "superseded"  // another run of the item goes on, or has ended it: this one sends nothing more
	KindInternal    Kind = "internal"    // a fault of ours
)

// Kinds lists all kinds.
func Kinds() []Kind {
	return []Kind{
		KindInvalid, KindMissing, KindRejected, KindDenied, KindThrottled, KindUnavailable,
		KindExpired, KindCorrupt, KindTimeout, KindUnconfirmed, KindSuperseded, KindInternal,
	}
}

// Codes of trouble with the network, which says nothing about the vendor or its store:
// such calls are repeated until patience is over.
const (
	CodeOffline = "offline" // there was no way to the other side, so nothing was sent
	CodeReset   = "reset"   // the connection ended in the middle
	CodeNoName  = "no-name" // the name of the host is not known
	CodeProxy   = "proxy"   // a proxy, or the way to it, failed before anything was sent
)

// CodeSpent marks a session or a URL of which too little was left to use it, so
// that nothing was sent.
const CodeSpent = "spent"

// CodeQueued marks a session that ran out while it waited for a worker: nothing
// went wrong with it.
const CodeQueued = "queued"

// CodeUnsigned marks a part for which the vendor hands out no URL, although the
// session lives: perhaps because its bytes are there.
const CodeUnsigned = "unsigned"

// CodeSlowDown is what S3 says of too many requests at once.
const CodeSlowDown = "SlowDown"

// Step is the part of an upload in which something happened.
type Step string

// The steps.
const (
	StepClaim    Step = "claim"
	StepPrepare  Step = "prepare"
	StepTransfer Step = "transfer"
	StepComplete Step = "complete"
	StepPoll     Step = "poll"
)

// Steps that only an item's progress knows. No failure names one.
const (
	StepFind Step = "find" // find out what became of a call whose answer was lost
	StepEnd  Step = "end"
)

// Arrival is how much of a body may have reached the other side when a call
// went wrong.
type Arrival string

// The arrivals. The empty one means that nothing is known, and must be taken
// for ArrivedMaybe.
const (
	ArrivedNothing Arrival = "nothing" // no byte of the body was sent, or the answer says that nothing was kept
	ArrivedSome    Arrival = "some"    // the body was cut short
	ArrivedMaybe   Arrival = "maybe"   // the whole body was sent, and no answer came
)

// Peer is who is on the other side of a call.
type Peer string

// The peers. An account's vendor, login and store may be out of order one without the
// other, also where they share a host.
const (
	PeerVendor Peer = "vendor" // the vendor's own API
	PeerLogin  Peer = "login"  // where the account's tokens come from
	PeerStore  Peer = "store"  // the object store that the vendor hands out
	PeerSource Peer = "source" // where the bytes are read from
	PeerLedger Peer = "ledger" // our own database
)

// OutageAfter is after how many failures in a row, with no success between, a peer of
// an account is out of order: one item at a time makes calls, and all others wait.
const OutageAfter = 3

// Error is a failure that somebody has understood. It travels through
// histories, so it holds no secret: whoever makes one has redacted its texts.
type Error struct {
	Kind    Kind   `json:"kind"`
	Step    Step   `json:"step,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"` // what to try next
	Peer    Peer   `json:"peer,omitempty"` // who failed to answer, where that is known

	Status    int    `json:"http_status,omitempty"`
	Code      string `json:"code,omitempty"`       // the vendor's or the store's own code
	RequestID string `json:"request_id,omitempty"` // the vendor's name for the request

	// RetryAfter is the least time to wait, as the other side asked; 0 where it
	// asked nothing.
	RetryAfter time.Duration `json:"retry_after,omitempty"`
	// Then is the kind that the failure has when it comes a second time: some
	// answers are worth exactly one more try. Of a failure that Lingers, it is the kind
	// that it has when it still comes after StrangeFor.
	Then Kind `json:"then,omitempty"`
	// Strange says that not the other side itself has spoken, as far as can be told:
	// a firewall, a proxy, a portal. It may pass, but not for as long as an outage; see
	// Lingers.
	Strange bool `json:"strange,omitempty"`
	// Lacks names the fields that an answer of success lacks. Two such answers are the
	// same failure only if they lack the same.
	Lacks string `json:"lacks,omitempty"`
	// Lost says that the whole session is gone, and not only a URL of it.
	Lost bool `json:"lost,omitempty"`
	// Paused says that no call was made, because the account is paused.
	Paused  bool    `json:"paused,omitempty"`
	Arrived Arrival `json:"arrived,omitempty"`
	// Receipt is what was sent, where the failure came after that.
	Receipt *Receipt `json:"receipt,omitempty"`

	err error
}

// StrangeFor is for how long a failure that Lingers is taken for one that may pass.
const StrangeFor = 10 * time.Minute

// Lingers reports whether a failure is taken for one that may pass for StrangeFor. One
// that is strange, but about the size of the request, is tried once more only: each try
// sends all of it for nothing.
func (e *Error) Lingers() bool {
	const tooLarge, fieldsTooLarge = 413, 431
	return e.Strange && e.Then != "" && e.Status != tooLarge && e.Status != fieldsTooLarge
}

// MayHaveArrived reports whether the work of the call may have been done all the
// same: nobody answered, and all of it was sent. What was answered, even with a
// complaint about the bytes, was heard.
func (e *Error) MayHaveArrived() bool {
	switch e.Arrived {
	case ArrivedNothing, ArrivedSome:
		return false
	case ArrivedMaybe:
		return true
	}
	return e.Kind == KindUnavailable || e.Kind == KindInternal
}

// Errorf makes an error of a kind. A %w in the format keeps its cause for
// errors.Is within this process.
func Errorf(kind Kind, step Step, format string, args ...any) *Error {
	wrapped := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Step: step, Message: wrapped.Error(), err: errors.Unwrap(wrapped)}
}

// WithHint adds what to try next.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// Error is one line: step, message, and the other side's name for the request.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Step != "" {
		b.WriteString(string(e.Step) + ": ")
	}
	b.WriteString(e.Message)
	if e.RequestID != "" {
		b.WriteString(" (request " + e.RequestID + ")")
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.err }

// Denies reports whether the vendor denied the account: not where no call was made,
// because the account is paused already.
func (e *Error) Denies() bool { return e.Kind == KindDenied && !e.Paused }

// Unmade reports whether no call was made, so that the failure says nothing of the other
// side.
func (e *Error) Unmade() bool { return e.Paused || e.Code == CodeSpent || e.Code == CodeQueued }

// Unsettled reports whether nobody could find out what became of a call.
func (e *Error) Unsettled() bool { return e.Kind == KindUnconfirmed }

// MayPass reports whether the failure says nothing for good: nobody answered, or a
// session ran out.
func (e *Error) MayPass() bool { return e.Kind == KindUnavailable || e.Kind == KindExpired }

// Cause is the one word for why something is repeated: the other side's own code
// where it has one, else what kind of failure it is.
func (e *Error) Cause() string {
	if e.Kind == KindExpired || e.Kind == KindCorrupt || e.Code == "" {
		return string(e.Kind)
	}
	return e.Code
}

// KindOf returns the kind of an error, KindInternal for one that nobody
// understood, and "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}

// AsError returns err as an *Error; one that nobody understood becomes
// KindInternal at the given step.
func AsError(err error, step Step) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: KindInternal, Step: step, Message: err.Error(), err: err}
}
