package manifest

import (
	"strings"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Row is one row of a manifest.
type Row struct {
	// Item is complete where the row is valid. Otherwise it holds what could be
	// understood, for a result that says why it was refused; its UploadID is
	// unlike that of any other row.
	Item upload.Item
	// At is where the row begins.
	At Position
	// Problems are all that is wrong with the row, warnings among it.
	Problems []Problem
	// Cells are the filled cells, in the order in which they were given, without
	// any change. There are none where the row could not be taken apart; Text is
	// then its first line, unless that is too long. Both may hold signed URLs.
	Cells []Cell
	Text  string

	account *account
	// headless says that the row lacks what the header should have named.
	headless bool
}

// Line is the row's line in the file, or its number in a folder.
func (r Row) Line() int { return r.At.Line }

// SerialKey is what the upload of a valid row must have for itself while it sends,
// and whether it goes after all others that want it; empty where its vendor has
// none.
func (r Row) SerialKey() (name string, last bool) {
	if r.account == nil {
		return "", false
	}
	return r.account.spec.SerialKey(r.account.Account, r.Item.Fields)
}

// Valid reports whether the row can be sent.
func (r Row) Valid() bool {
	if r.headless {
		return false
	}
	for _, p := range r.Problems {
		if !p.Warning {
			return false
		}
	}
	return true
}

// Err is why the row is refused, as the error of its result; nil where it is
// valid. It does not name the line, which the result has by itself.
func (r Row) Err() *upload.Error {
	if r.Valid() {
		return nil
	}
	var messages, hints []string
	for _, p := range r.Problems {
		if !p.Warning {
			messages = append(messages, p.what())
			hints = append(hints, p.Hint)
		}
	}
	if len(messages) == 0 {
		return upload.Errorf(upload.KindInvalid, upload.StepClaim, "the header lacks a column that the row needs").WithHint("see what is said about line 1")
	}
	return upload.Errorf(upload.KindInvalid, upload.StepClaim, "%s", strings.Join(messages, "; ")).WithHint("%s", strings.Join(hints, "; "))
}

// Copy is the row's cells for another manifest, which may lie anywhere and be
// read without --to: as they were given, except that a source that is relative
// is made absolute, and that the account is named. It is nil where the row could
// not be taken apart. A row keeps the identity that it was derived.
func (r Row) Copy() []Cell {
	if r.Cells == nil {
		return nil
	}
	named := false
	cells := make([]Cell, 0, len(r.Cells)+1)
	for _, cell := range r.Cells {
		if cell.Column == columnSource && r.Item.Source != "" && upload.IsLocal(cell.Text) {
			cell.Text = r.Item.Source
		}
		named = named || cell.Column == columnTo
		cells = append(cells, cell)
	}
	if !named && r.Item.Account != "" {
		cells = append(cells, Cell{Column: columnTo, Text: r.Item.Account})
	}
	return cells
}

func (r *Row) add(p *Problem) {
	p.Line = r.At.Line
	r.Problems = append(r.Problems, *p)
}
