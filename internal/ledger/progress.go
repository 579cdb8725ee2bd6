package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// ProgressUpdate says how far an item is between two steps, whether it has a
// workflow of its own or is grouped with others.
type ProgressUpdate struct {
	UploadID, RunID string
	// State and Paused are those of the item from now on; an empty State leaves both
	// as they are. State cannot be an end.
	State  upload.State
	Paused bool
	// Progress replaces what is stored. Its Version is at least 1, and the successor
	// of the stored one where there is any.
	Progress upload.Progress
	// BytesSent is how many bytes of the medium this run has sent so far, repeats
	// included. A number below the stored one is ignored.
	BytesSent int64
}

// Detachment says that an item is to leave its shard and get a workflow of its own.
type Detachment struct {
	UploadID, RunID string // of the run that releases it
	Because         string // in words
}

// SaveProgress saves how far items are, and returns when that is committed: a step
// that must not be repeated is followed by it, before the next one begins. It writes
// progress, state, bytes and the pause of an item at once. Progress stays until the
// item is ready, whichever run holds it: what failed or was canceled may be run again.
//
// It is refused for an item that another run holds, that has ended, or that the
// ledger does not have; and as Stale where Version is not the successor of the
// stored one, which the Refusal then has. An unconfirmed item is reopened only by
// StatePreparing, with which a retry begins that a person decided. With an error
// some may have been saved. Saving the same progress again is not refused.
func (l *Ledger) SaveProgress(ctx context.Context, updates []ProgressUpdate) ([]*Refusal, error) {
	jobs := make([]*job, len(updates))
	ids := make([]string, len(updates))
	for i, update := range updates {
		ids[i] = update.UploadID
		row, err := l.progressRow(update)
		if err != nil {
			return nil, l.fail("save the progress of "+update.UploadID, err)
		}
		jobs[i] = &job{verb: verbProgress, row: row}
	}
	if err := l.writer.submit(ctx, jobs); err != nil {
		return nil, l.fail(doing("save the progress of", ids), err)
	}
	return refusals(jobs), nil
}

func (l *Ledger) progressRow(update ProgressUpdate) (*row, error) {
	switch {
	case update.UploadID == "" || update.RunID == "":
		return nil, errors.New("progress needs an upload ID and a run ID")
	case update.State.Ended():
		return nil, errors.New("progress cannot end an item; use a record")
	case update.Progress.Version < 1:
		return nil, fmt.Errorf("progress has version %d, which must be at least 1", update.Progress.Version)
	}
	plain, err := json.Marshal(sealedProgress{UploadID: clean(update.UploadID), Progress: update.Progress})
	if err != nil {
		return nil, err
	}
	r := &row{item: upload.Item{UploadID: update.UploadID}, runID: update.RunID, plain: plain, version: update.Progress.Version}
	r.result.State, r.result.Paused, r.result.BytesSent = update.State, update.Paused, update.BytesSent
	r.result.Size = upload.Number(update.Progress.Content.Size)
	if r.waiting, err = l.sealWait(update.UploadID, update.Progress.Waiting); err != nil {
		return nil, err
	}
	r.sealed, err = l.seal("the progress", plain)
	return r, err
}

// ReadProgress reads an item with its progress and the run that holds it. The error
// is a *NotFoundError where there is no such item.
func (l *Ledger) ReadProgress(ctx context.Context, uploadID string) (Row, error) {
	row, err := l.scanRow(l.read.QueryRowContext(ctx,
		`SELECT `+entryColumns+`, `+progressColumns+` FROM items WHERE upload_id = $1`, clean(uploadID)))
	if errors.Is(err, sql.ErrNoRows) {
		return Row{}, &NotFoundError{UploadID: uploadID}
	}
	return row, l.fail("read the progress of "+uploadID, err)
}

// Hold is who holds an item, and how far it is.
type Hold struct {
	RunID   string // empty: no run does
	State   upload.State
	Version int64 // of the progress; 0: there is none
}

// Hold reads who holds an item; zero where there is no such item. It is cheap enough
// for every part of a session.
func (l *Ledger) Hold(ctx context.Context, uploadID string) (h Hold, err error) {
	err = l.read.QueryRowContext(ctx, `SELECT run_id, state, COALESCE((SELECT version FROM progress WHERE progress.upload_id = items.upload_id), 0)
FROM items WHERE upload_id = $1`, clean(uploadID)).Scan(&h.RunID, &h.State, &h.Version)
	if errors.Is(err, sql.ErrNoRows) {
		return Hold{}, nil
	}
	return h, l.fail("read who holds "+uploadID, err)
}

