package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/sheet"
)

// csvRows reads the rows of a CSV file.
//
// If the quotes of a record are wrong, the record ends with its first line and
// reading continues with the next line, so that a missing quote spoils one row and
// not the rest of the file.
type csvRows struct {
	lines   *lines
	split   splitter
	columns []string // of the header; "" for columns without a name
	source  int      // the index of the source column, or -1
	held    []line   // lines that were read ahead
}

func newCSVRows(in *lines, separator byte, columns []string) *csvRows {
	return &csvRows{lines: in, split: splitter{separator: separator}, columns: columns, source: slices.Index(columns, columnSource)}
}

// mostLines is the number of lines that a row may span.
const mostLines = 10_000

// record is one row of cells, or its fault.
type record struct {
	first line
	cells []string
	fault *Problem
}

func (r *csvRows) next() (raw, error) {
	for {
		at := r.position()
		one, err := r.record()
		if err != nil {
			return raw{}, err
		}
		if one.fault == nil && blank(one.cells) {
			continue
		}
		return r.row(one, at), nil
	}
}

func (r *csvRows) position() Position {
	if len(r.held) > 0 {
		return Position{Line: r.held[0].number, Offset: r.held[0].offset}
	}
	return Position{Line: r.lines.number, Offset: r.lines.after()}
}

func (r *csvRows) line() (line, error) {
	if len(r.held) == 0 {
		return r.lines.next()
	}
	one := r.held[0]
	r.held = r.held[1:]
	return one, nil
}

// record reads the next record, which may be blank.
func (r *csvRows) record() (record, error) {
	first, err := r.line()
	if err != nil {
		return record{}, err
	}
	one := record{first: first}
	if first.long {
		one.fault = tooLong()
		return one, nil
	}
	r.split.reset()
	r.split.feed(first.text)
	if r.split.open {
		return r.several(one)
	}
	one.cells, one.fault = r.take()
	return one, nil
}

// several reads a record whose first line ends inside quotes.
func (r *csvRows) several(one record) (record, error) {
	one.first.text = bytes.Clone(one.first.text)
	last := one.first
	var ahead []line
	for r.split.open {
		r.split.text = append(r.split.text, last.end...)
		next, err := r.line()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return record{}, err
		}
		next.text = bytes.Clone(next.text)
		ahead, last = append(ahead, next), next
		if next.long || len(ahead) == mostLines || len(r.split.text)+len(next.text) > mostRow {
			break
		}
		r.split.feed(next.text)
	}
	one.cells, one.fault = r.take()
	if one.fault == nil {
		one.fault = r.swallowed(one, ahead)
	}
	if one.fault != nil {
		r.held = append(ahead, r.held...)
	}
	return one, nil
}

const quoteHint = `put the whole cell in quotes, and double each quote inside it, as in "5"" pipe"`

// take returns the cells or the fault that the splitter has found.
func (r *csvRows) take() ([]string, *Problem) {
	switch column := r.column(len(r.split.ends)); {
	case r.split.fault != "":
		return nil, problem(SortQuotes, column, "the cell %s", r.split.fault).hint(quoteHint)
	case r.split.open:
		return nil, problem(SortQuotes, column, "the cell starts with a quote that is never closed").hint(quoteHint)
	}
	return r.split.cells(), nil
}

// swallowed finds rows that became part of a cell because a quote is missing: lines
// that have as many cells as the header, and a media file as their source.
func (r *csvRows) swallowed(one record, lines []line) *Problem {
	if r.source < 0 || len(r.columns) < 2 {
		return nil
	}
	for _, l := range lines {
		cells := strings.Split(string(l.text), string(r.split.separator))
		if len(cells) != len(r.columns) {
			continue
		}
		if r.source == 0 && ends(cells[0]) { // two names in one cell, one below the other
			continue
		}
		source := strings.Trim(cells[r.source], ` "`)
		if _, known := media.TypeOf(source); known || strings.Contains(source, "://") {
			return problem(SortQuotes, "", "a quoted cell continues to line %d, which looks like a separate row", lines[len(lines)-1].number).
				hint("look for a missing or extra quote between lines %d and %d", one.first.number, lines[len(lines)-1].number)
		}
	}
	return nil
}

