package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// tallyKey is by what items are counted.
type tallyKey struct {
	batch, account, vendor, queue string
	state                         upload.State
	kind                          string
}

func (k tallyKey) compare(other tallyKey) int {
	return cmp.Or(cmp.Compare(k.batch, other.batch), cmp.Compare(k.account, other.account),
		cmp.Compare(k.vendor, other.vendor), cmp.Compare(k.queue, other.queue),
		cmp.Compare(k.state, other.state), cmp.Compare(k.kind, other.kind))
}

// standing is what the tallies count of one item.
type standing struct {
	tallyKey
	paused     int64
	size, sent int64
	line, runs int64
	runID      string
	workflowID string
	started    int64
}

// sums are what is to be added to one tally.
type sums struct{ items, paused, size, sent int64 }

func (s *sums) add(times int64, of standing) {
	s.items += times
	s.paused += times * of.paused
	s.size += times * of.size
	s.sent += times * of.sent
}

// insertLock is the key of the advisory lock under which processes that share a
// PostgreSQL ledger insert items: any number that no other program on the
// database uses. Rows that are not there yet cannot be locked, and two that
// insert the same one would both count it.
const insertLock = migrationLock + 1

// standings reads what the tallies count of items.
func (d dialect) standings() string {
	return `SELECT upload_id, batch, account, vendor, queue, state, kind, CASE WHEN paused THEN 1 ELSE 0 END, size, bytes_sent,
	line, runs, run_id, workflow_id, started_at
FROM items WHERE ` + d.among
}

// lockedStandings is the same, and keeps others from changing the items.
func (d dialect) lockedStandings() string {
	if d.lock == "" {
		return d.standings()
	}
	// In one order, so that two processes with the same items do not wait for
	// each other.
	return d.standings() + ` ORDER BY upload_id` + d.lock
}

// keep runs do, which changes no other items than those named, and brings the
// counts in line with it: tallies, ticks, and the progress of what has ended. It looks
// at the items before and after, because no statement of both databases tells
// what a row was; for a group of many that costs less than an index.
func (w *writer) keep(ctx context.Context, tx *sql.Tx, uploadIDs []string, do func(before map[string]standing) error) error {
	ids, err := w.ledger.dialect.list(uploadIDs)
	if err != nil {
		return err
	}
	before, err := w.before(ctx, tx, ids, len(uploadIDs))
	if err != nil {
		return err
	}
	if err := do(before); err != nil {
		return err
	}
	after, err := w.look(ctx, tx, w.ledger.dialect.standings(), ids)
	if err != nil {
		return err
	}
	if err := w.tally(ctx, tx, before, after); err != nil {
		return err
	}
	if err := w.tick(ctx, tx, before, after); err != nil {
		return err
	}
	if err := w.noteItems(ctx, tx, before, after); err != nil {
		return err
	}
	w.ledger.noteChanges(tx, before, after)
	return w.deleteEnded(ctx, tx, after)
}

// before locks the items and reads them.
func (w *writer) before(ctx context.Context, tx *sql.Tx, ids any, want int) (map[string]standing, error) {
	statement := w.ledger.dialect.lockedStandings()
	found, err := w.look(ctx, tx, statement, ids)
	if err != nil || len(found) == want || w.ledger.dialect.lock == "" {
		return found, err
	}
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(insertLock)); err != nil {
		return nil, err
	}
	return w.look(ctx, tx, statement, ids)
}

func (w *writer) look(ctx context.Context, tx *sql.Tx, statement string, ids any) (map[string]standing, error) {
	rows, err := w.query(ctx, tx, statement, []any{ids})
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	found := map[string]standing{}
	for rows.Next() {
		var id string
		var s standing
		if err := rows.Scan(&id, &s.batch, &s.account, &s.vendor, &s.queue, &s.state, &s.kind,
			&s.paused, &s.size, &s.sent, &s.line, &s.runs, &s.runID, &s.workflowID, &s.started); err != nil {
			return nil, err
		}
		found[id] = s
	}
	return found, rows.Err()
}

// tally adds what has changed to the tallies.
func (w *writer) tally(ctx context.Context, tx *sql.Tx, before, after map[string]standing) error {
	changes := map[tallyKey]*sums{}
	count := func(standings map[string]standing, times int64) {
		for _, s := range standings {
			if changes[s.tallyKey] == nil {
				changes[s.tallyKey] = &sums{}
			}
			changes[s.tallyKey].add(times, s)
		}
	}
	count(before, -1)
	count(after, 1)
	var keys []tallyKey
	for key, change := range changes {
		if *change != (sums{}) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, tallyKey.compare)
	var args []any
	for _, key := range keys {
		change := changes[key]
		args = append(args, key.batch, key.account, key.vendor, key.queue, string(key.state), key.kind,
			change.items, change.paused, change.size, change.sent)
	}
	for len(args) > 0 {
		n := chunk(len(args)/tallyWidth, w.ledger.dialect.rows)
		if err := w.exec(ctx, tx, w.statements[n].tally, args[:n*tallyWidth]); err != nil {
			return err
		}
		args = args[n*tallyWidth:]
	}
	return nil
}

// tallyWidth counts the columns of tallies.
const tallyWidth = 10

func addTallies(n int) string {
	return `INSERT INTO tallies (batch, account, vendor, queue, state, kind, items, paused, size, bytes_sent)
VALUES ` + tuples(n, tallyWidth, nil) + `
ON CONFLICT (batch, account, vendor, queue, state, kind) DO UPDATE SET
	items = tallies.items + excluded.items, paused = tallies.paused + excluded.paused,
	size = tallies.size + excluded.size, bytes_sent = tallies.bytes_sent + excluded.bytes_sent`
}

// deleteEnded deletes the progress of items that are ready: what failed or was canceled
// may be run again, and its next run has to know what the last one left open.
func (w *writer) deleteEnded(ctx context.Context, tx *sql.Tx, after map[string]standing) error {
	var over []string
	for id, s := range after {
		if s.state == upload.StateReady {
			over = append(over, id)
		}
	}
	if len(over) == 0 {
		return nil
	}
	slices.Sort(over)
	ids, err := w.ledger.dialect.list(over)
	if err != nil {
		return err
	}
	return w.exec(ctx, tx, w.ledger.dialect.deleteProgress(), []any{ids})
}

func (d dialect) deleteProgress() string { return `DELETE FROM progress WHERE ` + d.among }
