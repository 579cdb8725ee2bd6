package upload

// Event is something that the operator's webhook can be told.
type Event string

// The events. They are documented, and receivers hold on to them.
const (
	EventUploadEnded        Event = "upload.ended"       // of one that is in no batch
	EventUploadUnconfirmed  Event = "upload.unconfirmed" // a person has to decide
	EventBatchEnded         Event = "batch.ended"
	EventBatchHeld          Event = "batch.held" // a person has to resume or cancel it
	EventAccountDenied      Event = "account.denied"
	EventAccountUnavailable Event = "account.unavailable" // for a while already
	EventAccountActive      Event = "account.active"      // after one of the two before
	EventReportFailed       Event = "report.failed"
)

// Events lists them.
func Events() []Event {
	return []Event{
		EventUploadEnded, EventUploadUnconfirmed, EventBatchEnded, EventBatchHeld,
		EventAccountDenied, EventAccountUnavailable, EventAccountActive, EventReportFailed,
	}
}

// Notice is what the webhook is told of an event. What does not concern it is left out.
type Notice struct {
	UploadID string `json:"upload_id,omitempty"`
	Batch    string `json:"batch,omitempty"`
	Account  string `json:"account,omitempty"`
	State    string `json:"state,omitempty"`
	Kind     Kind   `json:"kind,omitempty"`
	// Counts are the rows of a batch by state.
	Counts map[State]int64 `json:"counts,omitempty"`
	Reason string          `json:"reason,omitempty"` // in words; it holds no secret
	// Link is the page about it, where the address of that is known.
	Link string `json:"link,omitempty"`
}
