package ledger

import (
	"context"
	"database/sql"
	"strconv"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// sweepRows is how many rows one transaction changes of all those of a batch, so
// that writers get their turn.
const sweepRows = 1000

// Rows that a sweep goes through: arguments are batch and, for one kind of
// failure, that kind.
const (
	waitingRows  = `batch = $1 AND state = 'waiting' AND run_id = '' AND ` + open
	givenUpRows  = `batch = $1 AND phase IN ('failed', 'canceled') AND (phase = 'canceled' OR runs > 0)`
	failedRows   = `batch = $1 AND phase = 'failed' AND runs > 0 AND phase IN ('failed', 'canceled')`
	failedOfKind = `batch = $1 AND phase = 'failed' AND runs > 0 AND kind = $2 AND phase IN ('failed', 'canceled')`
)

// Which leaves out some of the rows that are retried. Empty fields leave out none.
type Which struct {
	Account string // those to others
	Cause   string // those that failed for another cause: the ID of a Cause
}

// RetryRows makes failed rows of a batch wait again, packed, with the progress that
// their last runs left, if any,
// and returns how many: those of the given kinds, or all of them and the canceled
// ones where no kind is given; and of those only what which leaves. A row that no run ever had was refused together
// with the manifest; nobody could do anything with it now, and it stays. What
// the runs that failed say later does not count any more, unless it is that the
// row is ready. It may be repeated; with an error some rows wait already.
func (l *Ledger) RetryRows(ctx context.Context, batch string, kinds []upload.Kind, which Which) (int64, error) {
	rows := func(choose string, args ...any) sweep {
		for _, one := range []struct{ column, value string }{{"account", which.Account}, {"cause", which.Cause}} {
			if one.value != "" {
				args = append(args, clean(one.value))
				choose += " AND " + one.column + " = $" + strconv.Itoa(len(args))
			}
		}
		return sweep{change: retry, at: l.now(), choose: choose, args: args}
	}
	var retried int64
	var err error
	switch {
	case len(kinds) > 0:
	case which.Cause != "": // canceled rows have none
		retried, err = l.sweepAll(ctx, rows(failedRows, clean(batch)))
	default:
		retried, err = l.sweepAll(ctx, rows(givenUpRows, clean(batch)))
	}
	for _, kind := range kinds {
		var n int64
		n, err = l.sweepAll(ctx, rows(failedOfKind, clean(batch), clean(string(kind))))
		if err != nil {
			break
		}
		retried += n
	}
	if err == nil {
		err = l.lowerBaseline(ctx, clean(batch))
	}
	return retried, l.fail("retry rows of batch "+batch, err)
}

// CancelRows ends all rows of a batch that only wait as canceled, and returns how
// many. Rows that a run has are that run's to end. It may be repeated; with an
// error some rows are canceled already.
func (l *Ledger) CancelRows(ctx context.Context, batch string) (int64, error) {
	canceled, err := l.sweepAll(ctx, sweep{change: cancelWaiting, at: l.now(), choose: waitingRows, args: []any{clean(batch)}})
	return canceled, l.fail("cancel rows of batch "+batch, err)
}

// What a sweep does to its rows: arguments are those of dialect.among, the time,
// and what more the sweep has. The state is asked for again, since rows may have
// gone on meanwhile.
const (
	retry = `UPDATE items SET state = 'waiting', phase = 'waiting', kind = '', paused = FALSE, waiting = '', detached = FALSE, detached_because = '',
	former_run = run_id, run_id = '', workflow_id = '', took_over = '', barred = FALSE, updated_at = $2
WHERE state IN ('failed', 'canceled') AND `
	cancelWaiting = `UPDATE items SET state = 'canceled', phase = 'canceled', paused = FALSE, updated_at = $2
WHERE state = 'waiting' AND run_id = '' AND `
)

// sweep is a change to many rows.
type sweep struct {
	change string    // ends with AND, for dialect.among
	at     time.Time // its second argument
	more   []any     // those behind it
	choose string    // the rows, by a condition
	args   []any     // of that condition
}

// sweepAll changes all rows of a sweep, sweepRows at a time, until there are no
// more.
func (l *Ledger) sweepAll(ctx context.Context, s sweep) (int64, error) {
	var swept int64
	for {
		n, more, err := l.sweepSome(ctx, s)
		swept += n
		if err != nil || !more {
			return swept, err
		}
	}
}

// sweepSome changes up to sweepRows rows, and reports whether there may be more.
func (l *Ledger) sweepSome(ctx context.Context, s sweep) (n int64, more bool, err error) {
	err = l.persist(ctx, func(tx *sql.Tx) error {
		n, more, err = l.sweepIn(ctx, tx, s)
		return err
	})
	if err != nil {
		return 0, false, err
	}
	return n, more, nil
}

func (l *Ledger) sweepIn(ctx context.Context, tx *sql.Tx, s sweep) (n int64, more bool, err error) {
	ids, err := sweepIDs(ctx, tx, s.choose, s.args)
	if err != nil || len(ids) == 0 {
		return 0, false, err
	}
	list, err := l.dialect.list(ids)
	if err != nil {
		return 0, false, err
	}
	err = l.writer.keep(ctx, tx, ids, func(map[string]standing) error {
		result, err := tx.ExecContext(ctx, s.change+l.dialect.among, append([]any{list, micros(s.at)}, s.more...)...)
		if err != nil {
			return err
		}
		n, err = result.RowsAffected()
		return err
	})
	return n, len(ids) == sweepRows, err
}

func sweepIDs(ctx context.Context, tx *sql.Tx, condition string, args []any) ([]string, error) {
	rows, err := tx.QueryContext(ctx, `SELECT upload_id FROM items WHERE `+condition+` LIMIT `+strconv.Itoa(sweepRows), args...)
	if err != nil {
		return nil, err
	}
	return scanTexts(rows)
}
