package manifest

import (
	"slices"
	"time"
)

// Format is how a manifest's rows are written.
type Format string

// The formats.
const (
	CSV       Format = "csv"
	JSONLines Format = "jsonl"
	Folder    Format = "folder" // rows are the media of a folder
)

// Encoding is how a manifest's text is written.
type Encoding string

// The encodings.
const (
	UTF8    Encoding = "utf-8"
	UTF16LE Encoding = "utf-16le"
	UTF16BE Encoding = "utf-16be"
)

// unit is the size of the smallest character, in bytes.
func (e Encoding) unit() int {
	if e == UTF16LE || e == UTF16BE {
		return 2
	}
	return 1
}

// Layout is everything that is known of a manifest once it was read: where it
// lies, how it is written, which content it had, and which rows repeat others.
// With it, ReadPage reads rows from the middle. It is small, and made for being
// passed on as JSON.
type Layout struct {
	Place    Place    `json:"place"`
	Format   Format   `json:"format"`
	Encoding Encoding `json:"encoding,omitempty"`
	// Separator is of CSV: a comma, a semicolon or a tab.
	Separator string `json:"separator,omitempty"`
	// Returns says that lines end with carriage returns alone.
	Returns bool `json:"returns,omitempty"`
	// Columns are the header of CSV, with "" for columns without a name, and the
	// keys of JSON Lines, in the order in which they were met.
	Columns []string `json:"columns,omitempty"`

	Size        int64  `json:"size,omitempty"` // bytes
	Fingerprint string `json:"fingerprint"`
	// SHA256 is of the bytes of the file; of a folder, of the names of its media.
	SHA256 string `json:"sha256"`
	Rows   int    `json:"rows"`
	// Start is where the first row begins.
	Start Position `json:"start"`
	// Newest is when the last of a folder's folders changed.
	Newest time.Time `json:"newest,omitzero"`
	// Accounts are those that there were, in their order.
	Accounts []Account `json:"accounts"`
	// Repeats are the rows that are refused because of earlier ones, packed.
	Repeats []byte `json:"repeats,omitempty"`
}

// Account is what the rows of a manifest need of an account. Only the name is
// set where no row names it.
type Account struct {
	Name   string   `json:"name"`
	Vendor string   `json:"vendor,omitempty"`
	Base   string   `json:"base,omitempty"` // its base URL
	On     []string `json:"on,omitempty"`   // settings on which it depends what it takes
	Fault  string   `json:"fault,omitempty"`
}

// Position is a place between two rows.
type Position struct {
	Row    int    `json:"row"`              // rows before it
	Line   int    `json:"line"`             // of what comes next, from 1
	Offset int64  `json:"offset,omitempty"` // of what comes next, in bytes of the file
	Name   string `json:"name,omitempty"`   // in a folder: the last medium before it
}

// CopyColumns are the columns that a manifest of some rows of this one needs,
// with their cells as Row.Copy gives them.
func (l Layout) CopyColumns() []string {
	var columns []string
	for _, name := range append([]string{columnSource, columnTo}, l.Columns...) {
		if name != "" && !slices.Contains(columns, name) {
			columns = append(columns, name)
		}
	}
	return columns
}
