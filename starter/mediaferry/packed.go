package main

import (
	"context"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/following"
	"github.com/mediaferry/mediaferry/starter/opening"
)

// cancelRow gives up a row that has no workflow of its own. Where nobody has it, it
// is canceled in the ledger, and no engine is needed; else its shard does it.
func (a *app) cancelRow(ctx context.Context, entry ledger.Entry) error {
	call := ledger.DetachRequest{UploadID: entry.Result.UploadID, Want: ledger.WantCancel, By: opening.User()}
	entry, err := a.Ledger.RequestDetach(ctx, call)
	if err != nil {
		return err
	}
	if !entry.Result.State.Ended() {
		a.Parting = "interrupted; the row ends as soon as its shard hears of it"
		if err := a.OpenEngine(ctx, opening.EngineOptions{}); err != nil {
			return err
		}
		ended := func(e ledger.Entry) bool { return e.Result.State.Ended() || !following.Grouped(e) }
		if entry, err = a.uploads.RequestDetach(ctx, call, entry, ended, nil); err != nil {
			return err
		}
	}
	if !entry.Result.State.Ended() {
		return a.cancelWorkflow(ctx, entry)
	}
	return a.canceled(entry.Result)
}

// rowNotPaused says that a row that travels with others is not paused by itself: it
// would have left them.
func (a *app) rowNotPaused(ctx context.Context, entry ledger.Entry) error {
	id, batch := entry.Result.UploadID, string(entry.Result.Batch)
	b, err := a.Ledger.Batch(ctx, batch)
	if err != nil {
		return opening.UnknownBatch(batch, err)
	}
	hint := "mediaferry show " + id
	if b.Paused || b.State == upload.BatchHeld {
		hint = "its batch rests; to go on: mediaferry batch resume " + batch
	}
	return &exit.UsageError{Text: id + " is not paused", Hint: hint}
}
