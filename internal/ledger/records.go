package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Mark says how far a run is with an item.
type StateUpdate struct {
	Item              upload.Item
	WorkflowID, RunID string
	Way               upload.Way
	// StartedAt is when the run began with the item; only needed for an item
	// that the ledger does not know, and then by default the present.
	StartedAt time.Time

	// State and Paused are where the item is from now on. An empty State leaves
	// both as they are: such a mark only counts bytes, and of Item it needs no
	// more than the UploadID.
	State  upload.State
	Paused bool
	// Size of the medium in bytes; 0 where it is not known.
	Size int64
	// BytesSent is how much this run has sent of the medium so far, repeats
	// included. A number below the one that is known is ignored.
	BytesSent int64

	// Wait returns only when the mark is committed. Marks with a state should
	// wait, so that they do not overtake those of the next step, which another
	// process may make.
	Wait bool
}

// Progress notes how far a run is. It is cheap enough for every heartbeat: marks
// of one item that follow each other closely become one, and those of many items
// are written together.
//
// A mark of a run that does not hold the item changes nothing, nor does one that
// comes after the item's end. An item that is unconfirmed is reopened only by a
// mark with StatePreparing, with which a retry begins that a person decided. A
// mark without Wait that cannot be written is lost, and logged.
func (l *Ledger) UpdateState(ctx context.Context, u StateUpdate) error {
	j, err := l.updateJob(u)
	if err != nil {
		return l.fail("note the progress of "+u.Item.UploadID, err)
	}
	if u.Wait {
		err = l.writer.submit(ctx, []*job{j})
	} else {
		err = l.writer.leave(j)
	}
	return l.fail("note the progress of "+u.Item.UploadID, err)
}

func (l *Ledger) updateJob(u StateUpdate) (*job, error) {
	if u.Item.UploadID == "" || u.RunID == "" {
		return nil, errors.New("a mark needs an upload ID and the ID of a run")
	}
	if u.State.Ended() {
		return nil, errors.New("a mark cannot end an item, want a record")
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
	return &job{verb: verbState, row: r}, r.encode(l)
}

// Record puts down how an item ended, and returns when that is committed. It may
// be repeated, and the item need not be known.
//
// A record counts if its run holds the item or nobody does. That of another run
// counts only if that run is not older than the one that holds the item, and
// only if it was granted the item (its record has the Fingerprint of what was
// sent, and its kind is not invalid) or leaves nothing worse behind: a run that
// was refused replaces a failure, or what a former run of its workflow left
// open, but never what is ready, unconfirmed, or in other hands. Unconfirmed
// gives way to whatever its own run records later.
//
// A record without RunID, in StateWaiting, announces an item that nobody has
// claimed yet; it changes no item that somebody has.
func (l *Ledger) Record(ctx context.Context, record upload.Record) error {
	return l.RecordAll(ctx, []upload.Record{record})
}

// RecordAll records many ends at the cost of few. With an error some may have
// been recorded; recording again does no harm.
func (l *Ledger) RecordAll(ctx context.Context, records []upload.Record) error {
	jobs := make([]*job, len(records))
	ids := make([]string, len(records))
	for i, record := range records {
		ids[i] = record.Item.UploadID
		row, err := l.recordRow(record)
		if err != nil {
			return l.fail("record "+ids[i], err)
		}
		jobs[i] = &job{verb: verbRecord, row: row}
	}
	return l.fail(doing("record", ids), l.writer.submit(ctx, jobs))
}

func (l *Ledger) recordRow(record upload.Record) (*row, error) {
	if record.Item.UploadID == "" || record.Result.State == "" {
		return nil, errors.New("a record needs an upload ID and a state")
	}
	r := &row{
		item: record.Item, result: record.Result, fingerprint: record.Fingerprint,
		workflowID: string(record.Result.WorkflowID), runID: record.RunID,
		// What is recorded for the first time was queued when it started, as
		// far as anyone can know.
		startedAt: record.Result.StartedAt.Time, queuedAt: record.Result.StartedAt.Time,
		serialKey: record.SerialKey, last: record.Last,
	}
	if r.runID != "" {
		r.runs = 1
	}
	return r, r.encode(l)
}
