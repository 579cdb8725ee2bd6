package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// StateUpdate says where a run is with an item.
type StateUpdate struct {
	Item              upload.Item
	WorkflowID, RunID string
	Way               upload.Way
	// StartedAt is when the run began with the item; only needed for an item
	// that the ledger does not have, and then by default the present.
	StartedAt time.Time

	// State and Paused are those of the item from now on. An empty State leaves
	// both as they are: such an update only counts bytes, and of Item it needs no
	// more than the UploadID.
	State  upload.State
	Paused bool
	// Size of the medium in bytes; 0 where it is not known.
	Size int64
	// BytesSent is how many bytes of the medium this run has sent so far, repeats
	// included. A number below the stored one is ignored.
	BytesSent int64

	// Wait returns only when the update is committed. Updates with a state should
	// wait, so that they do not overtake those of the next step, which another
	// process may make.
	Wait bool
}

// UpdateState saves where a run is. It is cheap enough for every heartbeat: updates
// of one item that follow each other closely become one, and those of many items
// are written together.
//
// An update of a run that does not hold the item is refused, and so is one that
// comes after the item's end: the error is a *Refusal. An item that is unconfirmed is
// reopened only by StatePreparing, with which a retry begins that a person decided.
// An update without Wait that is refused changes nothing; one that cannot be written
// is lost, and logged.
func (l *Ledger) UpdateState(ctx context.Context, u StateUpdate) error {
	j, err := l.updateJob(ctx, u)
	switch {
	case err != nil:
	case u.Wait:
		err = l.writer.submit(ctx, []*job{j})
	default:
		err = l.writer.leave(j)
	}
	if err == nil && u.Wait && j.refusal != nil {
		return j.refusal
	}
	return l.fail("update the state of "+u.Item.UploadID, err)
}

func (l *Ledger) updateJob(ctx context.Context, u StateUpdate) (*job, error) {
	if u.Item.UploadID == "" || u.RunID == "" {
		return nil, errors.New("an update needs an upload ID and a run ID")
	}
	if u.State.Ended() {
		return nil, errors.New("an update cannot end an item; use a record")
	}
	started := u.StartedAt
	if started.IsZero() {
		started = l.now()
	}
	r := newRow(u.Item, u.Way, u.WorkflowID, u.RunID, started)
	r.result.BytesSent, r.result.Size = u.BytesSent, upload.Number(u.Size)
	if u.State == "" {
		return &job{verb: verbBytes, row: r}, nil
	}
	r.result.State, r.result.Paused = u.State, u.Paused
	return &job{verb: verbState, row: r}, r.encode(ctx, l)
}

// Record saves how an item ended, and returns when that is committed. It may be
// repeated, and the item need not be known. The error is a *Refusal where the record
// does not count.
//
// A record counts if its run holds the item or no run does. That of another run
// counts only if that run is not older than the one that holds the item, and
// only if it was granted the item (its record has the Fingerprint of what was
// sent, and its kind is not invalid) or leaves nothing worse behind: a run that
// was refused replaces a failure, or what a former run of its workflow left
// open, but never what is ready, unconfirmed, or in other hands. Unconfirmed
// gives way to whatever its own run records later.
//
// A record without RunID, in StateWaiting, announces an item that no run has
// claimed yet; it changes no item that a run has claimed, and is refused then.
func (l *Ledger) Record(ctx context.Context, record upload.Record) error {
	return only(l.RecordAll(ctx, []upload.Record{record}))
}

// RecordAll records many ends at the cost of few, and lists those that do not count.
// With an error some may have been recorded; recording again does no harm.
func (l *Ledger) RecordAll(ctx context.Context, records []upload.Record) ([]*Refusal, error) {
	jobs := make([]*job, len(records))
	ids := make([]string, len(records))
	for i, record := range records {
		ids[i] = record.Item.UploadID
		row, err := l.recordRow(ctx, record)
		if err != nil {
			return nil, l.fail("record "+ids[i], err)
		}
		jobs[i] = &job{verb: verbRecord, row: row}
	}
	if err := l.writer.submit(ctx, jobs); err != nil {
		return nil, l.fail(doing("record", ids), err)
	}
	return refusals(jobs), nil
}

func (l *Ledger) recordRow(ctx context.Context, record upload.Record) (*row, error) {
	if record.Item.UploadID == "" || record.Result.State == "" {
		return nil, errors.New("a record needs an upload ID and a state")
	}
	r := &row{
		item: record.Item, result: record.Result, handle: record.Handle, fingerprint: record.Fingerprint,
		workflowID: string(record.Result.WorkflowID), runID: record.RunID,
		// What is recorded for the first time was queued when it started, as
		// far as anyone can know.
		startedAt: record.Result.StartedAt.Time, queuedAt: record.Result.StartedAt.Time,
		serialKey: record.SerialKey, last: record.Last,
	}
	if r.runID != "" {
		r.runs = 1
	}
	return r, r.encode(ctx, l)
}
