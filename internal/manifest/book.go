package manifest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/nameless"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/workbook"
)

// mostBook is the size limit of a workbook in bytes. It is read from a temporary file,
// because it begins at its end.
const mostBook = 512 << 20

// bookRows reads the rows of a worksheet. Their lines are the rows of the sheet.
type bookRows struct {
	ctx     context.Context // of the reader
	place   Place
	file    *os.File
	rows    *workbook.Rows
	columns []string // of the header; "" for columns without a name
	header  int      // the row of the header
	line    int      // after the last row
	from    int      // rows before it are skipped
	hidden  sightings
}

// sightings counts what is told once for the whole sheet.
type sightings struct{ count, first int }

// isBook reports whether a head is that of a workbook, or of another archive.
func isBook(head []byte) bool { return strings.HasPrefix(string(head), "PK\x03\x04") }

// openBook opens the workbook whose bytes in has.
func openBook(ctx context.Context, in io.Reader, place Place) (*workbook.Book, *os.File, error) {
	file, err := nameless.Create("")
	if err != nil {
		return nil, nil, upload.Errorf(upload.KindUnavailable, upload.StepClaim, "copy of manifest %q: %w", place.Display(), err)
	}
	size, err := io.Copy(file, io.LimitReader(patient{ctx, in}, mostBook+1))
	switch {
	case err != nil:
		err = asManifest(err)
	case size > mostBook:
		err = invalid(place, "is a spreadsheet of more than %d MiB", mostBook>>20).WithHint("remove pictures and sheets that are not needed, or save it as CSV UTF-8")
	default:
		book, err := workbook.Open(file, size)
		if err == nil {
			return book, file, nil
		}
		return nil, nil, errors.Join(inBook(place, err), file.Close())
	}
	return nil, nil, errors.Join(err, file.Close())
}

// inBook rewords an error about a workbook as one about the manifest.
func inBook(place Place, err error) error {
	var known *workbook.Error
	if !errors.As(err, &known) {
		return upload.Errorf(upload.KindUnavailable, upload.StepClaim, "manifest %q: %w", place.Display(), err)
	}
	return invalid(place, "%s", known.Text).WithHint("%s", known.Hint)
}

// openSheet opens the sheet of a manifest. It takes over the file.
func openSheet(ctx context.Context, book *workbook.Book, file *os.File, place Place) (*bookRows, error) {
	sheet, found := book.Worksheet(place.Sheet)
	if !found {
		var names []string
		for _, one := range book.Worksheets() {
			names = append(names, shown(one.Name))
		}
		return nil, errors.Join(invalid(place, "has no sheet %s", shown(place.Sheet)).WithHint("it has %s", strings.Join(names, ", ")), file.Close())
	}
	rows, err := book.Rows(sheet)
	if err != nil {
		return nil, errors.Join(inBook(place, err), file.Close())
	}
	return &bookRows{ctx: ctx, place: place, file: file, rows: rows, line: 1}, nil
}

func (r *bookRows) close() error {
	return errors.Join(r.rows.Close(), r.file.Close())
}

func (r *bookRows) position() Position { return Position{Line: r.line} }

// record returns the next row that is not blank.
func (r *bookRows) record() (workbook.Row, error) {
	for {
		row, err := r.rows.Next()
		if errors.Is(err, io.EOF) {
			return row, io.EOF
		}
		if err == nil {
			err = r.ctx.Err()
		}
		if err != nil {
			return row, inBook(r.place, err)
		}
		r.line = row.Number + 1
		blank := !slices.ContainsFunc(row.Cells, func(c workbook.Cell) bool { return c.Kind != workbook.Value || !empty(c.Text) })
		if row.Number >= r.from && (row.Long || !blank) {
			return row, nil
		}
	}
}

