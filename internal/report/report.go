// Package report tells how a batch went: as CSV, as JSON Lines, as a workbook for
// spreadsheets, as one HTML page that needs nothing else, and as a manifest of the failed
// rows that is ready for the next run.
//
// Everything comes from the ledger, a page at a time, in the manifest's order,
// so that a report of a million rows needs little memory and outlives Temporal's
// retention. A report may be made at any moment: of a batch that runs, is held
// or was canceled it tells what is so far. Package report changes nothing, asks
// no vendor, and writes to the place that it is given and nowhere else.
package report

import (
	"context"
	"fmt"
	"io"
	"iter"
	"path"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Books are what reports are made of. A *ledger.Ledger is one.
type Books interface {
	Batch(ctx context.Context, id string) (ledger.Batch, error)
	BatchEvents(ctx context.Context, id string) ([]ledger.BatchEvent, error)
	Ticks(ctx context.Context, batch string, since time.Time) ([]ledger.Tick, error)
	List(ctx context.Context, f ledger.Filter) iter.Seq2[ledger.Entry, error]
}

// Format is how a report is written.
type Format string

// The formats.
const (
	CSV       Format = "csv"
	JSONLines Format = "jsonl"
	HTML      Format = "html"
	Workbook  Format = "xlsx"
)

// Formats lists all formats.
func Formats() []Format { return []Format{CSV, JSONLines, HTML, Workbook} }

// Options say what a report may use.
type Options struct {
	// Format is what Print writes; Write writes all.
	Format Format
	// Target is where Write puts the files.
	Target Target
	// Sources reads local sources for thumbnails; nil: there are none.
	Sources *sources.Sources
	// Now is the time that the report bears; nil: the clock's.
	Now func() time.Time
}

func (o Options) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}

// Print writes the report of a batch in the format of options. The batch must be known; the
// error is otherwise the ledger's.
func Print(ctx context.Context, books Books, batch string, options Options, w io.Writer) error {
	if _, err := books.Batch(ctx, batch); err != nil {
		return err
	}
	switch options.Format {
	case CSV:
		t, err := tableOf(ctx, books, ledger.Filter{Batch: batch})
		if err != nil {
			return err
		}
		return writeCSV(w, t)
	case JSONLines:
		return writeJSONLines(w, results(ctx, books, batch))
	case HTML:
		return writeHTML(ctx, books, batch, options, w)
	case Workbook:
		return writeWorkbook(ctx, books, batch, options, w)
	}
	return fmt.Errorf("unknown report format %q; use csv, jsonl, html or xlsx", options.Format)
}

// results are the rows of a batch in the manifest's order.
func results(ctx context.Context, books Books, batch string) iter.Seq2[upload.Result, error] {
	return func(yield func(upload.Result, error) bool) {
		for entry, err := range books.List(ctx, ledger.Filter{Batch: batch}) {
			if !yield(entry.Result, err) || err != nil {
				return
			}
		}
	}
}

// The names of a batch's files, in a folder of the batch's name.
const (
	nameCSV    = "report.csv"
	nameJSON   = "report.jsonl"
	nameHTML   = "report.html"
	nameXLSX   = "report.xlsx"
	nameFailed = "failed" // with the extension of the manifest's form
)

// failedFor writes the failed rows for those who read a target.
func failedFor(target Target) func(context.Context, Books, string, io.Writer) (int64, error) {
	if upload.IsLocal(target.Place) {
		return Failed
	}
	return failedForAll
}

// Write puts all reports of a batch, and the manifest of its failed rows, into
// the target: below a folder, or a prefix, of the batch's name. It returns where
// they are, as they may be shown. Files that are there are replaced, each as a
// whole, so that it may be repeated.
func Write(ctx context.Context, books Books, batch string, options Options) ([]string, error) {
	of, err := books.Batch(ctx, batch)
	if err != nil {
		return nil, err
	}
	form, err := formOf(of)
	if err != nil {
		return nil, err
	}
	written := func(format Format) func(io.Writer) error {
		return func(w io.Writer) error {
			options.Format = format
			return Print(ctx, books, batch, options, w)
		}
	}
	files := []struct {
		name  string
		write func(io.Writer) error
	}{
		{nameCSV, written(CSV)},
		{nameJSON, written(JSONLines)},
		{nameHTML, written(HTML)},
		{nameXLSX, written(Workbook)},
		{nameFailed + form.Extension(), func(w io.Writer) error { _, err := failedFor(options.Target)(ctx, books, batch, w); return err }},
	}
	var places []string
	for _, file := range files {
		name := path.Join(batch, file.name)
		if err := Store(ctx, options.Target, name, file.write); err != nil {
			return places, err
		}
		places = append(places, options.Target.Display(name))
	}
	return places, nil
}
