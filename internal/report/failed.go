package report

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// Failed writes the failed rows of a batch as a manifest, and returns how many
// those are. Sources are as they were given, so that it may hold signed URLs: it
// is for its owner alone. A row that was refused has its cells as they were given,
// except that a relative source is absolute and that its account is named: the
// next run refuses it too, until somebody mends it. One that could not be taken
// apart into cells has none, and is left out.
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
	names, err := failedColumns(ctx, books, batch)
	if err != nil {
		return 0, err
	}
	out, err := manifest.NewWriter(w, names)
	if err != nil {
		return 0, err
	}
	var n int64
	for entry, err := range books.List(ctx, ledger.Filter{Batch: batch, State: upload.StateFailed}) {
		if err != nil {
			return n, err
		}
		item, err := entry.Item()
		if err != nil {
			return n, err
		}
		cells, err := cellsOf(item)
		if err != nil {
			return n, err
		}
		if len(cells) == 0 {
			continue
		}
		cells = slices.DeleteFunc(cells, func(c manifest.Cell) bool {
			return !slices.Contains(names, c.Column) // failed since the columns were counted
		})
		for i := range cells {
			cells[i].Text = shown(cells[i].Text)
		}
		if err := out.Write(cells); err != nil {
			return n, err
		}
		n++
	}
	return n, out.Flush()
}

// failedColumns are the columns that the failed rows need: those of every item,
// the fields that they have, in the order of their vendors, and what else was
// given.
func failedColumns(ctx context.Context, books Books, batch string) ([]string, error) {
	used := map[string]bool{}
	for entry, err := range books.List(ctx, ledger.Filter{Batch: batch, State: upload.StateFailed}) {
		if err != nil {
			return nil, err
		}
		item, err := entry.Item()
		if err != nil {
			return nil, err
		}
		cells, err := cellsOf(item)
		if err != nil {
			return nil, err
		}
		for _, cell := range cells {
			used[cell.Column] = true
		}
	}
	names := []string{"source", "to", "id"}
	for _, optional := range []string{"content_type", "sha256"} {
		if used[optional] {
			names = append(names, optional)
		}
	}
	for _, vendor := range vendors.All() {
		for _, field := range vendor.Spec().FieldNames() {
			if used[field] && !slices.Contains(names, field) {
				names = append(names, field)
			}
		}
	}
	// Dotted columns, and keys that nobody knows: only refused rows have them.
	for _, column := range slices.Sorted(maps.Keys(used)) {
		if !slices.Contains(names, column) {
			names = append(names, column)
		}
	}
	return names, nil
}

// cellsOf is a row's item as cells of a manifest; none where nothing of it was
// understood.
func cellsOf(item upload.Item) ([]manifest.Cell, error) {
	var cells []manifest.Cell
	for _, cell := range item.Given {
		if cell.Column != "" {
			cells = append(cells, manifest.Cell{Column: cell.Column, Text: cell.Text})
		}
	}
	if len(cells) > 0 {
		return cells, nil
	}
	add := func(column, text string) {
		if text != "" {
			cells = append(cells, manifest.Cell{Column: column, Text: text})
		}
	}
	add("source", item.Source)
	add("to", item.Account)
	if upload.CheckID(item.ID) == nil { // that of a refused row may be none
		add("id", item.ID)
	}
	add("content_type", item.ContentType)
	add("sha256", item.SHA256)
	for name, value := range item.Fields {
		text, err := cellText(value)
		if err != nil {
			return nil, fmt.Errorf("field %s of %s: %w", name, item.UploadID, err)
		}
		add(name, text)
	}
	return cells, nil
}

// cellText writes a field's value as a cell that reads back as the same.
func cellText(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	}
	// Lists too: their members may hold the sign at which lists are split.
	raw, err := json.Marshal(value)
	return string(raw), err
}
