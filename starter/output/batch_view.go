package output

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
)

// BatchView is a batch at one moment, for a watch.
type BatchView struct {
	Batch    ledger.Batch
	Numbers  BatchNumbers
	Accounts []AccountView
}

// AccountView is one account of a batch.
type AccountView struct {
	Name                          string
	Total, Done, InFlight, Failed int64   // rows
	Rate                          float64 // rows per second
	Slowdowns                     int64   // answers 429 since the watch began
	Paused                        bool
}

// Lines are the whole batch in one line, and a line for each account: as a table,
// or on their own.
func (v BatchView) Lines(table bool) []string {
	n := v.Numbers
	head := fmt.Sprintf("batch %s %s: %d of %d rows, %d in flight", n.Batch, BatchStateWords(v.Batch), n.Total-n.Waiting-n.InProgress, n.Total, n.InProgress)
	if n.Rate > 0 {
		head += fmt.Sprintf(", %.1f/s", n.Rate)
	}
	if n.Failed > 0 {
		head += fmt.Sprintf(", %d failed", n.Failed)
	}
	if n.Unconfirmed > 0 {
		head += fmt.Sprintf(", %d unconfirmed", n.Unconfirmed)
	}
	head += timeLeftOf(n)
	if !table {
		all := []string{head}
		for _, a := range v.Accounts {
			all = append(all, "  "+a.line())
		}
		return append(all, v.trouble(time.Now())...)
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ACCOUNT\tDONE\tIN FLIGHT\tROWS/S\t429\tFAILED\tLEFT") // a builder takes everything
	for _, a := range v.Accounts {
		_, _ = fmt.Fprintf(w, "%s\t%d of %d\t%d\t%.1f\t%d\t%d\t%s\n", a.Name, a.Done, a.Total, a.InFlight, a.Rate, a.Slowdowns, a.Failed, a.left())
	}
	_ = w.Flush()
	all := append([]string{head}, strings.Split(strings.TrimSuffix(text.String(), "\n"), "\n")...)
	return append(all, v.trouble(time.Now())...)
}

// trouble is what keeps rows beyond the batch's ordinary course, a line each.
func (v BatchView) trouble(now time.Time) (lines []string) {
	for _, w := range v.Numbers.Waits {
		if w.Trouble() {
			lines = append(lines, "  waiting: "+RowsWords(w, now))
		}
	}
	return lines
}

// line is an account in one line.
func (a AccountView) line() string {
	text := fmt.Sprintf("%s: %d of %d, %d in flight, %.1f/s, %d answers 429, %d failed", a.Name, a.Done, a.Total, a.InFlight, a.Rate, a.Slowdowns, a.Failed)
	if left := a.left(); left != "" {
		text += ", " + left
	}
	return text
}

// left is how long the account's rows take, or why they do not continue.
func (a AccountView) left() string {
	switch {
	case a.Done == a.Total:
		return "done"
	case a.Paused:
		return "paused"
	case a.Rate > 0:
		return (time.Duration(float64(a.Total-a.Done)/a.Rate) * time.Second).String() + " left"
	}
	return ""
}
