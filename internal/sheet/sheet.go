// Package sheet writes tables as CSV that spreadsheets open without taking any cell
// for a formula, and reads such cells back. It owns what a dangerous cell is, how it
// is guarded, and which cells are quoted. It knows nothing of what the cells mean.
package sheet

import (
	"bufio"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mark is the byte order mark, by which spreadsheets know that a file is UTF-8. Write it
// before the first row.
const Mark = "\ufeff"

// guard is put before a cell that would be a formula. Spreadsheets take it for the sign
// of a text and do not show it.
const guard = '\''

// acts reports whether a spreadsheet takes a text that begins with this character for a
// formula, or looks for one behind it. Some also know the full-width forms.
func acts(r rune) bool {
	switch r {
	case '=', '+', '-', '@', '\t', '\r', '\n', '\uff1d', '\uff0b', '\uff0d', '\uff20':
		return true
	}
	return false
}

// Guard is a cell that is no formula. One that begins like a guarded one is guarded
// once more, so that Unguard restores every cell.
func Guard(cell string) string {
	if guarded(cell) {
		return string(guard) + cell
	}
	return cell
}

// Unguard is the cell that Guard was given, or what a person meant who put the sign of
// a text before it.
func Unguard(cell string) string {
	if cell != "" && cell[0] == guard && guarded(cell) {
		return cell[1:]
	}
	return cell
}

// guarded reports whether a cell, without the signs of texts before it, acts.
func guarded(cell string) bool {
	rest := strings.TrimLeft(cell, string(guard))
	first, _ := utf8.DecodeRuneInString(rest)
	return rest != "" && acts(first)
}

// Writer writes rows of CSV in UTF-8. It is not safe for concurrent use.
type Writer struct {
	Separator byte   // between cells; a comma
	End       string // of a row; a line feed

	out *bufio.Writer
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer {
	return &Writer{Separator: ',', End: "\n", out: bufio.NewWriter(w)}
}

// Write writes one row, each cell of it guarded. Characters that act on a terminal
// become U+FFFD, which shows that something was there.
func (w *Writer) Write(cells []string) error {
	for i, cell := range cells {
		if i > 0 {
			_ = w.out.WriteByte(w.Separator) // bufio keeps the error, which is returned below
		}
		cell = Guard(strings.Map(shown, cell))
		if !needsQuotes(cell) {
			_, _ = w.out.WriteString(cell)
			continue
		}
		_ = w.out.WriteByte('"')
		_, _ = w.out.WriteString(strings.ReplaceAll(cell, `"`, `""`))
		_ = w.out.WriteByte('"')
	}
	_, err := w.out.WriteString(w.End)
	return err
}

// Flush writes buffered data. It must be the last call.
func (w *Writer) Flush() error { return w.out.Flush() }

// shown replaces controls, other than those that a cell may have.
func shown(r rune) rune {
	if unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r' {
		return utf8.RuneError
	}
	return r
}

// needsQuotes reports whether a cell would be read as another, or as several: the signs
// at which spreadsheets of other countries part cells count too.
func needsQuotes(cell string) bool {
	return strings.ContainsAny(cell, ",;\t\"\r\n") || strings.TrimFunc(cell, unicode.IsSpace) != cell
}
