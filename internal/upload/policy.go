package upload

import "time"

// Policy is what a vendor's uploads vary in, as data: the twelve facts by which
// the steps of an upload follow each other, and the times that belong to them. It
// holds no account's settings and no secret. A vendor's package states it once,
// each fact with its source; everything that acts on it is in package flow.
type Policy struct {
	// Bytes is how the vendor, or its store, takes the medium.
	Bytes Bytes `json:"bytes"`
	// Find says how bytes are found whose answer was lost, before they are sent to
	// the same session again. Its zero value: sending them again overwrites what is
	// there, and needs no search.
	Find Find `json:"find,omitzero"`
	// Settle says what an old session is asked before another one is opened, where
	// its bytes may have arrived: two sessions with bytes are two media.
	Settle Settling `json:"settle,omitempty"`
	// SettleFor is how long SettlePoll asks.
	SettleFor time.Duration `json:"settle_for,omitempty"`
	// Complete says that the vendor must be told when all bytes have arrived. The
	// session is looked at before it is told again; what it lacks is sent again, and
	// a second refusal costs the session.
	Complete bool `json:"complete,omitempty"`
	// Poll is how often the vendor is asked what became of the bytes, and for how
	// long; without Waits it is not asked, and the medium is ready when its bytes
	// have arrived.
	Poll Schedule `json:"poll,omitzero"`
	// LastPollByName asks by the session's second name once the time for processing
	// is over.
	LastPollByName bool `json:"last_poll_by_name,omitempty"`
	// Unseen are the vendor's words for a session whose bytes it has not noticed.
	Unseen []string `json:"unseen,omitempty"`
	// UnseenSends is how often bytes are sent in all that the store took and the
	// vendor does not notice within UnseenFor; 0: there is no such thing.
	UnseenSends int           `json:"unseen_sends,omitempty"`
	UnseenFor   time.Duration `json:"unseen_for,omitempty"`
	// UntoldSends is how often bytes are sent in all that are stored, while the store
	// could not tell the vendor so.
	UntoldSends int `json:"untold_sends,omitempty"`
	// FailedSessions is how many further sessions a medium is worth that the vendor
	// failed to process.
	FailedSessions int `json:"failed_sessions,omitempty"`
	// LostSessions is how many sessions may be lost in all; 0: as many as may expire.
	LostSessions int `json:"lost_sessions,omitempty"`
	// Variant is a refusal of the bytes that a session of another kind avoids.
	Variant Variant `json:"variant,omitzero"`
}

// Bytes is how a medium is taken.
type Bytes string

// The ways in which a medium is taken.
const (
	BytesPut        Bytes = "put"         // one PUT to a signed URL
	BytesForm       Bytes = "form"        // one form POST to a store
	BytesVendorForm Bytes = "vendor form" // one form POST to the vendor itself
	BytesParts      Bytes = "parts"       // a PUT for each part
)

// Find is how bytes are found whose answer was lost.
type Find struct {
	By FindBy `json:"by,omitempty"`
	// Waits are the pauses before the first search, the second, and so on; when all
	// have found nothing, the bytes did not arrive.
	Waits []time.Duration `json:"waits,omitempty"`
}

// FindBy is by what bytes are found.
type FindBy string

// The ways of finding bytes.
const (
	FindByPoll   FindBy = "poll"   // the session says whether it has noticed them
	FindBySearch FindBy = "search" // the vendor lists what it has, and ours is looked for
)

// Settling is what an old session is asked before another is opened.
type Settling string

// The ways of settling an old session. The empty one asks nothing.
const (
	SettlePoll  Settling = "poll"  // poll it for a while: its medium may appear
	SettleFind  Settling = "find"  // look for its bytes as after a lost answer
	SettleAdopt Settling = "adopt" // a part that the vendor lists with our ETag has arrived
)

// Variant is a refusal that names what to leave out of the next session.
type Variant struct {
	Code  string `json:"code,omitempty"`  // of the refusal
	Says  string `json:"says,omitempty"`  // in its message, in lower case
	Field string `json:"field,omitempty"` // of the form; a session that still has it avoids nothing
}
