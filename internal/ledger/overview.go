package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// BatchFilter chooses batches. Empty fields choose all.
type BatchFilter struct {
	State upload.BatchState
	Open  bool   // leaves out those that have ended
	Limit int    // 0 means all
	After string // continues a list behind the batch of this ID
}

// Batches lists batches, the newest first. The error is a *BatchNotFoundError where After
// names none.
func (l *Ledger) Batches(ctx context.Context, f BatchFilter) ([]Batch, error) {
	var where conditions
	if f.Open {
		where.add(goingOn)
	}
	if f.State != "" {
		where.add(`state = ` + where.arg(clean(string(f.State))))
	}
	if f.After != "" {
		after, err := l.Batch(ctx, f.After)
		if err != nil {
			return nil, err
		}
		created, id := where.arg(micros(after.CreatedAt)), where.arg(after.ID)
		where.add(`(created_at < ` + created + ` OR created_at = ` + created + ` AND id > ` + id + `)`)
	}
	query := `SELECT ` + batchColumns + ` FROM batches ` + where.String() + ` ORDER BY created_at DESC, id`
	if f.Limit > 0 {
		query += ` LIMIT ` + strconv.Itoa(f.Limit)
	}
	var batches []Batch
	err := l.each(ctx, query, where.args, func(rows *sql.Rows) error {
		b, err := l.scanBatch(rows)
		batches = append(batches, b.Batch)
		return err
	})
	return batches, l.fail("list batches", err)
}

// OpenTotals counts the items that have not ended, and those that are unconfirmed, by
// account.
func (l *Ledger) OpenTotals(ctx context.Context) ([]AccountItems, error) {
	return l.accountItems(ctx, `WHERE state NOT IN `+over)
}

// BatchTotals counts all rows of a batch, by account and state.
func (l *Ledger) BatchTotals(ctx context.Context, batch string) ([]AccountItems, error) {
	return l.accountItems(ctx, `WHERE batch = $1`, clean(batch))
}

// accountItems counts items by account and state.
func (l *Ledger) accountItems(ctx context.Context, where string, args ...any) (all []AccountItems, _ error) {
	err := l.each(ctx, `
SELECT account, state, CAST(SUM(items) AS BIGINT) FROM tallies `+where+` GROUP BY account, state HAVING SUM(items) > 0 ORDER BY account, state`, args,
		func(rows *sql.Rows) error {
			var one AccountItems
			err := rows.Scan(&one.Account, &one.State, &one.Items)
			all = append(all, one)
			return err
		})
	return all, l.fail("count items", err)
}

// UndecidedBatches counts the items that wait for a person's decision, by batch; those of
// no batch under "".
func (l *Ledger) UndecidedBatches(ctx context.Context) (map[string]int64, error) {
	counts := map[string]int64{}
	err := l.each(ctx, `
SELECT batch, CAST(SUM(items) AS BIGINT) FROM tallies WHERE state = 'unconfirmed' GROUP BY batch HAVING SUM(items) > 0`, nil, func(rows *sql.Rows) error {
		var batch string
		var n int64
		err := rows.Scan(&batch, &n)
		counts[batch] = n
		return err
	})
	return counts, l.fail("count unconfirmed items", err)
}

// UndecidedSince is since when the first of a batch's items waits for a person's decision,
// or the first of those of no batch; zero where none does.
func (l *Ledger) UndecidedSince(ctx context.Context, batch string) (time.Time, error) {
	var at sql.NullInt64
	err := l.read.QueryRowContext(ctx, `
SELECT MIN(updated_at) FROM items WHERE batch = $1 AND phase = 'unconfirmed' AND phase IN ('failed', 'canceled', 'unconfirmed')`, clean(batch)).Scan(&at)
	if !at.Valid {
		return time.Time{}, l.fail("find the first unconfirmed item", err)
	}
	return moment(at.Int64), l.fail("find the first unconfirmed item", err)
}

// Still lists items that a run has and of which nothing changed since a time: the one
// first that has been still for longest.
func (l *Ledger) Still(ctx context.Context, since time.Time, most int) ([]Entry, error) {
	entries, err := l.scanEntries(l.read.QueryContext(ctx, `
SELECT `+entryColumns+` FROM items WHERE phase = 'work' AND phase <> 'ready' AND updated_at < $1 ORDER BY updated_at, upload_id LIMIT `+strconv.Itoa(most),
		micros(since)))
	return entries, l.fail("list items that are still", err)
}

// Repeating lists open items whose own last call failed and is made again.
func (l *Ledger) Repeating(ctx context.Context, most int) ([]Entry, error) {
	entries, err := l.scanEntries(l.read.QueryContext(ctx, `
SELECT `+entryColumns+` FROM items WHERE waiting <> '' AND `+open+` LIMIT `+strconv.Itoa(most)))
	return entries, l.fail("list items that repeat", err)
}

