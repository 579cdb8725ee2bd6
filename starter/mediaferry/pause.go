package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
)

const (
	// heedTime is how long a command waits until an upload has heeded a signal.
	// Parts in flight get ten seconds to end before it counts as paused.
	heedTime = 20 * time.Second
	heedLook = 200 * time.Millisecond
)

func (a *app) pauseCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "pause UPLOAD_ID",
		Short: "let an upload rest until it is resumed",
		Long: `pause lets a running upload rest: nothing new is started, and parts that are on their
way get ten seconds to end. What the store has acknowledged is kept; resume goes on
with what is missing. A paused upload can be moved, or canceled. A row that travels
with others of its batch leaves them at its next step, and rests by itself.`,
		Example:           "  mediaferry pause upload/truvideo/tour",
		Args:              oneUpload,
		ValidArgsFunction: a.completeUploads,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.steer(cmd.Context(), args[0], true) },
	}
}

func (a *app) resumeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "resume UPLOAD_ID",
		Short: "go on with a paused upload",
		Long: `resume lets an upload go on that was paused. An upload that waits because its account
is paused goes on with: mediaferry account resume NAME.`,
		Example:           "  mediaferry resume upload/truvideo/tour",
		Args:              oneUpload,
		ValidArgsFunction: a.completeUploads,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.steer(cmd.Context(), args[0], false) },
	}
}

// steer pauses an upload or lets it go on, and waits until it has heeded that.
func (a *app) steer(ctx context.Context, id string, pause bool) error {
	entry, err := a.openItem(ctx, id)
	if err != nil {
		return err
	}
	if err := steerable(entry); err != nil {
		return err
	}
	if withOthers(entry) {
		if !pause {
			return a.rowNotPaused(ctx, entry)
		}
		if entry, err = a.takeOut(ctx, entry); err != nil {
			return err
		}
		if err := a.answers(ctx, entry); err != nil {
			return err
		}
	}
	signal := upload.SignalResume
	if pause {
		signal = upload.SignalPause
	}
	status, err := a.statusOf(ctx, entry.WorkflowID, entry.RunID)
	if answered := err == nil; answered && status.Paused == pause {
		return a.asItIs(ctx, entry, status)
	}
	err = a.Temporal.SignalWorkflow(ctx, entry.WorkflowID, entry.RunID, signal, nil)
	var gone *serviceerror.NotFound
	switch {
	case errors.As(err, &gone):
		return &exit.UsageError{Text: id + ": its workflow has ended", Hint: "mediaferry show " + id}
	case err != nil:
		return fmt.Errorf("%s %s: %w", signal, id, err)
	}
	return a.heeded(ctx, entry, pause)
}

// steerable refuses what cannot be steered by itself.
func steerable(entry ledger.Entry) error {
	r := entry.Result
	id := r.UploadID
	switch {
	case r.State == upload.StateUnconfirmed:
		return &exit.UsageError{Text: id + " is unconfirmed, and rests until it is decided", Hint: "look at the vendor, then: mediaferry decide " + id + " ready|retry|fail --because TEXT"}
	case r.State == upload.StateFailed || r.State == upload.StateCanceled:
		return &exit.UsageError{Text: fmt.Sprintf("%s is %s already", id, r.State), Hint: "to run it once more: mediaferry retry " + id}
	case r.State.Ended():
		return &exit.UsageError{Text: fmt.Sprintf("%s is %s already", id, r.State), Hint: "mediaferry show " + id}
	}
	return nil
}

// asItIs says that there is nothing to be done.
func (a *app) asItIs(ctx context.Context, entry ledger.Entry, status upload.Status) error {
	id := entry.Result.UploadID
	if status.Paused {
		return &exit.UsageError{Text: id + " is paused already", Hint: "to go on: mediaferry resume " + id}
	}
	account, err := a.Ledger.Account(ctx, entry.Result.To)
	if err != nil {
		return err
	}
	hint := "mediaferry show " + id + " says what it waits for"
	if account.Paused {
		hint = "its account is paused; to resume that: mediaferry account resume " + account.Name
	}
	return &exit.UsageError{Text: id + " is not paused", Hint: hint}
}

// heeded waits until an upload rests, or goes on, and prints it. Where nobody
// carries it, it will heed the signal when somebody does.
func (a *app) heeded(ctx context.Context, entry ledger.Entry, pause bool) error {
	id := entry.Result.UploadID
	late := time.NewTimer(heedTime)
	defer late.Stop()
	looks := time.NewTicker(heedLook)
	defer looks.Stop()
	for {
		status, err := a.statusOf(ctx, entry.WorkflowID, entry.RunID)
		heeded := status.Paused == pause && (!pause || status.InFlight == 0)
		if err == nil && (heeded || status.Result.State.Ended()) {
			return a.steered(status)
		}
		if err != nil && !a.workers.Alive(ctx) {
			a.Say("no worker runs; %s heeds it as soon as one does, as with: mediaferry wait %s", id, id)
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late.C:
			a.Say("%s was told, and has not answered yet; look at it: mediaferry show %s", id, id)
			return nil
		case <-looks.C:
		}
	}
}

// steered prints what became of an upload that was told to rest or to go on.
func (a *app) steered(status upload.Status) error {
	r := status.Result
	r.Paused = r.Paused || status.Paused
	if err := a.Printer(false).Item(r); err != nil {
		return err
	}
	switch {
	case r.State.Ended():
		a.Say("it had ended before it was told")
	case status.Paused && status.Parts > 1:
		a.Say("%d of %d parts are kept; to go on: mediaferry resume %s", status.PartsDone, status.Parts, r.UploadID)
	case status.Paused:
		a.Say("to go on: mediaferry resume %s", r.UploadID)
	}
	return nil
}
