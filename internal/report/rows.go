package report

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/sheet"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// writeJSONLines writes each row as the object that `upload --json` prints.
func writeJSONLines(w io.Writer, rows iter.Seq2[upload.Result, error]) error {
	out := bufio.NewWriter(w)
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	for row, err := range rows {
		if err != nil {
			return err
		}
		line.Reset()
		if err := encoder.Encode(row); err != nil {
			return fmt.Errorf("write a row: %w", err)
		}
		if _, err := out.Write(VisibleJSON(line.Bytes())); err != nil {
			return fmt.Errorf("write a row: %w", err)
		}
	}
	return out.Flush()
}

// column is a column of CSV: a field of a result by the name that it has in
// JSON, dotted where it is within another. An empty cell stands for null.
type column struct {
	name string
	text func(upload.Result) string
}

func columns() []column {
	return append(itemColumns(), endColumns()...)
}

// itemColumns say which row it is and what became of its bytes.
func itemColumns() []column {
	return []column{
		{"upload_id", func(r upload.Result) string { return r.UploadID }},
		{"item", func(r upload.Result) string { return r.Item }},
		{"batch", func(r upload.Result) string { return string(r.Batch) }},
		{"line", func(r upload.Result) string { return number(int64(r.Line)) }},
		{"to", func(r upload.Result) string { return r.To }},
		{"vendor", func(r upload.Result) string { return string(r.Vendor) }},
		{"source", func(r upload.Result) string { return r.Source }},
		{"state", func(r upload.Result) string { return string(r.State) }},
		{"way", func(r upload.Result) string { return string(r.Way) }},
		{"media_id", func(r upload.Result) string { return string(r.MediaID) }},
		{"media_url", func(r upload.Result) string { return string(r.MediaURL) }},
		{"size", func(r upload.Result) string { return number(int64(r.Size)) }},
		{"sha256", func(r upload.Result) string { return string(r.SHA256) }},
		{"crc64", func(r upload.Result) string { return string(r.CRC64) }},
		{"source_size", func(r upload.Result) string { return number(int64(r.SourceSize)) }},
		{"source_sha256", func(r upload.Result) string { return string(r.SourceSHA256) }},
		{"bytes_sent", func(r upload.Result) string { return strconv.FormatInt(r.BytesSent, 10) }},
	}
}

// endColumns say what it took and why it ended as it did.
func endColumns() []column {
	return []column{
		{"attempts.prepare", func(r upload.Result) string { return strconv.Itoa(r.Attempts.Prepare) }},
		{"attempts.transfer", func(r upload.Result) string { return strconv.Itoa(r.Attempts.Transfer) }},
		{"attempts.complete", func(r upload.Result) string { return strconv.Itoa(r.Attempts.Complete) }},
		{"attempts.poll", func(r upload.Result) string { return strconv.Itoa(r.Attempts.Poll) }},
		{"started_at", func(r upload.Result) string { return moment(&r.StartedAt.Time) }},
		{"finished_at", func(r upload.Result) string { return moment(r.FinishedAt) }},
		{"workflow_id", func(r upload.Result) string { return string(r.WorkflowID) }},
		{"known_from", func(r upload.Result) string { return string(r.KnownFrom) }},
		{"error.kind", failure(func(f *upload.Failure) string { return string(f.Kind) })},
		{"error.step", failure(func(f *upload.Failure) string { return string(f.Step) })},
		{"error.message", failure(func(f *upload.Failure) string { return f.Message })},
		{"error.hint", failure(func(f *upload.Failure) string { return string(f.Hint) })},
		{"error.vendor_request_id", failure(func(f *upload.Failure) string { return string(f.RequestID) })},
		{"error.http_status", failure(func(f *upload.Failure) string { return number(int64(f.Status)) })},
		{"note", func(r upload.Result) string { return r.Note }},
	}
}

func failure(text func(*upload.Failure) string) func(upload.Result) string {
	return func(r upload.Result) string {
		if r.Error == nil {
			return ""
		}
		return text(r.Error)
	}
}

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func moment(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// table are the rows of a batch as people read them: the columns of a result, then the
// fields of the manifest under its own names.
type table struct {
	header []string
	// rows yields cells that are overwritten by the next row.
	rows iter.Seq2[[]string, error]
}

// tableOf is the table of those rows of a batch that a filter chooses.
func tableOf(ctx context.Context, books Books, f ledger.Filter) (table, error) {
	batch, err := books.Batch(ctx, f.Batch)
	if err != nil {
		return table{}, err
	}
	form, err := formOf(batch)
	if err != nil {
		return table{}, err
	}
	all, fields := columns(), form.Fields()
	var t table
	for _, c := range all {
		t.header = append(t.header, c.name)
	}
	t.header = append(t.header, fields...)
	t.rows = func(yield func([]string, error) bool) {
		cells := make([]string, len(t.header))
		for entry, err := range books.List(ctx, f) {
			if err == nil {
				err = fillRow(cells, entry, all, fields, form)
			}
			if !yield(cells, err) || err != nil {
				return
			}
		}
	}
	return t, nil
}

// fillRow writes a row's cells.
func fillRow(cells []string, entry ledger.Entry, all []column, fields []string, form manifest.Form) error {
	for i, c := range all {
		cells[i] = upload.Visible(c.text(entry.Result))
	}
	clear(cells[len(all):])
	if len(fields) == 0 {
		return nil
	}
	item, err := entry.Item()
	if err != nil {
		return err
	}
	for _, cell := range form.CellsOf(item) {
		if at := slices.Index(fields, cell.Column); at >= 0 {
			cells[len(all)+at] = upload.Visible(cell.Text)
		}
	}
	return nil
}

// writeCSV writes a header and a line for each row, with a byte order mark, by which
// spreadsheets know the encoding. No cell of it is a formula.
func writeCSV(w io.Writer, t table) error {
	if _, err := io.WriteString(w, sheet.Mark); err != nil {
		return fmt.Errorf("write a row: %w", err)
	}
	out := sheet.NewWriter(w)
	err := out.Write(t.header)
	for cells, fault := range t.rows {
		if err = errors.Join(err, fault); err != nil {
			return err
		}
		err = out.Write(cells)
	}
	return errors.Join(err, out.Flush())
}
