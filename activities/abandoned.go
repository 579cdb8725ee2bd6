package activities

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// buryBatches ends batches whose workflows are gone.
func (a *Activities) buryBatches(ctx context.Context) error {
	batches, err := a.Ledger.Batches(ctx, ledger.BatchFilter{Open: true})
	if err != nil {
		return err
	}
	var all error
	for _, b := range batches {
		gone, err := a.gone(ctx, b)
		if err == nil && gone {
			err = a.buryBatch(ctx, b)
		}
		all = errors.Join(all, err) // one that cannot be ended is no reason to leave the others
	}
	return all
}

// gone reports whether a batch that has not ended has a workflow that is closed: not where that
// may be about to begin, nor where it belongs to another service.
func (a *Activities) gone(ctx context.Context, b ledger.Batch) (bool, error) {
	if b.State == upload.BatchLoading || a.Now().Sub(b.StartedAt) < upload.OrphanTime {
		return false, nil
	}
	if open, err := a.Running(ctx, upload.BatchWorkflowID(b.ID), ""); err != nil || open {
		return false, err
	}
	return a.Ledger.RanHere(ctx, b.ID)
}

// buryBatch ends the rows of a batch whose workflow is gone, and the batch itself once
// no run has a row of it any more: what was left of a batch that was being canceled is
// canceled, and anything else has failed.
func (a *Activities) buryBatch(ctx context.Context, b ledger.Batch) error {
	end := a.failRows
	state := upload.BatchCompleted
	if b.State == upload.BatchCanceling {
		end, state = a.cancelLeft, upload.BatchCanceled
	}
	open, err := end(ctx, b.ID)
	if err != nil || open {
		return err
	}
	a.Log.Info("the workflow of a batch was terminated or deleted outside of mediaferry", zap.String("batch", b.ID), zap.String("state", string(state)))
	if _, err := a.Ledger.ChangeBatch(ctx, b.ID, ledger.BatchChange{State: state, Event: ledger.BatchEvent{
		What: ledger.EventFinish, By: upload.ByItself, Because: "its workflow was terminated or deleted outside of mediaferry",
	}}); err != nil {
		return err
	}
	a.report(ctx, b.ID)
	return nil
}

// cancelLeft cancels what is left of a batch, and reports whether a run has a row yet.
func (a *Activities) cancelLeft(ctx context.Context, batch string) (open bool, err error) {
	if err := a.cancelRows(ctx, batch); err != nil {
		return true, err
	}
	summary, err := a.Ledger.Summarize(ctx, batch)
	return summary.InProgress > 0, err
}

// failRows ends the rows of a batch that no run has, and reports whether some are left:
// those that a run has, and those that somebody has only just let wait again.
func (a *Activities) failRows(ctx context.Context, batch string) (open bool, err error) {
	const page = 500
	var records []upload.Record
	flush := func() error {
		_, err := a.Ledger.RecordAll(ctx, records) // one that does not count was taken by a run
		records = nil
		return err
	}
	now := a.Now().UTC()
	for _, state := range upload.States() {
		if state.Ended() {
			continue
		}
		for entry, err := range a.Ledger.List(ctx, ledger.Filter{Batch: batch, State: state}) {
			if err != nil {
				return true, err
			}
			if entry.RunID != "" || now.Sub(entry.UpdatedAt) < upload.OrphanTime {
				open = true
				continue
			}
			record, silent, err := a.abandoned(ctx, entry, now)
			if err != nil {
				return true, err
			}
			if silent {
				open = true
				continue
			}
			if records = append(records, record); len(records) == page {
				if err := flush(); err != nil {
					return true, err
				}
			}
		}
	}
	return open, flush()
}

// abandoned is how a row ends whose batch is gone. Where a call of it may be under way
// whose worker can still be heard, silent says that the next look decides.
func (a *Activities) abandoned(ctx context.Context, entry ledger.Entry, now time.Time) (_ upload.Record, silent bool, _ error) {
	item, err := entry.Item()
	if err != nil {
		return upload.Record{}, false, err
	}
	result := entry.Result
	failure := upload.Errorf(upload.KindInternal, "", "the workflow of batch %s was terminated or deleted outside of mediaferry", item.Batch)
	if result.State != upload.StateWaiting {
		way, err := a.flowOf(ctx, item)
		if err != nil {
			return upload.Record{}, false, err
		}
		row, err := a.Ledger.ReadProgress(ctx, item.UploadID)
		if err != nil {
			return upload.Record{}, false, err
		}
		if a.Silent(way, row.Progress, row.UpdatedAt) != nil {
			return upload.Record{}, true, nil
		}
		failure = terminated(way, row.Progress, item.UploadID)
		if row.Progress != nil {
			result.Attempts = row.Progress.Attempts
		}
	}
	result.State, result.Paused, result.FinishedAt = upload.StateFailed, false, &now
	if failure.Unsettled() {
		result.State = upload.StateUnconfirmed
	} else {
		_ = failure.WithHint("to run it again: mediaferry batch retry %s", item.Batch)
	}
	result.Error = upload.FailureOf(failure)
	return upload.Record{Item: item, Result: result, Fingerprint: entry.Fingerprint, RunID: "abandoned at " + now.Format(time.RFC3339Nano)}, false, nil
}
