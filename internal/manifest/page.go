package manifest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Page is rows from the middle of a manifest.
type Page struct {
	Rows []Row
	// Next is the position after the page.
	Next Position
	// End says that there are no rows after the page.
	End bool
}

// ReadPage reads up to count rows from a position that comes from a Row, a Page or
// the Layout. It reads nothing before that position. Each row has the item and the
// problems of the first reading, except warnings that depend on other rows. The
// accounts are those of the first reading, with their base URLs; Options.Catalog is
// not used.
//
// The error is an *upload.Error: missing, with both fingerprints, if the manifest has
// changed, or unavailable if reading fails.
func ReadPage(ctx context.Context, layout Layout, at Position, count int, options Options) (Page, error) {
	if at.Row < 0 || at.Row > layout.Rows || at.Line < 1 || layout.Format != Folder && (at.Offset < layout.Start.Offset || at.Offset > layout.Size) {
		return Page{}, upload.Errorf(upload.KindInternal, upload.StepClaim, "row %d in line %d is outside manifest %q", at.Row, at.Line, layout.Place.Display())
	}
	if layout.Format == Folder {
		return readFolderPage(ctx, layout, at, count, options)
	}
	content, err := options.Opener.Open(ctx, layout.Place.Source, layout.Fingerprint)
	if err != nil {
		return Page{}, asManifest(err)
	}
	in := &stream{ctx: ctx, content: content, place: layout.Place, at: at.Offset}
	options.Catalog = keptAccounts(layout.Accounts)
	if layout.Format == XLSX {
		page, err := pager{checker: newChecker(layout, options, newColumns()), layout: layout}.readBook(ctx, in, at, count)
		return page, errors.Join(err, in.close(), content.Close())
	}
	var page Page
	rows, err := rowsAt(&lines{in: in, encoding: layout.Encoding, returns: layout.Returns, offset: at.Offset, number: at.Line}, layout)
	if err == nil {
		page, err = pager{newChecker(layout, options, newColumns()), rows, layout}.read(ctx, at, count)
	}
	return page, errors.Join(err, in.close(), content.Close())
}

// readBook reads one page of a worksheet.
func (p pager) readBook(ctx context.Context, in io.Reader, at Position, count int) (Page, error) {
	book, file, err := openBook(ctx, in, p.layout.Place)
	if err != nil {
		return Page{}, err
	}
	rows, err := openSheet(ctx, book, file, p.layout.Place)
	if err != nil {
		return Page{}, err
	}
	rows.columns, rows.from = p.layout.Columns, at.Line
	p.rows = rows
	page, err := p.read(ctx, at, count)
	return page, errors.Join(err, rows.close())
}

// rowsAt returns the rows after a position, where there is no header.
func rowsAt(in *lines, layout Layout) (rows, error) {
	switch {
	case layout.Format == JSONLines:
		r := &jsonRows{lines: in, known: map[string]bool{}}
		for _, name := range layout.Columns {
			r.known[name] = true
		}
		r.seen = layout.Columns
		return r, nil
	case layout.Format == CSV && len(layout.Separator) == 1:
		return newCSVRows(in, layout.Separator[0], layout.Columns), nil
	}
	return nil, fmt.Errorf("the layout of manifest %q has the unknown format %q", layout.Place.Display(), layout.Format)
}

// pager reads one page.
type pager struct {
	checker *checker
	rows    rows
	layout  Layout
}

func (p pager) read(ctx context.Context, at Position, count int) (Page, error) {
	p.checker.checkDefault()
	repeated := unpack(p.layout.Repeats)
	page := Page{Next: at}
	for len(page.Rows) < count && page.Next.Row < p.layout.Rows {
		if err := ctx.Err(); err != nil {
			return Page{}, err
		}
		one, err := p.rows.next()
		if errors.Is(err, io.EOF) {
			return Page{}, p.short(page.Next.Row)
		}
		if err != nil {
			return Page{}, err
		}
		one.at.Row = page.Next.Row
		row := p.checker.check(one)
		repeated.apply(&row)
		p.checker.seal(&row)
		page.Rows = append(page.Rows, row)
		page.Next = p.rows.position()
		page.Next.Row = row.At.Row + 1
	}
	page.End = page.Next.Row == p.layout.Rows
	return page, nil
}

// short is the error of a manifest with fewer rows than before.
func (p pager) short(rows int) error {
	return upload.Errorf(upload.KindMissing, upload.StepClaim, "manifest %q has changed: it had %d rows, and now has %d",
		p.layout.Place.Display(), p.layout.Rows, rows)
}

// readFolderPage checks the whole folder again only if one of the folders of the page
// has changed since the first reading.
func readFolderPage(ctx context.Context, layout Layout, at Position, count int, options Options) (Page, error) {
	fsys, err := options.Opener.Folder(layout.Place.Source)
	if err != nil {
		return Page{}, asManifest(err)
	}
	options.Catalog = keptAccounts(layout.Accounts)
	folder := newFolderRows(ctx, fsys, layout.Place, at)
	page, err := pager{newChecker(layout, options, newColumns()), folder, layout}.read(ctx, at, count)
	if err != nil && upload.KindOf(err) != upload.KindMissing {
		return Page{}, err
	}
	if err != nil || folder.newest.After(layout.Newest) {
		if changed := unchanged(ctx, fsys, sha256.New(), layout); changed != nil {
			return Page{}, changed
		}
	}
	return page, err
}
