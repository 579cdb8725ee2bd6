package following

import (
	"context"
	"errors"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/wiring"
)

// Known are the results of items that are all ready, asked for as they were then and from
// sources that have not changed; nil where any of them is not. They need neither an engine
// nor a worker: the claim of a run would give the same answers, seconds later.
func (u Uploads) Known(ctx context.Context, items []upload.Item) ([]upload.Result, error) {
	if !u.session.HasLedger() {
		return nil, nil
	}
	if err := u.session.OpenLedger(ctx); err != nil {
		return nil, err
	}
	roots, err := u.session.Roots()
	if err != nil {
		return nil, err
	}
	from, err := wiring.Sources(u.session.Config, roots, u.session.Data)
	if err != nil {
		return nil, err
	}
	var known []upload.Result
	for _, item := range items {
		entry, err := u.session.Ledger.Get(ctx, item.UploadID)
		var unknown *ledger.NotFoundError
		switch {
		case errors.As(err, &unknown):
			return nil, nil
		case err != nil:
			return nil, err
		case item.Again || entry.Result.State != upload.StateReady || entry.Fingerprint == "" || !entry.AskedFor(item):
			return nil, nil
		}
		look, err := from.Look(ctx, item.Source)
		if err != nil || look.Fingerprint != entry.Fingerprint {
			return nil, ctx.Err() // the run's claim says what is wrong
		}
		known = append(known, entry.Result)
	}
	return known, nil
}
