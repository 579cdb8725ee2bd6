package report

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/url"
	"slices"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Failed writes the failed rows of a batch as a manifest in the form of the batch's own,
// and returns how many those are: its columns in their order, the cells as they were
// given, then the account where the manifest has no column for it, the folder that a
// relative source starts from, and what the problem is, with a hint. Sources may hold
// signed URLs: it is for its owner alone. A row that could not be split into cells has
// its problem and no other cell.
func Failed(ctx context.Context, books Books, batch string, w io.Writer) (int64, error) {
	return failed(ctx, books, batch, w, func(text string) string { return text })
}

// failedForAll is Failed for a place whose readers are not known, such as a bucket:
// URLs have lost their queries, which may be signatures, and their user information.
func failedForAll(ctx context.Context, books Books, batch string, w io.Writer) (int64, error) {
	return failed(ctx, books, batch, w, func(text string) string {
		if u, err := url.Parse(text); err != nil || u.Host == "" || u.RawQuery == "" && u.User == nil {
			return text
		}
		return upload.DisplaySource(text)
	})
}

func failed(ctx context.Context, books Books, batch string, w io.Writer, shown func(string) string) (int64, error) {
	of, err := books.Batch(ctx, batch)
	if err != nil {
		return 0, err
	}
	form, err := formOf(of)
	if err != nil {
		return 0, err
	}
	others, err := otherColumns(ctx, books, batch, form)
	if err != nil {
		return 0, err
	}
	out, err := manifest.NewWriter(w, form, others...)
	if err != nil {
		return 0, err
	}
	var n int64
	for row, err := range failedRows(ctx, books, batch, form) {
		if err != nil {
			return n, err
		}
		row = slices.DeleteFunc(row, func(c manifest.Cell) bool {
			return form.Format != manifest.JSONLines && !slices.Contains(form.Columns, c.Column) && !slices.Contains(others, c.Column) // failed since the columns were counted
		})
		for i := range row {
			row[i].Text = shown(row[i].Text)
		}
		if err := out.Write(row); err != nil {
			return n, err
		}
		n++
	}
	return n, out.Flush()
}

// formOf is the form of a batch's manifest.
func formOf(batch ledger.Batch) (manifest.Form, error) {
	var form manifest.Form
	if batch.Form == "" {
		return manifest.Form{Format: manifest.CSV}, nil
	}
	if err := json.Unmarshal([]byte(batch.Form), &form); err != nil {
		return form, fmt.Errorf("form of the manifest of batch %s: %w", batch.ID, err)
	}
	return form, nil
}

// failedRows are the cells of the failed rows, with all that the next run and whoever
// mends them need.
func failedRows(ctx context.Context, books Books, batch string, form manifest.Form) iter.Seq2[[]manifest.Cell, error] {
	return func(yield func([]manifest.Cell, error) bool) {
		for entry, err := range books.List(ctx, ledger.Filter{Batch: batch, State: upload.StateFailed}) {
			var item upload.Item
			if err == nil {
				item, err = entry.Item()
			}
			if err != nil {
				yield(nil, err)
				return
			}
			cells := form.Complete(form.CellsOf(item), item)
			failure := upload.Failure{}
			if entry.Result.Error != nil {
				failure = *entry.Result.Error
			}
			if !yield(manifest.Explain(cells, failure.Message, string(failure.Hint)), nil) {
				return
			}
		}
	}
}

// otherColumns are those that the failed rows need and that the form has not: the account,
// what a manifest without columns had, and last what explains a row.
func otherColumns(ctx context.Context, books Books, batch string, form manifest.Form) ([]string, error) {
	if form.Format == manifest.JSONLines {
		return nil, nil
	}
	last := []string{"base", "problem", "hint"}
	var names []string
	for row, err := range failedRows(ctx, books, batch, form) {
		if err != nil {
			return nil, err
		}
		for _, cell := range row {
			if !slices.Contains(form.Columns, cell.Column) && !slices.Contains(names, cell.Column) && !slices.Contains(last, cell.Column) {
				names = append(names, cell.Column)
			}
		}
	}
	return append(names, last...), nil
}
