package ledger

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Want is what a person wants of a row that a shard holds.
type Want string

// What can be wanted of a row.
const (
	// WantCancel ends the row as canceled.
	WantCancel Want = "cancel"
	// WantDetach gives the row a workflow of its own, which can be controlled.
	WantDetach Want = "detach"
)

// DetachRequest takes one row out of its shard.
type DetachRequest struct {
	UploadID string
	Want     Want
	By       string
}

// RequestDetach requests that a row of a batch leave its shard, and returns the row
// as it is then. Where no run holds the row, the request is carried out at once: the
// row is canceled, and no claim is granted until it is retried; or it is detached,
// and no shard can claim it any more. Where a run holds it, that run reads the
// request from DetachRequests and carries it out between two steps. A row that has
// ended stays as it is. The error is a *NotFoundError where there is no such item.
//
// It may be repeated, and must be where another run came to hold the row before the
// request was read.
func (l *Ledger) RequestDetach(ctx context.Context, request DetachRequest) (Entry, error) {
	id := clean(request.UploadID)
	because, err := l.sealText(becauseOf(id), request.Because())
	if err != nil {
		return Entry{}, l.fail("request that "+request.UploadID+" be detached", err)
	}
	err = l.persist(ctx, func(tx *sql.Tx) error {
		return l.writer.keep(ctx, tx, []string{id}, func(before map[string]standing) error {
			row, found := before[id]
			switch {
			case !found || row.state.Ended():
				return nil
			case row.runID != "":
				return l.insertDetachRequest(ctx, tx, request, row.runID)
			case request.Want == WantCancel:
				return l.cancelIdle(ctx, tx, id)
			}
			_, err := tx.ExecContext(ctx, `UPDATE items SET detached = TRUE, detached_because = $2, updated_at = $3 WHERE upload_id = $1 AND NOT detached`,
				id, because, micros(l.now()))
			return err
		})
	})
	if err != nil {
		return Entry{}, l.fail("request that "+request.UploadID+" be detached", err)
	}
	return l.Get(ctx, request.UploadID)
}

// Because is why a row that was detached has a workflow of its own.
func (r DetachRequest) Because() string {
	return "in a workflow of its own, because " + r.By + " controls it"
}

// insertDetachRequest saves a request for the run that holds the row, and deletes
// those that no run will read any more: they are few, and so are the others.
func (l *Ledger) insertDetachRequest(ctx context.Context, tx *sql.Tx, request DetachRequest, runID string) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM detach_requests WHERE NOT EXISTS (SELECT 1 FROM items
	WHERE items.upload_id = detach_requests.upload_id AND items.run_id = detach_requests.run_id AND items.`+open+`)`)
	if err != nil {
		return err
	}
	by, err := l.sealBy(request.UploadID, request.By)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
INSERT INTO detach_requests (upload_id, run_id, want, who, at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (upload_id) DO UPDATE SET run_id = excluded.run_id, want = excluded.want, who = excluded.who, at = excluded.at`,
		clean(request.UploadID), clean(runID), clean(string(request.Want)), by, micros(l.now()))
	return err
}

// cancelIdle cancels a row that no run holds. One that was detached may have a
// session, which its result names.
func (l *Ledger) cancelIdle(ctx context.Context, tx *sql.Tx, id string) error {
	row, err := l.scanRow(tx.QueryRowContext(ctx, `SELECT `+entryColumns+`, `+progressColumns+` FROM items WHERE upload_id = $1`, id))
	if err != nil {
		return err
	}
	now := l.now()
	result, at := row.Result, now.UTC()
	result.State, result.Paused, result.FinishedAt = upload.StateCanceled, false, &at
	if row.Progress != nil {
		result.Note, result.Attempts = row.Progress.Leaves(), row.Progress.Attempts
	}
	told, err := l.sealResult(toldResult{result, row.Handle})
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE items SET state = 'canceled', phase = 'canceled', paused = FALSE, barred = TRUE, result = $2, updated_at = $3
WHERE upload_id = $1`, id, told, micros(now))
	return err
}

// DetachRequests lists the requests for the rows that a run holds. It is cheap enough
// to be called every second.
func (l *Ledger) DetachRequests(ctx context.Context, runID string) ([]DetachRequest, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT upload_id, want, who FROM detach_requests WHERE run_id = $1`, clean(runID))
	if err != nil {
		return nil, l.fail("read detach requests", err)
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	var requests []DetachRequest
	for rows.Next() {
		var request DetachRequest
		if err := rows.Scan(&request.UploadID, &request.Want, &request.By); err != nil {
			return nil, l.fail("read detach requests", err)
		}
		if err := l.openTexts(request.UploadID, map[string]*string{"who": &request.By}); err != nil {
			return nil, l.fail("read detach requests", err)
		}
		requests = append(requests, request)
	}
	return requests, l.fail("read detach requests", rows.Err())
}

// AllowClaims lets runs claim a row again that was canceled while no run held it. It
// changes no other row, and may be repeated.
func (l *Ledger) AllowClaims(ctx context.Context, uploadID string) error {
	_, err := l.write.ExecContext(ctx, `UPDATE items SET barred = FALSE WHERE upload_id = $1 AND barred`, clean(uploadID))
	return l.fail("allow claims of "+uploadID, err)
}

// OwnItem is the input of the workflow that a detached row gets, which goes on from
// the row's progress.
func (r Row) OwnItem() (upload.Item, error) {
	if !r.Detached {
		return upload.Item{}, fmt.Errorf("item %q is not detached from its shard", r.Result.UploadID)
	}
	item, err := r.Item()
	if err != nil {
		return upload.Item{}, err
	}
	return r.detached(item).Item, nil
}