// Detach releases items that are to get workflows of their own, and returns when
// that is committed. They keep their state and their progress; no run holds them
// until a workflow of their own claims them. What the run that released an item says
// of it later is refused, unless it is that the item is ready. Detaching is refused
// for an item that another run holds, that has ended, or that the ledger does not
// have; one that no run has claimed yet is detached, too.
func (l *Ledger) Detach(ctx context.Context, items []Detachment) ([]*Refusal, error) {
	jobs := make([]*job, len(items))
	ids := make([]string, len(items))
	for i, item := range items {
		if ids[i] = item.UploadID; ids[i] == "" || item.RunID == "" {
			return nil, l.fail("detach an item", errors.New("the upload ID or the run ID is missing"))
		}
		because, err := l.sealText(becauseOf(item.UploadID), item.Because)
		if err != nil {
			return nil, l.fail("detach "+item.UploadID, err)
		}
		jobs[i] = &job{verb: verbDetach, row: &row{
			item: upload.Item{UploadID: item.UploadID}, runID: item.RunID, because: because,
		}}
	}
	if err := l.writer.submit(ctx, jobs); err != nil {
		return nil, l.fail(doing("detach", ids), err)
	}
	return refusals(jobs), nil
}

// becauseOf is the place of why an item is detached.
func becauseOf(uploadID string) string { return "why " + uploadID + " is detached" }

// sealedProgress is what is sealed. It names the item, so that a value moved to
// another row of the database is noticed.
type sealedProgress struct {
	UploadID string          `json:"upload_id"`
	Progress upload.Progress `json:"progress"`
}

// openProgress is the progress that was sealed for an item, or nil where there is none.
func (l *Ledger) openProgress(uploadID string, sealed []byte) (*upload.Progress, error) {
	if sealed == nil {
		return nil, nil
	}
	plain, err := l.unseal("the progress of "+uploadID, sealed)
	if err != nil {
		return nil, err
	}
	var opened sealedProgress
	if err := json.Unmarshal(plain, &opened); err != nil {
		return nil, fmt.Errorf("progress of item %q: %w", uploadID, err)
	}
	if opened.UploadID != uploadID {
		return nil, fmt.Errorf("progress of item %q: %w: it belongs to item %q", uploadID, ErrDamaged, opened.UploadID)
	}
	return &opened.Progress, nil
}

// follows: the version {3} of an item's progress is the successor of what is stored,
// or the first.
const follows = `NOT EXISTS (SELECT 1 FROM progress WHERE progress.upload_id = {1} AND progress.version <> {3} - 1)`

// progressTypes are those of row.progressArgs.
var progressTypes = []string{"TEXT", "TEXT", "BIGINT", "TEXT", "BOOLEAN", "BIGINT", "BIGINT", "BIGINT", "TEXT"}

// moveItems changes n items by their progress. It sets no column that an index has of
// items that are in no trouble.
func moveItems(n int) string {
	return withRows(n, progressTypes, `UPDATE items SET
	state = CASE WHEN {4} = '' THEN items.state ELSE {4} END,
	paused = CASE WHEN {4} = '' THEN items.paused ELSE {5} END,
	size = CASE WHEN {6} > 0 THEN {6} ELSE items.size END,
	bytes_sent = CASE WHEN {7} > items.bytes_sent THEN {7} ELSE items.bytes_sent END,
	updated_at = {8}, waiting = {9} {from}
WHERE items.upload_id = {1} AND items.run_id = {2} AND items.`+open+` AND `+follows)
}

// reopenTypes are those of the first of row.progressArgs.
var reopenTypes = progressTypes[:3]

// reopenItem lets an unconfirmed item be sent again.
func reopenItem() string {
	return withRows(1, reopenTypes, `UPDATE items SET state = 'preparing', phase = 'work', kind = ''
WHERE items.upload_id = {1} AND items.run_id = {2} AND items.state = 'unconfirmed' AND `+follows)
}

// storeProgress stores the progress of n items.
func storeProgress(n int) string {
	return `INSERT INTO progress (upload_id, version, progress) VALUES ` + tuples(n, 3, nil) + `
ON CONFLICT (upload_id) DO UPDATE SET version = excluded.version, progress = excluded.progress`
}

// detachItems releases n items.
func detachItems(n int) string {
	return withRows(n, []string{"TEXT", "TEXT", "TEXT", "BIGINT"}, `UPDATE items SET
	detached = TRUE, detached_because = {3}, updated_at = {4}, former_run = {2}, run_id = '', workflow_id = '' {from}
WHERE items.upload_id = {1} AND items.run_id IN ('', {2}) AND items.`+open)
}

func (w *writer) saveProgress(ctx context.Context, tx *sql.Tx, jobs []*job, args []any) error {
	width := len(progressTypes)
	for i, j := range jobs {
		if j.reopens { // which is rare
			if err := w.exec(ctx, tx, w.statements[1].reopen, args[i*width:i*width+len(reopenTypes)]); err != nil {
				return err
			}
		}
	}
	moved, err := w.changedOf(ctx, tx, jobs, w.statements[len(jobs)].move, args)
	if err != nil {
		return err
	}
	var rows []any
	for _, j := range jobs {
		if id := clean(j.row.item.UploadID); moved[id] {
			rows = append(rows, id, j.row.version, j.row.sealed)
		}
	}
	for len(rows) > 0 {
		n := chunk(len(rows)/3, w.ledger.dialect.rows)
		if err := w.exec(ctx, tx, w.statements[n].store, rows[:3*n]); err != nil {
			return err
		}
		rows = rows[3*n:]
	}
	return w.refuse(ctx, tx, jobs, moved)
}
