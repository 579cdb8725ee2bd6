package batch

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// page collects rows, and gives away as many at a time as cost little each: those
// that were not delivered before, where that is asked for.
type page struct {
	fresh Delivered
	rows  []manifest.Row
	give  func(context.Context, []manifest.Row) error
}

func (l Loading) newPage(give func(context.Context, []manifest.Row) error) *page {
	return &page{fresh: l.Fresh, rows: make([]manifest.Row, 0, pageRows), give: give}
}

func (p *page) add(ctx context.Context, row manifest.Row) error {
	row.Cells = nil // no use from here on
	if p.rows = append(p.rows, row); len(p.rows) < pageRows {
		return nil
	}
	return p.flush(ctx)
}

// flush gives away what is left.
func (p *page) flush(ctx context.Context) error {
	rows := p.rows
	if p.fresh != nil && len(rows) > 0 {
		var err error
		if rows, err = p.undelivered(ctx); err != nil {
			return err
		}
	}
	if len(rows) > 0 {
		if err := p.give(ctx, rows); err != nil {
			return err
		}
	}
	clear(p.rows)
	p.rows = p.rows[:0]
	return nil
}

// undelivered are the rows that no earlier batch delivered as they are now.
func (p *page) undelivered(ctx context.Context) ([]manifest.Row, error) {
	var lookups []ledger.Lookup
	for _, row := range p.rows {
		if row.Valid() {
			lookups = append(lookups, ledger.Lookup{Item: row.Item, Fingerprint: fingerprint(row.Item)})
		}
	}
	known, err := p.fresh.Delivered(ctx, lookups)
	if err != nil {
		return nil, err
	}
	var rows []manifest.Row
	for _, row := range p.rows {
		if _, is := known[row.Item.UploadID]; !is {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// record puts rows down: to be taken by whoever comes, or refused.
func (l Loading) record(ctx context.Context, rows []manifest.Row) error {
	records := make([]upload.Record, 0, len(rows))
	for _, row := range rows {
		item, now := row.Item, l.Now()
		result := upload.NewResult(item, wayOf(item), now)
		if refused := row.Err(); refused != nil {
			ended := now.UTC()
			result.State, result.Error, result.FinishedAt = upload.StateFailed, upload.FailureOf(refused), &ended
			item.Incomplete = true
			result.Source = cmp.Or(result.Source, named(row))
		}
		record := upload.Record{Item: item, Result: result}
		if row.Valid() {
			record.SerialKey, record.Last = row.SerialKey()
		}
		records = append(records, record)
	}
	_, err := l.Ledger.RecordAll(ctx, records) // rows that have begun since an earlier attempt are refused
	return err
}

// named is what stands for the source of a row that has none, or could not be read: its
// beginning, so that a person finds it again.
func named(row manifest.Row) string {
	const most = 80
	text := upload.Plain(egress.Redact(row.Text))
	if text == "" {
		return fmt.Sprintf("line %d", row.Line())
	}
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// wayOf is the way that a row is going to take, as far as its vendor tells: what
// shows only when its source is looked at is put down then.
func wayOf(item upload.Item) upload.Way {
	if vendor, err := vendors.Find(item.Vendor); err == nil && vendor.Spec().Packing == nil {
		return upload.WayOwn
	}
	return upload.WayPacked
}
