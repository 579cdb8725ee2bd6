package manifest

import (
	"fmt"
	"mime"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// mostSource is how long a source may be, in bytes: longer than any signed URL
// that servers accept.
const mostSource = 8 << 10

// checker makes items of rows, each by itself. It opens nothing.
type checker struct {
	layout   Layout
	options  Options
	columns  *columns
	accounts *accounts
	// homeless says that the header lacks a usable account for rows that name
	// none, which is told once and not for each of them.
	homeless bool
	fields   fieldCells // of the row at hand
}

func newChecker(layout Layout, options Options, known *columns) *checker {
	return &checker{
		layout: layout, options: options, columns: known, accounts: newAccounts(options.Catalog),
		fields: fieldCells{values: map[string]string{}},
	}
}

// nowhere is the problem of rows that name no account, where all of them have
// the same.
func (c *checker) nowhere() *Problem {
	var p *Problem
	switch {
	case c.options.To != "":
		if _, p = c.accounts.find(c.options.To); p != nil {
			p.Column, p.Message = "", "--to: "+p.Message
		}
	case c.layout.Format == Folder, c.layout.Format == CSV && !slices.Contains(c.layout.Columns, columnTo):
		p = c.accounts.missing()
	}
	c.homeless = p != nil
	return p
}

// check makes a row of what was read.
func (c *checker) check(in raw) Row {
	row := Row{At: in.at, Cells: in.cells, Text: in.text}
	row.Item = upload.Item{Batch: c.options.Batch, Line: in.at.Line, Again: c.options.Again}
	if in.fault != nil {
		row.add(in.fault)
		return row
	}
	c.fields.reset()
	for _, cell := range in.cells {
		if p := c.take(&row, cell); p != nil {
			row.add(p)
			c.fields.told(cell.Column)
		}
	}
	c.account(&row)
	c.source(&row)
	if row.account != nil {
		c.checkFields(&row)
	}
	if row.Valid() && row.Item.ID == "" {
		row.Item.ID = upload.DeriveID(row.Item.Account, row.Item.Source, row.Item.Fields)
	}
	return row
}

// take puts a cell where it belongs.
func (c *checker) take(row *Row, cell Cell) *Problem {
	if p := damaged(cell); p != nil {
		if c.layout.Format == Folder {
			_ = p.hint("rename the file: its name is not UTF-8")
		}
		return p
	}
	if !own(cell.Column) {
		return c.field(cell)
	}
	if cell.kind != kindText {
		return untyped(cell)
	}
	if strings.ContainsFunc(cell.Text, invisible) {
		return problem(sortOf(cell.Column), cell.Column, "%s holds a character that cannot be seen", shown(cell.Text)).hint("write it anew by hand; a file of such a name has to be renamed")
	}
	switch cell.Column {
	case columnSource:
		row.Item.Source = cell.Text
	case columnTo:
		row.Item.Account = cell.Text
	case columnID:
		return c.id(row, cell.Text)
	case columnContentType:
		return contentType(row, cell.Text)
	case columnSHA256:
		return sha256Of(row, cell.Text)
	}
	return nil
}

// damaged finds cells that are no text, or were none once.
func damaged(cell Cell) *Problem {
	text := cell.Text
	if !utf8.ValidString(text) || !utf8.ValidString(cell.Column) {
		if at := strings.IndexFunc(text, func(r rune) bool { return r == utf8.RuneError }); at >= 0 && text[at] >= 0xa0 && text[at] != 0xef {
			return problem(SortEncoding, clipped(cell.Column), "holds the byte 0x%X, which is not UTF-8 here; in Windows-1252 it would be %q", text[at], string(rune(text[at]))).hint("%s", encodingHint)
		}
		return problem(SortEncoding, clipped(cell.Column), "holds bytes that are not UTF-8").hint("%s", encodingHint)
	}
	if strings.ContainsRune(text, utf8.RuneError) {
		return problem(SortEncoding, clipped(cell.Column), "holds U+FFFD, which stands for a character that was lost in a conversion").hint("write the cell anew, or export the manifest again as UTF-8")
	}
	if strings.IndexByte(text, 0) >= 0 {
		return problem(SortEncoding, clipped(cell.Column), "holds a zero byte").hint("write the cell anew by hand")
	}
	return nil
}

// invisible are characters that our own columns cannot hold, and that nobody
// would find by looking.
func invisible(r rune) bool {
	return unicode.IsControl(r) || r == '\ufeff' || r == '\u200b' || r == '\u2028' || r == '\u2029'
}

func sortOf(column string) Sort {
	switch column {
	case columnTo:
		return SortAccount
	case columnID:
		return SortID
	case columnContentType:
		return SortContentType
	case columnSHA256:
		return SortSHA256
	}
	return SortSource
}

// untyped refuses a value of JSON that should be text.
func untyped(cell Cell) *Problem {
	p := problem(sortOf(cell.Column), clipped(cell.Column), "%s is no text", shown(cell.Text))
	if cell.kind == kindNumber {
		return p.hint("write it in quotes: a number loses its leading zeros")
	}
	return p.hint("write it in quotes")
}

func (c *checker) id(row *Row, id string) *Problem {
	if err := upload.CheckID(id); err != nil {
		return problem(SortID, columnID, "%s", err).hint("want up to 200 printable characters without spaces, ? and #; or leave it empty")
	}
	row.Item.ID = id
	if scientific.MatchString(id) {
		row.add(problem(SortID, columnID, "%s looks like a number that a spreadsheet shortened", shown(id)).hint("%s", spreadsheetHint).warn())
	}
	return nil
}

func contentType(row *Row, text string) *Problem {
	parsed, _, err := mime.ParseMediaType(text)
	if class, name, found := strings.Cut(parsed, "/"); err != nil || !found || class == "" || name == "" {
		return problem(SortContentType, columnContentType, "%s is no media type", shown(text)).hint("want one such as image/jpeg; or leave it empty, and it is taken from the bytes")
	}
	row.Item.ContentType = text
	return nil
}

var sha256Form = regexp.MustCompile(`^[0-9a-f]{64}$`)

func sha256Of(row *Row, text string) *Problem {
	sum := strings.ToLower(text)
	if !sha256Form.MatchString(sum) {
		return problem(SortSHA256, columnSHA256, "%s is no SHA-256", shown(text)).hint("want 64 hexadecimal digits, as sha256sum prints them; or leave it empty")
	}
	row.Item.SHA256 = sum
	return nil
}

// account finds the row's account.
func (c *checker) account(row *Row) {
	name := row.Item.Account
	if name == "" {
		name = c.options.To
	}
	switch {
	case row.told(columnTo):
		return
	case row.Item.Account == "" && c.homeless:
		row.headless = true
		return
	case name == "":
		row.add(c.accounts.missing())
		return
	}
	row.Item.Account = name
	found, p := c.accounts.find(name)
	if p != nil {
		row.add(p)
		return
	}
	row.account = found
	row.Item.Vendor, row.Item.Base = found.Vendor, found.BaseURL
}

// told reports whether something is wrong with a column already.
func (r *Row) told(column string) bool {
	return slices.ContainsFunc(r.Problems, func(p Problem) bool { return p.Column == column && !p.Warning })
}

// source makes the row's source canonical, and looks whether its vendor can take
// what its name says it is.
func (c *checker) source(row *Row) {
	given := row.Item.Source
	row.Item.Source = ""
	switch {
	case row.told(columnSource):
		return
	case given == "" && c.layout.Format == CSV && !slices.Contains(c.layout.Columns, columnSource):
		row.headless = true
		return
	case given == "":
		row.add(problem(SortSource, columnSource, "is missing").hint("write where the medium is: a path, https://HOST/PATH, s3://BUCKET/KEY or oss://BUCKET/KEY"))
		return
	case len(given) > mostSource:
		row.add(problem(SortLength, columnSource, "%d bytes are too many, want at most %d", len(given), mostSource).hint("check the cell: a quote or a line break may be missing"))
		return
	}
	canonical, p := c.layout.Place.resolve(given)
	if p != nil {
		row.add(p)
		row.Item.Source = upload.DisplaySource(given)
		return
	}
	row.Item.Source = canonical
	if row.account != nil {
		c.format(row)
	}
}

// format asks the vendor about the kind of medium that is declared, or that the
// name says. A name that says nothing is left to the bytes, and so is a declared
// type that has another name here.
func (c *checker) format(row *Row) {
	name := media.CleanName(row.Item.Source)
	kind, known := media.TypeOf(name)
	column, what := columnSource, shown(name)+": "
	if declared := declaredType(row.Item.ContentType); declared != "" && (!known || kind.Medium()) {
		if known && !remote(row.Item.Source) && media.Contradict(declared, kind) {
			row.add(problem(SortContentType, columnContentType, "is %s, but the name %s says %s", declared, shown(name), kind).
				hint("correct one of the two; where content_type is empty, the bytes are asked"))
			return
		}
		kind, known, column, what = declared, true, columnContentType, ""
	}
	if !known {
		return
	}
	err := row.account.spec.CheckContent(upload.Content{Size: 1, Type: string(kind), Name: name}, row.account.Account)
	if err == nil {
		return
	}
	refused := upload.AsError(err, upload.StepClaim)
	p := problem(SortFormat, column, "%s%s", what, refused.Message)
	if refused.Hint == "" {
		refused.Hint = fmt.Sprintf("convert it, or name an account of a vendor that takes %s", kind)
		if !kind.Medium() {
			refused.Hint = "name the medium itself, and not something that holds or describes it"
		}
	}
	row.add(p.hint("%s", refused.Hint))
}

// remote reports whether a server may give a source another name than its URL.
func remote(source string) bool {
	return strings.HasPrefix(source, "https:") || strings.HasPrefix(source, "http:")
}

// declaredType is a declared type by the name that it has in our table, or "".
func declaredType(text string) media.Type {
	parsed, _, err := mime.ParseMediaType(text)
	if kind := media.Type(parsed); err == nil && kind.Extension() != "" {
		return kind
	}
	return ""
}

// seal gives the row its identity. A refused row that has none of its own, or
// whose own is an earlier row's, gets one that no id can be.
func (c *checker) seal(row *Row) {
	taken := slices.ContainsFunc(row.Problems, func(p Problem) bool { return p.Sort == SortRepeat && !p.Warning })
	if row.Item.ID == "" || taken {
		row.Item.ID = fmt.Sprintf("line#%d", row.At.Line)
	}
	if c.options.Batch != "" {
		row.Item.UploadID = upload.BatchUploadID(c.options.Batch, row.Item.ID)
	}
}
