package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Want is what a person wants of a row that travels with others.
type Want string

// What rows can be called out for.
const (
	// WantCancel: it is to end as canceled.
	WantCancel Want = "cancel"
	// WantAlone: it is to get a workflow of its own, which can be steered.
	WantAlone Want = "alone"
)

// Callout takes one row out of those that it travels with.
type Callout struct {
	UploadID string
	Want     Want
	By       string
}

// CallOut has a row of a batch do what a person wants, and returns it as it is
// then. Where no run has the row, it is done at once: the row is canceled, and
// stays so until it is retried, whoever has read of it before; or it travels alone,
// and no page claims it any more. Where a run has it, that finds the call among its
// Callouts and does it between two steps. What has ended stays as it is. The error
// is a *NotFoundError where there is no such item.
//
// It may be repeated, and has to be where the row changed hands before it was
// heard.
func (l *Ledger) CallOut(ctx context.Context, call Callout) (Entry, error) {
	id := clean(call.UploadID)
	err := l.persist(ctx, func(tx *sql.Tx) error {
		return l.writer.keep(ctx, tx, []string{id}, func(before map[string]standing) error {
			row, found := before[id]
			switch {
			case !found || row.state.Ended():
				return nil
			case row.runID != "":
				return l.noteCallout(ctx, tx, call, row.runID)
			case call.Want == WantCancel:
				return l.callOffRow(ctx, tx, id)
			}
			_, err := tx.ExecContext(ctx, `UPDATE items SET alone = TRUE, because_alone = $2, updated_at = $3 WHERE upload_id = $1 AND NOT alone`,
				id, clean(call.Because()), micros(l.now()))
			return err
		})
	})
	if err != nil {
		return Entry{}, l.fail("call "+call.UploadID+" out", err)
	}
	return l.Get(ctx, call.UploadID)
}

// Because is why a row that was called out travels alone.
func (c Callout) Because() string { return "travels alone since " + c.By + " steers it" }

// noteCallout puts a call down for the run that has the row. Those that nobody can
// hear any more go: they are few, and so are those that are left.
func (l *Ledger) noteCallout(ctx context.Context, tx *sql.Tx, call Callout, runID string) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM callouts WHERE NOT EXISTS (SELECT 1 FROM items
	WHERE items.upload_id = callouts.upload_id AND items.run_id = callouts.run_id AND items.`+open+`)`)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
INSERT INTO callouts (upload_id, run_id, want, who, at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (upload_id) DO UPDATE SET run_id = excluded.run_id, want = excluded.want, who = excluded.who, at = excluded.at`,
		clean(call.UploadID), clean(runID), clean(string(call.Want)), clean(call.By), micros(l.now()))
	return err
}

// callOffRow cancels a row that nobody has. One that was let go to travel alone may
// have a session, which its result names.
func (l *Ledger) callOffRow(ctx context.Context, tx *sql.Tx, id string) error {
	row, err := l.scanPageRow(tx.QueryRowContext(ctx, `SELECT `+entryColumns+`, `+packedColumns+` FROM items WHERE upload_id = $1`, id))
	if err != nil {
		return err
	}
	now := l.now()
	result, at := row.Result, now.UTC()
	result.State, result.Paused, result.FinishedAt = upload.StateCanceled, false, &at
	if row.Leg != nil {
		result.Note, result.Attempts = row.Leg.Leaves(), row.Leg.Attempts
	}
	told, err := json.Marshal(result)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE items SET state = 'canceled', phase = 'canceled', paused = FALSE, called_off = TRUE, result = $2, updated_at = $3
WHERE upload_id = $1`, id, string(told), micros(now))
	return err
}

// Callouts lists the rows that are called out of those that a run has. It is cheap
// enough to be asked every second.
func (l *Ledger) Callouts(ctx context.Context, runID string) ([]Callout, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT upload_id, want, who FROM callouts WHERE run_id = $1`, clean(runID))
	if err != nil {
		return nil, l.fail("read who is called out", err)
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	var calls []Callout
	for rows.Next() {
		var call Callout
		if err := rows.Scan(&call.UploadID, &call.Want, &call.By); err != nil {
			return nil, l.fail("read who is called out", err)
		}
		calls = append(calls, call)
	}
	return calls, l.fail("read who is called out", rows.Err())
}

// CallBack lets runs have a row again that was called off. It changes no other, and
// may be repeated.
func (l *Ledger) CallBack(ctx context.Context, uploadID string) error {
	_, err := l.write.ExecContext(ctx, `UPDATE items SET called_off = FALSE WHERE upload_id = $1 AND called_off`, clean(uploadID))
	return l.fail("call "+uploadID+" back", err)
}

// Row reads one row with what tells how it travels. The error is a *NotFoundError
// where there is no such item.
func (l *Ledger) Row(ctx context.Context, uploadID string) (PageRow, error) {
	row, err := l.scanPageRow(l.read.QueryRowContext(ctx,
		`SELECT `+entryColumns+`, `+packedColumns+` FROM items WHERE upload_id = $1`, clean(uploadID)))
	if errors.Is(err, sql.ErrNoRows) {
		return PageRow{}, &NotFoundError{UploadID: uploadID}
	}
	return row, l.fail("read "+uploadID, err)
}

// OwnItem is the item with which a row that is to travel alone begins a workflow of
// its own, going on where it is.
func (r PageRow) OwnItem() (upload.Item, error) {
	if !r.Alone {
		return upload.Item{}, fmt.Errorf("item %q travels with others", r.Result.UploadID)
	}
	item, err := r.Item()
	if err != nil {
		return upload.Item{}, err
	}
	return r.alone(item).Item, nil
}
