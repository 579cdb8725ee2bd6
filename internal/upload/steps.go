package upload

import "time"

// TaskQueue is the queue of all workflows and of every activity that any worker
// can do.
const TaskQueue = "mediaferry"

// Names of activities, queries and updates.
const (
	ActivityClaim         = "Claim"
	ActivityPrepare       = "Prepare"
	ActivityTransfer      = "Transfer"
	ActivitySendPart      = "SendPart"
	ActivitySignParts     = "SignParts"
	ActivityComplete      = "Complete"
	ActivityPoll          = "Poll"
	ActivityFind          = "Find"
	ActivityInspect       = "Inspect"
	ActivityDigest        = "Digest"
	ActivityRecord        = "Record"
	ActivityAwaitRun      = "AwaitRun"
	ActivityAcquireSerial = "AcquireSerial"
	ActivityReleaseSerial = "ReleaseSerial"
	ActivityHere          = "Here"
	ActivityProve         = "Prove"
	ActivityMarkPaused    = "MarkPaused"

	QueryStatus  = "status"
	UpdateDecide = "decide"
	// UpdateMove sends an upload's source elsewhere; see Move.
	UpdateMove = "move"
	// SignalPause and SignalResume carry nothing, so that Temporal's own UI and
	// command line can send them as they are.
	SignalPause  = "pause"
	SignalResume = "resume"
	// SignalMore tells a batch that the ledger has more rows for it.
	SignalMore = "more"
)

// Claimed is the answer to a claim.
type Claimed struct {
	// Progress holds the content, and what was done for the item before.
	Progress Progress `json:"progress"`
	Terms    Terms    `json:"terms"`
	// Known is the result of an earlier run, where there is nothing left to do.
	Known *Result `json:"known,omitempty"`
	// Refused says why the identity could not be claimed; what is recorded
	// under it belongs to another run and stays as it is.
	Refused *Error `json:"refused,omitempty"`
}

// Terms is what an upload's workflow needs to know of the vendor's habits and of the
// account's settings. Claim fixes it for the whole upload.
type Terms struct {
	Policy    Policy        `json:"policy"`
	Patience  time.Duration `json:"patience"`             // for how long an outage is waited out
	Plan      Plan          `json:"plan,omitzero"`        // of a session in parts
	Parallel  int           `json:"parallel,omitzero"`    // parts in flight at first
	Rate      float64       `json:"rate,omitempty"`       // bytes per second that the account took of late; 0: not known
	SerialKey string        `json:"serial_key,omitempty"` // what must be held before the bytes are sent
	Last      bool          `json:"last,omitempty"`       // take the serial key after all others that want it
}

// FailureEnded is the type of the failure by which an activity says that the item has
// ended already. Its detail is the Result, with which the workflow ends, too.
const FailureEnded = "ended"

// FailureLedger is the type of the failure of an activity that comes back because the
// ledger is out of reach.
const FailureLedger = "ledger"

// Prepare is the input of the activity of that name.
type Prepare struct {
	Item    Item    `json:"item"`
	Content Content `json:"content"`
	Plan    Plan    `json:"plan,omitzero"`
	// Previous is the session that this one replaces, where there was one, and
	// Because the code of the failure that ended it.
	Previous *Session `json:"previous,omitempty"`
	Because  string   `json:"because,omitempty"`
}

// Advance is the input of the activities that make one step of an item: Prepare,
// Transfer, Find, Complete and Poll. Each returns the progress that follows, and
// saves it before that.
type Advance struct {
	Item     Item     `json:"item"`
	Progress Progress `json:"progress"`
	Plan     Plan     `json:"plan,omitzero"`   // of a session in parts
	Parts    []Part   `json:"parts,omitempty"` // that the store acknowledged, for a completion
	// Reload says that the copy may be old: a step with it was given up, and may have
	// saved more.
	Reload bool `json:"reload,omitempty"`
}

