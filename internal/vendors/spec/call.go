package spec

import (
	"net/http"
	"slices"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Repetition is what a second call leaves behind at the vendor if the first one was
// carried out and its answer was lost. It decides whether a call may be repeated at
// once, or only after the vendor was asked.
type Repetition string

// The repetitions.
const (
	LeavesNothing   Repetition = "nothing"   // the same state as one call
	LeavesOrphan    Repetition = "orphan"    // a record without bytes, which people do not see
	LeavesOverwrite Repetition = "overwrite" // the same object, written again
	LeavesDuplicate Repetition = "duplicate" // a second medium, which people do see
)

// Repetitions lists all repetitions.
func Repetitions() []Repetition {
	return []Repetition{LeavesNothing, LeavesOrphan, LeavesOverwrite, LeavesDuplicate}
}

// Call is one call of a vendor's flow, or of the storage behind it, as data. A
// request names the call that it makes.
type Call struct {
	Name  string // in documentation and tables: prepare
	Title string // in messages; "": Name
	Step  upload.Step
	// Method and Path are those of the vendor's documentation.
	Method, Path string
	Repeat       Repetition
	// Login says that the call gets credentials.
	Login bool
	// Source says where Repeat is documented: a URL, or "assumed" and an ID.
	Source string
}

// Probe is the call that checks an account's credentials.
type Probe struct {
	Call Call
	// Fields are those that the call needs, because it is about something that only the
	// account's owner can name.
	Fields []string
}

// Label is how messages name the call.
func (c Call) Label() string {
	if c.Title != "" {
		return c.Title
	}
	return c.Name
}

// Request is the call as messages name it to people who know the vendor's documentation.
func (c Call) Request() string { return c.Method + " " + c.Path }

// At is the same call, made in another step.
func (c Call) At(step upload.Step) Call {
	c.Step = step
	return c
}

// Lists reports whether a call is one of the vendor's, in whichever step.
func (s *Spec) Lists(call Call) bool {
	if s.Probe != nil && s.Probe.Call == call {
		return true
	}
	return slices.ContainsFunc(s.Calls, func(one Call) bool { return one == call.At(one.Step) })
}

// Receives is the call with which bytes are sent, to the vendor itself or its store.
func (s *Spec) Receives() Call {
	for _, call := range s.Calls {
		if call.Step == upload.StepTransfer && call.Method != http.MethodGet {
			return call
		}
	}
	return Call{}
}

// Sources of what the stores behind the vendors do with a second body.
const (
	SourceS3Presigned = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html"
	SourceS3Form      = "https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html"
	SourceS3Parts     = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html"
	SourceOSSForm     = "https://www.alibabacloud.com/help/doc-detail/31988.htm"
)
