package main

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// batchNumbers is a batch as `batch status --json` prints it; the names are
// stable. The counts sum up to Total.
type batchNumbers struct {
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
	Failures    []failureLine     `json:"failures"`

	resting []ledger.AccountState // accounts that are paused and have rows left
}

// failureLine is one sort of failure at one account.
type failureLine struct {
	Kind    upload.Kind `json:"kind"`
	To      string      `json:"to"`
	Count   int64       `json:"count"`
	Example string      `json:"example"`
}

func (a *app) batchStatusCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status [flags] ID",
		Short: "tell how far a batch is",
		Long: `status prints how many rows of a batch are in which state, how fast it goes, and what
failed. It works with no worker and no engine alive.`,
		Example: `  mediaferry batch status spring
  mediaferry batch status spring --json`,
		Args: oneBatch,
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := a.openBatch(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.printStatus(cmd.Context(), b, printer{out: a.stdout, err: a.stderr, json: asJSON})
		},
		ValidArgsFunction: a.completeBatches,
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// batchStatus adds a batch up.
func (a *app) batchStatus(ctx context.Context, b ledger.Batch) (batchNumbers, error) {
	s, err := a.ledger.Summarize(ctx, b.ID)
	if err != nil {
		return batchNumbers{}, err
	}
	now := time.Now()
	var rate float64
	if !b.State.Ended() {
		ticks, err := a.ledger.Ticks(ctx, b.ID, now.Add(-rateWindow))
		if err != nil {
			return batchNumbers{}, err
		}
		rate = rateOf(ticks, now, "")
	}
	n := numbersOf(b, s, rate)
	if n.Waiting+n.InProgress > 0 && !b.State.Ended() {
		resting, err := a.resting(ctx, b.ID)
		if err != nil {
			return n, err
		}
		n.rest(resting)
	}
	return n, nil
}

// rest notes accounts that are paused. Nobody knows how long, and so the batch's
// time left is not known either.
func (n *batchNumbers) rest(accounts []ledger.AccountState) {
	if n.resting = accounts; len(accounts) > 0 {
		n.ETA = nil
	}
}

// resting are the accounts of a batch that are paused and have rows left.
func (a *app) resting(ctx context.Context, id string) ([]ledger.AccountState, error) {
	routes, err := a.ledger.Routes(ctx, id)
	if err != nil {
		return nil, err
	}
	var resting []ledger.AccountState
	for i, route := range routes {
		if i > 0 && routes[i-1].Account == route.Account { // they come by account
			continue
		}
		account, err := a.ledger.Account(ctx, route.Account)
		if err != nil {
			return nil, err
		}
		if !account.Paused {
			continue
		}
		counts, err := a.ledger.Counts(ctx, ledger.Filter{Batch: id, Account: route.Account})
		if err != nil {
			return nil, err
		}
		if open(counts) > 0 {
			resting = append(resting, account)
		}
	}
	return resting, nil
}

// open is how many rows have not ended.
func open(counts map[upload.State]int64) int64 {
	var n int64
	for state, rows := range counts {
		if !state.Ended() {
			n += rows
		}
	}
	return n
}

func numbersOf(b ledger.Batch, s ledger.Summary, rate float64) batchNumbers {
	n := batchNumbers{
		Batch: b.ID, State: b.State, Paused: b.Paused && !b.State.Ended(), Total: s.Total,
		Waiting: s.Counts[upload.StateWaiting], InProgress: s.InProgress, Ready: s.Counts[upload.StateReady], Failed: s.Counts[upload.StateFailed],
		Unconfirmed: s.Counts[upload.StateUnconfirmed], Canceled: s.Counts[upload.StateCanceled],
		BytesTotal: s.Bytes, BytesSent: s.BytesSent, Rate: math.Round(rate*10) / 10, Failures: []failureLine{},
	}
	if b.State == upload.BatchLoading {
		// Rows that are not in the ledger yet wait like the others, and for those
		// who read the object there is no such state.
		n.State, n.Total = upload.BatchRunning, max(b.Total, s.Total)
		n.Waiting += n.Total - s.Total
	}
	if left := n.Waiting + n.InProgress; left == 0 {
		n.ETA = new(int64)
	} else if rate > 0 && n.State == upload.BatchRunning && !n.Paused {
		eta := int64(math.Ceil(float64(left) / rate))
		n.ETA = &eta
	}
	for _, f := range s.Failures {
		n.Failures = append(n.Failures, failureLine{Kind: f.Kind, To: f.Account, Count: f.Count, Example: f.Because()})
	}
	return n
}

