package manifest

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/suggest"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// The columns of every item.
const (
	columnSource      = "source"
	columnTo          = "to"
	columnID          = "id"
	columnContentType = "content_type"
	columnSHA256      = "sha256"
)

// The columns that the failed rows of a batch have besides. The first one is the folder
// of relative sources; the others are for people, and ignored.
const (
	columnBase    = "base"
	columnProblem = "problem"
	columnHint    = "hint"
)

// ignored reports whether the cells of a column are not read.
func ignored(column string) bool { return column == columnProblem || column == columnHint }

func ownColumns() []string {
	return []string{columnSource, columnTo, columnID, columnContentType, columnSHA256}
}

// columns holds all known columns, and the vendors that have them.
type columns struct {
	names   []string            // our own first, then the vendors' fields
	owners  map[string][]string // from a field to the vendors that have it
	objects map[string]bool     // fields whose columns may be dotted
}

func newColumns() *columns {
	c := &columns{names: ownColumns(), owners: map[string][]string{}, objects: map[string]bool{}}
	for _, vendor := range vendors.All() {
		owner := vendor.Spec()
		for _, field := range owner.Fields {
			c.owners[field.Name] = append(c.owners[field.Name], owner.Name)
			if field.Type == spec.Object {
				c.objects[field.Name] = true
			}
			if !slices.Contains(c.names, field.Name) {
				c.names = append(c.names, field.Name)
			}
		}
	}
	return c
}

// Columns lists the columns that manifests can have: our own, then the vendors' fields.
func Columns() []string { return newColumns().names }

// base returns the field that a column belongs to: tags for tags.brand.
func (c *columns) base(column string) string {
	if front, _, dotted := strings.Cut(column, "."); dotted && c.objects[front] {
		return front
	}
	return column
}

// own reports whether a column is one of ours, which every item has.
func own(column string) bool {
	switch column {
	case columnSource, columnTo, columnID, columnContentType, columnSHA256, columnBase:
		return true
	}
	return false
}

// known reports whether a column is one of ours or of some vendor's.
func (c *columns) known(column string) bool {
	return own(column) || ignored(column) || len(c.owners[c.base(column)]) > 0
}

// CheckLiteral says what is wrong with the columns that are to be taken as they are:
// every one must be a column that manifests can have.
func CheckLiteral(names []string) error {
	known := newColumns()
	for _, name := range names {
		if !known.known(name) {
			p := known.unknown(name)
			return fmt.Errorf("%s %s; %s", p.Message, shown(name), p.Hint)
		}
	}
	return nil
}

// unknown returns the problem of an unknown column.
func (c *columns) unknown(column string) *Problem {
	p := problem(SortColumn, clipped(column), "unknown column")
	front, key, dotted := strings.Cut(column, ".")
	near := suggest.Nearest(front, c.names)
	if dotted && c.objects[near] {
		near += "." + key
	} else if dotted {
		near = suggest.Nearest(column, c.names)
	}
	if near != "" {
		return p.hint("did you mean %s?", near)
	}
	return p.hint("remove it, or use one of %s", strings.Join(c.names, ", "))
}

// clipped shortens a name from a file for a message.
func clipped(name string) string {
	const most = 60
	name = strings.ToValidUTF8(name, "\ufffd")
	if runes := []rune(name); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return name
}

// Columns returns warnings about whole columns, which are known only after the last
// row: that no row's vendor has the column, and that the signs of texts were taken off
// its cells. Of a folder, it returns what is left out, by reasons.
func (r *Reader) Columns() []Problem {
	if !errors.Is(r.err, io.EOF) {
		return nil
	}
	if folder, is := r.rows.(*folderRows); is {
		return folder.left.problems()
	}
	problems := append(r.unused(), r.checker.signs.problems()...)
	if book, is := r.rows.(*bookRows); is {
		problems = append(problems, book.notes()...)
	}
	return problems
}

// unused finds columns that no row's vendor has. If the vendor of some row is not known,
// any column may belong to it.
func (r *Reader) unused() []Problem {
	if !r.layout.Format.headed() || r.unknownVendor {
		return nil
	}
	var problems []Problem
	for _, name := range r.layout.Columns {
		owners := r.checker.columns.owners[r.checker.columns.base(name)]
		if len(owners) == 0 || slices.ContainsFunc(owners, func(vendor string) bool { return r.vendors[vendor] }) {
			continue
		}
		p := problem(SortColumn, clipped(name), "only %s has this field, but no row is for that vendor", strings.Join(owners, ", ")).
			hint("remove the column, unless rows for %s will follow", strings.Join(owners, ", ")).warn()
		p.Line = 1
		problems = append(problems, *p)
	}
	return problems
}
