package views

import (
	"context"
	"math"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/waits"
	"github.com/mediaferry/mediaferry/starter/output"
)

// Numbers adds a batch up.
func (w *Waits) Numbers(ctx context.Context, b ledger.Batch) (output.BatchNumbers, error) {
	s, err := w.ledger.Summarize(ctx, b.ID)
	if err != nil {
		return output.BatchNumbers{}, err
	}
	var rate float64
	if !b.State.Ended() {
		ticks, err := w.ledger.Ticks(ctx, b.ID, w.now.Add(-RateWindow))
		if err != nil {
			return output.BatchNumbers{}, err
		}
		rate = Rate(ticks, w.now, "")
	}
	n := NumbersOf(b, s, rate)
	waiting, err := w.OfBatch(ctx, b)
	if err != nil {
		return n, err
	}
	n.Wait(waiting)
	if n.Waiting+n.InProgress > 0 && !b.State.Ended() {
		paused, err := w.paused(ctx, b.ID)
		if err != nil {
			return n, err
		}
		n.Pause(paused)
	}
	return n, nil
}

// paused are the accounts of a batch that are paused and have rows left.
func (w *Waits) paused(ctx context.Context, id string) ([]ledger.AccountState, error) {
	routes, err := w.ledger.Routes(ctx, id)
	if err != nil {
		return nil, err
	}
	var paused []ledger.AccountState
	for i, route := range routes {
		if i > 0 && routes[i-1].Account == route.Account { // they come by account
			continue
		}
		account := w.Account(route.Account)
		if !account.Paused {
			continue
		}
		counts, err := w.ledger.Counts(ctx, ledger.Filter{Batch: id, Account: route.Account})
		if err != nil {
			return nil, err
		}
		if openRows(counts) > 0 {
			paused = append(paused, account)
		}
	}
	return paused, nil
}

// openRows is how many rows have not ended.
func openRows(counts map[upload.State]int64) int64 {
	var n int64
	for state, rows := range counts {
		if !state.Ended() {
			n += rows
		}
	}
	return n
}

// NumbersOf is a batch in numbers, as the ledger has added it up.
func NumbersOf(b ledger.Batch, s ledger.Summary, rate float64) output.BatchNumbers {
	n := output.BatchNumbers{
		Batch: b.ID, State: b.State, Paused: b.Paused && !b.State.Ended(), Total: s.Total,
		Waiting: s.Counts[upload.StateWaiting], InProgress: s.InProgress, Ready: s.Counts[upload.StateReady], Failed: s.Counts[upload.StateFailed],
		Unconfirmed: s.Counts[upload.StateUnconfirmed], Canceled: s.Counts[upload.StateCanceled],
		BytesTotal: s.Bytes, BytesSent: s.BytesSent, Rate: math.Round(rate*10) / 10, Failures: []output.BatchFailure{}, Waits: []waits.Rows{},
	}
	if b.State == upload.BatchLoading {
		// Rows that are not in the ledger yet wait like the others; the
		// object has no state for them.
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
		n.Failures = append(n.Failures, output.BatchFailure{Kind: f.Kind, To: f.Account, Count: f.Count, Example: f.Because()})
	}
	return n
}

// RateWindow is the time over which a batch's rate is taken, and tickWidth the
// grain in which the ledger counts.
const (
	RateWindow = time.Minute
	tickWidth  = 10 * time.Second
)

// Rate is how many rows have recently ended per second, at one account or at all.
func Rate(ticks []ledger.Tick, now time.Time, account string) float64 {
	since, first, rows := now.Add(-RateWindow), time.Time{}, int64(0)
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
