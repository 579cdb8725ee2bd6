package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// KeptPart is a part that a store acknowledged, and whose bytes it has.
type KeptPart struct {
	UploadID, Session string
	Fingerprint       string // of the source
	Part              upload.Part
}

// KeepPart notes a part, before its sender tells the workflow: a result that
// cannot be delivered, because Temporal is out of reach, dies with the sender. The
// history stays the truth; what is kept here only spares sending such a part
// again. It may be repeated; the last word on a part counts.
func (l *Ledger) KeepPart(ctx context.Context, k KeptPart) error {
	if k.UploadID == "" || k.Session == "" || k.Part.ETag == "" {
		return l.fail("keep a part", errors.New("a part needs an upload ID, a session and an ETag"))
	}
	d, err := l.digests(ctx)
	var text string
	if err == nil {
		text, err = l.sealJSON(placeOfPart(k), k.Part)
	}
	if err == nil {
		_, err = l.write.ExecContext(ctx, `
INSERT INTO parts (upload_id, session, number, fingerprint, part, kept_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (upload_id, session, number) DO UPDATE SET
	fingerprint = excluded.fingerprint, part = excluded.part, kept_at = excluded.kept_at`,
			clean(k.UploadID), d.of(ofSession, k.Session), k.Part.Number, d.of(ofFingerprint, k.Fingerprint), text, micros(l.now()))
	}
	return l.fail("keep a part of "+k.UploadID, err)
}

// KeptPart finds a part of a session that was kept, of a source with a
// fingerprint; found is false where there is none.
func (l *Ledger) KeptPart(ctx context.Context, of KeptPart) (part upload.Part, found bool, err error) {
	var text string
	d, err := l.digests(ctx)
	if err == nil {
		err = l.read.QueryRowContext(ctx, `SELECT part FROM parts WHERE upload_id = $1 AND session = $2 AND number = $3 AND fingerprint = $4`,
			clean(of.UploadID), d.of(ofSession, of.Session), of.Part.Number, d.of(ofFingerprint, of.Fingerprint)).Scan(&text)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return part, false, nil
	}
	if err == nil {
		found, err = l.openJSON(placeOfPart(of), text, &part)
	}
	return part, found, l.fail("look for a part of "+of.UploadID, err)
}

func placeOfPart(k KeptPart) string {
	return fmt.Sprintf("part %d of session %q of %s", k.Part.Number, k.Session, k.UploadID)
}

// ForgetParts drops the parts of an upload that has ended.
func (l *Ledger) ForgetParts(ctx context.Context, uploadID string) error {
	_, err := l.write.ExecContext(ctx, `DELETE FROM parts WHERE upload_id = $1`, clean(uploadID))
	return l.fail("forget parts of "+uploadID, err)
}

// pruneParts drops parts that were kept before a time: their uploads were
// terminated, or their sessions are long gone.
func (l *Ledger) pruneParts(ctx context.Context, before time.Time) error {
	_, err := l.write.ExecContext(ctx, `DELETE FROM parts WHERE kept_at < $1`, micros(before))
	return err
}

// PartNumbers lists the parts of an item that were kept last, of one session.
func (l *Ledger) PartNumbers(ctx context.Context, uploadID string) ([]int, error) {
	rows, err := l.read.QueryContext(ctx, `
SELECT number FROM parts WHERE upload_id = $1
	AND session = (SELECT session FROM parts WHERE upload_id = $1 ORDER BY kept_at DESC LIMIT 1) ORDER BY number`, clean(uploadID))
	if err != nil {
		return nil, l.fail("list the parts of "+uploadID, err)
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	var numbers []int
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			return nil, l.fail("list the parts of "+uploadID, err)
		}
		numbers = append(numbers, n)
	}
	return numbers, l.fail("list the parts of "+uploadID, rows.Err())
}
