// Package manifest turns manifests into checked items. A manifest is CSV or JSON
// Lines, in a file, on standard input, at an https: URL, in S3 or in OSS, or a
// folder of media files. The package owns the formats, the checks of a row, and the
// messages about problems, which name the line, the column and the remedy.
//
// A manifest is read as a stream. A million rows need only a few bytes of memory
// each, to find duplicates; see Reader. The first reading ends with a Layout, with
// which ReadPage later reads rows from the middle of exactly the content that was
// checked. Package manifest opens no source of a row, calls no vendor, writes no
// file except the one of Spool, and knows nothing of workflows.
package manifest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// Catalog has the accounts that rows are checked against. A *config.Config is one.
type Catalog interface {
	// Profile returns an account. Its credentials are not needed.
	Profile(name string) (spec.Account, error)
	// AccountNames lists the accounts in display order.
	AccountNames() []string
}

// Options control how rows become items. To, Batch and Again must be the same for
// all readings of one batch.
type Options struct {
	Opener Opener
	// Catalog is used by the first reading; later readings use the accounts of the
	// first one.
	Catalog Catalog
	// To is the account of rows that do not name one; "" if every row must.
	To string
	// Batch is the batch of the items; "" for a plan.
	Batch string
	// Again marks the items to be sent again.
	Again bool
	// Literal names columns whose cells are taken as they are: nothing around them is
	// taken off, and no traces of spreadsheets are looked for. Later readings use those
	// of the first one. See CheckLiteral.
	Literal []string
}

// Cell is one non-empty cell of a row as it was given, without CSV quotes. A JSON
// Lines value that is not a string is given as JSON.
type Cell struct {
	Column string `json:"column"`
	Text   string `json:"text"`

	kind kind
}

// kind is the type of a JSON Lines value, or of a cell of a workbook.
type kind uint8

const (
	kindText kind = iota
	kindNumber
	kindBoolean
	kindArray
	kindObject
	kindError        // an error value of a workbook
	kindUncalculated // a formula of a workbook that has no result
)

// raw is a row before it is checked. A row with a fault has cells only if it has too few.
type raw struct {
	at    Position
	cells []Cell
	fault *Problem
	text  string
}

// rows are read one after another until io.EOF. position is the start of the next
// row, or of a blank line before it.
type rows interface {
	next() (raw, error)
	position() Position
}

// Reader reads a manifest from start to end, and checks each row by itself and
// against the rows before it. Its memory grows by at most 25 bytes a row: twice that
// for rows with an id, and 25 bytes more for a product's primary image. It is not
// safe for concurrent use.
type Reader struct {
	ctx     context.Context // of Open; canceling it ends all reading
	options Options
	layout  Layout
	checker *checker
	rows    rows
	header  []Problem
	repeats repeats
	// vendors are the vendors of the rows so far; unknownVendor is set if the vendor
	// of some row is not known.
	vendors       map[string]bool
	unknownVendor bool

	content Content // nil for a folder
	stream  *stream
	sum     hash.Hash
	err     error // ends the reading
}

