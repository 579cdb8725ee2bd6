package following

import (
	"context"
	"math"
	"os"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/waits"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/output"
)

// Numbers adds a batch up.
func (bs Batches) Numbers(ctx context.Context, b ledger.Batch) (output.BatchNumbers, error) {
	s, err := bs.session.Ledger.Summarize(ctx, b.ID)
	if err != nil {
		return output.BatchNumbers{}, err
	}
	now := time.Now()
	var rate float64
	if !b.State.Ended() {
		ticks, err := bs.session.Ledger.Ticks(ctx, b.ID, now.Add(-rateWindow))
		if err != nil {
			return output.BatchNumbers{}, err
		}
		rate = rateOf(ticks, now, "")
	}
	n := numbersOf(b, s, rate)
	n.Reports = bs.reports(b)
	known, err := ReadWaits(ctx, bs.session)
	if err != nil {
		return n, err
	}
	waiting, err := known.OfBatch(ctx, b)
	if err != nil {
		return n, err
	}
	n.Wait(waiting)
	if n.Waiting+n.InProgress > 0 && !b.State.Ended() {
		paused, err := bs.paused(ctx, b.ID)
		if err != nil {
			return n, err
		}
		n.Pause(paused)
	}
	return n, nil
}

// reports is where the reports of a batch that has ended are. Those in a folder may be
// on another host, or not written yet.
func (bs Batches) reports(b ledger.Batch) string {
	if !b.State.Ended() || bs.session.Config == nil {
		return ""
	}
	target, err := wiring.Results(bs.session.Config, bs.session.Data)
	if err != nil {
		return ""
	}
	place := target.Display(b.ID)
	if _, err := os.Stat(place); upload.IsLocal(place) && err != nil {
		return ""
	}
	return place
}

// paused are the accounts of a batch that are paused and have rows left.
func (bs Batches) paused(ctx context.Context, id string) ([]ledger.AccountState, error) {
	routes, err := bs.session.Ledger.Routes(ctx, id)
	if err != nil {
		return nil, err
	}
	var paused []ledger.AccountState
	for i, route := range routes {
		if i > 0 && routes[i-1].Account == route.Account { // they come by account
			continue
		}
		account, err := bs.session.Ledger.Account(ctx, route.Account)
		if err != nil {
			return nil, err
		}
		if !account.Paused {
			continue
		}
		counts, err := bs.session.Ledger.Counts(ctx, ledger.Filter{Batch: id, Account: route.Account})
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

func numbersOf(b ledger.Batch, s ledger.Summary, rate float64) output.BatchNumbers {
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

// rateWindow is the time over which a batch's rate is taken, and tickWidth the
// grain in which the ledger counts.
const (
	rateWindow = time.Minute
	tickWidth  = 10 * time.Second
)

// rateOf is how many rows have recently ended per second, at one account or at all.
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

// PrintStatus prints how far a batch is.
func (bs Batches) PrintStatus(ctx context.Context, b ledger.Batch, p output.Printer) error {
	n, err := bs.Numbers(ctx, b)
	if err != nil {
		return err
	}
	return p.Batch(b, n)
}
