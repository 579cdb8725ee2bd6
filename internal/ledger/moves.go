package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
)

// Place is a source and the version of its content.
type Place struct {
	Source      string // canonical; it may hold a signature
	Fingerprint string
}

// sealedPlace is what is sealed of a move. It names the item, so that a value moved to
// another row of the database is noticed.
type sealedPlace struct {
	UploadID string `json:"upload_id"`
	Place    Place  `json:"place"`
}

// NoteMove notes where the source of an item is read from now on. Whoever calls it has
// proved that the bytes are the same there. The last move counts.
func (l *Ledger) NoteMove(ctx context.Context, uploadID string, to Place) error {
	plain, err := json.Marshal(sealedPlace{UploadID: clean(uploadID), Place: to})
	if err != nil {
		return l.fail("note the move of "+uploadID, err)
	}
	sealed, err := l.seal("the place", plain)
	if err == nil {
		_, err = l.write.ExecContext(ctx, `
INSERT INTO moves (upload_id, place) VALUES ($1, $2)
ON CONFLICT (upload_id) DO UPDATE SET place = excluded.place`, clean(uploadID), sealed)
	}
	return l.fail("note the move of "+uploadID, err)
}

// is reports whether this is the place that is asked for. What the question leaves out
// does not count.
func (p Place) is(asked Place) bool {
	return (asked.Source == "" || asked.Source == p.Source) && (asked.Fingerprint == "" || clean(asked.Fingerprint) == clean(p.Fingerprint))
}

// MayRead reports whether a source, a version of it, or both are what was claimed for
// an item, or where a move has led to since.
func (l *Ledger) MayRead(ctx context.Context, e Entry, from Place) (bool, error) {
	claimed, err := e.Item()
	if err != nil {
		return false, err
	}
	if (Place{claimed.Source, e.Fingerprint}).is(from) {
		return true, nil
	}
	moved, err := l.movedTo(ctx, e.Result.UploadID)
	return err == nil && moved != (Place{}) && moved.is(from), l.fail("read the move of "+e.Result.UploadID, err)
}

// movedTo is where an item was moved to; zero where it never was.
func (l *Ledger) movedTo(ctx context.Context, uploadID string) (Place, error) {
	var sealed []byte
	err := l.read.QueryRowContext(ctx, `SELECT place FROM moves WHERE upload_id = $1`, uploadID).Scan(&sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return Place{}, nil
	}
	if err != nil {
		return Place{}, err
	}
	plain, err := l.unseal("the place of "+uploadID, sealed)
	if err != nil {
		return Place{}, err
	}
	var opened sealedPlace
	if err := json.Unmarshal(plain, &opened); err != nil {
		return Place{}, err
	}
	if opened.UploadID != uploadID {
		return Place{}, fmt.Errorf("%w: it belongs to item %q", ErrDamaged, opened.UploadID)
	}
	return opened.Place, nil
}
