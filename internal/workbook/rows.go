package workbook

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Kind is what a cell holds.
type Kind uint8

// The kinds of cells.
const (
	Value        Kind = iota // a text, or a number or truth value as it is shown
	ErrorValue               // #N/A and its like
	Uncalculated             // a formula whose result was not saved; Text is the formula
)

// Cell is a cell that is not empty.
type Cell struct {
	Column int // from 0
	Text   string
	Kind   Kind
}

// Row is a row that the sheet has.
type Row struct {
	Number int // from 1
	Hidden bool
	Cells  []Cell // in their order
	// Long says that the row has more text than can be held; there are no cells then.
	Long bool
}

// Limits of a sheet, and of a row.
const (
	mostColumns = 1 << 14
	mostRow     = 4 << 20 // bytes
	mostMerges  = 100
)

// Rows reads the rows of a sheet in their order.
type Rows struct {
	book   *Book
	part   io.Closer
	in     *tokens
	number int
	ended  bool

	hiddenColumns [][2]int
	merges        []Merge
}

// Merge is a range of cells of which only the first one has a value.
type Merge struct {
	Ref                     string // A2:A5
	FirstRow, LastRow       int
	FirstColumn, LastColumn int
}

// Rows opens a sheet. The caller must close it.
func (b *Book) Rows(sheet Worksheet) (*Rows, error) {
	part, err := b.stream(sheet.part)
	if err != nil {
		return nil, err
	}
	return &Rows{book: b, part: part, in: newTokens(part)}, nil
}

// Close releases the sheet.
func (r *Rows) Close() error { return r.part.Close() }

// Next returns the next row, or io.EOF after the last one. Other errors are of type
// *Error.
func (r *Rows) Next() (Row, error) {
	for !r.ended {
		token, err := r.in.next()
		switch {
		case errors.Is(err, io.EOF):
			r.ended = true
			continue
		case err != nil:
			return Row{}, r.damaged(err)
		}
		start, is := token.(xml.StartElement)
		if !is {
			continue
		}
		switch start.Name.Local {
		case "row":
			row, err := r.row(start)
			if err != nil {
				return Row{}, r.damaged(err)
			}
			return row, nil
		case "col":
			r.column(start)
		case "mergeCell":
			r.merge(attribute(start, "ref"))
		}
	}
	return Row{}, io.EOF
}

func (r *Rows) damaged(err error) error {
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	return broken("is a damaged spreadsheet: behind row %d: %s", r.number, err)
}

// HiddenColumn reports whether a column is hidden; known from the first row on.
func (r *Rows) HiddenColumn(column int) bool {
	for _, hidden := range r.hiddenColumns {
		if column >= hidden[0] && column <= hidden[1] {
			return true
		}
	}
	return false
}

// Merges are merged ranges, at most a hundred; known after the last row.
func (r *Rows) Merges() []Merge { return r.merges }

func (r *Rows) column(start xml.StartElement) {
	first, err := strconv.Atoi(attribute(start, "min"))
	last, err2 := strconv.Atoi(attribute(start, "max"))
	if on(attribute(start, "hidden")) && err == nil && err2 == nil && len(r.hiddenColumns) < mostMerges {
		r.hiddenColumns = append(r.hiddenColumns, [2]int{first - 1, last - 1})
	}
}

func on(text string) bool { return text == "1" || text == "true" }

func (r *Rows) merge(ref string) {
	first, last, found := strings.Cut(ref, ":")
	m := Merge{Ref: ref}
	var ok, ok2 bool
	m.FirstColumn, m.FirstRow, ok = place(first)
	m.LastColumn, m.LastRow, ok2 = place(last)
	if found && ok && ok2 && len(r.merges) < mostMerges {
		r.merges = append(r.merges, m)
	}
}