// Open opens a manifest and reads its header. If the manifest as a whole cannot be
// read, the error is an *upload.Error, whose kind is invalid if the content is not a
// manifest. The caller must close the Reader, and keep ctx alive until then.
func Open(ctx context.Context, place Place, options Options) (*Reader, error) {
	r := &Reader{ctx: ctx, options: options, sum: sha256.New(), vendors: map[string]bool{}}
	if place.Folder {
		if err := r.openFolder(place); err != nil {
			return nil, err
		}
		return r, nil
	}
	content, err := options.Opener.Open(ctx, place.Source, "")
	if err != nil {
		return nil, asManifest(err)
	}
	r.content = content
	if err := r.open(place); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func (r *Reader) open(place Place) error {
	r.stream = &stream{ctx: r.ctx, content: r.content, place: place, sum: r.sum}
	head := make([]byte, min(headSize, r.content.Size()))
	if _, err := io.ReadFull(r.stream, head); err != nil {
		return err
	}
	known := newColumns()
	if isBook(head) {
		return r.openBook(io.MultiReader(bytes.NewReader(head), r.stream), place, known)
	}
	if place.Sheet != "" {
		return invalid(place, "is no .xlsx spreadsheet, so that it has no sheets").WithHint("name the file without #%s", place.Sheet)
	}
	layout, mark, err := sniff(head, place, known)
	if err != nil {
		return err
	}
	layout.Size, layout.Fingerprint = r.content.Size(), r.content.Fingerprint()
	in := &lines{
		in: io.MultiReader(bytes.NewReader(head[mark:]), r.stream), encoding: layout.Encoding, returns: layout.Returns,
		offset: int64(mark), number: 1,
	}
	if layout.Format == JSONLines {
		r.rows = &jsonRows{lines: in}
	} else {
		csv, problems, err := readHeader(in, place, known)
		if err != nil {
			return err
		}
		layout.Separator, layout.Columns = string(csv.split.separator), csv.columns
		r.rows, r.header = csv, problems
	}
	r.start(layout, known)
	return nil
}

// start prepares for the first row.
func (r *Reader) start(layout Layout, known *columns) {
	layout.Start, layout.Literal = r.rows.position(), r.options.Literal
	r.layout = layout
	r.checker = newChecker(layout, r.options, known)
	for _, p := range append(r.checker.absentLiteral(), r.checker.checkDefault()) {
		if p != nil {
			p.Line = 1
			r.header = append(r.header, *p)
		}
	}
}

// Header returns the problems of the manifest as a whole: unknown and missing
// columns. Unless all of them are warnings, no row may be sent.
func (r *Reader) Header() []Problem { return r.header }

// Next reads a row. After the last row it returns io.EOF. Other errors are
// *upload.Error: invalid if the manifest has no rows, missing if it has changed since
// it was opened, and unavailable if reading fails. After an error, Next returns the
// same error again.
func (r *Reader) Next(ctx context.Context) (Row, error) {
	if r.err == nil {
		r.err = ctx.Err()
	}
	if r.err == nil {
		r.err = r.ctx.Err()
	}
	if r.err != nil {
		return Row{}, r.err
	}
	one, err := r.rows.next()
	if errors.Is(err, io.EOF) {
		err = r.end()
	}
	if err != nil {
		r.err = err
		return Row{}, err
	}
	one.at.Row = r.layout.Rows
	r.layout.Rows++
	row := r.checker.check(one)
	if r.unknownVendor = r.unknownVendor || row.account == nil; row.account != nil {
		r.vendors[row.account.spec.Name] = true
	}
	r.repeats.check(&row)
	r.checker.seal(&row)
	return row, nil
}

// end checks that the manifest has not changed. If so, it returns io.EOF.
func (r *Reader) end() error {
	if r.layout.Rows == 0 {
		return r.empty()
	}
	if r.content != nil {
		if err := r.content.Unchanged(r.ctx); err != nil {
			return asManifest(err)
		}
	}
	r.layout.SHA256 = hex.EncodeToString(r.sum.Sum(nil))
	switch rows := r.rows.(type) {
	case *jsonRows:
		r.layout.Columns = rows.seen
	case *folderRows:
		r.layout.Newest = rows.newest
		r.layout.Fingerprint = folderFingerprint(r.layout.Rows, r.layout.SHA256)
	}
	return io.EOF
}

func (r *Reader) empty() error {
	if folder, is := r.rows.(*folderRows); is {
		return invalid(r.layout.Place, "has no media files%s", folder.left.summary()).
			WithHint("use a folder with files whose extension is that of an image, a video, a sound or a PDF; system folders and hidden files are left out")
	}
	return invalid(r.layout.Place, "has no rows").WithHint("add one row per media file below the header")
}

// Layout returns what is known after the last row. It fails before that, and if the
// manifest has more duplicate rows than a Layout can hold.
func (r *Reader) Layout() (Layout, error) {
	if !errors.Is(r.err, io.EOF) {
		return Layout{}, upload.Errorf(upload.KindInternal, upload.StepClaim, "manifest %q has not been read to its end", r.layout.Place.Display())
	}
	if r.repeats.kept > mostRepeats {
		return Layout{}, invalid(r.layout.Place, "has %d duplicate rows; at most %d can be skipped", r.repeats.kept, mostRepeats).
			WithHint("remove the duplicates from the manifest")
	}
	layout := r.layout
	layout.Repeats = r.repeats.packed
	layout.Accounts = r.checker.accounts.keep()
	return layout, nil
}

// Close releases the manifest.
func (r *Reader) Close() error {
	if r.content == nil {
		return nil
	}
	var err error
	if r.stream != nil {
		err = r.stream.close()
	}
	if book, is := r.rows.(*bookRows); is {
		err = errors.Join(err, book.close())
	}
	return errors.Join(err, r.content.Close())
}