// Inspect is the input of the activity of that name: what does the vendor know of a
// session in parts?
type Inspect struct {
	Item    Item    `json:"item"`
	Content Content `json:"content"`
	Session Session `json:"session"`
}

// SendPart is the input of the activity of that name.
type SendPart struct {
	Item    Item              `json:"item"`
	Content Content           `json:"content"`
	Part    PartURL           `json:"part"`
	Offset  int64             `json:"offset"`
	Size    int64             `json:"size"`
	Header  map[string]string `json:"header,omitempty"`
	Life    time.Duration     `json:"life,omitempty"`
	Lenient bool              `json:"lenient,omitempty"`
	Before  int64             `json:"before,omitempty"` // bytes that the upload had sent before, for those who watch
	// Slowed says that the store asked for fewer parts at once, and was heard: the
	// call is repeated by itself from then on.
	Slowed bool `json:"slowed,omitempty"`
	// Session is the session's ID, under which parts are kept.
	Session string `json:"session,omitempty"`
	// Stored, where set, is the ETag under which the vendor lists the part: then
	// nothing is sent, but the source's bytes are held against it.
	Stored string `json:"stored,omitempty"`
	// Version is that of the progress that the workflow knows.
	Version int64 `json:"version,omitempty"`
}

// SignParts is the input of the activity of that name: URLs are wanted for
// these parts, none of which the store has.
type SignParts struct {
	Item    Item   `json:"item"`
	Session string `json:"session"`
	Parts   []int  `json:"parts"`
	// Open counts the parts that the store has not acknowledged, up to the
	// highest in Parts.
	Open int `json:"open"`
}

// Complete is the input of the activity of that name.
type Complete struct {
	Item    Item   `json:"item"`
	Session string `json:"session"`
	Parts   []Part `json:"parts"`
}

// Poll is the input of the activity of that name.
type Poll struct {
	Item    Item    `json:"item"`
	Content Content `json:"content"`
	Session Session `json:"session"`
	// ByName asks by the session's second name.
	ByName bool `json:"by_name,omitempty"`
	// Since is when the last byte was sent.
	Since time.Time `json:"since,omitzero"`
}

// Settle is the input of the activity of that name: find out whether a call
// whose answer was lost made a medium.
type Settle struct {
	Item    Item    `json:"item"`
	Content Content `json:"content"`
	Session Session `json:"session"`
}

// Settled is what was found. Exactly one of these holds: Media is the medium;
// Clean says that there is none; Doubt says in words why it cannot be told.
type Settled struct {
	Media *Media `json:"media,omitempty"`
	Clean bool   `json:"clean,omitempty"`
	// Arrived says that the vendor has noticed the bytes, or heard of their
	// completion, and Stored which parts it lists otherwise.
	Arrived bool         `json:"arrived,omitempty"`
	Stored  []StoredPart `json:"stored,omitempty"`

	Doubt string `json:"doubt,omitempty"`
	Note  string `json:"note,omitempty"`
}

// Digest is the answer of the activity of that name: checksums of a whole
// source that was sent in parts.
type Digest struct {
	SHA256 string `json:"sha256"`
	CRC64  string `json:"crc64"`
}

// SerialRequest is the input of AcquireSerial and ReleaseSerial.
type SerialRequest struct {
	Key      string `json:"key"`
	UploadID string `json:"upload_id"`
	RunID    string `json:"run_id"`
	Last     bool   `json:"last,omitempty"`
}

// Move is a person's word that a source is to be read on another host, or in
// another place: the same bytes, which is proved before anything goes on. The
// update is answered with a text: by what it was proved.
type Move struct {
	Queue  string `json:"queue"`
	Host   string `json:"host"`
	Source string `json:"source"` // canonical
	By     string `json:"by"`
}

// Prove is the input of the activity of that name: hold a source against what
// was sent from another place.
type Prove struct {
	Item    Item    `json:"item"`    // with the new source
	Content Content `json:"content"` // of the old one
	Parts   []Part  `json:"parts"`   // that the store acknowledged
}

