package following

import (
	"context"
	"os"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/output"
	"github.com/mediaferry/mediaferry/starter/views"
)

// Numbers adds a batch up.
func (bs Batches) Numbers(ctx context.Context, b ledger.Batch) (output.BatchNumbers, error) {
	known, err := views.ReadWaits(ctx, bs.session.Ledger)
	if err != nil {
		return output.BatchNumbers{}, err
	}
	n, err := known.Numbers(ctx, b)
	n.Reports = bs.reports(b)
	return n, err
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

// PrintStatus prints how far a batch is.
func (bs Batches) PrintStatus(ctx context.Context, b ledger.Batch, p output.Printer) error {
	n, err := bs.Numbers(ctx, b)
	if err != nil {
		return err
	}
	return p.Batch(b, n)
}
