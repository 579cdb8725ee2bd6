package workbook

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/xuri/excelize/v2"
)

// Limits of a sheet of .xlsx.
const (
	mostRows = 1_048_576
	mostText = 32_767 // UTF-16 code units in a cell
)

// Writer writes a workbook. All texts are texts: none is a formula, a number or a date,
// whatever it looks like. It is not safe for concurrent use. Large sheets are kept in
// temporary files until Close.
type Writer struct {
	book   *excelize.File
	header int // a style
	sheets int
}

// NewWriter returns an empty workbook.
func NewWriter() (*Writer, error) {
	w := &Writer{book: excelize.NewFile()}
	var err error
	if w.header, err = w.book.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}}); err != nil {
		return nil, errors.Join(fmt.Errorf("make a workbook: %w", err), w.book.Close())
	}
	return w, nil
}

// Sheet begins a sheet with a header that stays in view. numbers says which columns hold
// numbers; their other cells are texts. The sheet that was begun before is complete then.
func (w *Writer) Sheet(name string, header []string, numbers func(column string) bool) (*Sheet, error) {
	s := &Sheet{writer: w, name: name, header: header, numeric: make([]bool, len(header))}
	for i, column := range header {
		s.numeric[i] = numbers != nil && numbers(column)
	}
	return s, s.begin(name)
}

// Write writes the workbook, once all its sheets are complete.
func (w *Writer) Write(out io.Writer) error {
	if _, err := w.book.WriteTo(out); err != nil {
		return fmt.Errorf("write a workbook: %w", err)
	}
	return nil
}

// Close removes temporary files.
func (w *Writer) Close() error { return w.book.Close() }

// Sheet is one table of a workbook. Rows that do not fit continue in another sheet of
// the same header.
type Sheet struct {
	writer  *Writer
	name    string
	header  []string
	numeric []bool
	out     *excelize.StreamWriter
	row     int
	parts   int
}

func (s *Sheet) begin(name string) error {
	book := s.writer.book
	var err error
	if s.writer.sheets++; s.writer.sheets == 1 {
		err = book.SetSheetName(book.GetSheetName(0), name)
	} else {
		_, err = book.NewSheet(name)
	}
	if err != nil {
		return fmt.Errorf("sheet %s: %w", name, err)
	}
	if s.out, err = book.NewStreamWriter(name); err != nil {
		return fmt.Errorf("sheet %s: %w", name, err)
	}
	s.row, s.parts = 0, s.parts+1
	if err := s.out.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return fmt.Errorf("sheet %s: %w", name, err)
	}
	cells := make([]any, len(s.header))
	for i, text := range s.header {
		cells[i] = excelize.Cell{Value: text, StyleID: s.writer.header}
	}
	return s.put(cells)
}

// Row writes one row. A text that is too long for a cell is cut off.
func (s *Sheet) Row(cells []string) error {
	if s.row == mostRows {
		if err := s.End(); err != nil {
			return err
		}
		if err := s.begin(fmt.Sprintf("%s %d", s.name, s.parts+1)); err != nil {
			return err
		}
	}
	values := make([]any, len(cells))
	for i, text := range cells {
		values[i] = s.value(i, text)
	}
	return s.put(values)
}

func (s *Sheet) value(i int, text string) any {
	if text == "" {
		return nil
	}
	if i < len(s.numeric) && s.numeric[i] {
		if number, err := strconv.ParseFloat(text, 64); err == nil {
			return number
		}
	}
	return cut(text)
}

// cut shortens a text to what a cell may hold.
func cut(text string) string {
	units := 0
	for i, r := range text {
		if units++; r > 0xffff {
			units++
		}
		if units > mostText {
			return text[:i]
		}
	}
	return text
}

func (s *Sheet) put(cells []any) error {
	s.row++
	at, err := excelize.CoordinatesToCellName(1, s.row)
	if err == nil {
		err = s.out.SetRow(at, cells)
	}
	if err != nil {
		return fmt.Errorf("sheet %s: %w", s.name, err)
	}
	return nil
}

// End completes the sheet. It must be called before another one is begun, and before
// the workbook is written.
func (s *Sheet) End() error {
	if err := s.out.Flush(); err != nil {
		return fmt.Errorf("sheet %s: %w", s.name, err)
	}
	return nil
}
