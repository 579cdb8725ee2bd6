package manifest

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/sheet"
)

// Writer writes a manifest as CSV with commas, in UTF-8, which reads back as the same
// cells: texts that a spreadsheet would take for formulas are guarded, and the reader
// takes the guard off. It is not safe for concurrent use.
type Writer struct {
	out     *sheet.Writer
	columns []string
	index   map[string]int
	row     []string
}

// NewWriter writes the header. See Layout.CopyColumns.
func NewWriter(w io.Writer, columns []string) (*Writer, error) {
	out := &Writer{out: sheet.NewWriter(w), columns: columns, index: map[string]int{}, row: make([]string, len(columns))}
	for i, name := range columns {
		if name == "" || slices.Contains(columns[:i], name) {
			return nil, fmt.Errorf("columns %q of a manifest must be unique and not empty", columns)
		}
		out.index[name] = i
	}
	return out, out.out.Write(columns)
}

// Write writes one row; see Row.Copy. Columns without a cell are empty. Write fails if
// a cell's column is not in the header, or if the underlying writer fails.
func (w *Writer) Write(cells []Cell) error {
	clear(w.row)
	for _, cell := range cells {
		i, known := w.index[cell.Column]
		if !known {
			return fmt.Errorf("column %q is not in the header %s", cell.Column, strings.Join(w.columns, ", "))
		}
		w.row[i] = cell.Text
	}
	return w.out.Write(w.row)
}

// Flush writes buffered data. It must be the last call.
func (w *Writer) Flush() error { return w.out.Flush() }

// WriteRows writes a manifest of the rows that could be parsed, and returns their
// number.
func WriteRows(w io.Writer, columns []string, rows []Row) (int, error) {
	out, err := NewWriter(w, columns)
	if err != nil {
		return 0, err
	}
	written := 0
	for _, row := range rows {
		if cells := row.Copy(); cells != nil {
			if err := out.Write(cells); err != nil {
				return written, err
			}
			written++
		}
	}
	return written, out.Flush()
}
