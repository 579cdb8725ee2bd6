package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// pruneRows is how many items are looked at in one go, so that writers get their
// turn.
const pruneRows = 1000

// Prune forgets items that ended before a time, and returns how many. Those that
// run, wait, or are unconfirmed stay, however old. An item that is forgotten is
// uploaded again when it is asked for again.
func (l *Ledger) Prune(ctx context.Context, before time.Time) (int64, error) {
	var pruned int64
	for last, more := "", true; more; {
		var n int64
		var err error
		if last, n, more, err = l.pruneSome(ctx, last, before); err != nil {
			return pruned, l.fail("prune", err)
		}
		pruned += n
	}
	return pruned, nil
}

// pruneSome deletes among the next pruneRows items behind last.
func (l *Ledger) pruneSome(ctx context.Context, last string, before time.Time) (next string, n int64, more bool, err error) {
	err = l.read.QueryRowContext(ctx,
		`SELECT upload_id FROM items WHERE upload_id > $1 ORDER BY upload_id LIMIT 1 OFFSET $2`, last, pruneRows-1).Scan(&next)
	more = err == nil
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", 0, false, err
	}
	condition := `upload_id > $1 AND state IN ` + over + ` AND updated_at < $2`
	args := []any{last, micros(before)}
	if more {
		condition, args = condition+` AND upload_id <= $3`, append(args, next)
	}
	result, err := l.write.ExecContext(ctx, `DELETE FROM items WHERE `+condition, args...)
	if err != nil {
		return "", 0, false, err
	}
	n, err = result.RowsAffected()
	return next, n, more, err
}

// Compact gives the space of what was deleted back to the disk. On SQLite it
// needs as much free space again as the ledger has, and writers wait for it;
// PostgreSQL reuses the space by itself, and nothing is done.
func (l *Ledger) Compact(ctx context.Context) error {
	if l.dialect.clock != noClock {
		return nil
	}
	if _, err := l.write.ExecContext(ctx, `VACUUM`); err != nil {
		return l.fail("compact", err)
	}
	_, err := l.write.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	return l.fail("compact", err)
}
