package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Filter chooses items. Empty fields choose all.
type Filter struct {
	State   upload.State
	Account string
	Kind    upload.Kind // of the failure
	Cause   string      // of the failure: the ID of a Cause
	Batch   string
	// Since leaves out items in which nothing changed since then.
	Since time.Time
	// Limit is the greatest number of items that a list gives; 0 means all.
	Limit int
	// Waiting leaves out items for which nothing is waited: all that have ended, but
	// for those that are unconfirmed.
	Waiting bool
	// After continues a list behind the item of this upload ID.
	After string
}

// pageRows is how many rows a list reads at once.
const pageRows = 500

// Get reads one item. The error is a *NotFoundError where there is none.
func (l *Ledger) Get(ctx context.Context, uploadID string) (Entry, error) {
	row := l.read.QueryRowContext(ctx, `SELECT `+entryColumns+` FROM items WHERE upload_id = $1`, clean(uploadID))
	entry, err := l.scanEntry(row)
	if errors.Is(err, sql.ErrNoRows) {
		near, err := l.near(ctx, clean(uploadID))
		if err != nil {
			return Entry{}, l.fail("read "+uploadID, err)
		}
		return Entry{}, &NotFoundError{UploadID: uploadID, Near: near}
	}
	return entry, l.fail("read "+uploadID, err)
}

// near finds up to four items that somebody may have meant: the same with its
// first word left out, and the neighbours within the same batch or account.
func (l *Ledger) near(ctx context.Context, uploadID string) ([]string, error) {
	folder := uploadID[:strings.LastIndex(uploadID, "/")+1]
	rows, err := l.read.QueryContext(ctx, `
SELECT upload_id FROM items WHERE upload_id IN ($1, $2)
UNION SELECT upload_id FROM (SELECT upload_id FROM items WHERE upload_id < $3 ORDER BY upload_id DESC LIMIT 1) AS lower
UNION SELECT upload_id FROM (SELECT upload_id FROM items WHERE upload_id > $3 ORDER BY upload_id LIMIT 1) AS higher`,
		"batch/"+uploadID, "upload/"+uploadID, uploadID)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	var near []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		if strings.HasSuffix(id, "/"+uploadID) || folder != "" && strings.HasPrefix(id, folder) {
			near = append(near, id)
		}
	}
	slices.Sort(near)
	return near, rows.Err()
}

// List reads items: those of a batch in the order of its manifest, all others
// from the latest queued to the earliest. It reads ahead a page at a time and
// holds nothing open between pages, so that a slow reader hinders nobody; an
// item that is queued anew meanwhile may come twice or not at all. It ends after
// the first error.
func (l *Ledger) List(ctx context.Context, f Filter) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		after, err := l.listStart(ctx, f)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		for left := f.Limit; ; {
			page := pageRows
			if f.Limit > 0 {
				page = min(page, left)
			}
			entries, err := l.listPage(ctx, f, after, page)
			if err != nil {
				yield(Entry{}, l.fail("list items", err))
				return
			}
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
			left -= len(entries)
			if len(entries) < page || f.Limit > 0 && left == 0 {
				return
			}
			after = &entries[len(entries)-1]
		}
	}
}

// listStart is the item behind which a list begins, or nil.
func (l *Ledger) listStart(ctx context.Context, f Filter) (*Entry, error) {
	if f.After == "" {
		return nil, nil
	}
	e, err := l.Get(ctx, f.After)
	return &e, err
}

func (l *Ledger) listPage(ctx context.Context, f Filter, after *Entry, rows int) ([]Entry, error) {
	query, args := f.page(after, rows)
	return l.scanEntries(l.read.QueryContext(ctx, query, args...))
}

// page is the query for the next rows of a list.
func (f Filter) page(after *Entry, rows int) (query string, args []any) {
	where := f.conditions()
	if f.State != "" {
		where.add(`phase = ` + where.arg(phaseOf(f.State)))
	}
	if f.Waiting {
		where.add(`phase IN ('waiting', 'work', 'unconfirmed')`)
	}
	if f.Waiting || f.Kind != "" || f.State != "" && f.State != upload.StateReady {
		// Implied, but only when it stands there does a database see that the
		// index of items that are not ready holds them all.
		where.add(`phase <> 'ready'`)
	}
	if f.Batch != "" && (f.State == upload.StateFailed || f.State == upload.StateCanceled || f.State == upload.StateUnconfirmed) {
		where.add(`phase IN ('failed', 'canceled', 'unconfirmed')`) // the same for those that ended badly
	}
	order := `ORDER BY queued_at DESC, upload_id DESC`
	if f.Batch != "" {
		order = `ORDER BY line, upload_id`
	}
	switch {
	case after != nil && f.Batch != "":
		where.add(`(line, upload_id) > (` + where.arg(int64(after.Result.Line)) + `, ` + where.arg(after.Result.UploadID) + `)`)
	case after != nil:
		where.add(`(queued_at, upload_id) < (` + where.arg(micros(after.QueuedAt)) + `, ` + where.arg(after.Result.UploadID) + `)`)
	}
	return fmt.Sprintf(`SELECT %s FROM items %s %s LIMIT %d`, entryColumns, where, order, rows), where.args
}

// conditions is what a filter means in SQL.
func (f Filter) conditions() *conditions {
	var c conditions
	if f.Batch != "" {
		c.add(`batch = ` + c.arg(clean(f.Batch)))
	}
	if f.State != "" {
		c.add(`state = ` + c.arg(clean(string(f.State))))
	}
	if f.Kind != "" {
		c.add(`kind = ` + c.arg(clean(string(f.Kind))))
	}
	if f.Cause != "" {
		c.add(`cause = ` + c.arg(clean(f.Cause)))
	}
	if f.Account != "" {
		c.add(`account = ` + c.arg(clean(f.Account)))
	}
	if !f.Since.IsZero() {
		c.add(`updated_at >= ` + c.arg(micros(f.Since)))
	}
	return &c
}

// conditions collects conditions and their arguments.
type conditions struct {
	texts []string
	args  []any
}

func (c *conditions) add(text string) { c.texts = append(c.texts, text) }

// arg adds an argument and returns its placeholder.
func (c *conditions) arg(value any) string {
	c.args = append(c.args, value)
	return "$" + strconv.Itoa(len(c.args))
}

func (c *conditions) String() string {
	if len(c.texts) == 0 {
		return ""
	}
	return "WHERE " + strings.Join(c.texts, " AND ")
}
