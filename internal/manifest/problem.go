package manifest

import (
	"fmt"
	"strings"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Sort groups problems that have the same remedy. The names of sorts are printed and
// counted, and do not change.
type Sort string

// The sorts of problems.
const (
	SortQuotes      Sort = "quotes"       // a missing or extra quote
	SortCells       Sort = "cells"        // more or fewer cells than columns
	SortJSON        Sort = "json"         // a line that is not a JSON object
	SortLength      Sort = "length"       // a row or a value that is too long
	SortEncoding    Sort = "encoding"     // bytes that are not text
	SortColumn      Sort = "column"       // an unknown, duplicate or missing column
	SortVendor      Sort = "vendor"       // a cell whose vendor has no such field
	SortAccount     Sort = "account"      // no account, or an unknown one
	SortSource      Sort = "source"       // a missing or invalid source
	SortFormat      Sort = "format"       // a media type that the vendor does not accept
	SortID          Sort = "id"           // an invalid id
	SortContentType Sort = "content_type" // an invalid content type
	SortSHA256      Sort = "sha256"       // an invalid checksum
	SortField       Sort = "field"        // a missing or invalid field
	SortGTIN        Sort = "gtin"         // a GTIN that a spreadsheet damaged
	SortDamage      Sort = "damage"       // what a program has done to another cell
	SortRepeat      Sort = "repeat"       // a duplicate id or row
	SortPrimary     Sort = "primary"      // a second primary image of one product
	SortSheet       Sort = "sheet"        // what a workbook hides or merges
	SortFolder      Sort = "folder"       // a folder that cannot be read
)

// Problem is one fault of a manifest, with a message for people. Its texts contain
// no query of a URL.
type Problem struct {
	// Line is the line in which the row starts, from 1; 1 for the header. In a
	// folder it is the number of the media file.
	Line int  `json:"line"`
	Sort Sort `json:"sort"`
	// Column is the column, or the key of a JSON object; "" for the whole row.
	Column string `json:"column,omitempty"`
	// Value is the cell as it was given, without the query of a URL; "" if there is
	// no such cell.
	Value   string `json:"value,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint"` // how to correct it
	// Warning says that the row is accepted nevertheless.
	Warning bool `json:"warning,omitempty"`
}

// String is the problem on one line, preceded by its line and column.
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

// problem makes a Problem. A cell in the wrong column may contain anything, even a
// signed URL, so messages that quote cells are redacted here.
func problem(sort Sort, column, format string, args ...any) *Problem {
	if strings.Contains(column, "://") {
		column = egress.Redact(column)
	}
	return &Problem{Sort: sort, Column: column, Message: egress.Redact(fmt.Sprintf(format, args...))}
}

// hint adds the remedy. It quotes nothing of a cell except the digits of a number.
func (p *Problem) hint(format string, args ...any) *Problem {
	p.Hint = fmt.Sprintf(format, args...)
	return p
}

func (p *Problem) warn() *Problem {
	p.Warning = true
	return p
}

// shownLength is the number of bytes of a value that a message quotes.
const shownLength = 80

// shown quotes a value for a message.
func shown(text string) string {
	if len(text) > shownLength {
		text = strings.ToValidUTF8(text[:shownLength], "") + "…"
	}
	return fmt.Sprintf("%q", text)
}

// invalid is the error of a manifest that cannot be read as a whole.
func invalid(place Place, format string, args ...any) *upload.Error {
	return upload.Errorf(upload.KindInvalid, upload.StepClaim, "manifest %q %s", place.Display(), egress.Redact(fmt.Sprintf(format, args...)))
}
