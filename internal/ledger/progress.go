package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// ProgressUpdate says how far a packed item is between two of its vendor's steps.
type ProgressUpdate struct {
	UploadID, RunID string
	// State is where the item is from now on; empty leaves it where it is. It
	// cannot be an end.
	State    upload.State
	Progress upload.Progress
	// BytesSent is how much this run has sent of the medium so far, repeats
	// included. A number below the one that is known is ignored.
	BytesSent int64
}

// Detachment says that an item is to leave its shard and travel in a workflow of its
// own.
type Detachment struct {
	UploadID, RunID string // of the run that lets it go
	Because         string // in words
}

// SaveProgress notes how far items are, and returns when that is committed: a step
// that must not be repeated is followed by it, before the next one begins. The
// progress replaces the one before and stays until the item ends, whoever has it.
// Nothing happens to an item that another run holds, that has ended, or that the
// ledger does not know. With an error some may have been saved; saving again does
// no harm.
func (l *Ledger) SaveProgress(ctx context.Context, marks []ProgressUpdate) error {
	jobs := make([]*job, len(marks))
	ids := make([]string, len(marks))
	for i, mark := range marks {
		ids[i] = mark.UploadID
		row, err := l.progressRow(mark)
		if err != nil {
			return l.fail("save the progress of "+mark.UploadID, err)
		}
		jobs[i] = &job{verb: verbProgress, row: row}
	}
	return l.fail(doing("save the progress of", ids), l.writer.submit(ctx, jobs))
}

func (l *Ledger) progressRow(mark ProgressUpdate) (*row, error) {
	if mark.UploadID == "" || mark.RunID == "" {
		return nil, errors.New("progress needs an upload ID and the ID of a run")
	}
	if mark.State.Ended() {
		return nil, errors.New("progress cannot end an item, want a record")
	}
	plain, err := json.Marshal(sealedProgress{UploadID: clean(mark.UploadID), Progress: mark.Progress})
	if err != nil {
		return nil, err
	}
	r := &row{item: upload.Item{UploadID: mark.UploadID}, runID: mark.RunID}
	r.result.State, r.result.BytesSent = mark.State, mark.BytesSent
	r.result.Size = upload.Number(mark.Progress.Content.Size)
	r.sealed, err = l.seal("the progress", plain)
	return r, err
}

// Detach lets items go that are to travel alone, and returns when that is
// committed. They keep their state and their progress; nobody holds them until a
// workflow of their own claims them. What the run that let an item go says of it
// later does not count any more, unless it is that the item is ready. Nothing
// happens to an item that another run holds, that has ended, or that the ledger
// does not know; one that nobody has claimed yet is set alone, too.
func (l *Ledger) Detach(ctx context.Context, items []Detachment) error {
	jobs := make([]*job, len(items))
	ids := make([]string, len(items))
	for i, item := range items {
		if ids[i] = item.UploadID; ids[i] == "" || item.RunID == "" {
			return l.fail("detach an item", errors.New("it needs an upload ID and the ID of a run"))
		}
		jobs[i] = &job{verb: verbDetach, row: &row{
			item: upload.Item{UploadID: item.UploadID}, runID: item.RunID, because: item.Because,
		}}
	}
	return l.fail(doing("detach", ids), l.writer.submit(ctx, jobs))
}

// sealedProgress is what is sealed of progress. It tells whose it is, so that a value
// moved to another row of the database is noticed.
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
		return nil, fmt.Errorf("progress of item %q: %w: it is that of item %q", uploadID, ErrDamaged, opened.UploadID)
	}
	return &opened.Progress, nil
}

// updateProgressState notes the states of n items: values are upload ID, run ID, state, size,
// bytes sent and time.
func updateProgressState(n int) string {
	return withRows(n, []string{"TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT"}, `UPDATE items SET
	state = CASE WHEN {3} = '' THEN items.state ELSE {3} END,
	size = CASE WHEN {4} > 0 THEN {4} ELSE items.size END,
	bytes_sent = CASE WHEN {5} > items.bytes_sent THEN {5} ELSE items.bytes_sent END,
	updated_at = {6} {from}
WHERE items.upload_id = {1} AND items.run_id = {2} AND items.`+open)
}

// insertProgress saves the progress of n items: values are upload ID, sealed progress and run ID. Of a
// single one it is known that the run holds the item.
func insertProgress(n int) string {
	from := `VALUES ($1, $2)`
	if n > 1 {
		from = withRows(n, []string{"TEXT", "BYTEA", "TEXT"}, `SELECT {1}, {2} FROM {join}items
WHERE items.upload_id = {1} AND items.run_id = {3} AND items.`+open)
	}
	return `INSERT INTO progress (upload_id, progress) ` + from + ` ON CONFLICT (upload_id) DO UPDATE SET progress = excluded.progress`
}

// detachItems lets n items go: values are upload ID, run ID, reason and time.
func detachItems(n int) string {
	return withRows(n, []string{"TEXT", "TEXT", "TEXT", "BIGINT"}, `UPDATE items SET
	detached = TRUE, detached_because = {3}, updated_at = {4}, former_run = {2}, run_id = '', workflow_id = '' {from}
WHERE items.upload_id = {1} AND items.run_id IN ('', {2}) AND items.`+open)
}

func (w *writer) saveProgress(ctx context.Context, tx *sql.Tx, jobs []*job, now time.Time) error {
	var moves, progress []any
	for _, j := range jobs {
		id, run := clean(j.row.item.UploadID), clean(j.row.runID)
		moves = append(moves, id, run, clean(string(j.row.result.State)), int64(j.row.result.Size), j.row.result.BytesSent, micros(now))
		progress = append(progress, id, j.row.sealed)
		if len(jobs) > 1 {
			progress = append(progress, run)
		}
	}
	moved, err := w.changed(ctx, tx, w.statements[len(jobs)].progress, moves)
	if err != nil || moved == 0 {
		return err
	}
	return w.exec(ctx, tx, w.statements[len(jobs)].insertProgress, progress)
}

func (w *writer) detach(ctx context.Context, tx *sql.Tx, jobs []*job, now time.Time) error {
	var args []any
	for _, j := range jobs {
		args = append(args, clean(j.row.item.UploadID), clean(j.row.runID), clean(j.row.because), micros(now))
	}
	return w.exec(ctx, tx, w.statements[len(jobs)].detach, args)
}