// readHeader reads the columns of the sheet.
func (r *bookRows) readHeader(known *columns) ([]Problem, error) {
	row, err := r.record()
	if errors.Is(err, io.EOF) {
		return nil, invalid(r.place, "has no header").WithHint("the first row must name the columns, for example source, to and id")
	}
	if err != nil {
		return nil, err
	}
	names := headerNames(cellTexts(row))
	if !slices.ContainsFunc(names, known.known) {
		return nil, noHeader(r.place, record{first: line{number: row.Number}, cells: names}, known)
	}
	if len(names) > mostColumns {
		return nil, invalid(r.place, "has %d columns but may have at most %d", len(names), mostColumns).WithHint("remove the columns that are not needed")
	}
	r.columns, r.header = names, row.Number
	return checkHeader(names, row.Number, known), nil
}

// cellTexts are the texts of a row, with those of its empty cells.
func cellTexts(row workbook.Row) []string {
	var texts []string
	for _, cell := range row.Cells {
		for len(texts) < cell.Column {
			texts = append(texts, "")
		}
		texts = append(texts, cell.Text)
	}
	return texts
}

func (r *bookRows) next() (raw, error) {
	row, err := r.record()
	if err != nil {
		return raw{}, err
	}
	if row.Hidden {
		if r.hidden.count == 0 {
			r.hidden.first = row.Number
		}
		r.hidden.count++
	}
	out := raw{at: Position{Line: row.Number}}
	if row.Long {
		out.fault = tooLong()
		return out, nil
	}
	if slices.Equal(headerNames(cellTexts(row)), r.columns) && len(r.columns) > 1 {
		out.fault = problem(SortCells, "", "the header is repeated").hint("remove the row; the manifest seems to be two joined together")
		return out, nil
	}
	size := 0
	for _, cell := range row.Cells {
		if cell.Column >= len(r.columns) || r.columns[cell.Column] == "" {
			if cell.Kind == workbook.Value && empty(cell.Text) {
				continue
			}
			out.cells, out.fault = nil, problem(SortCells, "", "cell %s is not empty, but its column has no name", workbook.Name(cell.Column, row.Number)).
				hint("name the column in the header, or clear the cell")
			return out, nil
		}
		column := r.columns[cell.Column]
		if ignored(column) {
			continue
		}
		if size += len(cell.Text); size > mostRow {
			return raw{at: out.at, fault: tooLong()}, nil
		}
		out.cells = append(out.cells, Cell{Column: column, Text: cell.Text, kind: bookKinds[cell.Kind]})
	}
	return out, nil
}

var bookKinds = map[workbook.Kind]kind{workbook.Value: kindText, workbook.ErrorValue: kindError, workbook.Uncalculated: kindUncalculated}

// notes are warnings about the whole sheet, known after its last row.
func (r *bookRows) notes() []Problem {
	var all []Problem
	add := func(line int, p *Problem) {
		p.Line = line
		all = append(all, *p.warn())
	}
	if r.hidden.count > 0 {
		add(r.hidden.first, problem(SortSheet, "", "%s hidden in the spreadsheet and will be sent like the others", hiddenRows(r.hidden.count)).
			hint("delete the rows that are not meant, or copy the others to a sheet of their own"))
	}
	for i, name := range r.columns {
		if name != "" && !ignored(name) && r.rows.HiddenColumn(i) {
			add(r.header, problem(SortSheet, clipped(name), "the column is hidden in the spreadsheet and will be sent like the others").hint("delete it, if it is not meant"))
		}
	}
	for _, m := range r.rows.Merges() {
		if m.LastRow > r.header && m.FirstColumn < len(r.columns) && (m.LastRow > m.FirstRow || m.LastColumn > m.FirstColumn) {
			add(m.FirstRow, problem(SortSheet, "", "the cells %s are merged; only the first one has a value", m.Ref).hint("unmerge them, and fill each cell"))
		}
	}
	return all
}

func hiddenRows(n int) string {
	if n == 1 {
		return "1 row is"
	}
	return fmt.Sprintf("%d rows are", n)
}