// row reads a row whose element has just begun.
func (r *Rows) row(start xml.StartElement) (Row, error) {
	number := r.number + 1
	if text := attribute(start, "r"); text != "" {
		var err error
		if number, err = strconv.Atoi(text); err != nil || number <= r.number || number > mostRows {
			return Row{}, fmt.Errorf("a row has the number %.20q", text)
		}
	}
	r.number = number
	row := Row{Number: number, Hidden: on(attribute(start, "hidden"))}
	column, size := -1, 0
	for end := r.in.depth - 1; r.in.depth > end; {
		token, err := r.in.next()
		if err != nil {
			return row, unexpected(err)
		}
		start, is := token.(xml.StartElement)
		if !is || start.Name.Local != "c" {
			continue
		}
		column++
		if text := attribute(start, "r"); text != "" {
			at, _, ok := place(text)
			if !ok || at < column {
				return row, fmt.Errorf("a cell has the name %.20q", text)
			}
			column = at
		}
		cell, err := r.cell(start)
		if err != nil {
			return row, err
		}
		if size += len(cell.Text); size > mostRow {
			row.Long, row.Cells = true, nil
		}
		if cell.Column = column; cell.Text != "" && !row.Long {
			row.Cells = append(row.Cells, cell)
		}
	}
	return row, nil
}

// raw is what the file has of a cell.
type raw struct {
	value, formula string
	calculated     bool // the cell has a formula
	text           string
}

// cell reads a cell whose element has just begun.
func (r *Rows) cell(start xml.StartElement) (Cell, error) {
	kind, style := attribute(start, "t"), attribute(start, "s")
	in, err := r.raw()
	if err != nil {
		return Cell{}, err
	}
	switch {
	case in.calculated && in.value == "" && kind != "str":
		return Cell{Text: "=" + in.formula, Kind: Uncalculated}, nil
	case kind == "inlineStr":
		return Cell{Text: in.text}, nil
	case kind == "s" && in.value != "":
		text, ok := r.book.texts.at(in.value)
		if !ok {
			return Cell{}, fmt.Errorf("a cell has the text %.20q, which is missing", in.value)
		}
		return Cell{Text: text}, nil
	case kind == "e":
		return Cell{Text: in.value, Kind: ErrorValue}, nil
	case kind == "b" && in.value != "":
		return Cell{Text: map[bool]string{true: "TRUE", false: "FALSE"}[on(in.value)]}, nil
	case (kind == "" || kind == "n") && in.value != "":
		index, _ := strconv.Atoi(style)
		return Cell{Text: r.book.formats.show(in.value, index)}, nil
	}
	return Cell{Text: unescape(in.value)}, nil
}

func (r *Rows) raw() (raw, error) {
	var in raw
	inside := ""
	for end := r.in.depth - 1; r.in.depth > end; {
		token, err := r.in.next()
		if err != nil {
			return in, unexpected(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			switch inside = token.Name.Local; inside {
			case "f":
				in.calculated = true
			case "is":
				if in.text, err = readText(r.in); err != nil {
					return in, err
				}
			}
		case xml.EndElement:
			inside = ""
		case xml.CharData:
			switch {
			case len(in.value)+len(in.formula)+len(token) > mostToken:
				return in, errTooLarge
			case inside == "v":
				in.value += string(token)
			case inside == "f":
				in.formula += string(token)
			}
		}
	}
	return in, nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// place reads the name of a cell, such as B12.
func place(name string) (column, row int, ok bool) {
	letters := 0
	for letters < len(name) && name[letters] >= 'A' && name[letters] <= 'Z' {
		if column = column*26 + int(name[letters]-'A') + 1; column > mostColumns {
			return 0, 0, false
		}
		letters++
	}
	row, err := strconv.Atoi(name[letters:])
	return column - 1, row, err == nil && letters > 0 && row > 0
}

// Name is the name of a cell: B12.
func Name(column, row int) string {
	letters := ""
	for column++; column > 0; column = (column - 1) / 26 {
		letters = string(rune('A'+(column-1)%26)) + letters
	}
	return letters + strconv.Itoa(row)
}