// ends reports whether a text is the end of a quoted cell that began in another line.
func ends(text string) bool {
	return strings.HasSuffix(text, `"`) && strings.Count(text, `"`)%2 == 1
}

func (r *csvRows) column(i int) string {
	if i < len(r.columns) {
		return r.columns[i]
	}
	return ""
}

func tooLong() *Problem {
	return problem(SortLength, "", "the row is longer than %d bytes", mostRow).
		hint("look for a missing quote or line break")
}

func blank(cells []string) bool {
	for _, cell := range cells {
		if !empty(cell) {
			return false
		}
	}
	return true
}

// row assigns cells to columns.
func (r *csvRows) row(one record, at Position) raw {
	short := false
	if one.fault == nil {
		one.fault = r.miscounted(one.cells)
		short = one.fault != nil && len(one.cells) < len(r.columns)
	}
	if one.fault == nil {
		return raw{at: at, cells: r.below(one.cells)}
	}
	out := raw{at: at, fault: one.fault}
	if short { // what is there can be given back
		out.cells = r.below(one.cells)
	}
	if !one.first.long {
		out.text = string(one.first.text)
	}
	return out
}

// below puts cells below their columns.
func (r *csvRows) below(texts []string) []Cell {
	cells := make([]Cell, 0, len(r.columns))
	for i, text := range texts[:min(len(texts), len(r.columns))] {
		if text != "" && !ignored(r.columns[i]) {
			cells = append(cells, Cell{Column: r.columns[i], Text: sheet.Unguard(text)})
		}
	}
	return cells
}

// miscounted compares the number of cells with the header. Empty cells beyond the
// header belong to spreadsheet columns that the manifest does not have.
func (r *csvRows) miscounted(cells []string) *Problem {
	width, n := len(r.columns), len(cells)
	for n > width && empty(cells[n-1]) {
		n--
	}
	switch {
	case n > width:
		return r.tooMany(cells[:n])
	case n < width && !blank(r.columns[n:]):
		return problem(SortCells, r.columns[n], "the row has %d cells but must have %d: %s", n, width, r.header()).
			hint("include empty cells, each with a %s before it", separatorName(r.split.separator))
	case width > 1 && n == width && r.repeatsHeader(cells):
		return problem(SortCells, "", "the header is repeated").hint("remove the line; the manifest seems to be two files joined together")
	}
	for i, cell := range cells[:n] {
		if r.columns[i] == "" && !empty(cell) {
			return problem(SortCells, "", "cell %d is not empty, but its column has no name", i+1).hint("name the column in the header, or clear the cell")
		}
	}
	return nil
}

func (r *csvRows) tooMany(cells []string) *Problem {
	p := problem(SortCells, "", "the row has %d cells but must have %d: %s", len(cells), len(r.columns), r.header())
	for _, cell := range cells {
		if strings.Contains(cell, "\r") {
			return p.hint("save the file again; it mixes different line endings")
		}
	}
	return p.hint("put a cell that holds a %s in quotes", separatorName(r.split.separator))
}

func (r *csvRows) repeatsHeader(cells []string) bool {
	for i, name := range r.columns {
		if cells[i] != name && (plain(cells[i]) || bareName(cells[i]) != name) {
			return false
		}
	}
	return true
}

// header lists the columns, shortened for a message.
func (r *csvRows) header() string {
	const most = 8
	if len(r.columns) <= most {
		return strings.Join(r.columns, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(r.columns[:most], ", "), len(r.columns)-most)
}

func separatorName(separator byte) string {
	switch separator {
	case ';':
		return "semicolon"
	case '\t':
		return "tab"
	}
	return "comma"
}
