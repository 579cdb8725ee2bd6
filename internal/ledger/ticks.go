package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// tickLength is the stretch of time that one tick counts.
const tickLength = 10 * time.Second

// Tick is how many rows of a batch ended in one way within ten seconds.
type Tick struct {
	Account string
	At      time.Time // when the ten seconds began
	State   upload.State
	Rows    int64
	Bytes   int64 // that the rows' uploads sent, repeats included
}

type tickKey struct {
	batch, account string
	state          upload.State
}

func (k tickKey) compare(other tickKey) int {
	return cmp.Or(cmp.Compare(k.batch, other.batch), cmp.Compare(k.account, other.account), cmp.Compare(k.state, other.state))
}

// tick counts the items that runs have ended. One that no run had was refused,
// or was called off, before anything was done; it would only look like speed.
func (w *writer) tick(ctx context.Context, tx *sql.Tx, before, after map[string]standing) error {
	ticks := map[tickKey]*sums{}
	for id, s := range after {
		if s.batch == "" || s.runID == "" || !s.state.Ended() || before[id].state == s.state {
			continue
		}
		key := tickKey{s.batch, s.account, s.state}
		if ticks[key] == nil {
			ticks[key] = &sums{}
		}
		ticks[key].add(1, s)
	}
	keys := make([]tickKey, 0, len(ticks))
	for key := range ticks {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, tickKey.compare)
	at := micros(w.ledger.now().Truncate(tickLength))
	var args []any
	for _, key := range keys {
		args = append(args, key.batch, at, key.account, string(key.state), ticks[key].items, ticks[key].sent)
	}
	for len(args) > 0 {
		n := chunk(len(args)/tickWidth, w.ledger.dialect.rows)
		if err := w.exec(ctx, tx, w.statements[n].tick, args[:n*tickWidth]); err != nil {
			return err
		}
		args = args[n*tickWidth:]
	}
	return nil
}

// tickWidth counts the columns of ticks.
const tickWidth = 6

func addTicks(n int) string {
	return `INSERT INTO ticks (batch, at, account, state, items, bytes_sent) VALUES ` + tuples(n, tickWidth, nil) + `
ON CONFLICT (batch, at, account, state) DO UPDATE SET
	items = ticks.items + excluded.items, bytes_sent = ticks.bytes_sent + excluded.bytes_sent`
}

// Ticks lists how many rows of a batch ended since a time, by ten seconds,
// account and state, in this order. A row that ends again after it was retried
// or decided counts again. Stretches in which nothing ended are not listed.
func (l *Ledger) Ticks(ctx context.Context, batch string, since time.Time) ([]Tick, error) {
	rows, err := l.read.QueryContext(ctx, `
SELECT at, account, state, items, bytes_sent FROM ticks WHERE batch = $1 AND at >= $2 ORDER BY at, account, state`,
		clean(batch), micros(since.Truncate(tickLength)))
	if err != nil {
		return nil, l.fail("read the time line of batch "+batch, err)
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	var ticks []Tick
	for rows.Next() {
		var tick Tick
		var at int64
		if err := rows.Scan(&at, &tick.Account, &tick.State, &tick.Rows, &tick.Bytes); err != nil {
			return nil, l.fail("read the time line of batch "+batch, err)
		}
		tick.At = moment(at)
		ticks = append(ticks, tick)
	}
	return ticks, l.fail("read the time line of batch "+batch, rows.Err())
}
