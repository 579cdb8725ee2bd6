package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// apply runs one round within a transaction.
func (w *writer) apply(ctx context.Context, tx *sql.Tx, r *round) error {
	now := w.ledger.now()
	for v, jobs := range r {
		for len(jobs) > 0 {
			// Those that are in place have a statement of their own.
			n := 1
			for n < len(jobs) && jobs[n].placed == jobs[0].placed {
				n++
			}
			n = chunk(n, w.ledger.dialect.rows)
			if err := w.applySome(ctx, tx, verb(v), jobs[:n], now); err != nil {
				return err
			}
			jobs = jobs[n:]
		}
	}
	return nil
}

// place tells the jobs whose items are in the database, and stay where they stand,
// and the claims among them that are the first of their items.
func place(group []*job, before map[string]standing) {
	moved, claimed := map[string]bool{}, map[string]bool{}
	for _, j := range group {
		if j.verb != verbClaim && j.verb != verbRecord {
			continue
		}
		id := clean(j.row.item.UploadID)
		s, found := before[id]
		j.placed = found && !moved[id] && s.placed(j.row.item)
		moved[id] = !j.placed
		if j.verb == verbClaim {
			j.placed = j.placed && s.runs == 0 && !claimed[id]
			claimed[id] = true
		}
	}
}

// placed reports whether an item stands where it stood.
func (s standing) placed(item upload.Item) bool {
	return s.batch == clean(item.Batch) && s.line == int64(item.Line) && s.account == clean(item.Account) && s.queue == clean(item.Queue)
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
	case verbProgress:
		return w.saveProgress(ctx, tx, jobs, now)
	case verbDetach:
		return w.detach(ctx, tx, jobs, now)
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
		return w.exec(ctx, tx, w.statements[len(jobs)].state, args)
	case verbBytes:
		return w.exec(ctx, tx, w.statements[len(jobs)].bytes, args)
	default:
		statement := w.statements[len(jobs)].record
		if jobs[0].placed {
			statement = w.statements[len(jobs)].recordInPlace
		}
		return w.exec(ctx, tx, statement, args)
	}
}

// claim runs the claims and reads what stands in the way of those not granted.
// The transaction holds the rows' locks in either case, so that nothing changes
// in between.
func (w *writer) claim(ctx context.Context, tx *sql.Tx, jobs []*job, args []any) error {
	granted, err := w.granted(ctx, tx, jobs, args)
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

// granted tells which claims changed their rows. For a single one their number
// says so; SQLite makes a table of what a statement is to return.
func (w *writer) granted(ctx context.Context, tx *sql.Tx, jobs []*job, args []any) (map[string]bool, error) {
	statement := w.statements[len(jobs)].claim
	if jobs[0].placed {
		statement = w.statements[len(jobs)].firstClaim
	}
	granted := map[string]bool{}
	if len(jobs) == 1 {
		n, err := w.changed(ctx, tx, statement, args)
		granted[clean(jobs[0].row.item.UploadID)] = n > 0
		return granted, err
	}
	rows, err := w.query(ctx, tx, statement+` RETURNING upload_id`, args)
	if err != nil {
		return nil, err
	}
	ids, err := scanTexts(rows)
	for _, id := range ids {
		granted[id] = true
	}
	return granted, err
}

func (w *writer) readRefused(ctx context.Context, tx *sql.Tx, jobs []*job) error {
	args := make([]any, len(jobs))
	for i, j := range jobs {
		args[i] = clean(j.row.item.UploadID)
	}
	entries, err := w.ledger.scanEntries(w.query(ctx, tx, w.statements[len(jobs)].refused, args))
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
	_, err := w.changed(ctx, tx, statement, args)
	return err
}

// changed runs a statement and tells how many rows it changed.
func (w *writer) changed(ctx context.Context, tx *sql.Tx, statement string, args []any) (int64, error) {
	var result sql.Result
	var err error
	if prepared := w.prepared[statement]; prepared != nil {
		result, err = tx.StmtContext(ctx, prepared).ExecContext(ctx, args...)
	} else {
		result, err = tx.ExecContext(ctx, statement, args...)
	}
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
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
	for _, statement := range append(w.statements[1].all(), w.ledger.dialect.standings(), w.ledger.dialect.deleteProgress()) {
		prepared, err := w.ledger.write.PrepareContext(ctx, statement)
		if err != nil {
			return err
		}
		w.prepared[statement] = prepared
	}
	return nil
}
