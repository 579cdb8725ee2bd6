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
// the claims among them that are the first of their items, and the progress that
// reopens an unconfirmed item.
func place(group []*job, before map[string]standing) {
	moved, claimed := map[string]bool{}, map[string]bool{}
	for _, j := range group {
		id := clean(j.row.item.UploadID)
		s, found := before[id]
		j.reopens = j.verb == verbProgress && s.state == upload.StateUnconfirmed && j.row.result.State == upload.StatePreparing
		if j.verb != verbClaim && j.verb != verbRecord {
			continue
		}
		j.placed = found && !moved[id] && s.placed(j.row)
		moved[id] = !j.placed
		if j.verb == verbClaim {
			j.placed = j.placed && s.runs == 0 && !claimed[id]
			claimed[id] = true
		}
	}
}

// placed reports whether an item stands where it stood.
func (s standing) placed(r *row) bool {
	return s.batch == clean(r.item.Batch) && s.line == int64(r.item.Line) && s.account == clean(r.item.Account) && s.queue == r.queue
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
	var args []any
	for _, j := range jobs {
		switch v {
		case verbBytes:
			args = append(args, j.row.bytesArgs(now)...)
		case verbProgress:
			args = append(args, j.row.progressArgs(now)...)
		case verbDetach:
			args = append(args, j.row.detachArgs(now)...)
		default:
			args = append(args, j.row.args(now)...)
		}
	}
	s := w.statements[len(jobs)]
	switch v {
	case verbClaim:
		return w.claim(ctx, tx, jobs, args)
	case verbState:
		return w.change(ctx, tx, jobs, s.state, args)
	case verbBytes:
		return w.change(ctx, tx, jobs, s.bytes, args)
	case verbProgress:
		return w.saveProgress(ctx, tx, jobs, args)
	case verbDetach:
		return w.change(ctx, tx, jobs, s.detach, args)
	}
	if jobs[0].placed {
		return w.change(ctx, tx, jobs, s.recordInPlace, args)
	}
	return w.change(ctx, tx, jobs, s.record, args)
}

// change runs a statement for jobs, and notes which of them it refused.
func (w *writer) change(ctx context.Context, tx *sql.Tx, jobs []*job, statement string, args []any) error {
	changed, err := w.changedOf(ctx, tx, jobs, statement, args)
	if err != nil || len(changed) == len(jobs) {
		return err
	}
	return w.refuse(ctx, tx, jobs, changed)
}

// claim runs the claims and reads what stands in the way of those not granted.
// The transaction holds the rows' locks in either case, so that nothing changes
// in between.
func (w *writer) claim(ctx context.Context, tx *sql.Tx, jobs []*job, args []any) error {
	statement := w.statements[len(jobs)].claim
	if jobs[0].placed {
		statement = w.statements[len(jobs)].firstClaim
	}
	granted, err := w.changedOf(ctx, tx, jobs, statement, args)
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
	return w.eachRefused(ctx, tx, refused, func(j *job, e Entry, found bool) error {
		if !found {
			return fmt.Errorf("item %q was neither granted nor found", j.row.item.UploadID)
		}
		j.claim = judge(j.row, e)
		return nil
	})
}

// changedOf runs a statement and tells which jobs changed their rows. For a single
// one the number of rows says so; SQLite makes a table of what a statement returns.
func (w *writer) changedOf(ctx context.Context, tx *sql.Tx, jobs []*job, statement string, args []any) (map[string]bool, error) {
	changed := map[string]bool{}
	if len(jobs) == 1 {
		n, err := w.changed(ctx, tx, statement, args)
		if n > 0 {
			changed[clean(jobs[0].row.item.UploadID)] = true
		}
		return changed, err
	}
	rows, err := w.query(ctx, tx, statement+` RETURNING upload_id`, args)
	if err != nil {
		return nil, err
	}
	ids, err := scanTexts(rows)
	for _, id := range ids {
		changed[id] = true
	}
	return changed, err
}

// eachRefused reads the items of jobs that changed nothing, and does something with
// each; found is false for an item that is not there.
func (w *writer) eachRefused(ctx context.Context, tx *sql.Tx, jobs []*job, do func(j *job, e Entry, found bool) error) error {
	for len(jobs) > 0 {
		n := chunk(len(jobs), w.ledger.dialect.rows)
		args := make([]any, n)
		for i, j := range jobs[:n] {
			args[i] = clean(j.row.item.UploadID)
		}
		entries, err := w.ledger.scanEntries(w.query(ctx, tx, w.statements[n].refused, args))
		if err != nil {
			return err
		}
		byID := make(map[string]Entry, len(entries))
		for _, e := range entries {
			byID[e.Result.UploadID] = e
		}
		for _, j := range jobs[:n] {
			e, found := byID[clean(j.row.item.UploadID)]
			if err := do(j, e, found); err != nil {
				return err
			}
		}
		jobs = jobs[n:]
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
