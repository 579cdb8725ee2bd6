package manifest

import (
	"strings"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Row is one row of a manifest.
type Row struct {
	// Item is complete if the row is valid. Otherwise it has what could be parsed,
	// for a result that says why the row is refused; its UploadID is unique.
	Item upload.Item
	// At is the position of the row.
	At Position
	// Problems lists everything that is wrong with the row, warnings included.
	Problems []Problem
	// Cells are the non-empty cells in their order, unchanged. If the row could not
	// be parsed there are none, and Text is its first line, unless that is too
	// long. Both may contain signed URLs.
	Cells []Cell
	Text  string

	account *account
	// incomplete says that the row lacks a column that is missing from the header.
	incomplete bool
}

// Line is the row's line in the file, or the number of the media file in a folder.
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
	if r.incomplete {
		return false
	}
	for _, p := range r.Problems {
		if !p.Warning {
			return false
		}
	}
	return true
}

// Err is the reason why the row is refused, for its result, or nil if the row is
// valid. It does not name the line, which is part of the result.
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
		return upload.Errorf(upload.KindInvalid, upload.StepClaim, "the header does not have a column that the row needs").WithHint("see the problems of line 1")
	}
	return upload.Errorf(upload.KindInvalid, upload.StepClaim, "%s", strings.Join(messages, "; ")).WithHint("%s", strings.Join(hints, "; "))
}

func (r *Row) add(p *Problem) {
	p.Line, p.Value = r.At.Line, r.value(p.Column)
	r.Problems = append(r.Problems, *p)
}

// Refuse adds a problem that shows when the row's source is looked at.
func (r *Row) Refuse(sort Sort, column, message, hint string) {
	r.add(problem(sort, column, "%s", message).hint("%s", hint))
}

// value is what a problem with a column quotes.
func (r *Row) value(column string) string {
	for _, cell := range r.Cells {
		if cell.Column == column {
			return egress.Redact(cell.Text)
		}
	}
	return ""
}
