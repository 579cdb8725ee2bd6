package manifest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/mediaferry/mediaferry/internal/sheet"
	"github.com/mediaferry/mediaferry/internal/workbook"
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
	case form.Mark && form.Format != XLSX:
		if _, err := io.WriteString(w, sheet.Mark); err != nil {
			return nil, fmt.Errorf("write a manifest: %w", err)
		}
	}
	if form.Format == JSONLines {
		out.rows = &jsonWriter{bufio.NewWriter(w)}
		return out, nil
	}
	header := headerOf(form, others)
	var err error
	var rows cellWriter
	if form.Format == XLSX {
		rows, err = newBookWriter(w, header)
	} else {
		rows, err = newCSVWriter(w, form, header)
	}
	out.rows = newTable(rows, header)
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

// cellWriter writes the rows of a table, below a header that is there.
type cellWriter interface {
	Write(cells []string) error
	Flush() error
}

// headerOf are the form's columns, and behind them the others that it has not.
func headerOf(form Form, others []string) []string {
	var header []string
	for _, name := range append(slices.Clone(form.Columns), others...) {
		if name != "" && !slices.Contains(header, name) {
			header = append(header, name)
		}
	}
	return header
}

// table puts cells below their columns.
type table struct {
	out   cellWriter
	index map[string]int
	row   []string
}

func newTable(out cellWriter, header []string) *table {
	t := &table{out: out, index: map[string]int{}, row: make([]string, len(header))}
	for i, name := range header {
		t.index[name] = i
	}
	return t
}

func (t *table) write(cells []Cell) error {
	clear(t.row)
	for _, cell := range cells {
		i, known := t.index[cell.Column]
		if !known {
			return fmt.Errorf("column %q is not in the header %q", cell.Column, slices.Sorted(maps.Keys(t.index)))
		}
		t.row[i] = cell.Text
	}
	return t.out.Write(t.row)
}

func (t *table) flush() error { return t.out.Flush() }

func newCSVWriter(w io.Writer, form Form, header []string) (*sheet.Writer, error) {
	out := sheet.NewWriter(w)
	if len(form.Separator) == 1 {
		out.Separator = form.Separator[0]
	}
	if form.Returns {
		out.End = "\r\n"
	}
	return out, out.Write(header)
}

// bookWriter writes a workbook of one worksheet, in which all cells are texts.
type bookWriter struct {
	to    io.Writer
	book  *workbook.Writer
	sheet *workbook.Sheet
}

func newBookWriter(w io.Writer, header []string) (*bookWriter, error) {
	out := &bookWriter{to: w}
	var err error
	if out.book, err = workbook.NewWriter(); err != nil {
		return nil, err
	}
	if out.sheet, err = out.book.Sheet("rows", header, nil); err != nil {
		return nil, errors.Join(err, out.book.Close())
	}
	return out, nil
}

// Write writes one row; after an error, the workbook is closed.
func (w *bookWriter) Write(cells []string) error {
	if err := w.sheet.Row(cells); err != nil {
		return errors.Join(err, w.book.Close())
	}
	return nil
}

// Flush writes the whole file.
func (w *bookWriter) Flush() error {
	err := w.sheet.End()
	if err == nil {
		err = w.book.Write(w.to)
	}
	return errors.Join(err, w.book.Close())
}

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