// rateWindow is the time over which a batch's rate is taken, and tickWidth the
// grain in which the ledger counts.
const (
	rateWindow = time.Minute
	tickWidth  = 10 * time.Second
)

// rateOf is how many rows ended in a second of late, at one account or at all.
func rateOf(ticks []ledger.Tick, now time.Time, account string) float64 {
	since, first, rows := now.Add(-rateWindow), time.Time{}, int64(0)
	for _, tick := range ticks {
		if account != "" && tick.Account != account || tick.At.Before(since) {
			continue
		}
		rows += tick.Rows
		if first.IsZero() || tick.At.Before(first) {
			first = tick.At
		}
	}
	if rows == 0 {
		return 0
	}
	return float64(rows) / max(now.Sub(first), tickWidth/2).Seconds()
}

// printStatus prints how far a batch is.
func (a *app) printStatus(ctx context.Context, b ledger.Batch, p printer) error {
	n, err := a.batchStatus(ctx, b)
	if err != nil {
		return err
	}
	if p.json {
		return p.object(n)
	}
	return p.table(statusRows(b, n))
}

func statusRows(b ledger.Batch, n batchNumbers) [][]string {
	rows := [][]string{{"batch", b.ID}, {"state", stateWords(b)}}
	add := func(name, format string, args ...any) {
		rows = append(rows, []string{name, fmt.Sprintf(format, args...)})
	}
	if b.Because != "" && (b.Paused || b.State == upload.BatchHeld) {
		add("because", "%s", b.Because)
	}
	add("manifest", "%s", b.Manifest)
	add("rows", "%d: %s", n.Total, countWords(n))
	if n.BytesTotal > 0 || n.BytesSent > 0 {
		add("sent", "%s, media of %s", size(n.BytesSent), size(n.BytesTotal))
	}
	if n.Rate > 0 {
		add("rate", "%.1f rows a second%s", n.Rate, etaWords(n))
	}
	for _, account := range n.resting {
		add("waits", "for account %s, which is paused: %s", account.Name, account.Because)
	}
	for _, line := range limitLines(b.Limits) {
		add("limit", "%s", line)
	}
	add("started", "%s by %s", b.CreatedAt.Local().Format(time.DateTime), orDash(b.By))
	if !b.FinishedAt.IsZero() {
		add("finished", "%s", b.FinishedAt.Local().Format(time.DateTime))
	}
	for _, f := range n.Failures {
		add("failed", "%d × %s at %s, such as %s", f.Count, f.Kind, orDash(f.To), f.Example)
	}
	for _, next := range nextSteps(b, n) {
		add("next", "%s", next)
	}
	return rows
}

func etaWords(n batchNumbers) string {
	if n.ETA == nil || *n.ETA == 0 {
		return ""
	}
	return fmt.Sprintf(", about %s left", time.Duration(*n.ETA)*time.Second)
}

// countWords names the states that have rows.
func countWords(n batchNumbers) string {
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
func nextSteps(b ledger.Batch, n batchNumbers) []string {
	var steps []string
	switch {
	case b.State == upload.BatchHeld && b.Paused:
		steps = append(steps, fmt.Sprintf("mediaferry batch resume %s, to end the pause: it stays held until resumed once more; or batch cancel %s", b.ID, b.ID))
	case b.State == upload.BatchHeld:
		steps = append(steps, fmt.Sprintf("mediaferry batch resume %s, to accept that and go on; or batch cancel %s", b.ID, b.ID))
	case b.Paused && !b.State.Ended():
		steps = append(steps, "mediaferry batch resume "+b.ID)
	case b.State.Ended() && n.Failed+n.Canceled > 0:
		steps = append(steps, "mediaferry batch retry "+b.ID+" [--kind KIND]; or batch report "+b.ID)
	}
	for _, account := range n.resting {
		steps = append(steps, fmt.Sprintf("put account %s right, then: mediaferry account resume %s", account.Name, account.Name))
	}
	if n.Unconfirmed > 0 {
		steps = append(steps, fmt.Sprintf("look at the vendor, then: mediaferry decide --batch %s ready|retry|fail --because TEXT", b.ID))
	}
	return steps
}
