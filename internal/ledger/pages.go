package ledger

import (
	"context"
	"fmt"

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
	return routes, l.fail("read the routes of batch "+batch, rows.Err())
}

// onRoute chooses the rows of a route that have not ended: arguments are batch,
// account, queue and vendor.
const onRoute = `batch = $1 AND account = $2 AND queue = $3 AND vendor = $4 AND ` + open

// itsTurn leaves out rows that go last in their lanes while another row of the
// batch that does not has yet to be claimed. From then on the lane itself keeps
// the order; if rows that go last began before, they could fill the places that
// the others need.
const itsTurn = `(NOT lane_last OR NOT EXISTS (SELECT 1 FROM items AS other
	WHERE other.lane = items.lane AND other.lane <> '' AND other.batch = items.batch AND NOT other.lane_last AND other.phase = 'waiting'))`

// waitingLines counts the waiting rows of each line behind one.
const waitingLines = `SELECT line, COUNT(*) FROM items
WHERE ` + onRoute + ` AND line > $5 AND state = 'waiting' AND ` + itsTurn + ` GROUP BY line ORDER BY line LIMIT $6`

func routeArgs(batch string, route upload.Route, more ...any) []any {
	return append([]any{clean(batch), clean(route.Account), clean(route.Queue), clean(route.Vendor)}, more...)
}

