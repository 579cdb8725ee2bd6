package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// RouteRows is how many rows of a batch take a route.
type RouteRows struct {
	upload.Route
	Rows    int64 // in all states
	Waiting int64
}

// Routes lists the routes of a batch with their rows, by account and queue.
func (l *Ledger) Routes(ctx context.Context, batch string) ([]RouteRows, error) {
	rows, err := l.read.QueryContext(ctx, `
SELECT account, vendor, queue, CAST(SUM(items) AS BIGINT), CAST(SUM(CASE WHEN state = 'waiting' THEN items ELSE 0 END) AS BIGINT)
FROM tallies WHERE batch = $1 GROUP BY account, vendor, queue HAVING SUM(items) > 0 ORDER BY account, queue, vendor`, clean(batch))
	if err != nil {
		return nil, l.fail("read the routes of batch "+batch, err)
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	var routes []RouteRows
	for rows.Next() {
		var r RouteRows
		if err := rows.Scan(&r.Account, &r.Vendor, &r.Queue, &r.Rows, &r.Waiting); err != nil {
			return nil, l.fail("read the routes of batch "+batch, err)
		}
		routes = append(routes, r)
	}
	err = l.openQueues(ctx, rows, len(routes), func(i int) *string { return &routes[i].Queue })
	slices.SortStableFunc(routes, func(x, y RouteRows) int {
		return cmp.Or(cmp.Compare(x.Account, y.Account), cmp.Compare(x.Queue, y.Queue), cmp.Compare(x.Vendor, y.Vendor))
	})
	return routes, l.fail("read the routes of batch "+batch, err)
}

// onRoute chooses the rows of a route that have not ended: arguments are batch,
// account, queue and vendor.
const onRoute = `batch = $1 AND account = $2 AND queue = $3 AND vendor = $4 AND ` + open

// itsTurn leaves out rows that go last in their lanes while another row of the
// batch that does not has yet to be claimed. From then on the serial_key itself keeps
// the order; if rows that go last began before, they could fill the places that
// the others need.
const itsTurn = `(NOT serial_last OR NOT EXISTS (SELECT 1 FROM items AS other
	WHERE other.serial_key = items.serial_key AND other.serial_key <> '' AND other.batch = items.batch AND NOT other.serial_last AND other.phase = 'waiting'))`

// waitingLines counts the waiting rows of each line behind one.
const waitingLines = `SELECT line, COUNT(*) FROM items
WHERE ` + onRoute + ` AND line > $5 AND state = 'waiting' AND ` + itsTurn + ` GROUP BY line ORDER BY line LIMIT $6`

func (l *Ledger) routeArgs(ctx context.Context, batch string, route upload.Route, more ...any) ([]any, error) {
	queue, err := l.digest(ctx, ofQueue, route.Queue)
	return append([]any{clean(batch), clean(route.Account), queue, clean(route.Vendor)}, more...), err
}

// CutShards finds the next waiting rows of a route behind a line of the manifest,
// and cuts them into shards of at most sizes[i] rows, each at least 1. There are
// fewer shards, or none, when there are no more rows. A line is never split over
// two shards; one that has more rows than a shard may have is a shard by itself. It
// changes nothing: the same cut gives the same shards until rows are claimed. Rows
// that go last with their serial keys are left for a later round.
func (l *Ledger) CutShards(ctx context.Context, batch string, route upload.Route, after int, sizes []int) ([]upload.Shard, error) {
	most := int64(1) // the line behind the last shard ends it
	for _, size := range sizes {
		if size < 1 {
			return nil, l.fail("cut shards of batch "+batch, fmt.Errorf("the shard has %d rows, but must have at least 1", size))
		}
		most += int64(size)
	}
	args, err := l.routeArgs(ctx, batch, route, int64(after), most)
	if err != nil {
		return nil, l.fail("cut shards of batch "+batch, err)
	}
	rows, err := l.read.QueryContext(ctx, waitingLines, args...)
	if err != nil {
		return nil, l.fail("cut shards of batch "+batch, err)
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	cut := cutter{batch: batch, route: route, sizes: sizes}
	for rows.Next() && !cut.full() {
		var line, n int
		if err := rows.Scan(&line, &n); err != nil {
			return nil, l.fail("cut shards of batch "+batch, err)
		}
		cut.add(line, n)
	}
	return cut.end(), l.fail("cut shards of batch "+batch, rows.Err())
}

// cutter puts lines into shards.
type cutter struct {
	batch  string
	route  upload.Route
	sizes  []int
	shards []upload.Shard
	open   upload.Shard // the one that lines are being added to
}

func (c *cutter) full() bool { return len(c.shards) == len(c.sizes) }

func (c *cutter) add(line, rows int) {
	if c.open.Rows > 0 && c.open.Rows+rows > c.sizes[len(c.shards)] {
		c.close()
	}
	if c.full() {
		return
	}
	if c.open.Rows == 0 {
		c.open = upload.Shard{Batch: c.batch, Route: c.route, First: line}
	}
	c.open.Last = line
	c.open.Rows += rows
}

func (c *cutter) close() {
	c.shards = append(c.shards, c.open)
	c.open = upload.Shard{}
}

func (c *cutter) end() []upload.Shard {
	if c.open.Rows > 0 && !c.full() {
		c.close()
	}
	return c.shards
}

// waitingOutside looks for a waiting row of a route outside of a shard.
const waitingOutside = `SELECT 1 FROM items WHERE ` + onRoute + ` AND state = 'waiting' AND run_id = '' AND (line < $5 OR line > $6)`

// WaitingOutside reports whether rows of a shard's route wait that are not the shard's:
// ones that nobody has tried yet, or any.
func (l *Ledger) WaitingOutside(ctx context.Context, shard upload.Shard, untried bool) (bool, error) {
	query := waitingOutside
	if untried {
		query += ` AND waiting = ''`
	}
	var found int
	args, err := l.shardArgs(ctx, shard)
	if err == nil {
		err = l.read.QueryRowContext(ctx, query+` LIMIT 1`, args...).Scan(&found)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return found > 0, l.fail("look for waiting rows of batch "+shard.Batch, err)
}

// Row is an item with its progress.
type Row struct {
	Entry
	// Progress is how far the item is, or was when its last run ended; nil before its
	// first step and where it is ready.
	Progress *upload.Progress
	Because  string // why it is detached; possibly empty
}

// progressColumns complete an entry to a Row. Few rows have progress, which a join
// would look for by its own plan.
const progressColumns = `detached_because, (SELECT progress FROM progress WHERE progress.upload_id = items.upload_id)`

// shardRowsOf reads the rows of a shard. The sign of the line keeps SQLite from
// preferring an index that is in order, but goes through the rows of all routes.
const shardRowsOf = `SELECT ` + entryColumns + `, ` + progressColumns + ` FROM items
WHERE ` + onRoute + ` AND line >= $5 AND line <= $6 ORDER BY +line, upload_id`

// ShardRows reads the rows of a shard that have not ended, in the manifest's
// order. An unconfirmed row has ended, for a shard.
func (l *Ledger) ShardRows(ctx context.Context, shard upload.Shard) ([]Row, error) {
	args, err := l.shardArgs(ctx, shard)
	if err != nil {
		return nil, l.fail("read a shard of batch "+shard.Batch, err)
	}
	rows, err := l.read.QueryContext(ctx, shardRowsOf, args...)
	if err != nil {
		return nil, l.fail("read a shard of batch "+shard.Batch, err)
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	var found []Row
	for rows.Next() {
		row, err := l.scanRow(rows)
		if err != nil {
			return nil, l.fail("read a shard of batch "+shard.Batch, err)
		}
		found = append(found, row)
	}
	return found, l.fail("read a shard of batch "+shard.Batch, rows.Err())
}

func (l *Ledger) shardArgs(ctx context.Context, shard upload.Shard, more ...any) ([]any, error) {
	return l.routeArgs(ctx, shard.Batch, shard.Route, append([]any{int64(shard.First), int64(shard.Last)}, more...)...)
}

func (l *Ledger) scanRow(rows interface{ Scan(...any) error }) (Row, error) {
	var row Row
	var sealed []byte
	var err error
	if row.Entry, err = l.scanEntry(rows, &row.Because, &sealed); err != nil {
		return Row{}, err
	}
	id := row.Result.UploadID
	if row.Because, _, err = l.openSealed(becauseOf(id), row.Because); err != nil {
		return Row{}, err
	}
	row.Progress, err = l.openProgress(id, sealed)
	return row, err
}

// lastRows are the rows of a shard that go last with their serial keys and that no run
// has claimed.
const lastRows = `FROM items WHERE ` + onRoute + ` AND line >= $5 AND line <= $6 AND serial_last AND phase = 'waiting' AND run_id = ''`

// LastRowsWait reports whether a shard has rows that go last with their serial keys and
// that no run has claimed.
func (l *Ledger) LastRowsWait(ctx context.Context, shard upload.Shard) (bool, error) {
	var found int
	args, err := l.shardArgs(ctx, shard)
	if err == nil {
		err = l.read.QueryRowContext(ctx, `SELECT 1 `+lastRows+` LIMIT 1`, args...).Scan(&found)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return found > 0, l.fail("look for rows of batch "+shard.Batch+" that go last", err)
}

// DetachedRow is a row of a shard that has, or is to get, a workflow of its own.
type DetachedRow struct {
	Line int
	// Item has Resume set where the row has progress, or a reason to be detached.
	Item    upload.Item
	Running bool // a run holds it
}

const detachedRowsOf = `SELECT ` + entryColumns + `, ` + progressColumns + ` FROM items
WHERE ` + onRoute + ` AND line >= $5 AND line <= $6 AND detached AND ` + itsTurn + ` AND (+line, upload_id) > ($7, $8)
ORDER BY +line, upload_id LIMIT $9`

// DetachedRows reads up to most rows of a shard that are detached and have not ended,
// by line and upload ID, behind those of the row that is named: after and afterID
// are the line and the upload ID of the last one that was read, or 0 and empty.
// Rows that go last with their serial keys are left out until it is their turn.
func (l *Ledger) DetachedRows(ctx context.Context, shard upload.Shard, after int, afterID string, most int) ([]DetachedRow, error) {
	return l.readDetached(ctx, shard, detachedRowsOf, int64(after), clean(afterID), int64(most))
}

const lastRowsOf = `SELECT ` + entryColumns + `, ` + progressColumns + ` ` + lastRows + ` AND detached AND ` + itsTurn + `
ORDER BY +line, upload_id LIMIT $7`

// LastRows reads up to most detached rows of a shard that go last with their serial keys,
// that no run has claimed, and whose turn it is.
func (l *Ledger) LastRows(ctx context.Context, shard upload.Shard, most int) ([]DetachedRow, error) {
	return l.readDetached(ctx, shard, lastRowsOf, int64(most))
}

func (l *Ledger) readDetached(ctx context.Context, shard upload.Shard, query string, more ...any) ([]DetachedRow, error) {
	args, err := l.shardArgs(ctx, shard, more...)
	if err != nil {
		return nil, l.fail("read a shard of batch "+shard.Batch, err)
	}
	rows, err := l.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, l.fail("read a shard of batch "+shard.Batch, err)
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	var found []DetachedRow
	for rows.Next() {
		row, err := l.scanRow(rows)
		if err != nil {
			return nil, l.fail("read a shard of batch "+shard.Batch, err)
		}
		item, err := row.Item()
		if err != nil {
			return nil, err
		}
		found = append(found, row.detached(item))
	}
	return found, l.fail("read a shard of batch "+shard.Batch, rows.Err())
}

func (r Row) detached(item upload.Item) DetachedRow {
	if r.Progress != nil || r.Because != "" {
		item.Resume = &upload.Resume{Because: r.Because}
		if r.Progress != nil {
			item.Resume.Progress = *r.Progress
		}
		if progress := &item.Resume.Progress; r.Because == becauseOrphaned && progress.Session.Method != "" && !progress.Idle && progress.SentAt.IsZero() {
			progress.Arrived = true // the run may have died while the bytes were on their way
		}
	}
	return DetachedRow{Line: item.Line, Item: item, Running: r.RunID != ""}
}
