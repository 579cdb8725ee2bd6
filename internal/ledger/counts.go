package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Counts says how many of the chosen items are in each state; every state is
// there. Limit and After do not count.
func (l *Ledger) Counts(ctx context.Context, f Filter) (map[upload.State]int64, error) {
	counts := make(map[upload.State]int64, len(upload.States()))
	for _, state := range upload.States() {
		counts[state] = 0
	}
	query, args := f.count()
	rows, err := l.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, l.fail("count items", err)
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	for rows.Next() {
		var state upload.State
		var n int64
		if err := rows.Scan(&state, &n); err != nil {
			return nil, l.fail("count items", err)
		}
		counts[state] += n
	}
	return counts, l.fail("count items", rows.Err())
}

// count is the query for the items of each state. Only for what changed since
// some time are items looked at; all else is counted already.
func (f Filter) count() (query string, args []any) {
	where := f.conditions()
	if !f.Since.IsZero() {
		return `SELECT state, COUNT(*) FROM items ` + where.String() + ` GROUP BY state`, where.args
	}
	return `SELECT state, CAST(SUM(items) AS BIGINT) FROM tallies ` + where.String() + ` GROUP BY state`, where.args
}

// Summary is a batch in numbers. The counts by state add up to Total.
type Summary struct {
	Batch      string
	Total      int64
	Counts     map[upload.State]int64
	Paused     int64 // of those that have not ended
	Bytes      int64 // of all media whose size is known
	BytesSent  int64 // repeats included
	Failures   []FailureGroup
	InProgress int64 // preparing to processing
}

// FailureGroup is how often one account failed in one way.
type FailureGroup struct {
	Kind    upload.Kind
	Account string
	Count   int64
	// Example is the first of them in the manifest's order.
	Example upload.Result
}

// tally adds up a batch, and example is the first failure of a kind in it.
const (
	tally = `
SELECT state, account, kind, CAST(SUM(items) AS BIGINT), CAST(SUM(paused) AS BIGINT),
	CAST(SUM(size) AS BIGINT), CAST(SUM(bytes_sent) AS BIGINT)
FROM tallies WHERE batch = $1 GROUP BY state, account, kind HAVING SUM(items) > 0 ORDER BY state, account, kind`
	example = `
SELECT ` + entryColumns + ` FROM items
WHERE batch = $1 AND phase = 'failed' AND account = $2 AND kind = $3 AND phase IN ('failed', 'canceled') ORDER BY line LIMIT 1`
)

// Summarize adds up a batch. A batch that the ledger does not know is empty. The
// numbers are all of one moment; the examples may be of one a little later.
func (l *Ledger) Summarize(ctx context.Context, batch string) (Summary, error) {
	s := Summary{Batch: batch, Counts: make(map[upload.State]int64, len(upload.States()))}
	for _, state := range upload.States() {
		s.Counts[state] = 0
	}
	if err := l.tally(ctx, &s); err != nil {
		return Summary{}, l.fail("add up batch "+batch, err)
	}
	for i := range s.Failures {
		example, err := l.example(ctx, batch, s.Failures[i])
		if err != nil && !errors.Is(err, sql.ErrNoRows) { // gone since: it runs again
			return Summary{}, l.fail("add up batch "+batch, err)
		}
		s.Failures[i].Example = example.Result
	}
	return s, nil
}

// tally fills in all numbers from one statement, so that they are of one moment.
func (l *Ledger) tally(ctx context.Context, s *Summary) error {
	rows, err := l.read.QueryContext(ctx, tally, clean(s.Batch))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	for rows.Next() {
		var state upload.State
		var group FailureGroup
		var paused, size, sent int64
		if err := rows.Scan(&state, &group.Account, &group.Kind, &group.Count, &paused, &size, &sent); err != nil {
			return err
		}
		s.add(state, group, paused)
		s.Bytes, s.BytesSent = s.Bytes+size, s.BytesSent+sent
	}
	return rows.Err()
}

func (s *Summary) add(state upload.State, group FailureGroup, paused int64) {
	s.Total += group.Count
	s.Counts[state] += group.Count
	switch {
	case state == upload.StateFailed:
		s.Failures = append(s.Failures, group)
	case !state.Ended():
		s.Paused += paused
		if state != upload.StateWaiting {
			s.InProgress += group.Count
		}
	}
}

func (l *Ledger) example(ctx context.Context, batch string, group FailureGroup) (Entry, error) {
	return l.scanEntry(l.read.QueryRowContext(ctx, example, clean(batch), group.Account, string(group.Kind)))
}

// Because is the example as a person reads it.
func (g FailureGroup) Because() string {
	message := "no longer there"
	if g.Example.Error != nil {
		message = g.Example.Error.Message
	}
	if g.Example.Line > 0 {
		return fmt.Sprintf("line %d: %s", g.Example.Line, message)
	}
	return message
}
