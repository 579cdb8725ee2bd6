package manifest

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Form is how a manifest is written, so that another one of some of its rows can be
// written alike. It can be passed on as JSON.
type Form struct {
	Format   Format   `json:"format"` // CSV, JSONLines or XLSX
	Encoding Encoding `json:"encoding,omitempty"`
	// Mark says that the file begins with a byte order mark.
	Mark      bool   `json:"mark,omitempty"`
	Separator string `json:"separator,omitempty"` // of CSV
	// Returns says that lines end with a carriage return and a line feed.
	Returns bool `json:"returns,omitempty"`
	// Columns are those of CSV or of the worksheet in their order, or the keys of JSON Lines, without
	// those that have no name or are ignored.
	Columns []string `json:"columns,omitempty"`
	// Base is where relative sources start from; "" if there are none.
	Base string `json:"base,omitempty"`
}

// Form is the form of the manifest. That of a folder is CSV for spreadsheets.
func (l Layout) Form() Form {
	form := Form{Format: l.Format, Encoding: l.Encoding, Mark: l.Mark, Separator: l.Separator, Returns: l.CRLF, Base: l.Place.Base}
	if l.Format == Folder {
		form.Format, form.Mark, form.Columns = CSV, true, []string{columnSource}
		return form
	}
	for _, name := range l.Columns {
		if name != "" && !ignored(name) {
			form.Columns = append(form.Columns, name)
		}
	}
	return form
}

// Fields are the columns that hold fields of vendors.
func (f Form) Fields() []string {
	return slices.DeleteFunc(slices.Clone(f.Columns), own)
}

// Extension is that of a file of the form, with its dot.
func (f Form) Extension() string {
	switch f.Format {
	case JSONLines:
		return ".jsonl"
	case XLSX:
		return ".xlsx"
	}
	return ".csv"
}

// Cells are an item's cells as a person would have given them: a relative source, if
// it lies below the base, lists with bars, and no derived ID. They read back as the same
// item. See Given for those that were given otherwise.
func (f Form) Cells(item upload.Item) []Cell {
	var cells []Cell
	add := func(column, text string, kind kind) {
		if text != "" {
			cells = append(cells, Cell{Column: column, Text: text, kind: kind})
		}
	}
	add(columnSource, f.relative(item.Source), kindText)
	add(columnTo, item.Account, kindText)
	if item.ID != upload.DeriveID(item.Account, item.Source, item.Fields) && upload.CheckID(item.ID) == nil {
		add(columnID, item.ID, kindText)
	}
	add(columnContentType, item.ContentType, kindText)
	add(columnSHA256, item.SHA256, kindText)
	for _, name := range slices.Sorted(maps.Keys(item.Fields)) {
		text, kind := f.value(item.Fields[name])
		add(name, text, kind)
	}
	return cells
}

// value is a field's value as a cell.
func (f Form) value(value any) (string, kind) {
	typed := kindText // tables have texts alone
	of := func(kind kind) kind {
		if f.Format == JSONLines {
			typed = kind
		}
		return typed
	}
	switch v := value.(type) {
	case string:
		return v, kindText
	case bool:
		return strconv.FormatBool(v), of(kindBoolean)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), of(kindNumber)
	case []any:
		if text, plain := bars(v); plain && f.Format != JSONLines {
			return text, kindText
		}
		return asJSON(v), of(kindArray)
	}
	return asJSON(value), of(kindObject)
}

// bars joins a list as people write it; plain says that it reads back as the same.
func bars(list []any) (text string, plain bool) {
	var members []string
	for _, one := range list {
		member, is := one.(string)
		if !is || strings.Contains(member, "|") || member != trimmed(member) || member == "" || strings.HasPrefix(member, "[") {
			return "", false
		}
		members = append(members, member)
	}
	return strings.Join(members, "|"), true
}

func asJSON(value any) string {
	raw, err := json.Marshal(value)
	if err != nil { // it was read from JSON or from a cell
		return ""
	}
	return string(raw)
}

// relative is a local source as it is called from the base.
func (f Form) relative(source string) string {
	if f.Base == "" || !upload.IsLocal(f.Base) || !upload.IsLocal(source) {
		return source
	}
	if name, err := filepath.Rel(f.Base, source); err == nil && filepath.IsLocal(name) {
		return name
	}
	return source
}

// Complete adds what a row needs to be read without the flags and the folder of its
// manifest: the account, and the base of relative sources.
func (f Form) Complete(cells []Cell, item upload.Item) []Cell {
	find := func(column string) int {
		return slices.IndexFunc(cells, func(c Cell) bool { return c.Column == column })
	}
	if find(columnTo) < 0 && item.Account != "" {
		cells = append(cells, Cell{Column: columnTo, Text: item.Account})
	}
	switch base := find(columnBase); {
	case f.Base == "":
	case base < 0: // also beside a source that is missing, or that is no path yet
		cells = append(cells, Cell{Column: columnBase, Text: f.Base})
	case isRelative(cells[base].Text) && upload.IsLocal(f.Base):
		cells[base].Text = filepath.Join(f.Base, cells[base].Text)
	}
	return cells
}

// isRelative reports whether a source is a path that starts from the manifest's folder.
func isRelative(source string) bool {
	return upload.IsLocal(source) && !strings.HasPrefix(source, "file://") && !filepath.IsAbs(source)
}

// Explain adds why a row is not sent, for whoever mends it.
func Explain(cells []Cell, problem, hint string) []Cell {
	return append(cells, Cell{Column: columnProblem, Text: problem}, Cell{Column: columnHint, Text: hint})
}

// Given are a row's cells for another manifest, if they differ from those that Cells
// makes of its item; nil if they do not.
func (f Form) Given(row Row) []upload.Given {
	if row.Valid() && f.same(row) {
		return nil
	}
	all := []upload.Given{}
	for _, cell := range row.Cells {
		all = append(all, upload.Given{Column: cell.Column, Text: cell.Text, JSON: cell.kind.json()})
	}
	return all
}

// same reports whether Cells makes the row's own cells. An account that was not given
// with the row does not count.
func (f Form) same(row Row) bool {
	made := f.Cells(row.Item)
	found := 0
	for _, cell := range made {
		is := slices.ContainsFunc(row.Cells, func(c Cell) bool {
			return c.Column == cell.Column && c.Text == cell.Text && c.kind == cell.kind
		})
		switch {
		case is:
			found++
		case cell.Column != columnTo || slices.ContainsFunc(row.Cells, func(c Cell) bool { return c.Column == columnTo }):
			return false
		}
	}
	return found == len(row.Cells)
}

// CellsOf are the cells of a row as they were given: those that were kept, or those that
// Cells makes.
func (f Form) CellsOf(item upload.Item) []Cell {
	if item.Given == nil {
		return f.Cells(item)
	}
	var cells []Cell
	for _, given := range item.Given {
		cell := Cell{Column: given.Column, Text: given.Text}
		if given.JSON {
			cell.kind = kindObject // written as it is
		}
		cells = append(cells, cell)
	}
	return cells
}
