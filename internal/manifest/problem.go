package manifest

import (
	"fmt"
	"strings"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Sort groups problems that are put right in the same way. Sorts are printed and
// counted: their names do not change.
type Sort string

// The sorts of problems.
const (
	SortQuotes      Sort = "quotes"       // a quote too few or too many
	SortCells       Sort = "cells"        // more or fewer cells than the header has columns
	SortJSON        Sort = "json"         // a line that is no JSON object
	SortLength      Sort = "length"       // a row, or a value, that is too long
	SortEncoding    Sort = "encoding"     // bytes that are no text
	SortColumn      Sort = "column"       // a column that nobody knows, or that stands twice
	SortVendor      Sort = "vendor"       // a filled cell that its vendor has no field for
	SortAccount     Sort = "account"      // no account, or an unknown one
	SortSource      Sort = "source"       // a source that is none
	SortFormat      Sort = "format"       // a kind of medium that the vendor does not take
	SortID          Sort = "id"           // an ill-formed id
	SortContentType Sort = "content_type" // an ill-formed content type
	SortSHA256      Sort = "sha256"       // an ill-formed checksum
	SortField       Sort = "field"        // a field that is missing or ill-formed
	SortGTIN        Sort = "gtin"         // a GTIN that a spreadsheet damaged
	SortRepeat      Sort = "repeat"       // an id, or a whole row, that was there before
	SortPrimary     Sort = "primary"      // a second primary image of one product
	SortFolder      Sort = "folder"       // a folder that cannot be read
)

// Problem is one thing that is wrong with a manifest, for people to read and put
// right. Its texts hold no query of a URL.
type Problem struct {
	// Line is where the row begins in the file, from 1; 1 for the header. In a
	// folder it counts the media.
	Line int  `json:"line"`
	Sort Sort `json:"sort"`
	// Column is the column, or the key of a JSON object; "" where the whole row
	// is meant.
	Column  string `json:"column,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint"` // what would put it right
	// Warning says that the row is taken all the same.
	Warning bool `json:"warning,omitempty"`
}

// String is the problem in one line, with its line and column in front.
func (p Problem) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "line %d: %s", p.Line, p.what())
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

func (p Problem) what() string {
	if p.Column == "" {
		return p.Message
	}
	return p.Column + ": " + p.Message
}

// problem makes a Problem. Cells that slipped into a wrong column may hold
// anything, also a signed URL, so that what repeats them is redacted here.
func problem(sort Sort, column, format string, args ...any) *Problem {
	if strings.Contains(column, "://") {
		column = egress.Redact(column)
	}
	return &Problem{Sort: sort, Column: column, Message: egress.Redact(fmt.Sprintf(format, args...))}
}

// hint adds the remedy. It repeats no cell but for the digits of a number.
func (p *Problem) hint(format string, args ...any) *Problem {
	p.Hint = fmt.Sprintf(format, args...)
	return p
}

func (p *Problem) warn() *Problem {
	p.Warning = true
	return p
}

// shownLength is how much of a value a message repeats.
const shownLength = 80

// shown is a value as it may stand in a message.
func shown(text string) string {
	if len(text) > shownLength {
		text = strings.ToValidUTF8(text[:shownLength], "") + "…"
	}
	return fmt.Sprintf("%q", text)
}

// invalid is what makes a manifest unreadable as a whole.
func invalid(place Place, format string, args ...any) *upload.Error {
	return upload.Errorf(upload.KindInvalid, upload.StepClaim, "manifest %q %s", place.Display(), egress.Redact(fmt.Sprintf(format, args...)))
}
