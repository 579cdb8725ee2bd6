package main

import (
	"context"
	"math"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/output"
)

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
			b, err := a.OpenBatch(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.printStatus(cmd.Context(), b, a.Printer(asJSON))
		},
		ValidArgsFunction: a.completeBatches,
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// batchStatus adds a batch up.
func (a *app) batchStatus(ctx context.Context, b ledger.Batch) (output.BatchNumbers, error) {
	s, err := a.Ledger.Summarize(ctx, b.ID)
	if err != nil {
		return output.BatchNumbers{}, err
	}
	now := time.Now()
	var rate float64
	if !b.State.Ended() {
		ticks, err := a.Ledger.Ticks(ctx, b.ID, now.Add(-rateWindow))
		if err != nil {
			return output.BatchNumbers{}, err
		}
		rate = rateOf(ticks, now, "")
	}
	n := numbersOf(b, s, rate)
	if n.Waiting+n.InProgress > 0 && !b.State.Ended() {
		resting, err := a.resting(ctx, b.ID)
		if err != nil {
			return n, err
		}
		n.Pause(resting)
	}
	return n, nil
}

// resting are the accounts of a batch that are paused and have rows left.
func (a *app) resting(ctx context.Context, id string) ([]ledger.AccountState, error) {
	routes, err := a.Ledger.Routes(ctx, id)
	if err != nil {
		return nil, err
	}
	var resting []ledger.AccountState
	for i, route := range routes {
		if i > 0 && routes[i-1].Account == route.Account { // they come by account
			continue
		}
		account, err := a.Ledger.Account(ctx, route.Account)
		if err != nil {
			return nil, err
		}
		if !account.Paused {
			continue
		}
		counts, err := a.Ledger.Counts(ctx, ledger.Filter{Batch: id, Account: route.Account})
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

func numbersOf(b ledger.Batch, s ledger.Summary, rate float64) output.BatchNumbers {
	n := output.BatchNumbers{
		Batch: b.ID, State: b.State, Paused: b.Paused && !b.State.Ended(), Total: s.Total,
		Waiting: s.Counts[upload.StateWaiting], InProgress: s.InProgress, Ready: s.Counts[upload.StateReady], Failed: s.Counts[upload.StateFailed],
		Unconfirmed: s.Counts[upload.StateUnconfirmed], Canceled: s.Counts[upload.StateCanceled],
		BytesTotal: s.Bytes, BytesSent: s.BytesSent, Rate: math.Round(rate*10) / 10, Failures: []output.BatchFailure{},
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
func (a *app) printStatus(ctx context.Context, b ledger.Batch, p output.Printer) error {
	n, err := a.batchStatus(ctx, b)
	if err != nil {
		return err
	}
	return p.Batch(b, n)
}
