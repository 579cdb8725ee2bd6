package output

import (
	"fmt"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
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

// head is the whole batch.
func (v BatchView) head() gauge {
	n := v.Numbers
	done := n.Total - n.Waiting - n.InProgress
	g := gauge{name: fmt.Sprintf("batch %s %s", n.Batch, BatchStateWords(v.Batch)), share: shareOf(done, n.Total)}
	g.add(rankSent, "%d of %d rows", done, n.Total)
	g.add(rankFlying, "%d in flight", n.InProgress)
	if n.Rate > 0 {
		g.add(rankRate, "%.1f/s", n.Rate)
	}
	if n.Failed > 0 {
		g.add(rankCount, "%d failed", n.Failed)
	}
	if n.Unconfirmed > 0 {
		g.add(rankCount, "%d unconfirmed", n.Unconfirmed)
	}
	if n.ETA != nil && *n.ETA > 0 {
		g.add(rankLeft, "about %s left", TimeLeft(float64(*n.ETA)))
	}
	return g
}

// Lines are the whole batch in one line, and a line for each account, without a terminal.
func (v BatchView) Lines() []string {
	all := []string{v.head().plain()}
	for _, a := range v.Accounts {
		all = append(all, "  "+a.gauge(v.pacedBy(a)).plain())
	}
	return append(all, v.trouble(time.Now())...)
}

// drawn is the same on a terminal, each line within its width.
func (v BatchView) drawn(s screen, now time.Time) []string {
	widest := 0
	for _, a := range v.Accounts {
		widest = max(widest, columns(Visible(a.Name)))
	}
	var accounts []gauge
	for _, a := range v.Accounts {
		g := a.gauge(v.pacedBy(a))
		g.name = Visible(a.Name) + strings.Repeat(" ", widest-columns(Visible(a.Name)))
		accounts = append(accounts, g)
	}
	all := append(fitted(s, v.head()), fitted(s, accounts...)...)
	for _, line := range v.trouble(now) {
		all = append(all, s.paint(yellow, s.fit(line)))
	}
	return all
}

// shareOf is how much of a whole is done; less than 0 of nothing.
func shareOf(done, total int64) float64 {
	if total == 0 {
		return -1
	}
	return float64(done) / float64(total)
}

// pacedBy names what sets the time that an account's rows take.
func (v BatchView) pacedBy(a AccountView) string {
	for _, w := range v.Numbers.Waits {
		if w.To != a.Name {
			continue
		}
		switch w.For {
		case upload.ForRate:
			return "a rate limit"
		case upload.ForVendor:
			return "the vendor"
		}
	}
	switch {
	case a.Slowdowns > 0:
		return "the vendor, which answers 429"
	case v.Batch.Limits.RPS[a.Name] > 0:
		return "--rps"
	case v.Batch.Limits.Bandwidth > 0:
		return "--bwlimit"
	}
	return "the line and the vendor"
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

// gauge is an account in one line.
func (a AccountView) gauge(pacedBy string) gauge {
	g := gauge{name: a.Name, share: shareOf(a.Done, a.Total)}
	g.add(rankSent, "%d of %d", a.Done, a.Total)
	if a.Done < a.Total {
		g.add(rankFlying, "%d in flight", a.InFlight)
	}
	if a.Failed > 0 {
		g.add(rankCount, "%d failed", a.Failed)
	}
	if a.Slowdowns > 0 {
		g.add(rankCause, "%d answers 429", a.Slowdowns)
	}
	switch {
	case a.Done == a.Total:
		g.add(rankLeft, "done")
	case a.Paused:
		g.add(rankLeft, "paused")
	case a.Rate > 0:
		g.add(rankRate, "%.1f/s", a.Rate)
		g.add(rankLeft, "%s left", TimeLeft(float64(a.Total-a.Done)/a.Rate))
		g.add(rankCause, "set by %s", pacedBy)
	}
	return g
}