// Proved is the answer to Prove, where the source holds the same bytes.
type Proved struct {
	Fingerprint string `json:"fingerprint"` // of the new source
	By          string `json:"by"`          // what was compared, in words
}

// PauseUpdate is the input of MarkPaused.
type PauseUpdate struct {
	Item   Item  `json:"item"`
	State  State `json:"state"`
	Paused bool  `json:"paused"`
}

// Decision is a person's word on an upload that is unconfirmed.
type Decision struct {
	Verdict Verdict `json:"verdict"`
	Because string  `json:"because"`
	By      string  `json:"by"`
}

// Verdict is what a person decided.
type Verdict string

// The verdicts.
const (
	VerdictReady Verdict = "ready" // the medium is there
	VerdictRetry Verdict = "retry" // it is not: send it again
	VerdictFail  Verdict = "fail"  // give it up
)

// Status is the answer to QueryStatus.
type Status struct {
	Result Result `json:"result"`
	// Waiting says in words what the upload waits for; empty while it works.
	Waiting string `json:"waiting,omitempty"`
	// Parts and PartsDone count a multipart session's parts.
	Parts     int   `json:"parts,omitempty"`
	PartsDone int   `json:"parts_done,omitempty"`
	BytesDone int64 `json:"bytes_done,omitempty"`
	// ExpiresAt is when the URL in use runs out.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// PartSize is that of all parts but the last, in bytes.
	PartSize int64 `json:"part_size,omitempty"`
	// Speed is bytes per second over the last parts; before the first one, what
	// the account took of late; 0: not known. LeftSeconds is how long the rest
	// takes at that speed.
	Speed       float64 `json:"speed,omitempty"`
	LeftSeconds float64 `json:"left_seconds,omitempty"`
	// Retries counts what was repeated, by cause: a code of the store's, or what
	// kind of failure it was.
	Retries map[string]int `json:"retries,omitempty"`
	// Width is how many parts may be in flight, and InFlight how many are.
	Width    int `json:"width,omitempty"`
	InFlight int `json:"in_flight,omitempty"`
	// Paused says that a person paused the upload.
	Paused bool `json:"paused,omitempty"`
}

// Heartbeat is what a transfer's heartbeat tells. It also is what one attempt of
// a transfer leaves to the next one.
type Heartbeat struct {
	Sent  int64  `json:"sent"` // bytes of this attempt
	Size  int64  `json:"size"`
	Words string `json:"words,omitempty"` // how far a shard is, for people

	Wasted  int64          `json:"wasted,omitempty"`  // bytes of the attempts before
	Cuts    int            `json:"cuts,omitempty"`    // connections that ended in the middle
	Retries map[string]int `json:"retries,omitempty"` // because of the line, by code

	// Away is since when the attempts got no answer, one after the other, and Strange
	// since when somebody else seems to have spoken; zero where the last one did not.
	Away    time.Time `json:"away,omitzero"`
	Strange time.Time `json:"strange,omitzero"`
	// Again says that an attempt failed with what is worth exactly one more.
	Again bool `json:"again,omitempty"`
}

// Record is the input of the activity of that name: how an item ended.
type Record struct {
	Item        Item   `json:"item"`
	Result      Result `json:"result"`
	Fingerprint string `json:"fingerprint,omitempty"` // of the content that was sent
	RunID       string `json:"run_id"`                // of the workflow that sent it
	Handle      Handle `json:"handle,omitzero"`       // of the session that the medium came from
	// SerialKey and Last are what an item that is only announced will have to acquire,
	// so that those that go last know of it; see SerialRequest.
	SerialKey string `json:"serial_key,omitempty"`
	Last      bool   `json:"last,omitempty"`
}

// Recorded is the result of the activity Record.
type Recorded struct {
	// Known is how the item has ended already, where that is why the record does not
	// count: the run ends so, too.
	Known *Result `json:"known,omitempty"`
}
