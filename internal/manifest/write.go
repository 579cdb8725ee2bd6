package manifest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/mediaferry/mediaferry/internal/sheet"
)

// Writer writes a manifest in a Form. It reads back as the same cells: texts that a
// spreadsheet would take for formulas are guarded, and the reader takes the guard off.
// It is not safe for concurrent use.
type Writer struct {
	rows    rowWriter
	encoded io.Closer // nil for UTF-8
}

// rowWriter writes rows of one format.
type rowWriter interface {
	write(cells []Cell) error
	flush() error
}

// NewWriter writes what comes before the first row. CSV has the form's columns, and
// behind them the others that are given and that the form has not.
func NewWriter(w io.Writer, form Form, others ...string) (*Writer, error) {
	out := &Writer{}
	switch {
	case form.Encoding == UTF16LE || form.Encoding == UTF16BE:
		encoded := transform.NewWriter(w, utf16(form).NewEncoder())
		out.encoded, w = encoded, encoded
	case form.Mark:
		if _, err := io.WriteString(w, sheet.Mark); err != nil {
			return nil, fmt.Errorf("write a manifest: %w", err)
		}
	}
	if form.Format == JSONLines {
		out.rows = &jsonWriter{bufio.NewWriter(w)}
		return out, nil
	}
	table, err := newTable(w, form, others)
	out.rows = table
	return out, err
}

func utf16(form Form) encoding.Encoding {
	order, mark := unicode.LittleEndian, unicode.IgnoreBOM
	if form.Encoding == UTF16BE {
		order = unicode.BigEndian
	}
	if form.Mark {
		mark = unicode.UseBOM
	}
	return unicode.UTF16(order, mark)
}

// Write writes one row. Columns without a cell are empty. With CSV, Write fails if a
// cell's column is not in the header.
func (w *Writer) Write(cells []Cell) error { return w.rows.write(cells) }

// Flush writes buffered data. It must be the last call.
func (w *Writer) Flush() error {
	if err := w.rows.flush(); err != nil || w.encoded == nil {
		return err
	}
	return w.encoded.Close()
}

// table writes CSV.
type table struct {
	out     *sheet.Writer
	columns []string
	index   map[string]int
	row     []string
}

func newTable(w io.Writer, form Form, others []string) (*table, error) {
	t := &table{out: sheet.NewWriter(w), index: map[string]int{}}
	if len(form.Separator) == 1 {
		t.out.Separator = form.Separator[0]
	}
	if form.Returns {
		t.out.End = "\r\n"
	}
	for _, name := range append(slices.Clone(form.Columns), others...) {
		if _, known := t.index[name]; known || name == "" {
			continue
		}
		t.index[name] = len(t.columns)
		t.columns = append(t.columns, name)
	}
	t.row = make([]string, len(t.columns))
	return t, t.out.Write(t.columns)
}

func (t *table) write(cells []Cell) error {
	clear(t.row)
	for _, cell := range cells {
		i, known := t.index[cell.Column]
		if !known {
			return fmt.Errorf("column %q is not in the header %q", cell.Column, t.columns)
		}
		t.row[i] = cell.Text
	}
	return t.out.Write(t.row)
}

func (t *table) flush() error { return t.out.Flush() }

// jsonWriter writes JSON Lines with the keys in the order of the cells.
type jsonWriter struct{ out *bufio.Writer }

func (w *jsonWriter) write(cells []Cell) error {
	line := []byte{'{'}
	for i, cell := range cells {
		if i > 0 {
			line = append(line, ',')
		}
		key, err := json.Marshal(cell.Column)
		if err != nil {
			return fmt.Errorf("write a manifest: %w", err)
		}
		value := []byte(cell.Text)
		if cell.kind == kindText || !json.Valid(value) {
			if value, err = json.Marshal(cell.Text); err != nil {
				return fmt.Errorf("write a manifest: %w", err)
			}
		}
		line = append(append(append(line, key...), ':'), value...)
	}
	_, err := w.out.Write(append(line, '}', '\n'))
	return err
}

func (w *jsonWriter) flush() error { return w.out.Flush() }
