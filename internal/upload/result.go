package upload

import (
	"encoding/json"
	"time"
)

// Way says how an item travelled.
type Way string

// The ways.
const (
	WayOwn    Way = "own"    // in a workflow of its own
	WayPacked Way = "packed" // with others in the workflow of a shard
)

// Text is a string that is null in JSON while it is empty.
type Text string

// MarshalJSON writes null for the empty text.
func (t Text) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(t))
}

// Number is a whole number that is null in JSON while it is zero.
type Number int64

// MarshalJSON writes null for zero.
func (n Number) MarshalJSON() ([]byte, error) {
	if n == 0 {
		return []byte("null"), nil
	}
	return json.Marshal(int64(n))
}

// Moment is a time that is null in JSON while it is none.
type Moment struct{ time.Time }

// MarshalJSON writes null for no time.
func (m Moment) MarshalJSON() ([]byte, error) {
	if m.IsZero() {
		return []byte("null"), nil
	}
	return m.Time.MarshalJSON()
}

// Attempts counts the calls of each step. A call that was throttled does not
// count.
type Attempts struct {
	Prepare  int `json:"prepare"`
	Transfer int `json:"transfer"`
	Complete int `json:"complete"`
	Poll     int `json:"poll"`
}

// Add counts n more calls of a step.
func (a *Attempts) Add(step Step, n int) {
	switch step {
	case StepPrepare:
		a.Prepare += n
	case StepTransfer:
		a.Transfer += n
	case StepComplete:
		a.Complete += n
	case StepPoll, StepFind:
		a.Poll += n
	}
}

// Result is what is known of an item: while it runs, and when it has ended. Its
// JSON is the line of `upload --json` and of a batch's report; the names of its
// fields are stable.
type Result struct {
	UploadID string `json:"upload_id"`
	Item     string `json:"item"`
	Batch    Text   `json:"batch"`
	Line     Number `json:"line"`
	To       string `json:"to"`
	Vendor   Text   `json:"vendor"` // null where the account is unknown
	Source   string `json:"source"` // without query
	State    State  `json:"state"`
	Paused   bool   `json:"paused,omitempty"`
	Way      Way    `json:"way"`
	MediaID  Text   `json:"media_id"`
	MediaURL Text   `json:"media_url"`
	Size     Number `json:"size"`
	SHA256   Text   `json:"sha256"`
	CRC64    Text   `json:"crc64"`
	// SourceSize and SourceSHA256 are of the source, where its account converts media:
	// Size, SHA256 and CRC64 are of what was sent.
	SourceSize   Number     `json:"source_size,omitempty"`
	SourceSHA256 Text       `json:"source_sha256,omitempty"`
	BytesSent    int64      `json:"bytes_sent"`
	Attempts     Attempts   `json:"attempts"`
	StartedAt    Moment     `json:"started_at"` // null for a row that nobody began with
	FinishedAt   *time.Time `json:"finished_at"`
	WorkflowID   Text       `json:"workflow_id"`
	KnownFrom    Text       `json:"known_from"`
	Error        *Failure   `json:"error"`
	// Note is something that did not stop the upload but that a person should
	// know.
	Note string `json:"note,omitempty"`
}

// Failure is a result's error.
type Failure struct {
	Kind      Kind   `json:"kind"`
	Step      Step   `json:"step"`
	Message   string `json:"message"`
	Hint      Text   `json:"hint"`
	RequestID Text   `json:"vendor_request_id"`
	Status    Number `json:"http_status"`
}

// FailureOf is what a result tells of an error. Its texts are plain.
func FailureOf(e *Error) *Failure {
	if e == nil {
		return nil
	}
	return &Failure{
		Kind: e.Kind, Step: e.Step, Message: Plain(e.Message), Hint: Text(Plain(e.Hint)),
		RequestID: Text(Plain(e.RequestID)), Status: Number(e.Status),
	}
}

// Converted reports whether the source was converted before it was sent.
func (r *Result) Converted() bool { return r.SourceSHA256 != "" && r.SourceSHA256 != r.SHA256 }

// Tell has the result tell of the content that is sent, and of its source.
func (r *Result) Tell(p *Progress) {
	c := p.Content
	r.Size, r.SHA256, r.CRC64 = Number(c.Size), Text(c.SHA256), Text(c.CRC64)
	if p.Receipt.SHA256 != "" {
		r.SHA256 = Text(p.Receipt.SHA256)
	}
	if p.Receipt.CRC64 != "" {
		r.CRC64 = Text(p.Receipt.CRC64)
	}
	if c.Original != nil {
		r.SourceSize, r.SourceSHA256 = Number(c.SourceSize()), c.SourceSHA256(r.SHA256)
	}
}

// NewResult is the result of an item of which nothing is known yet.
func NewResult(item Item, way Way, started time.Time) Result {
	return Result{
		UploadID: item.UploadID, Item: item.ID, Batch: Text(item.Batch), Line: Number(item.Line),
		To: item.Account, Vendor: Text(item.Vendor), Source: DisplaySource(item.Source),
		State: StateWaiting, Way: way, StartedAt: Moment{started.UTC()},
	}
}
