package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/following"
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
	if err := following.CheckActive(entry); err != nil {
		return err
	}
	if following.Grouped(entry) {
		if !pause {
			return a.rowNotPaused(ctx, entry)
		}
		if entry, err = a.uploads.TakeOut(ctx, entry); err != nil {
			return err
		}
		if err := a.uploads.AwaitWorkflow(ctx, entry); err != nil {
			return err
		}
	}
	signal := upload.SignalResume
	if pause {
		signal = upload.SignalPause
	}
	status, err := a.uploads.Status(ctx, entry.WorkflowID, entry.RunID)
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
	return a.uploads.AwaitSignal(ctx, entry, pause)
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
