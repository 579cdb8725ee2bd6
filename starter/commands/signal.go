package commands

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/following"
	"github.com/mediaferry/mediaferry/starter/opening"
)

// signal pauses or resumes an upload, and waits until it has done so.
func (g *given) signal(ctx context.Context, id string, pause bool, because string) error {
	entry, err := g.uploads.Open(ctx, id)
	if err != nil {
		return err
	}
	if err := following.CheckActive(entry); err != nil {
		return err
	}
	if following.Grouped(entry) {
		if !pause {
			return g.rowNotPaused(ctx, entry)
		}
		if entry, err = g.uploads.DetachRow(ctx, entry); err != nil {
			return err
		}
		if err := g.uploads.AwaitWorkflow(ctx, entry); err != nil {
			return err
		}
	}
	name := upload.SignalResume
	if pause {
		name = upload.SignalPause
	}
	status, err := g.uploads.Status(ctx, entry.WorkflowID, entry.RunID)
	if answered := err == nil; answered && status.Paused == pause {
		return g.alreadyDone(ctx, entry, status)
	}
	err = g.Temporal.SignalWorkflow(ctx, entry.WorkflowID, entry.RunID, name, nil)
	var gone *serviceerror.NotFound
	switch {
	case errors.As(err, &gone):
		return &exit.UsageError{Text: "the workflow of " + id + " has ended", Hint: "to see how it ended: mediaferry show " + upload.Argument(id)}
	case err != nil:
		return fmt.Errorf("%s %s: %w", name, id, err)
	}
	if err := g.noteItem(ctx, entry, name, because, ""); err != nil {
		return err
	}
	return g.uploads.AwaitSignal(ctx, entry, pause)
}

// alreadyDone says that there is nothing to be done.
func (g *given) alreadyDone(ctx context.Context, entry ledger.Entry, status upload.Status) error {
	id := entry.Result.UploadID
	if status.Paused {
		return &exit.UsageError{Text: id + " is already paused", Hint: "to continue: mediaferry resume " + upload.Argument(id)}
	}
	account, err := g.Ledger.Account(ctx, entry.Result.To)
	if err != nil {
		return err
	}
	hint := "to see what it waits for: mediaferry show " + upload.Argument(id)
	if account.Paused {
		hint = "its account is paused; to resume the account: mediaferry account resume " + account.Name
	}
	return &exit.UsageError{Text: id + " is not paused", Hint: hint}
}

// rowNotPaused says that a grouped row is not paused by itself: it would have been
// detached.
func (g *given) rowNotPaused(ctx context.Context, entry ledger.Entry) error {
	id, batch := entry.Result.UploadID, string(entry.Result.Batch)
	b, err := g.Ledger.Batch(ctx, batch)
	if err != nil {
		return opening.UnknownBatch(batch, err)
	}
	hint := "to see its state: mediaferry show " + upload.Argument(id)
	if b.Paused || b.State == upload.BatchHeld {
		hint = "its batch is paused or held; to resume the batch: mediaferry batch resume " + batch
	}
	return &exit.UsageError{Text: id + " is not paused", Hint: hint}
}

// noteItem puts down who did something with an upload, and why.
func (g *given) noteItem(ctx context.Context, entry ledger.Entry, what, because, detail string) error {
	return g.Ledger.NoteItemEvent(ctx, entry.Result.UploadID, ledger.ItemEvent{What: what, By: g.Who(), Because: because, Detail: detail})
}
