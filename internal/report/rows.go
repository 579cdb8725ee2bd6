package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"time"

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

// writeCSV writes a header and a line for each row. No cell of it is a formula.
func writeCSV(w io.Writer, rows iter.Seq2[upload.Result, error]) error {
	out, all := sheet.NewWriter(w), columns()
	cells := make([]string, len(all))
	for i, c := range all {
		cells[i] = c.name
	}
	err := out.Write(cells)
	for row, fault := range rows {
		if err = errors.Join(err, fault); err != nil {
			return err
		}
		for i, c := range all {
			cells[i] = upload.Visible(c.text(row))
		}
		err = out.Write(cells)
	}
	return errors.Join(err, out.Flush())
}
