package ledger

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// What was decided about a batch.
const (
	EventStart  = "start"
	EventPause  = "pause"
	EventResume = "resume"
	EventHold   = "hold"
	EventSet    = "set"
	EventCancel = "cancel"
	EventRetry  = "retry"
	EventFinish = "finish"
)

// BatchEvent is one decision about a batch.
type BatchEvent struct {
	At          time.Time
	What        string // one of the Event constants
	By, Because string
	Detail      string // what exactly: limits, kinds, numbers
}

// BatchChange is a decision and what it changes.
type BatchChange struct {
	// Event is put down with the change. A zero At is the present.
	Event   BatchEvent
	State   upload.BatchState // empty leaves it
	Paused  *bool
	Limits  *upload.Limits
	Because *string
}

// ChangeBatch carries out a decision and puts it down, in one transaction, and
// returns the batch as it is then. It refuses nothing but a batch that the ledger
// does not know: the error is a *BatchNotFoundError. It may be repeated with the
// same Event.At, and then puts nothing down twice.
//
// A batch that is held already, canceling or over is not held: the first reason
// counts. Resuming one that is held accepts the failures that it has by then, so
// that Failures begins anew, and accepts its canary.
func (l *Ledger) ChangeBatch(ctx context.Context, id string, change BatchChange) (Batch, error) {
	if change.Event.At.IsZero() {
		change.Event.At = l.now()
	}
	event, err := l.sealEvent(ctx, id, change.Event)
	if err != nil {
		return Batch{}, l.fail(change.Event.What+" batch "+id, err)
	}
	b, err := l.updateBatch(ctx, id, func(tx *sql.Tx, b *batchRow) (bool, error) {
		if change.State == upload.BatchHeld && !holdable(b.State) {
			return false, nil
		}
		if change.Event.What == EventResume && b.State == upload.BatchHeld && change.State == upload.BatchRunning {
			var err error
			if b.baseline, err = failures(ctx, tx, b.ID); err != nil {
				return false, err
			}
			b.canaryPassed = true
		}
		b.change(change, l.now())
		return true, event.note(ctx, tx)
	})
	return b.Batch, l.failBatch(ctx, change.Event.What+" batch "+id, id, err)
}

// holdable reports whether a batch can be held: there is something to hold, and
// nothing holds it.
func holdable(state upload.BatchState) bool {
	return state == upload.BatchLoading || state == upload.BatchRunning
}

// change is what a decision does to a batch.
func (b *batchRow) change(change BatchChange, now time.Time) {
	if change.State != "" {
		b.State = change.State
	}
	if change.Paused != nil {
		b.Paused = *change.Paused
	}
	if change.Limits != nil {
		b.Limits = *change.Limits
	}
	if change.Because != nil {
		b.Because = *change.Because
	}
	switch {
	case !b.State.Ended():
		b.FinishedAt = time.Time{}
	case b.FinishedAt.IsZero():
		b.FinishedAt = now
	}
}

// sealedEvent is a decision as it is stored.
type sealedEvent struct {
	BatchEvent
	batch, digest string // the digest is of what it says
}

func (l *Ledger) sealEvent(ctx context.Context, batch string, event BatchEvent) (sealedEvent, error) {
	digest, err := l.digest(ctx, ofEvent, strings.Join([]string{event.By, event.Because, event.Detail}, "\x1f"))
	if err != nil {
		return sealedEvent{}, err
	}
	err = l.sealTexts(eventOf(batch), event.texts())
	return sealedEvent{event, clean(batch), digest}, err
}

// texts are what is sealed of a decision.
func (e *BatchEvent) texts() map[string]*string {
	return map[string]*string{"who": &e.By, "reason": &e.Because, "detail": &e.Detail}
}

func eventOf(batch string) string { return "an event of batch " + batch }

