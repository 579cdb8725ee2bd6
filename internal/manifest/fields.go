package manifest

import (
	"strings"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// fieldCells are the cells of one row that are fields of its vendor.
type fieldCells struct {
	cells  []Cell
	names  []string          // of the cells that were not rejected
	values map[string]string // by name
	bad    []string          // fields that already have a problem
}

func (f *fieldCells) reset() {
	f.cells, f.names, f.bad = f.cells[:0], f.names[:0], f.bad[:0]
	clear(f.values)
}

func (f *fieldCells) reject(column string) {
	base, _, _ := strings.Cut(column, ".")
	f.bad = append(f.bad, base)
}

func (f *fieldCells) rejected(column string) bool {
	base, _, _ := strings.Cut(column, ".")
	for _, bad := range f.bad {
		if bad == base {
			return true
		}
	}
	return false
}

// field keeps a cell until the vendor is known. An unknown CSV column is reported
// with the header, an unknown JSON key in each line.
func (c *checker) field(cell Cell) *Problem {
	switch {
	case c.columns.known(cell.Column):
		c.fields.cells = append(c.fields.cells, cell)
	case !c.layout.Format.headed():
		return c.columns.unknown(cell.Column)
	}
	return nil
}

// checkFields checks the vendor's fields, in the order of the cells.
func (c *checker) checkFields(row *Row) {
	f, spec := &c.fields, row.account.spec
	for _, cell := range f.cells {
		field, _ := spec.Field(c.columns.base(cell.Column))
		if cell.kind == kindText && !c.literal(cell.Column) {
			cell.Text = c.tidied(cell, field.Identifier, row.At.Line)
		}
		if p := c.checkCell(spec, cell); p != nil {
			row.add(p)
			if !p.Warning {
				f.reject(cell.Column)
				continue
			}
		}
		f.names = append(f.names, cell.Column)
		f.values[cell.Column] = cell.Text
	}
	fields, problems := spec.ParseFields(f.names, f.values)
	for _, p := range problems {
		if f.rejected(p.Field) {
			continue
		}
		hint := "see: mediaferry vendors " + spec.Name
		if p.Hint != "" {
			hint = clipped(p.Field) + ": " + p.Hint
		}
		row.add(problem(SortField, clipped(p.Field), "%s", p.Message).hint("%s", hint))
	}
	for _, p := range problems {
		f.reject(p.Field)
	}
	c.checkNames(row, fields)
	if len(fields) > 0 {
		row.Item.Fields = fields
	}
}

// checkCell checks what the vendor's own check of texts cannot see.
func (c *checker) checkCell(of *spec.Spec, cell Cell) *Problem {
	base := c.columns.base(cell.Column)
	field, has := of.Field(base)
	switch {
	case !has:
		return problem(SortVendor, clipped(cell.Column), "%s has no such field; only %s has it", of.Name, strings.Join(c.columns.owners[base], ", ")).
			hint("clear the cell, or correct the account")
	case !cell.kind.fits(field.Type, base != cell.Column):
		return mistyped(field, cell)
	case c.literal(cell.Column):
		return nil
	case field.GTIN:
		if p := checkGTIN(field.Name, cell.Text); p != nil {
			return p
		}
		return checkIdentifier(cell.Column, cell.Text)
	case field.Identifier:
		if field.Type != spec.List { // the members of a list are checked instead
			return checkIdentifier(cell.Column, cell.Text)
		}
	case cell.kind == kindText:
		return checkError(cell.Column, cell.Text, false)
	}
	return nil
}

// checkNames checks the members of lists that name something, and finds doubtful
// values in the row's other names. A field that already has a problem is left alone.
func (c *checker) checkNames(row *Row, fields upload.Fields) {
	for _, field := range row.account.spec.Fields {
		value, given := fields[field.Name]
		if !given || !field.Identifier || c.fields.rejected(field.Name) || c.literal(field.Name) {
			continue
		}
		p := doubtIdentifier(field.Name, fields.String(field.Name))
		if members, list := value.([]any); list {
			p = checkMembers(field.Name, members)
		}
		if p != nil {
			row.add(p)
		}
	}
}

// checkMembers returns the first problem of a list's members, and a warning only if
// there is no other problem.
func checkMembers(column string, members []any) *Problem {
	var doubt *Problem
	for _, member := range members {
		text, _ := member.(string)
		if p := checkIdentifier(column, lineBreaks.Replace(text)); p != nil {
			return p
		}
		if doubt == nil {
			doubt = doubtMember(column, text)
		}
	}
	return doubt
}

// lineBreaks are told from other characters that nobody can see: they part the members
// of a list in spreadsheets.
var lineBreaks = strings.NewReplacer("\r", " ", "\n", " ")

// fits reports whether a JSON value can be the value of a field. A string always
// can: it is read like a CSV cell.
func (k kind) fits(field spec.FieldType, dotted bool) bool {
	switch k {
	case kindText:
		return true
	case kindNumber:
		return field == spec.Integer
	case kindBoolean:
		return field == spec.Boolean
	case kindArray:
		return field == spec.List
	}
	return field == spec.Object && !dotted
}

func mistyped(field spec.Field, cell Cell) *Problem {
	p := problem(SortField, clipped(cell.Column), "%s is not of type %s", shown(cell.Text), field.Type)
	if cell.kind == kindNumber && field.Type == spec.Text {
		return p.hint("put it in quotes, because a number loses its leading zeros")
	}
	return p.hint("%s: %s", field.Name, field.Doc)
}

// json reports whether a cell is a value of JSON Lines that is not a string.
func (k kind) json() bool { return k >= kindNumber && k <= kindObject }