// Search is what is looked for, exactly or from its beginning.
type Search struct {
	Text  string
	Limit int
}

// recentBatches is in how many batches, the newest first, a row is looked for whose batch
// is not named.
const recentBatches = 200

// Find looks for items whose upload ID begins with a text, then for rows of recent batches
// and single uploads of each account whose own ID does, and for the medium of that ID.
func (l *Ledger) Find(ctx context.Context, s Search) ([]Entry, error) {
	text := clean(s.Text)
	if text == "" {
		return nil, nil
	}
	var found []Entry
	seen := map[string]bool{}
	add := func(query string, args ...any) error {
		if len(found) >= s.Limit {
			return nil
		}
		entries, err := l.scanEntries(l.read.QueryContext(ctx, fmt.Sprintf(`SELECT %s FROM items WHERE %s LIMIT %d`, entryColumns, query, s.Limit), args...))
		for _, e := range entries {
			if id := e.Result.UploadID; !seen[id] && len(found) < s.Limit {
				seen[id] = true
				found = append(found, e)
			}
		}
		return err
	}
	err := add(`media_id = $1 AND media_id <> ''`, text)
	prefixes := []string{text}
	if err == nil {
		var folders []string
		folders, err = l.Folders(ctx)
		for _, folder := range folders {
			prefixes = append(prefixes, folder+text)
		}
	}
	for _, prefix := range prefixes {
		if err != nil {
			break
		}
		if end := after(prefix); end != "" {
			err = add(`upload_id >= $1 AND upload_id < $2 ORDER BY upload_id`, prefix, end)
		}
	}
	return found, l.fail("search for items", err)
}

// Beginning lists items whose upload ID begins with a text, by their IDs, at most limit.
func (l *Ledger) Beginning(ctx context.Context, text string, limit int) ([]Entry, error) {
	text = clean(text)
	end := after(text)
	if end == "" {
		return nil, nil
	}
	found, err := l.scanEntries(l.read.QueryContext(ctx, fmt.Sprintf(
		`SELECT %s FROM items WHERE upload_id >= $1 AND upload_id < $2 ORDER BY upload_id LIMIT %d`, entryColumns, limit), text, end))
	return found, l.fail("list the items of "+text, err)
}

// Folders are what the IDs of uploads begin with: recent batches, and accounts.
func (l *Ledger) Folders(ctx context.Context) ([]string, error) {
	rows, err := l.read.QueryContext(ctx, `
SELECT folder FROM (SELECT 'batch/' || id || '/' AS folder FROM batches ORDER BY created_at DESC, id LIMIT `+strconv.Itoa(recentBatches)+`) AS recent
UNION ALL SELECT DISTINCT 'upload/' || account || '/' FROM tallies WHERE batch = ''`)
	if err != nil {
		return nil, err
	}
	return scanTexts(rows)
}

// after is the first text that sorts behind all that begin with a prefix; "" where there
// is none.
func after(prefix string) string {
	runes := []rune(prefix)
	for i := len(runes) - 1; i >= 0; i-- {
		const last, surrogates, behind = 0x10ffff, 0xd7ff, 0xe000
		switch {
		case runes[i] == surrogates:
			return string(runes[:i]) + string(rune(behind))
		case runes[i] < last:
			return string(runes[:i]) + string(runes[i]+1)
		}
	}
	return ""
}

// Stamp changes whenever something changes that a view shows: of all items their counts
// and bytes, and of batches, accounts and outages what people and vendors did. It costs
// the same for ten items and for a million.
func (l *Ledger) Stamp(ctx context.Context) (string, error) {
	var stamp [8]sql.NullInt64
	err := l.read.QueryRowContext(ctx, `
SELECT (SELECT CAST(SUM(items * (CASE state WHEN 'waiting' THEN 1 WHEN 'preparing' THEN 2 WHEN 'transferring' THEN 3 WHEN 'completing' THEN 5 WHEN 'processing' THEN 7
		WHEN 'ready' THEN 11 WHEN 'failed' THEN 13 WHEN 'canceled' THEN 17 ELSE 19 END)) AS BIGINT) FROM tallies),
	(SELECT CAST(SUM(bytes_sent + paused) AS BIGINT) FROM tallies),
	(SELECT COUNT(*) FROM batch_events), (SELECT COUNT(*) FROM item_events), (SELECT MAX(since) FROM accounts),
	(SELECT CAST(SUM(tries) + MAX(since) + MAX(ended_at) AS BIGINT) FROM outages), (SELECT MAX(slow_until) FROM permits), (SELECT COUNT(*) FROM workers)`).Scan(
		&stamp[0], &stamp[1], &stamp[2], &stamp[3], &stamp[4], &stamp[5], &stamp[6], &stamp[7])
	return fmt.Sprint(stamp), l.fail("read what changed", err)
}
