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

// Prune forgets items that ended before a time, and returns how many, and the
// batches that ended before it and of which no item is left, with their events
// and their time lines. Items that run, wait, or are unconfirmed stay, however
// old. An item that is forgotten is uploaded again when it is asked for again. What
// outlives items is encrypted with the present key, where an earlier one that is at hand
// encrypted it.
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
	err := l.pruneBatches(ctx, before)
	if err == nil {
		err = l.pruneParts(ctx, before)
	}
	if err == nil {
		err = l.pruneProgress(ctx)
	}
	if err == nil {
		err = l.pruneTerms(ctx)
	}
	if err == nil {
		err = l.ForgetNotices(ctx, before, before)
	}
	if err == nil {
		err = l.reseal(ctx)
	}
	return pruned, l.fail("prune", err)
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
	const forget = `DELETE FROM items WHERE state IN ` + over + ` AND updated_at < $2 AND `
	n, _, err = l.sweepSome(ctx, sweep{change: forget, at: before, choose: condition, args: args})
	return next, n, more, err
}

// pruneProgress drops the progress, the moves and the events of items that the ledger does not have any more.
func (l *Ledger) pruneProgress(ctx context.Context) error {
	for _, table := range []string{"progress", "moves", "item_events"} {
		_, err := l.write.ExecContext(ctx, `DELETE FROM `+table+` WHERE NOT EXISTS (SELECT 1 FROM items WHERE items.upload_id = `+table+`.upload_id)`)
		if err != nil {
			return err
		}
	}
	return nil
}

// pruneBatches forgets batches that are over and have no items.
func (l *Ledger) pruneBatches(ctx context.Context, before time.Time) error {
	return l.persist(ctx, func(tx *sql.Tx) error {
		// Counts of nothing are left behind by whatever moves on.
		_, err := tx.ExecContext(ctx, `DELETE FROM tallies WHERE items = 0 AND paused = 0 AND size = 0 AND bytes_sent = 0`)
		if err != nil {
			return err
		}
		for _, table := range []string{
			`batch_events WHERE batch IN (SELECT id FROM batches WHERE ` + forgettable + `)`,
			`ticks WHERE batch IN (SELECT id FROM batches WHERE ` + forgettable + `)`,
			`failed_reports WHERE batch IN (SELECT id FROM batches WHERE ` + forgettable + `)`,
			`batches WHERE ` + forgettable,
		} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table, micros(before)); err != nil {
				return err
			}
		}
		return nil
	})
}

// forgettable: the batch ended before a time, and has no items.
const forgettable = `finished_at > 0 AND finished_at < $1
	AND NOT EXISTS (SELECT 1 FROM tallies WHERE tallies.batch = batches.id AND tallies.items > 0)`

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
