package steps

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// Ended says that the ledger has the item's end: by another run, or by this one before
// Temporal forgot it. The run has nothing left to do and ends with that result.
type Ended struct{ Result upload.Result }

func (e *Ended) Error() string {
	return fmt.Sprintf("item %q has ended as %s", e.Result.UploadID, e.Result.State)
}

// Owned is an item that a run may act for.
type Owned struct {
	// Entry is what the ledger has of the item; zero where the ledger was lost.
	Entry ledger.Entry
	// Progress is the ledger's; nil where it has none.
	Progress *upload.Progress
	// HeardOf is when the item's holder last wrote of it.
	HeardOf time.Time
	// Taken says that another run, which is over, held the item until now.
	Taken bool
}

// Own makes sure that a run may act for an item, by the ledger's word, before a call
// that opens, sends, completes or deletes something at a vendor.
//
// Where another run holds the item and is over, as after a reset in Temporal, this run
// takes over from it, if it is open itself. The error is *Ended where the item has
// ended, and of kind superseded where it is another run's.
func (s *Steps) Own(ctx context.Context, item upload.Item, way flow.Flow, run Run, content upload.Content) (Owned, error) {
	row, err := s.Ledger.ReadProgress(ctx, item.UploadID)
	if errors.Is(err, ledger.ErrNotFound) { // the ledger was lost: what runs goes on
		return s.takeOver(ctx, item, way, run, content, row, &ledger.Refusal{UploadID: item.UploadID, Reason: ledger.Unknown})
	}
	if err != nil {
		return Owned{}, FromLedger(ctx, err)
	}
	refused := row.Refuses(run.ID)
	unconfirmed := row.Result.State == upload.StateUnconfirmed
	switch {
	case refused != nil && refused.Reason == ledger.Ended && !unconfirmed:
		return Owned{}, &Ended{row.Result}
	case refused == nil || unconfirmed && row.RunID == run.ID:
		return owned(row), nil
	}
	return s.takeOver(ctx, item, way, run, content, row, refused)
}

func owned(row ledger.Row) Owned {
	o := Owned{Entry: row.Entry, Progress: row.Progress, HeardOf: row.UpdatedAt}
	if row.Result.State == upload.StateUnconfirmed {
		o.Progress = unconfirmed(row)
	}
	return o
}

// unconfirmed is the progress of an item that waits for a person.
func unconfirmed(row ledger.Row) *upload.Progress {
	var p upload.Progress
	if row.Progress != nil {
		p = *row.Progress
	}
	p.Next, p.Cause = upload.StepEnd, upload.Errorf(upload.KindUnconfirmed, upload.StepTransfer, "%s", row.Result.Error.Message)
	return &p
}

// takeOver takes an item from a run that is over. An open run, and one that nobody
// here can ask for, keep it.
//
//nolint:revive // a claim needs to know so much
func (s *Steps) takeOver(ctx context.Context, item upload.Item, way flow.Flow, run Run, content upload.Content, row ledger.Row, refused *ledger.Refusal) (Owned, error) {
	if row.RunID != "" && s.Ledger.Elsewhere(row.Run) {
		return Owned{}, elsewhere(item.UploadID, row.Run, s.Ledger.Service())
	}
	free, err := s.over(ctx, row.Run)
	if err != nil {
		return Owned{}, err
	}
	gone, err := s.over(ctx, ledger.Run{WorkflowID: run.WorkflowID, RunID: run.ID})
	if err != nil {
		return Owned{}, err
	}
	if !free || gone {
		return Owned{}, Superseded(refused)
	}
	if err := s.Silent(way, row.Progress, row.UpdatedAt); err != nil {
		return Owned{}, err
	}
	if row.Result.UploadID != "" { // a takeover does not change what is read
		if err := s.CheckClaimed(ctx, row.Entry, ledger.Place{Source: item.Source}); err != nil {
			return Owned{}, err
		}
	}
	request := claimOf(item, run, content, s.termsOf(ctx, item))
	request.TakeOver = row.RunID
	claim, err := s.Ledger.Claim(ctx, request)
	switch {
	case err != nil:
		return Owned{}, FromLedger(ctx, err)
	case claim.Outcome == ledger.Granted:
		o := owned(row)
		o.Taken = true
		return o, nil
	case claim.Outcome == ledger.Known, claim.Outcome == ledger.Canceled:
		return Owned{}, &Ended{claim.Entry.Result}
	}
	return Owned{}, Superseded(refused)
}

// termsOf are an item's terms as its account is configured now.
func (s *Steps) termsOf(ctx context.Context, item upload.Item) upload.Terms {
	vendor, err := vendors.Find(item.Vendor)
	if err != nil {
		return upload.Terms{}
	}
	account, _ := s.Accounts.Account(item.Account) // one that is gone has no settings
	return s.terms(ctx, vendor.Spec(), account, item)
}

// over reports whether a run is over. While Temporal cannot tell, the step waits.
func (s *Steps) over(ctx context.Context, of ledger.Run) (bool, error) {
	if of.RunID == "" {
		return true, nil
	}
	running, err := s.Running(ctx, of.WorkflowID, of.RunID)
	if err != nil && ctx.Err() == nil {
		return false, &Later{Why: "Temporal does not say whether run " + of.RunID + " is open: " + err.Error()}
	}
	return !running, err
}
