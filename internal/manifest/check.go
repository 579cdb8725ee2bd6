package manifest

import (
	"cmp"
	"fmt"
	"mime"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// mostSource is the length limit of a source in bytes: more than any signed URL that
// servers accept.
const mostSource = 8 << 10

// checker turns rows into items, each by itself. It opens nothing.
type checker struct {
	layout   Layout
	options  Options
	columns  *columns
	accounts *accounts
	// noDefault says that rows without an account have none to fall back to, which
	// is reported once for all of them.
	noDefault bool
	fields    fieldCells // of the current row
	base      string     // of the current row; "" for the manifest's own
	signs     signs      // that were taken off
}

func newChecker(layout Layout, options Options, known *columns) *checker {
	return &checker{
		layout: layout, options: options, columns: known, accounts: newAccounts(options.Catalog),
		fields: fieldCells{values: map[string]string{}},
	}
}

// checkDefault returns the problem that all rows without an account have in common,
// or nil.
func (c *checker) checkDefault() *Problem {
	var p *Problem
	switch {
	case c.options.To != "":
		if _, p = c.accounts.find(c.options.To); p != nil {
			p.Column, p.Message = "", "--to: "+p.Message
		}
	case c.layout.Format == Folder, c.layout.Format.headed() && !slices.Contains(c.layout.Columns, columnTo):
		p = c.accounts.missing()
	}
	c.noDefault = p != nil
	return p
}

// check turns a raw row into a checked one.
func (c *checker) check(in raw) Row {
	row := Row{At: in.at, Cells: in.cells, Text: in.text}
	row.Item = upload.Item{Batch: c.options.Batch, Line: in.at.Line, Again: c.options.Again}
	if in.fault != nil {
		row.add(in.fault)
		if c.layout.Format == Folder {
			row.Item.Source = c.refusedSource(in.text)
		}
		return row
	}
	c.fields.reset()
	c.base = ""
	for _, cell := range in.cells {
		if p := c.take(&row, cell); p != nil {
			row.add(p)
			c.fields.reject(cell.Column)
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

// account finds the row's account.
func (c *checker) account(row *Row) {
	name := row.Item.Account
	if name == "" {
		name = c.options.To
	}
	switch {
	case row.Rejected(columnTo):
		return
	case row.Item.Account == "" && c.noDefault:
		row.incomplete = true
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

// Rejected reports whether a column already has a problem that refuses the row.
func (r *Row) Rejected(column string) bool {
	return slices.ContainsFunc(r.Problems, func(p Problem) bool { return p.Column == column && !p.Warning })
}

// source makes the row's source canonical, and checks that its vendor accepts the
// type that its name suggests.
func (c *checker) source(row *Row) {
	given := row.Item.Source
	row.Item.Source = ""
	switch {
	case row.Rejected(columnSource), row.Rejected(columnBase):
		for _, cell := range row.Cells {
			if cell.Column == columnSource {
				row.Item.Source = c.refusedSource(cell.Text)
			}
		}
		return
	case given == "" && c.layout.Format.headed() && !slices.Contains(c.layout.Columns, columnSource):
		row.incomplete = true
		return
	case given == "":
		row.add(problem(SortSource, columnSource, "is missing").hint("use a path, https://HOST/PATH, s3://BUCKET/KEY or oss://BUCKET/KEY"))
		return
	case len(given) > mostSource:
		row.add(problem(SortLength, columnSource, "has %d bytes but may have at most %d", len(given), mostSource).hint("check the cell: a quote or a line break may be missing"))
		return
	}
	place := c.layout.Place
	place.Base = cmp.Or(c.base, place.Base)
	canonical, p := place.resolve(given)
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

// refusedSource is how results name the source of a row that is refused because of it:
// as it was given, or in a folder the path of the file. Bytes that are not text are
// spelled out.
func (c *checker) refusedSource(given string) string {
	if c.layout.Format == Folder {
		given = filepath.Join(c.layout.Place.Source, given)
	}
	var b strings.Builder
	for len(given) > 0 && b.Len() < mostSource {
		r, size := utf8.DecodeRuneInString(given)
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02X`, given[0])
		} else {
			b.WriteString(given[:size])
		}
		given = given[size:]
	}
	return upload.DisplaySource(b.String())
}

// format checks that the vendor accepts the declared type, or else the type that
// the name suggests. If neither is known here, the bytes decide later.
func (c *checker) format(row *Row) {
	name := media.CleanName(row.Item.Source)
	kind, known := media.TypeOf(name)
	column, what := columnSource, shown(name)+": "
	if declared := declaredType(row.Item.ContentType); declared != "" && (!known || kind.Medium()) {
		if known && !remote(row.Item.Source) && media.Contradict(declared, kind) {
			row.add(problem(SortContentType, columnContentType, "is %s, but the name %s means %s", declared, shown(name), kind).
				hint("correct one of the two; if content_type is empty, the type is detected from the bytes"))
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
	if column == columnSource && remote(row.Item.Source) {
		p = problem(SortFormat, column, "the URL ends like that of %s: %s", kind, refused.Message).warn()
		row.add(p.hint("the bytes decide; remove the row if the file is what its URL says"))
		return
	}
	row.add(p.hint("%s", refused.Hint))
}

// remote reports whether a server may name a source otherwise than its URL does.
func remote(source string) bool {
	return strings.HasPrefix(source, "https:") || strings.HasPrefix(source, "http:")
}

// declaredType returns a declared media type if it is in our table, or "".
func declaredType(text string) media.Type {
	parsed, _, err := mime.ParseMediaType(text)
	if kind := media.Type(parsed); err == nil && kind.Extension() != "" {
		return kind
	}
	return ""
}

// seal gives the row its identity. A refused row without an id, or with the id of an
// earlier row, gets one that cannot be the id of any other row.
func (c *checker) seal(row *Row) {
	taken := slices.ContainsFunc(row.Problems, func(p Problem) bool { return p.Sort == SortRepeat && !p.Warning })
	if row.Item.ID == "" || taken {
		row.Item.ID = fmt.Sprintf("line#%d", row.At.Line)
	}
	if c.options.Batch != "" {
		row.Item.UploadID = upload.BatchUploadID(c.options.Batch, row.Item.ID)
	}
}
