package manifest

import "time"

// Format is the format of a manifest.
type Format string

// The formats.
const (
	CSV       Format = "csv"
	JSONLines Format = "jsonl"
	XLSX      Format = "xlsx"   // the rows are those of a worksheet
	Folder    Format = "folder" // the rows are the media files of a folder
)

// headed reports whether the columns are named once, before the rows.
func (f Format) headed() bool { return f == CSV || f == XLSX }

// Encoding is the text encoding of a manifest.
type Encoding string

// The encodings.
const (
	UTF8    Encoding = "utf-8"
	UTF16LE Encoding = "utf-16le"
	UTF16BE Encoding = "utf-16be"
)

// unit is the size of a code unit in bytes.
func (e Encoding) unit() int {
	if e == UTF16LE || e == UTF16BE {
		return 2
	}
	return 1
}

// Layout is everything that is known about a manifest after it was read: its place,
// format, content and duplicate rows. With it, ReadPage reads rows from the middle.
// It is small and can be passed on as JSON.
type Layout struct {
	Place    Place    `json:"place"`
	Format   Format   `json:"format"`
	Encoding Encoding `json:"encoding,omitempty"`
	// Legacy are the encodings in which the start of a file makes sense that is not
	// UTF-8, by their names.
	Legacy []string `json:"legacy,omitempty"`
	// LegacyHint is what to do about such a file.
	LegacyHint string `json:"legacy_hint,omitempty"`
	// Mark says that the file begins with a byte order mark.
	Mark bool `json:"mark,omitempty"`
	// CRLF says that the first line ends with a carriage return and a line feed.
	CRLF bool `json:"crlf,omitempty"`
	// Separator is that of CSV: a comma, a semicolon or a tab.
	Separator string `json:"separator,omitempty"`
	// Returns says that lines end with a carriage return alone.
	Returns bool `json:"returns,omitempty"`
	// Literal are the columns whose cells are taken as they are.
	Literal []string `json:"literal,omitempty"`
	// Columns are the CSV header, with "" for columns without a name, or the keys of
	// JSON Lines in order of appearance.
	Columns []string `json:"columns,omitempty"`

	Size        int64  `json:"size,omitempty"` // bytes
	Fingerprint string `json:"fingerprint"`
	// SHA256 is the checksum of the file, or of the names of a folder's media files.
	SHA256 string `json:"sha256"`
	Rows   int    `json:"rows"`
	// Start is the position of the first row.
	Start Position `json:"start"`
	// Newest is the latest change of a folder or one of its subfolders.
	Newest time.Time `json:"newest,omitzero"`
	// Accounts are the accounts of the configuration, in its order.
	Accounts []Account `json:"accounts"`
	// Repeats are the rows that are refused because of earlier ones, encoded.
	Repeats []byte `json:"repeats,omitempty"`
}

// Account is what the rows of a manifest need to know about an account. If no row
// uses it, only the name is set.
type Account struct {
	Name   string   `json:"name"`
	Vendor string   `json:"vendor,omitempty"`
	Base   string   `json:"base,omitempty"` // its base URL
	On     []string `json:"on,omitempty"`   // settings that are on and widen what the account accepts
	Fault  string   `json:"fault,omitempty"`
}

// Position is a position between two rows.
type Position struct {
	Row    int    `json:"row"`              // the number of rows before it
	Line   int    `json:"line"`             // the line after it, from 1
	Offset int64  `json:"offset,omitempty"` // the bytes of the file before it
	Name   string `json:"name,omitempty"`   // in a folder, the last media file before it
}
