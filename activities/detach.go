package activities

import (
	"context"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// canceled is the end of a row that was under way when it or its batch was
// canceled.
func (r *packed) canceled() upload.Record {
	result := r.result(upload.StateCanceled)
	result.Note = r.progress.Leaves()
	return upload.Record{Item: r.item, Result: result, Fingerprint: r.progress.Content.Fingerprint, RunID: r.runID}
}

// detach gives the row a workflow of its own, which goes on where it is.
func (r *packed) detach(ctx context.Context, because string) error {
	ctx = context.WithoutCancel(ctx)
	if r.progress.Content.Size > 0 { // it is claimed, and has something behind it
		if err := r.keep(ctx, ""); err != nil {
			return err
		}
	}
	refused, err := r.Ledger.Detach(ctx, []ledger.Detachment{{UploadID: r.item.UploadID, RunID: r.runID, Because: because}})
	if err != nil {
		return ledgerError(ctx, err)
	}
	if len(refused) > 0 { // the run that holds it goes on with it
		r.done = true
		return nil
	}
	r.leave()
	return nil
}

// leave notes that the row is to have a workflow of its own.
func (r *packed) leave() {
	r.done = true
	r.mu.Lock()
	defer r.mu.Unlock()
	r.detached = true
}
