package following

import (
	"context"
	"fmt"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
)

const (
	// signalTime is how long a command waits until an upload has received a signal.
	// Parts in flight get ten seconds to end before it counts as paused.
	signalTime = 20 * time.Second
	signalPoll = 200 * time.Millisecond
)

// CheckActive refuses an upload that has ended, or waits for a decision: it cannot be paused,
// resumed or moved.
func CheckActive(entry ledger.Entry) error {
	r := entry.Result
	id := r.UploadID
	switch {
	case r.State == upload.StateUnconfirmed:
		return &exit.UsageError{Text: id + " is unconfirmed and waits for a decision", Hint: "check at the vendor, then: mediaferry decide " + upload.Argument(id) + " ready|retry|fail --because TEXT"}
	case r.State == upload.StateFailed || r.State == upload.StateCanceled:
		return &exit.UsageError{Text: fmt.Sprintf("%s is already %s", id, r.State), Hint: "to run it again: mediaferry retry " + upload.Argument(id)}
	case r.State.Ended():
		return &exit.UsageError{Text: fmt.Sprintf("%s is already %s", id, r.State), Hint: "to see its result: mediaferry show " + upload.Argument(id)}
	}
	return nil
}

// AwaitSignal waits until a paused upload has stopped, or a resumed one continues,
// and prints it. Where no worker runs, the upload receives the signal from the next one.
func (u Uploads) AwaitSignal(ctx context.Context, entry ledger.Entry, pause bool) error {
	id := entry.Result.UploadID
	late := time.NewTimer(signalTime)
	defer late.Stop()
	polls := time.NewTicker(signalPoll)
	defer polls.Stop()
	for {
		status, err := u.Status(ctx, entry.WorkflowID, entry.RunID)
		received := status.Paused == pause && (!pause || status.InFlight == 0)
		if err == nil && (received || status.Result.State.Ended()) {
			return u.printPaused(status)
		}
		if err != nil && !u.workers.Alive(ctx) {
			u.session.Say("no worker is running; the request reaches %s when a worker starts. To start one: mediaferry wait %s", id, upload.Argument(id))
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late.C:
			u.session.Say("the signal was sent, but %s has not reacted to it yet; to see its state: mediaferry show %s", id, upload.Argument(id))
			return nil
		case <-polls.C:
		}
	}
}

// printPaused prints an upload that was paused or resumed.
func (u Uploads) printPaused(status upload.Status) error {
	r := status.Result
	r.Paused = r.Paused || status.Paused
	if err := u.session.Printer(false).Item(r); err != nil {
		return err
	}
	switch {
	case r.State.Ended():
		u.session.Say("the upload ended before it received the signal")
	case status.Paused && status.Parts > 1:
		u.session.Say("kept %d of %d parts; to continue: mediaferry resume %s", status.PartsDone, status.Parts, upload.Argument(r.UploadID))
	case status.Paused:
		u.session.Say("to continue: mediaferry resume %s", upload.Argument(r.UploadID))
	}
	return nil
}