// note puts a decision down unless the same one is there.
func (e sealedEvent) note(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `
INSERT INTO batch_events (batch, n, at, what, who, because, detail, digest)
SELECT CAST($1 AS TEXT), (SELECT COALESCE(MAX(n), 0) + 1 FROM batch_events WHERE batch = $1),
	CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS TEXT), CAST($7 AS TEXT)
WHERE NOT EXISTS (SELECT 1 FROM batch_events WHERE batch = $1 AND at = $2 AND what = $3 AND digest = $7)`,
		e.batch, micros(e.At), clean(e.What), e.By, e.Because, e.Detail, e.digest)
	return err
}

// BatchEvents lists what was decided about a batch, in the order in which it was
// put down.
func (l *Ledger) BatchEvents(ctx context.Context, id string) ([]BatchEvent, error) {
	rows, err := l.read.QueryContext(ctx,
		`SELECT at, what, who, because, detail FROM batch_events WHERE batch = $1 ORDER BY n`, clean(id))
	if err != nil {
		return nil, l.fail("read the story of batch "+id, err)
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	var events []BatchEvent
	for rows.Next() {
		var event BatchEvent
		var at int64
		if err := rows.Scan(&at, &event.What, &event.By, &event.Because, &event.Detail); err != nil {
			return nil, l.fail("read the story of batch "+id, err)
		}
		event.At = moment(at)
		if err := l.openTexts(eventOf(clean(id)), event.texts()); err != nil {
			return nil, l.fail("read the story of batch "+id, err)
		}
		events = append(events, event)
	}
	return events, l.fail("read the story of batch "+id, rows.Err())
}

// CanaryPassed reports whether the rest of a batch may follow its canary: it has
// none, or somebody resumed the batch after it was held. The error is a
// *BatchNotFoundError where there is no such batch.
func (l *Ledger) CanaryPassed(ctx context.Context, id string) (bool, error) {
	b, err := l.readBatch(ctx, id)
	return err == nil && (b.Canary == 0 || b.canaryPassed), l.failBatch(ctx, "read batch "+id, id, err)
}

// Failures counts the failed rows of a batch by kind: those that nobody has
// accepted yet, by starting with rows that were refused or by resuming the batch
// after it was held. Kinds without any are not in it. The error is a
// *BatchNotFoundError where there is no such batch.
func (l *Ledger) Failures(ctx context.Context, id string) (map[upload.Kind]int64, error) {
	b, err := l.readBatch(ctx, id)
	if err != nil {
		return nil, l.failBatch(ctx, "read batch "+id, id, err)
	}
	counts, err := failures(ctx, l.read, b.ID)
	if err != nil {
		return nil, l.fail("count the failures of batch "+id, err)
	}
	for kind, known := range b.baseline {
		if counts[kind] -= known; counts[kind] <= 0 {
			delete(counts, kind)
		}
	}
	return counts, nil
}

// querier is a pool or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// failures counts all failed rows of a batch by kind.
func failures(ctx context.Context, from querier, batch string) (map[upload.Kind]int64, error) {
	rows, err := from.QueryContext(ctx, `
SELECT kind, CAST(SUM(items) AS BIGINT) FROM tallies WHERE batch = $1 AND state = 'failed' GROUP BY kind HAVING SUM(items) > 0`,
		clean(batch))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	counts := map[upload.Kind]int64{}
	for rows.Next() {
		var kind upload.Kind
		var n int64
		if err := rows.Scan(&kind, &n); err != nil {
			return nil, err
		}
		counts[kind] = n
	}
	return counts, rows.Err()
}

// lowerBaseline forgets accepted failures that are none any more, since those
// that come in their place were accepted by nobody. An unknown batch has none.
func (l *Ledger) lowerBaseline(ctx context.Context, id string) error {
	_, err := l.updateBatch(ctx, id, func(tx *sql.Tx, b *batchRow) (bool, error) {
		counts, err := failures(ctx, tx, b.ID)
		if err != nil {
			return false, err
		}
		lower := map[upload.Kind]int64{}
		for kind, known := range b.baseline {
			if n := min(known, counts[kind]); n > 0 {
				lower[kind] = n
			}
		}
		b.baseline = lower
		return true, nil
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}
