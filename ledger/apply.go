package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// apply runs one round within a transaction.
func (w *writer) apply(ctx context.Context, tx *sql.Tx, r *round) error {
	now := w.ledger.now()
	for v, jobs := range r {
		for len(jobs) > 0 {
			n := chunk(len(jobs), w.ledger.dialect.rows)
			if err := w.applySome(ctx, tx, verb(v), jobs[:n], now); err != nil {
				return err
			}
			jobs = jobs[n:]
		}
	}
	return nil
}

// chunk is the largest power of two up to n and limit: a handful of statements
// fits every number of rows, and each is parsed once.
func chunk(n, limit int) int {
	size := 1
	for size*2 <= min(n, limit) {
		size *= 2
	}
	return size
}

func (w *writer) applySome(ctx context.Context, tx *sql.Tx, v verb, jobs []*job, now time.Time) error {
	switch v {
	case verbLeg:
		return w.saveLegs(ctx, tx, jobs, now)
	case verbAlone:
		return w.setAlone(ctx, tx, jobs, now)
	}
	var args []any
	for _, j := range jobs {
		if v == verbBytes {
			args = append(args, j.row.progress(now)...)
		} else {
			args = append(args, j.row.args(now)...)
		}
	}
	switch v {
	case verbClaim:
		return w.claim(ctx, tx, jobs, args)
	case verbState:
		return w.exec(ctx, tx, upsert(len(jobs), onState), args)
	case verbBytes:
		return w.exec(ctx, tx, countBytes(len(jobs)), args)
	default:
		return w.exec(ctx, tx, upsert(len(jobs), onRecord), args)
	}
}

// claim runs the claims and reads what stands in the way of those not granted.
// The transaction holds the rows' locks in either case, so that nothing changes
// in between.
func (w *writer) claim(ctx context.Context, tx *sql.Tx, jobs []*job, args []any) error {
	granted, err := w.granted(ctx, tx, upsert(len(jobs), onClaim), args)
	if err != nil {
		return err
	}
	var refused []*job
	for _, j := range jobs {
		j.claim = Claim{Outcome: Granted}
		if !granted[clean(j.row.item.UploadID)] {
			refused = append(refused, j)
		}
	}
	for len(refused) > 0 {
		n := chunk(len(refused), w.ledger.dialect.rows)
		if err := w.readRefused(ctx, tx, refused[:n]); err != nil {
			return err
		}
		refused = refused[n:]
	}
	return nil
}

func (w *writer) granted(ctx context.Context, tx *sql.Tx, statement string, args []any) (map[string]bool, error) {
	rows, err := w.query(ctx, tx, statement, args)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	granted := map[string]bool{}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		granted[id] = true
	}
	return granted, rows.Err()
}

func (w *writer) readRefused(ctx context.Context, tx *sql.Tx, jobs []*job) error {
	args := make([]any, len(jobs))
	for i, j := range jobs {
		args[i] = clean(j.row.item.UploadID)
	}
	entries, err := w.ledger.scanEntries(w.query(ctx, tx, refusedEntries(len(jobs)), args))
	if err != nil {
		return err
	}
	found := make(map[string]Entry, len(entries))
	for _, e := range entries {
		found[e.Result.UploadID] = e
	}
	for _, j := range jobs {
		e, ok := found[clean(j.row.item.UploadID)]
		if !ok {
			return fmt.Errorf("item %q was neither granted nor found", j.row.item.UploadID)
		}
		j.claim = judge(j.row, e)
	}
	return nil
}

// refusedEntries reads n items by their upload IDs.
func refusedEntries(n int) string {
	return `SELECT ` + entryColumns + ` FROM items WHERE upload_id IN ` + tuples(1, n, nil)
}

func (w *writer) exec(ctx context.Context, tx *sql.Tx, statement string, args []any) error {
	if prepared := w.prepared[statement]; prepared != nil {
		_, err := tx.StmtContext(ctx, prepared).ExecContext(ctx, args...)
		return err
	}
	_, err := tx.ExecContext(ctx, statement, args...)
	return err
}

func (w *writer) query(ctx context.Context, tx *sql.Tx, statement string, args []any) (*sql.Rows, error) {
	if prepared := w.prepared[statement]; prepared != nil {
		return tx.StmtContext(ctx, prepared).QueryContext(ctx, args...)
	}
	return tx.QueryContext(ctx, statement, args...)
}

// prepare parses the statements of single rows once, for the one connection that
// writes to a SQLite file. PostgreSQL's driver does that by itself, for each
// connection and each number of rows.
func (w *writer) prepare(ctx context.Context) error {
	if w.ledger.dialect.rows > 1 {
		return nil
	}
	tallies, _ := addTallies(1)
	ticks, _ := addTicks(1)
	for _, statement := range []string{
		upsert(1, onClaim), upsert(1, onState), countBytes(1), upsert(1, onRecord), refusedEntries(1),
		moveLegs(1), keepLegs(1), leaveAlone(1), w.ledger.dialect.standings(), w.ledger.dialect.forgetLegs(), tallies, ticks,
	} {
		prepared, err := w.ledger.write.PrepareContext(ctx, statement)
		if err != nil {
			return err
		}
		w.prepared[statement] = prepared
	}
	return nil
}
