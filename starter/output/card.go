package output

import (
	"fmt"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Card prints all that is known of one upload. status is nil where it does not run, and
// verified where the vendor was not asked again.
func (p Printer) Card(entry ledger.Entry, r Line, status *upload.Status, verified *upload.Verification) error {
	if p.JSON {
		return p.Object(resultWithStatus{r, lineOf(status), verified})
	}
	return p.card(entry, r, status, verified)
}

// resultWithStatus is a result with the status of a running upload.
type resultWithStatus struct {
	Line
	Status *statusLine          `json:"status,omitempty"`
	Verify *upload.Verification `json:"verify,omitempty"`
}

// statusLine is a status without the result, which stands beside it.
type statusLine struct {
	upload.Status
	Result *struct{} `json:"result,omitempty"` // never set: it hides that of the status
}

func lineOf(status *upload.Status) *statusLine {
	if status == nil {
		return nil
	}
	return &statusLine{Status: *status}
}

// spanOf is when an upload began and ended, in words; "" for what has not been.
func spanOf(r upload.Result) (began, ended string) {
	if !r.StartedAt.IsZero() {
		began = r.StartedAt.Local().Format(time.DateTime)
	}
	if r.FinishedAt == nil {
		return began, ""
	}
	ended = r.FinishedAt.Local().Format(time.DateTime)
	if began != "" {
		ended += ", after " + r.FinishedAt.Sub(r.StartedAt.Time).Round(time.Millisecond).String()
	}
	return began, ended
}

// card prints what is known of an upload, a line for each thing.
func (p Printer) card(entry ledger.Entry, r Line, status *upload.Status, verified *upload.Verification) error {
	rows := [][]string{
		{"upload", r.UploadID},
		{"state", StateWords(r.Result)},
		{"account", fmt.Sprintf("%s (%s)", OrDash(r.To), OrDash(string(r.Vendor)))},
		{"source", OrDash(r.Source)},
	}
	add := func(name, value string) {
		if value != "" && value != "0" {
			rows = append(rows, []string{name, value})
		}
	}
	add("content", entry.Fingerprint)
	add("media", string(r.MediaID))
	add("address", string(r.MediaURL))
	add("sha256", string(r.SHA256))
	add("crc64", string(r.CRC64))
	if r.Converted() {
		add("source sha256", string(r.SourceSHA256))
		add("source size", Size(int64(r.SourceSize)))
	}
	if r.Size > 0 {
		add("sent", sentWords(r.BytesSent, int64(r.Size)))
	}
	rows = append(rows, statusRows(status, time.Now())...)
	add("waiting for", r.waitingFor(status, time.Now()))
	began, ended := spanOf(r.Result)
	add("started", began)
	add("finished", ended)
	add("attempts", fmt.Sprintf("prepare %d, transfer %d, complete %d, poll %d", r.Attempts.Prepare, r.Attempts.Transfer, r.Attempts.Complete, r.Attempts.Poll))
	if entry.Runs > 1 {
		add("runs", fmt.Sprint(entry.Runs))
	}
	if e := r.Error; e != nil {
		add("error", failureLine(e))
		add("hint", string(e.Hint))
	}
	add("note", r.Note)
	return p.Table(append(rows, verifiedRows(verified)...))
}

// sentWords is how much was sent of a size. What is more than that was sent in vain.
func sentWords(sent, size int64) string {
	if sent > size {
		return fmt.Sprintf("%s for a file of %s; %s were sent again", Size(sent), Size(size), Size(sent-size))
	}
	return fmt.Sprintf("%s of %s", Size(sent), Size(size))
}

// verifiedRows are what reading a medium again came to: the outcome, what was asked,
// and a line for each thing that was read.
func verifiedRows(v *upload.Verification) [][]string {
	if v == nil {
		return nil
	}
	rows := [][]string{{"verified", outcomeWords(*v)}}
	if v.Error != nil {
		rows = append(rows, []string{"  hint", OrDash(string(v.Error.Hint))})
	}
	for _, asked := range v.Asked {
		rows = append(rows, []string{"  asked", asked})
	}
	for _, c := range v.Compared {
		rows = append(rows, []string{"  " + c.What, comparisonWords(c)})
	}
	if v.Reason != "" {
		rows = append(rows, []string{"  note", string(v.Reason)})
	}
	return rows
}

func outcomeWords(v upload.Verification) string {
	switch {
	case v.Error != nil:
		return "could not ask the vendor: " + failureLine(v.Error)
	case v.Outcome == upload.OutcomeSame:
		return "the vendor has the file as it was sent, as far as it can be compared"
	case v.Outcome == upload.OutcomeDiffers:
		return "the vendor's file differs from what was sent"
	case v.Outcome == upload.OutcomeGone:
		return "the vendor no longer has the file"
	}
	return "nothing could be compared"
}

func comparisonWords(c upload.Comparison) string {
	found := OrDash(string(c.Found))
	switch c.Outcome {
	case upload.OutcomeSame:
		return "same: " + found
	case upload.OutcomeDiffers:
		return fmt.Sprintf("differs: %s, expected %s", found, c.Expected)
	}
	return found + " (nothing to compare it with)"
}
