package output

import (
	"fmt"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/waits"
)

// BatchNumbers is a batch as `batch status --json` prints it; the names are
// stable. The counts sum up to Total.
type BatchNumbers struct {
	Batch       string            `json:"batch"`
	State       upload.BatchState `json:"state"`
	Paused      bool              `json:"paused"`
	Total       int64             `json:"total"`
	Waiting     int64             `json:"waiting"`
	InProgress  int64             `json:"in_progress"`
	Ready       int64             `json:"ready"`
	Failed      int64             `json:"failed"`
	Unconfirmed int64             `json:"unconfirmed"`
	Canceled    int64             `json:"canceled"`
	BytesTotal  int64             `json:"bytes_total"`
	BytesSent   int64             `json:"bytes_sent"`
	Rate        float64           `json:"items_per_second"`
	ETA         *int64            `json:"eta_seconds"`
	Failures    []BatchFailure    `json:"failures"`
	// Waits are what rows wait for that have not ended: those first that need a person.
	Waits []waits.Rows `json:"waits"`

	PausedAccounts []ledger.AccountState `json:"-"` // those that have rows left
	// Reports is where the batch's reports are; "" where there are none yet.
	Reports string `json:"-"`
}

// Pause notes accounts that are paused. Nobody knows how long, and so the batch's
// time left is not known either.
func (n *BatchNumbers) Pause(accounts []ledger.AccountState) {
	if n.PausedAccounts = accounts; len(accounts) > 0 {
		n.ETA = nil
	}
}

// Wait notes what rows wait for. Where something keeps rows for a while that nobody
// knows, the batch's time left is not known either.
func (n *BatchNumbers) Wait(all []waits.Rows) {
	n.Waits = all
	for _, w := range all {
		if w.Trouble() && w.For != upload.ForRate && (w.For != upload.ForPerson || n.Waiting+n.InProgress > 0) {
			n.ETA = nil
		}
	}
}

// BatchFailure is one sort of failure at one account.
type BatchFailure struct {
	Kind    upload.Kind `json:"kind"`
	To      string      `json:"to"`
	Count   int64       `json:"count"`
	Example string      `json:"example"`
}

func batchRows(b ledger.Batch, n BatchNumbers) [][]string {
	rows := [][]string{{"batch", b.ID}, {"state", BatchStateWords(b)}}
	add := func(name, format string, args ...any) {
		rows = append(rows, []string{name, fmt.Sprintf(format, args...)})
	}
	if b.Because != "" && (b.Paused || b.State == upload.BatchHeld) {
		add("because", "%s", b.Because)
	}
	add("manifest", "%s", b.Manifest)
	add("rows", "%d: %s", n.Total, countWords(n))
	if n.BytesTotal > 0 || n.BytesSent > 0 {
		add("sent", "%s of %s", Size(n.BytesSent), Size(n.BytesTotal))
	}
	if n.Rate > 0 {
		add("rate", "%.1f rows per second%s", n.Rate, timeLeftOf(n))
	}
	for _, w := range n.Waits {
		add("waiting", "%s", RowsWords(w, time.Now()))
	}
	for _, line := range LimitLines(b.Limits) {
		add("limit", "%s", line)
	}
	add("started", "%s by %s", b.CreatedAt.Local().Format(time.DateTime), OrDash(b.By))
	if !b.FinishedAt.IsZero() {
		add("finished", "%s", b.FinishedAt.Local().Format(time.DateTime))
	}
	for _, f := range n.Failures {
		add("failed", "%d × %s at %s, for example %s", f.Count, f.Kind, OrDash(f.To), f.Example)
	}
	if n.Reports != "" {
		add("reports", "%s", n.Reports)
	}
	for _, next := range nextSteps(b, n) {
		add("next", "%s", next)
	}
	return rows
}

func timeLeftOf(n BatchNumbers) string {
	if n.ETA == nil || *n.ETA == 0 {
		return ""
	}
	return fmt.Sprintf(", about %s left", time.Duration(*n.ETA)*time.Second)
}

// countWords names the states that have rows.
func countWords(n BatchNumbers) string {
	var words []string
	for _, one := range []struct {
		n    int64
		word string
	}{
		{n.Ready, "ready"},
		{n.Failed, "failed"},
		{n.Unconfirmed, "unconfirmed"},
		{n.Canceled, "canceled"},
		{n.InProgress, "in progress"},
		{n.Waiting, "waiting"},
	} {
		if one.n > 0 {
			words = append(words, fmt.Sprintf("%d %s", one.n, one.word))
		}
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}

// nextSteps are the commands that a person may want now.
func nextSteps(b ledger.Batch, n BatchNumbers) []string {
	var steps []string
	switch {
	case b.State == upload.BatchHeld && b.Paused:
		steps = append(steps, fmt.Sprintf("mediaferry batch resume %s, which ends the pause; the batch stays held until you resume it again. Or: mediaferry batch cancel %s", b.ID, b.ID))
	case b.State == upload.BatchHeld:
		steps = append(steps, fmt.Sprintf("mediaferry batch resume %s, to accept this and continue. Or: mediaferry batch cancel %s", b.ID, b.ID))
	case b.Paused && !b.State.Ended():
		steps = append(steps, "mediaferry batch resume "+b.ID)
	case b.State.Ended() && n.Failed+n.Canceled > 0:
		steps = append(steps, "mediaferry batch retry "+b.ID+" [--kind KIND]. Or: mediaferry batch report "+b.ID)
	}
	for _, account := range n.PausedAccounts {
		steps = append(steps, fmt.Sprintf("correct the problem with account %s, then: mediaferry account resume %s", account.Name, account.Name))
	}
	if n.Unconfirmed > 0 {
		steps = append(steps, fmt.Sprintf("check at the vendor, then: mediaferry decide --batch %s ready|retry|fail --because TEXT", b.ID))
	}
	return steps
}

// Batch prints how far a batch is.
func (p Printer) Batch(b ledger.Batch, n BatchNumbers) error {
	if p.JSON {
		return p.Object(n)
	}
	return p.Table(batchRows(b, n))
}