// CutPages finds the next waiting rows of a route behind a line of the manifest,
// and cuts them into pages of at most sizes[i] rows, each at least 1. There are
// fewer pages, or none, when there are no more rows. A line is never split over
// two pages; one that has more rows than a page may have is a page by itself. It
// changes nothing: the same cut gives the same pages until rows are claimed. Rows
// that go last in their lanes are left for a later round.
func (l *Ledger) CutPages(ctx context.Context, batch string, route upload.Route, after int, sizes []int) ([]upload.Page, error) {
	most := int64(1) // the line behind the last page ends it
	for _, size := range sizes {
		if size < 1 {
			return nil, l.fail("cut pages of batch "+batch, fmt.Errorf("a page of %d rows, want at least 1", size))
		}
		most += int64(size)
	}
	rows, err := l.read.QueryContext(ctx, waitingLines, routeArgs(batch, route, int64(after), most)...)
	if err != nil {
		return nil, l.fail("cut pages of batch "+batch, err)
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	cut := cutter{batch: batch, route: route, sizes: sizes}
	for rows.Next() && !cut.full() {
		var line, n int
		if err := rows.Scan(&line, &n); err != nil {
			return nil, l.fail("cut pages of batch "+batch, err)
		}
		cut.add(line, n)
	}
	return cut.end(), l.fail("cut pages of batch "+batch, rows.Err())
}

// cutter puts lines into pages.
type cutter struct {
	batch string
	route upload.Route
	sizes []int
	pages []upload.Page
	open  upload.Page // the one that lines are being added to
}

func (c *cutter) full() bool { return len(c.pages) == len(c.sizes) }

func (c *cutter) add(line, rows int) {
	if c.open.Rows > 0 && c.open.Rows+rows > c.sizes[len(c.pages)] {
		c.close()
	}
	if c.full() {
		return
	}
	if c.open.Rows == 0 {
		c.open = upload.Page{Batch: c.batch, Route: c.route, First: line}
	}
	c.open.Last = line
	c.open.Rows += rows
}

func (c *cutter) close() {
	c.pages = append(c.pages, c.open)
	c.open = upload.Page{}
}

func (c *cutter) end() []upload.Page {
	if c.open.Rows > 0 && !c.full() {
		c.close()
	}
	return c.pages
}

// PageRow is one row of a page.
type PageRow struct {
	Entry
	Leg *upload.Leg // how far it is; nil before its first step
	// Alone says that the row has, or is to get, a workflow of its own, and
	// Because why.
	Alone   bool
	Because string
}

// packedColumns are what tells how a row travels. There is a leg for few rows,
// which a join would look for by its own plan.
const packedColumns = `because_alone, (SELECT leg FROM legs WHERE legs.upload_id = items.upload_id)`

// pageRowsOf reads the rows of a page. The sign of the line keeps SQLite from
// preferring an index that is in order, but goes through the rows of all routes.
const pageRowsOf = `SELECT ` + entryColumns + `, ` + packedColumns + ` FROM items
WHERE ` + onRoute + ` AND line >= $5 AND line <= $6 ORDER BY +line, upload_id`

// PageRows reads the rows of a page that have not ended, in the manifest's
// order. An unconfirmed row has ended, for a page.
func (l *Ledger) PageRows(ctx context.Context, page upload.Page) ([]PageRow, error) {
	rows, err := l.read.QueryContext(ctx, pageRowsOf, pageArgs(page)...)
	if err != nil {
		return nil, l.fail("read a page of batch "+page.Batch, err)
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	var found []PageRow
	for rows.Next() {
		row, err := l.scanPageRow(rows)
		if err != nil {
			return nil, l.fail("read a page of batch "+page.Batch, err)
		}
		found = append(found, row)
	}
	return found, l.fail("read a page of batch "+page.Batch, rows.Err())
}

func pageArgs(page upload.Page, more ...any) []any {
	return append(routeArgs(page.Batch, page.Route, int64(page.First), int64(page.Last)), more...)
}

func (l *Ledger) scanPageRow(rows interface{ Scan(...any) error }) (PageRow, error) {
	var row PageRow
	var sealed []byte
	var err error
	if row.Entry, err = l.scanEntry(rows, &row.Because, &sealed); err != nil {
		return PageRow{}, err
	}
	row.Alone = row.Entry.Alone
	row.Leg, err = l.openLeg(row.Result.UploadID, sealed)
	return row, err
}

// AloneRow is a row of a page that travels in a workflow of its own.
type AloneRow struct {
	Line int
	// Item has Resume set where the row has a leg, or a reason to be alone.
	Item    upload.Item
	Running bool // a run holds it
}

const aloneRowsOf = `SELECT ` + entryColumns + `, ` + packedColumns + ` FROM items
WHERE ` + onRoute + ` AND line >= $5 AND line <= $6 AND alone AND ` + itsTurn + ` AND (+line, upload_id) > ($7, $8)
ORDER BY +line, upload_id LIMIT $9`

// AloneRows reads up to most rows of a page that travel alone and have not ended,
// by line and upload ID, behind those of the row that is named: after and afterID
// are the line and the upload ID of the last one that was read, or 0 and empty.
// Rows that go last in their lanes are left out until it is their turn.
func (l *Ledger) AloneRows(ctx context.Context, page upload.Page, after int, afterID string, most int) ([]AloneRow, error) {
	rows, err := l.read.QueryContext(ctx, aloneRowsOf, pageArgs(page, int64(after), clean(afterID), int64(most))...)
	if err != nil {
		return nil, l.fail("read a page of batch "+page.Batch, err)
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	var found []AloneRow
	for rows.Next() {
		row, err := l.scanPageRow(rows)
		if err != nil {
			return nil, l.fail("read a page of batch "+page.Batch, err)
		}
		item, err := row.Item()
		if err != nil {
			return nil, err
		}
		found = append(found, row.alone(item))
	}
	return found, l.fail("read a page of batch "+page.Batch, rows.Err())
}

func (r PageRow) alone(item upload.Item) AloneRow {
	if r.Leg != nil || r.Because != "" {
		item.Resume = &upload.Resume{Because: r.Because}
		if r.Leg != nil {
			item.Resume.Leg = *r.Leg
		}
		if leg := &item.Resume.Leg; r.Because == becauseForsaken && leg.Session.Method != "" && !leg.Idle && leg.SentAt.IsZero() {
			leg.Arrived = true // whoever had it may have died while its bytes were on their way
		}
	}
	return AloneRow{Line: item.Line, Item: item, Running: r.RunID != ""}
}
