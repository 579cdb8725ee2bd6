package ledger

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// AnsweredEvery is the least time between two notes of an account's successful calls.
const AnsweredEvery = time.Minute

// NoteWait notes what the next call of an item waits for that has no progress to save
// it with: one that no run has claimed, or whose parts are being sent; nil where it
// waits for nothing. runID is of the run that holds the item; what another one says is
// ignored. wait.Last must hold no secret. It may be lost.
func (l *Ledger) NoteWait(ctx context.Context, uploadID, runID string, wait *upload.Wait) error {
	text, err := l.sealWait(uploadID, wait)
	if err == nil {
		_, err = l.write.ExecContext(ctx, `UPDATE items SET waiting = $3
WHERE upload_id = $1 AND run_id IN ('', $2) AND `+open+` AND (waiting <> '' OR $3 <> '')`, clean(uploadID), clean(runID), text)
	}
	return l.fail("note what "+uploadID+" waits for", err)
}

// sealWait is a wait as it is stored.
func (l *Ledger) sealWait(uploadID string, wait *upload.Wait) (string, error) {
	if wait == nil {
		return "", nil
	}
	kept := *wait
	kept.Last.Receipt = nil
	return l.sealJSON("what "+uploadID+" waits for", kept)
}

// openWait is the contrary of sealWait. Without the key it is nil.
func (l *Ledger) openWait(uploadID, stored string) (*upload.Wait, error) {
	var wait upload.Wait
	found, err := l.openJSON("what "+uploadID+" waits for", stored, &wait)
	if err != nil || !found {
		return nil, err
	}
	return &wait, nil
}

// OpenRows is how many rows of a batch, on one route, are in a state in which they wait
// or are under way, or are unconfirmed.
type OpenRows struct {
	Route  upload.Route
	State  upload.State
	Rows   int64
	Paused int64 // of these, by a person
}

// OpenRows counts the rows of a batch that have not ended, and those that are
// unconfirmed, by account.
func (l *Ledger) OpenRows(ctx context.Context, batch string) ([]OpenRows, error) {
	rows, err := l.read.QueryContext(ctx, `
SELECT account, vendor, queue, state, CAST(SUM(items) AS BIGINT), CAST(SUM(paused) AS BIGINT) FROM tallies
WHERE batch = $1 AND state NOT IN `+over+` GROUP BY account, vendor, queue, state HAVING SUM(items) > 0 ORDER BY account, queue, state`, clean(batch))
	if err != nil {
		return nil, l.fail("count the rows of batch "+batch, err)
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	var all []OpenRows
	for rows.Next() {
		var one OpenRows
		if err := rows.Scan(&one.Route.Account, &one.Route.Vendor, &one.Route.Queue, &one.State, &one.Rows, &one.Paused); err != nil {
			return nil, l.fail("count the rows of batch "+batch, err)
		}
		all = append(all, one)
	}
	err = l.openQueues(ctx, rows, len(all), func(i int) *string { return &all[i].Route.Queue })
	return all, l.fail("count the rows of batch "+batch, err)
}

// Trouble is what some rows of a batch wait for that have not ended, after their own
// last calls failed alike.
type Trouble struct {
	Route upload.Route
	State upload.State
	// Wait is that of one of them, with the earliest beginning and the next of all
	// tries.
	Wait upload.Wait
	Rows int64
}

// Troubles lists what rows of a batch wait for after their own last calls failed, by
// account and cause. What they wait for together with all others of their account is
// AccountState's to tell.
func (l *Ledger) Troubles(ctx context.Context, batch string) ([]Trouble, error) {
	rows, err := l.read.QueryContext(ctx, `
SELECT account, vendor, queue, state, upload_id, waiting FROM items WHERE batch = $1 AND waiting <> '' AND `+open+` ORDER BY account, upload_id`, clean(batch))
	if err != nil {
		return nil, l.fail("read what rows of batch "+batch+" wait for", err)
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	var all []Trouble
	for rows.Next() {
		one := Trouble{Rows: 1}
		var id, text string
		if err := rows.Scan(&one.Route.Account, &one.Route.Vendor, &one.Route.Queue, &one.State, &id, &text); err != nil {
			return nil, l.fail("read what rows of batch "+batch+" wait for", err)
		}
		wait, err := l.openWait(id, text)
		if err != nil {
			return nil, l.fail("read what rows of batch "+batch+" wait for", err)
		}
		if wait != nil { // else the key is not at hand
			one.Wait = *wait
			all = addTrouble(all, one)
		}
	}
	err = l.openQueues(ctx, rows, len(all), func(i int) *string { return &all[i].Route.Queue })
	return all, l.fail("read what rows of batch "+batch+" wait for", err)
}

// addTrouble adds a row to those that failed alike.
func addTrouble(all []Trouble, one Trouble) []Trouble {
	for i := range all {
		t := &all[i]
		if t.Route != one.Route || t.State != one.State || t.Wait.Step != one.Wait.Step || t.Wait.Last.Cause() != one.Wait.Last.Cause() || t.Wait.Last.Peer != one.Wait.Last.Peer {
			continue
		}
		t.Rows++
		t.Wait.Tries = max(t.Wait.Tries, one.Wait.Tries)
		if one.Wait.Since.Before(t.Wait.Since) {
			t.Wait.Since = one.Wait.Since
		}
		if next := one.Wait.Next; !next.IsZero() && (t.Wait.Next.IsZero() || next.Before(t.Wait.Next)) {
			t.Wait.Next = next
		}
		return all
	}
	return append(all, one)
}

// Answered notes that an account's vendor has just done as it was asked. Whatever the
// number of calls, it writes once a minute.
func (l *Ledger) Answered(ctx context.Context, account string) error {
	_, err := l.write.ExecContext(ctx, l.text(`
INSERT INTO accounts (name, paused, because, who, since, key_fingerprint, key_changed_at, last_ok_at)
VALUES ($2, FALSE, '', '', 0, '', 0, {now})
ON CONFLICT (name) DO UPDATE SET last_ok_at = excluded.last_ok_at WHERE accounts.last_ok_at < excluded.last_ok_at - $3`),
		l.clock(), clean(account), AnsweredEvery.Microseconds())
	return l.fail("note an answer to account "+account, err)
}
