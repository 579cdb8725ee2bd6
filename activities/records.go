package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// lastWait is how long an item that goes last with its serial key leaves it to others
// that begin at the same time.
const lastWait = 2 * time.Second

// Record writes how an item ended. It may be repeated. Where the item's batch has
// ended before, its reports are to be written anew. What the ledger refuses is left
// to the run that holds the item.
func (a *Activities) Record(ctx context.Context, in upload.Record) (done upload.Recorded, _ error) {
	if in.Result.State == upload.StateReady {
		// A history that was restored makes the last steps of its run again, which change
		// nothing at the vendor: what is ready keeps the time at which it became so.
		entry, err := a.Ledger.Get(ctx, in.Item.UploadID)
		if err == nil && entry.Result.State == upload.StateReady && entry.Result.MediaID == in.Result.MediaID {
			done.Known = &entry.Result
			return done, a.recorded(ctx, in)
		}
	}
	err := a.Ledger.Record(ctx, in)
	var refused *ledger.Refusal
	if errors.As(err, &refused) {
		if done.Known, err = a.refused(ctx, in); err != nil || done.Known != nil {
			return done, result(ctx, err)
		}
		if err = a.Ledger.Record(ctx, in); errors.As(err, &refused) {
			return done, a.LeftToHolder(err)
		}
	}
	if err != nil {
		return done, ledgerError(ctx, err)
	}
	return done, a.recorded(ctx, in)
}

// refused is what becomes of a run whose end the ledger does not take: it ends as the
// item did, or takes over from a run that is over, after which its record counts.
func (a *Activities) refused(ctx context.Context, in upload.Record) (known *upload.Result, err error) {
	if of := run(ctx); in.RunID != of.ID || string(in.Result.WorkflowID) != of.WorkflowID || in.Fingerprint == "" {
		return nil, nil // it is recorded for another, or never had the item
	}
	way, err := a.flowOf(ctx, in.Item)
	if err != nil {
		return nil, err
	}
	_, err = a.Own(ctx, in.Item, way, run(ctx), upload.Content{Fingerprint: in.Fingerprint, Size: int64(in.Result.Size)})
	var ended *steps.Ended
	var e *upload.Error
	switch {
	case errors.As(err, &ended):
		return &ended.Result, nil
	case errors.As(err, &e): // superseded: Record says so in the log
		return nil, nil
	}
	return nil, err
}

// recorded does what follows the end of an item.
func (a *Activities) recorded(ctx context.Context, in upload.Record) error {
	if err := a.outdate(ctx, in.Item.Batch); err != nil || in.Result.State != upload.StateReady { // which may be run again
		return err
	}
	vendor, err := vendors.Find(in.Item.Vendor)
	if err != nil || vendor.Spec().Parts == nil { // there are none
		return nil
	}
	return ledgerError(ctx, a.Ledger.ForgetParts(ctx, in.Item.UploadID))
}

// outdate has the reports of a batch written anew that a row's end has made
// false: those of a batch that has not ended are still to come.
func (a *Activities) outdate(ctx context.Context, id string) error {
	if id == "" || a.Finish == nil {
		return nil
	}
	batch, err := a.Ledger.Batch(ctx, id)
	switch {
	case errors.Is(err, ledger.ErrNotFound): // the ledger was lost, and the batch with it
		return nil
	case err != nil:
		return ledgerError(ctx, err)
	case !batch.State.Ended():
		return nil
	}
	if err := a.Finish(ctx, id); err != nil {
		return fmt.Errorf("rewrite the reports of batch %s: %w", id, err)
	}
	return nil
}

// MarkPaused notes that a person paused an item, or let it go on. It may be
// repeated.
func (a *Activities) MarkPaused(ctx context.Context, in upload.PauseUpdate) error {
	of := run(ctx)
	if in.State == upload.StateWaiting { // its first step is under way: as one that waits, whoever resumes a batch would not find it
		in.State = upload.StatePreparing
	}
	return ledgerError(ctx, a.LeftToHolder(a.Ledger.UpdateState(ctx, ledger.StateUpdate{
		Item: in.Item, WorkflowID: of.WorkflowID, RunID: of.ID, Way: upload.WayOwn,
		State: in.State, Paused: in.Paused, Wait: true,
	})))
}

// AcquireSerial returns when the item holds its serial key. Until then it comes back.
// A holder whose workflow has ended, however it did, is evicted. An item that goes
// last comes back at least once, so that those that were started with it can be
// claimed.
func (a *Activities) AcquireSerial(ctx context.Context, in upload.SerialRequest) error {
	if err := a.BatchRests(ctx, upload.BatchOf(in.UploadID)); err != nil {
		return result(ctx, err)
	}
	if in.Last && attempt(ctx) == 1 {
		return later(typeWaiting, "other items with the same serial key go first", lastWait)
	}
	entered, holder, err := a.Ledger.AcquireSerial(ctx, in)
	if err != nil {
		return ledgerError(ctx, err)
	}
	if entered {
		return nil
	}
	if holder.WorkflowID != "" && !a.Ledger.Elsewhere(holder.Run) {
		by := "" // whichever run of its workflow is open goes on with the key
		if holder.UploadID == in.UploadID {
			by = holder.RunID // this one would
		}
		alive, err := a.Running(ctx, holder.WorkflowID, by)
		if err != nil {
			return err
		}
		if !alive {
			if err := a.Ledger.EvictSerial(ctx, in.Key, holder); err != nil {
				return ledgerError(ctx, err)
			}
		}
	}
	return rest(ctx, &steps.Later{Why: "another item with the same serial key goes first: " + holder.UploadID})
}

// ReleaseSerial lets the next one in. It may be repeated.
func (a *Activities) ReleaseSerial(ctx context.Context, in upload.SerialRequest) error {
	return ledgerError(ctx, a.Ledger.ReleaseSerial(ctx, in))
}
