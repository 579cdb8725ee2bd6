package ledger

import (
	"context"
	"database/sql"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

const (
	// troublesMost is of how many items Fleet reads what they wait for. During an outage
	// those that wait for one that tries have nothing of their own to tell.
	troublesMost = 2000
	// still is after what time without a word an upload counts as one that waits.
	still = time.Minute
)

// AccountItems is how many items of an account are in a state.
type AccountItems struct {
	Account string
	State   upload.State
	Items   int64
}

// OpenBatch is a batch that has not ended, with its rows.
type OpenBatch struct {
	Batch
	Since    time.Time // when it was paused or held; zero where it is not
	Rows     map[upload.State]int64
	Open     []OpenRows // those that have not ended, and those that are unconfirmed
	Troubles []Trouble
}

// Fleet is what there is to do for all that share a ledger, and how far it is.
type Fleet struct {
	Items   []AccountItems
	Batches []OpenBatch // the newest first
	// Singles and SingleTroubles are those of items that belong to no batch that is open.
	Singles        []OpenRows
	SingleTroubles []Trouble
	// Oldest is since when the oldest of an account's items waits: one that belongs to
	// no batch and of which nothing was heard for a minute, or a row of an open batch,
	// which counts from the start of that.
	Oldest map[string]time.Time
}

// Fleet reads what there is to do. It reads counts, and of items those alone that have
// not ended and are not rows of a batch, or whose own last calls failed.
func (l *Ledger) Fleet(ctx context.Context) (Fleet, error) {
	f := Fleet{Oldest: map[string]time.Time{}}
	for _, read := range []func(context.Context, *Fleet) error{l.fleetItems, l.fleetBatches, l.fleetOpen, l.fleetTroubles, l.fleetOldest} {
		if err := read(ctx, &f); err != nil {
			return f, l.fail("read what there is to do", err)
		}
	}
	return f, nil
}

func (l *Ledger) fleetItems(ctx context.Context, f *Fleet) (err error) {
	f.Items, err = l.accountItems(ctx, "")
	return err
}

// goingOn is a condition: the batch has not ended.
const goingOn = `state NOT IN ('completed', 'canceled')`

func (l *Ledger) fleetBatches(ctx context.Context, f *Fleet) error {
	err := l.each(ctx, `SELECT `+batchColumns+` FROM batches WHERE `+goingOn+` ORDER BY created_at DESC, id`, nil, func(rows *sql.Rows) error {
		b, err := l.scanBatch(rows)
		f.Batches = append(f.Batches, OpenBatch{Batch: b.Batch, Rows: map[upload.State]int64{}})
		return err
	})
	if err != nil {
		return err
	}
	err = l.each(ctx, `SELECT batch, state, CAST(SUM(items) AS BIGINT) FROM tallies
WHERE batch IN (SELECT id FROM batches WHERE `+goingOn+`) GROUP BY batch, state HAVING SUM(items) > 0`, nil, func(rows *sql.Rows) error {
		var batch string
		var state upload.State
		var n int64
		err := rows.Scan(&batch, &state, &n)
		if b := f.batch(batch); b != nil {
			b.Rows[state] = n
		}
		return err
	})
	if err != nil {
		return err
	}
	return l.each(ctx, `SELECT batch, MAX(at) FROM batch_events WHERE what IN ('pause', 'hold')
	AND batch IN (SELECT id FROM batches WHERE paused OR state = 'held') GROUP BY batch`, nil, func(rows *sql.Rows) error {
		var batch string
		var at int64
		err := rows.Scan(&batch, &at)
		if b := f.batch(batch); b != nil {
			b.Since = moment(at)
		}
		return err
	})
}

// batch is one of the open batches; nil where it is none.
func (f *Fleet) batch(id string) *OpenBatch {
	for i := range f.Batches {
		if f.Batches[i].ID == id {
			return &f.Batches[i]
		}
	}
	return nil
}

func (l *Ledger) fleetOpen(ctx context.Context, f *Fleet) error {
	var queues []*string
	err := l.each(ctx, `
SELECT batch, account, vendor, queue, state, CAST(SUM(items) AS BIGINT), CAST(SUM(paused) AS BIGINT) FROM tallies
WHERE state NOT IN `+over+` GROUP BY batch, account, vendor, queue, state HAVING SUM(items) > 0 ORDER BY batch, account, queue, state`, nil,
		func(rows *sql.Rows) error {
			var batch string
			var one OpenRows
			err := rows.Scan(&batch, &one.Route.Account, &one.Route.Vendor, &one.Route.Queue, &one.State, &one.Rows, &one.Paused)
			if b := f.batch(batch); b != nil {
				b.Open = append(b.Open, one)
				return err
			}
			f.Singles = append(f.Singles, one)
			return err
		})
	if err != nil {
		return err
	}
	for i := range f.Batches {
		for j := range f.Batches[i].Open {
			queues = append(queues, &f.Batches[i].Open[j].Route.Queue)
		}
	}
	for i := range f.Singles {
		queues = append(queues, &f.Singles[i].Route.Queue)
	}
	return l.nameQueues(ctx, queues)
}

// nameQueues puts names of queues in the places of their digests.
func (l *Ledger) nameQueues(ctx context.Context, queues []*string) error {
	for _, queue := range queues {
		name, err := l.openQueue(ctx, *queue)
		if err != nil {
			return err
		}
		*queue = name
	}
	return nil
}

func (l *Ledger) fleetTroubles(ctx context.Context, f *Fleet) error {
	err := l.each(ctx, `SELECT batch, account, vendor, queue, state, upload_id, waiting FROM items
WHERE waiting <> '' AND `+open+` LIMIT $1`, []any{troublesMost}, func(rows *sql.Rows) error {
		one := Trouble{Rows: 1}
		var batch, id, text string
		if err := rows.Scan(&batch, &one.Route.Account, &one.Route.Vendor, &one.Route.Queue, &one.State, &id, &text); err != nil {
			return err
		}
		wait, err := l.openWait(id, text)
		if err != nil || wait == nil { // the key is not at hand
			return err
		}
		one.Wait = *wait
		if b := f.batch(batch); b != nil {
			b.Troubles = addTrouble(b.Troubles, one)
		} else {
			f.SingleTroubles = addTrouble(f.SingleTroubles, one)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var queues []*string
	for i := range f.Batches {
		for j := range f.Batches[i].Troubles {
			queues = append(queues, &f.Batches[i].Troubles[j].Route.Queue)
		}
	}
	for i := range f.SingleTroubles {
		queues = append(queues, &f.SingleTroubles[i].Route.Queue)
	}
	return l.nameQueues(ctx, queues)
}

func (l *Ledger) fleetOldest(ctx context.Context, f *Fleet) error {
	note := func(account string, at time.Time) {
		if oldest, found := f.Oldest[account]; !at.IsZero() && (!found || at.Before(oldest)) {
			f.Oldest[account] = at
		}
	}
	for _, b := range f.Batches {
		for _, open := range b.Open {
			if open.State == upload.StateWaiting {
				note(open.Route.Account, b.StartedAt)
			}
		}
		for _, trouble := range b.Troubles {
			note(trouble.Route.Account, trouble.Wait.Since)
		}
	}
	return l.each(ctx, l.text(`SELECT account, MIN(queued_at) FROM items
WHERE batch = '' AND `+open+` AND (state = 'waiting' OR waiting <> '' OR updated_at < {now} - $2) GROUP BY account`), []any{l.clock(), still.Microseconds()},
		func(rows *sql.Rows) error {
			var account string
			var at int64
			err := rows.Scan(&account, &at)
			note(account, moment(at))
			return err
		})
}
