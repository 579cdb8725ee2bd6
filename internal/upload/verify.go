package upload

import (
	"time"
)

// Handle is how a vendor knows the session that a medium came from. It holds no
// secret, and is kept with the result of an upload that is ready.
type Handle struct {
	ID       string `json:"id,omitempty"`
	FileName string `json:"file_name,omitempty"`
}

// Handle is how the vendor knows the session.
func (s Session) Handle() Handle { return Handle{ID: s.ID, FileName: s.FileName} }

// Finished is what is known of a medium that is ready.
type Finished struct {
	Item   Item
	Handle Handle // of the session; empty where it is not known
	Media  Media  // its ID and its lasting URL, where it has them
	// Size, SHA256 and CRC64 are of what was sent; zero where they are not known.
	Size          int64
	SHA256, CRC64 string
	// Converted says that the source was converted before it was sent.
	Converted bool
}

// Content is what was sent, as far as it is known.
func (f Finished) Content() Content {
	c := Content{Size: f.Size, SHA256: f.SHA256, CRC64: f.CRC64}
	if f.Converted {
		c.Original = &Original{Convert: true}
	}
	return c
}

// Reading is what a vendor has of a medium.
type Reading struct {
	Asked string       // how the vendor was asked, in words; "" for not at all
	Facts []Comparison // what it says, beside what was expected
	Gone  bool         // it says that there is no such medium
	// Silent says in words why the vendor tells nothing of the medium.
	Silent string

	// URL is where anybody can read the medium's bytes; it may be signed. Original says
	// that they are those that were sent, and Size how many they are, by the vendor's
	// word; 0 where it does not say.
	URL      string
	Original bool
	Size     int64
}

// Comparison is one thing that was read of a medium.
type Comparison struct {
	What     string  `json:"what"`
	Expected Text    `json:"expected"` // null where there is nothing to compare it with
	Found    Text    `json:"found"`    // null where there is none
	Outcome  Outcome `json:"outcome"`  // same, differs or unknown
}

// Compare compares what was found with what was expected; with "" nothing is.
func Compare(what, expected, found string) Comparison {
	c := Comparison{What: what, Expected: Text(expected), Found: Text(found), Outcome: OutcomeUnknown}
	switch expected {
	case "":
	case found:
		c.Outcome = OutcomeSame
	default:
		c.Outcome = OutcomeDiffers
	}
	return c
}

// Outcome is what a comparison comes to.
type Outcome string

// The outcomes.
const (
	OutcomeSame    Outcome = "same"    // all that could be compared is as it was sent
	OutcomeDiffers Outcome = "differs" // something is not
	OutcomeGone    Outcome = "gone"    // the vendor has no such medium
	OutcomeUnknown Outcome = "unknown" // nothing could be compared
)

// Verification is what reading a finished medium again came to. Its JSON is the field
// verify of `show --verify --json`.
type Verification struct {
	Outcome  Outcome      `json:"outcome"`
	At       time.Time    `json:"at"`
	Asked    []string     `json:"asked"` // the requests that were made
	Compared []Comparison `json:"compared"`
	// Reason says in words why not everything could be compared; null where it could.
	Reason Text `json:"reason"`
	// Error is why the vendor could not be asked.
	Error *Failure `json:"error"`
}

// Unverified is what a verification comes to that could not ask the vendor.
func Unverified(at time.Time, why *Failure) Verification {
	return Verification{Outcome: OutcomeUnknown, At: at.UTC(), Asked: []string{}, Compared: []Comparison{}, Error: why}
}

// Conclude sets the outcome by what was compared.
func (v *Verification) Conclude() {
	v.Outcome = OutcomeUnknown
	for _, c := range v.Compared {
		switch {
		case c.Outcome == OutcomeDiffers:
			v.Outcome = OutcomeDiffers
		case c.Outcome == OutcomeSame && v.Outcome == OutcomeUnknown:
			v.Outcome = OutcomeSame
		}
	}
}

// Good reports whether nothing is wrong with the medium, as far as that could be
// found out.
func (v Verification) Good() bool {
	return v.Error == nil && (v.Outcome == OutcomeSame || v.Outcome == OutcomeUnknown)
}

// VerifyWorkflowID names the workflow that verifies an upload.
func VerifyWorkflowID(uploadID string) string { return WorkflowID("verify/" + uploadID) }

// Names of the workflow that verifies an upload, and of its activity. Both take the
// upload ID.
const (
	WorkflowVerify = "verify"
	ActivityVerify = "Verify"
)
