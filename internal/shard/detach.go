package shard

import (
	"context"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// canceled is the end of a row that was under way when it or its batch was
// canceled.
func (r *row) canceled() upload.Record {
	result := r.result(upload.StateCanceled)
	result.Note = r.p.Leaves()
	return upload.Record{Item: r.item, Result: result, Fingerprint: r.p.Content.Fingerprint, RunID: r.attempt.Run.ID}
}

// detach gives the row a workflow of its own, which goes on where it is.
func (r *row) detach(ctx context.Context, because string) error {
	ctx = context.WithoutCancel(ctx)
	if r.p.Content.Size > 0 { // it is claimed, and has something behind it
		if err := r.save(ctx); err != nil {
			return err
		}
	}
	refused, err := r.Ledger.Detach(ctx, []ledger.Detachment{{UploadID: r.item.UploadID, RunID: r.attempt.Run.ID, Because: because}})
	if err != nil {
		return steps.FromLedger(ctx, err)
	}
	if len(refused) > 0 { // the run that holds it goes on with it
		r.done = true
		return nil
	}
	r.markDetached()
	return nil
}

// markDetached notes that the row is to have a workflow of its own.
func (r *row) markDetached() {
	r.done = true
	r.mu.Lock()
	defer r.mu.Unlock()
	r.detached = true
}
