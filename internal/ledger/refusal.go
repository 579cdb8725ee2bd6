package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Reason is why a conditional write was refused.
type Reason string

// The reasons.
const (
	// Held: another run holds the item.
	Held Reason = "held"
	// Released: no run holds the item: it was detached, or taken from the run.
	Released Reason = "released"
	// Ended: the item has ended, or waits for a decision.
	Ended Reason = "ended"
	// Stale: the run holds the item, but the ledger has newer progress of it.
	Stale Reason = "stale"
	// Unknown: the ledger does not have the item.
	Unknown Reason = "unknown"
)

// Refusal says that a conditional write changed nothing. A run that gets one must
// send nothing more for the item, unless the reason is Stale: then it goes on from
// Stored. It is an error where one item was written, and listed where many were.
type Refusal struct {
	UploadID string
	Reason   Reason
	// Entry is the item as the ledger has it: which run holds it, or how it ended.
	// Empty where the reason is Unknown.
	Entry Entry
	// Stored is the progress that the ledger has, where the reason is Stale.
	Stored *upload.Progress
}

// Error says who holds the item, or how it ended.
func (r *Refusal) Error() string {
	switch r.Reason {
	case Held:
		return fmt.Sprintf("item %q is held by run %s of workflow %s in %s", r.UploadID, r.Entry.RunID, r.Entry.WorkflowID, r.Entry.Service)
	case Released:
		return fmt.Sprintf("item %q is no longer held by this run", r.UploadID)
	case Ended:
		return fmt.Sprintf("item %q has ended as %s", r.UploadID, r.Entry.Result.State)
	case Stale:
		return fmt.Sprintf("the ledger already has version %d of the progress of item %q", r.Stored.Version, r.UploadID)
	}
	return fmt.Sprintf("item %q is %v", r.UploadID, ErrNotFound)
}

// Refuses is why a run must not act for an item; nil where the item is its own and
// has not ended.
func (e Entry) Refuses(runID string) *Refusal {
	r := &Refusal{UploadID: e.Result.UploadID, Entry: e}
	switch {
	case e.Result.State.Ended():
		r.Reason = Ended
	case e.RunID == clean(runID):
		return nil
	case e.RunID == "":
		r.Reason = Released
	default:
		r.Reason = Held
	}
	return r
}

// refusals lists what was refused of jobs.
func refusals(jobs []*job) []*Refusal {
	var refused []*Refusal
	for _, j := range jobs {
		if j.refusal != nil {
			refused = append(refused, j.refusal)
		}
	}
	return refused
}

// only is the error of a write of one item: the database's, or the refusal.
func only(refused []*Refusal, err error) error {
	if err != nil || len(refused) == 0 {
		return err
	}
	return refused[0]
}

// refuse finds out why jobs changed nothing. Those that nobody waits for are left
// out. The transaction holds the items' locks, so that nothing changes in between.
func (w *writer) refuse(ctx context.Context, tx *sql.Tx, jobs []*job, changed map[string]bool) error {
	var refused []*job
	for _, j := range jobs {
		if j.waiter != nil && !changed[clean(j.row.item.UploadID)] {
			refused = append(refused, j)
		}
	}
	return w.eachRefused(ctx, tx, refused, func(j *job, e Entry, found bool) (err error) {
		j.refusal, err = w.refusal(ctx, tx, j, e, found)
		return err
	})
}

// refusal is why a job changed nothing, or nil where there was nothing to change.
func (w *writer) refusal(ctx context.Context, tx *sql.Tx, j *job, e Entry, found bool) (*Refusal, error) {
	if !found {
		return &Refusal{UploadID: j.row.item.UploadID, Reason: Unknown}, nil
	}
	if r := e.Refuses(j.row.runID); r != nil {
		return r, nil
	}
	switch j.verb {
	case verbProgress:
		return w.stale(ctx, tx, j, &Refusal{UploadID: j.row.item.UploadID, Entry: e})
	case verbBytes: // no more than were counted before
		return nil, nil
	}
	r := &Refusal{UploadID: j.row.item.UploadID, Entry: e, Reason: Held}
	if e.RunID == "" {
		r.Reason = Released
	}
	return r, nil
}

// stale completes the refusal of progress that does not follow what is stored; it
// is nil where the same progress was saved before.
func (w *writer) stale(ctx context.Context, tx *sql.Tx, j *job, r *Refusal) (*Refusal, error) {
	var sealed []byte
	err := tx.QueryRowContext(ctx, `SELECT progress FROM progress WHERE upload_id = $1`, clean(r.UploadID)).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("progress of item %q was neither saved nor found", r.UploadID)
	}
	if err != nil {
		return nil, err
	}
	plain, err := w.ledger.unseal("the progress of "+r.UploadID, sealed)
	if err != nil || string(plain) == string(j.row.plain) {
		return nil, err
	}
	r.Reason = Stale
	r.Stored, err = w.ledger.openProgress(clean(r.UploadID), sealed)
	return r, err
}
