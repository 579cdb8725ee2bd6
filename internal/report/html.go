package report

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

//go:embed page.html
var pageText string

// page is what the HTML page tells.
type page struct {
	Batch  ledger.Batch
	Made   time.Time
	Totals *totals
	Line   timeLine
	Causes []*cause
	// Beyond counts failures for which there was no room.
	Beyond int64
	Events []ledger.BatchEvent
	Thumbs []picture
	// Failures are all rows that failed, with thumbnails of some of them.
	Failures iter.Seq[failedRow]
	Pictures []picture
}

// writeHTML writes one page that needs no other file and loads nothing.
func writeHTML(ctx context.Context, books Books, id string, options Options, w io.Writer) error {
	p := page{Made: options.now(), Totals: newTotals()}
	var err error
	if p.Batch, err = books.Batch(ctx, id); err != nil {
		return err
	}
	if p.Events, err = books.BatchEvents(ctx, id); err != nil {
		return err
	}
	ticks, err := books.Ticks(ctx, id, time.Time{})
	if err != nil {
		return err
	}
	p.Line = newTimeLine(ticks)
	delivered, failed, causes := newPicks(options.Sources), newPicks(options.Sources), newCauses()
	for entry, err := range books.List(ctx, ledger.Filter{Batch: id}) {
		if err != nil {
			return err
		}
		p.Totals.add(entry.Result)
		causes.add(entry.Result)
		switch entry.Result.State {
		case upload.StateReady:
			delivered.offer(entry)
		case upload.StateFailed:
			failed.offer(entry)
		}
	}
	p.Causes, p.Beyond = causes.sorted(), causes.beyond
	if p.Thumbs, err = delivered.thumbnails(ctx); err != nil {
		return err
	}
	if p.Pictures, err = failed.thumbnails(ctx); err != nil {
		return err
	}
	var unread error
	p.Failures = failuresOf(ctx, books, p.Batch, &unread)
	out := bufio.NewWriter(w)
	if err := errors.Join(pageTemplate().Execute(out, p), unread); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return out.Flush()
}

// failedRow is a row that failed, with the manifest's own fields of it.
type failedRow struct {
	upload.Result
	Fields []manifest.Cell
}

// failuresOf are all rows of a batch that failed. What ends them early is put into
// unread.
func failuresOf(ctx context.Context, books Books, batch ledger.Batch, unread *error) iter.Seq[failedRow] {
	return func(yield func(failedRow) bool) {
		form, err := formOf(batch)
		if *unread = err; err != nil {
			return
		}
		fields := form.Fields()
		for entry, err := range books.List(ctx, ledger.Filter{Batch: batch.ID, State: upload.StateFailed}) {
			if *unread = err; err != nil {
				return
			}
			row := failedRow{Result: entry.Result}
			if item, err := entry.Item(); err == nil { // without the key, the rest is shown
				for _, cell := range form.CellsOf(item) {
					if slices.Contains(fields, cell.Column) {
						row.Fields = append(row.Fields, cell)
					}
				}
			}
			if !yield(row) {
				return
			}
		}
	}
}

func pageTemplate() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{
		"visible": func(text any) string { return upload.Visible(fmt.Sprint(text)) },
		"count":   count, "size": Size, "when": when, "share": share, "lasting": lasting, "seconds": func(s float64) string { return lasting(time.Duration(s * float64(time.Second))) },
	}).Parse(pageText))
}

// Title is the state of the batch for people.
func (p page) Title() string {
	switch {
	case p.Batch.Paused:
		return "paused"
	case p.Batch.State == upload.BatchHeld:
		return "held"
	}
	return string(p.Batch.State)
}

// Good reports whether there is nothing that anybody has to look at.
func (p page) Good() bool {
	return p.Batch.State == upload.BatchCompleted && p.Totals.All.Ready == p.Totals.All.Rows
}

// Because is why the batch does not go on; "" where it does, or is over.
func (p page) Because() string {
	if p.Batch.Paused || p.Batch.State == upload.BatchHeld {
		return p.Batch.Because
	}
	return ""
}

// Lasted is from the first row that began to the last that ended.
func (p page) Lasted() time.Duration {
	if p.Totals.First.IsZero() || !p.Totals.Last.After(p.Totals.First) {
		return 0
	}
	return p.Totals.Last.Sub(p.Totals.First)
}

// Rate is rows that ended in a second, over all that time.
func (p page) Rate() string {
	over := p.Lasted().Seconds()
	if over <= 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", float64(p.Totals.All.Ended())/over)
}

// Speed is bytes sent in a second, over all that time.
func (p page) Speed() string {
	over := p.Lasted().Seconds()
	if over <= 0 || p.Totals.All.Sent == 0 {
		return ""
	}
	return Size(int64(float64(p.Totals.All.Sent)/over)) + "/s"
}
