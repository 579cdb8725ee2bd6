// Package manifest turns manifests into checked items: CSV and JSON Lines from a
// file, standard input, https:, S3 or OSS, and folders that stand for their
// media. It owns the formats, what may be wrong with a row and how that is told
// to people: with line, column and remedy, everything at once.
//
// A manifest is read as a stream and never kept: what a million rows need in
// memory is a few bytes each, to find those that stand twice; see Reader. The
// first reading ends in a Layout, with which ReadPage reads rows from the middle,
// of exactly the content that was checked. Package manifest opens no source of a
// row, asks no vendor, changes no file but the one that Spool makes, and knows
// nothing of workflows.
package manifest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// Catalog is what rows are checked against. A *config.Config is one.
type Catalog interface {
	// Profile returns an account, whose credentials are not needed.
	Profile(name string) (spec.Account, error)
	// AccountNames lists the accounts in the order in which they are shown.
	AccountNames() []string
}

// Options say how rows become items. To, Batch and Again must be the same for all
// readings of one batch.
type Options struct {
	Opener Opener
	// Catalog is for the first reading; later ones take the accounts as they were.
	Catalog Catalog
	// To is the account of rows that name none; "" where each must.
	To string
	// Batch names the batch that the items belong to; "" for a plan.
	Batch string
	// Again marks the items to be sent once more.
	Again bool
}

// Cell is one filled cell of a row, as it was given: without the quotes of CSV.
// A value of JSON Lines that is no text is given as JSON.
type Cell struct {
	Column string `json:"column"`
	Text   string `json:"text"`

	kind kind
}

// kind is what a value of JSON Lines was.
type kind uint8

const (
	kindText kind = iota
	kindNumber
	kindBoolean
	kindArray
	kindObject
)

// raw is a row before it is checked. Where it has a fault it has no cells.
type raw struct {
	at    Position
	cells []Cell
	fault *Problem
	text  string
}

// rows are read one after another, until io.EOF. position is where the next one
// begins, or a blank line before it.
type rows interface {
	next() (raw, error)
	position() Position
}

// Reader reads a manifest from its beginning to its end, and checks each row by
// itself and against those before it. Its memory does not grow with the manifest
// but for 25 bytes at most a row: twice that for rows with ids, and as much again
// for rows that are a product's primary image. It is not safe for concurrent
// use.
type Reader struct {
	ctx     context.Context // of Open: it ends the reading of the content
	options Options
	layout  Layout
	checker *checker
	rows    rows
	header  []Problem
	repeats repeats
	// vendors are those of the rows so far, and strangers says that there are rows
	// whose vendor is not known.
	vendors   map[string]bool
	strangers bool

	content Content // nil for a folder
	stream  *stream
	sum     hash.Hash
	err     error // after which nothing more is read
}

// Open opens a manifest and reads its header. What makes it unreadable as a
// whole is an *upload.Error: invalid for what is no manifest. ctx holds until
// the Reader is closed, which is the caller's part.
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

// start begins with the first row.
func (r *Reader) start(layout Layout, known *columns) {
	layout.Start = r.rows.position()
	r.layout = layout
	r.checker = newChecker(layout, r.options, known)
	if p := r.checker.nowhere(); p != nil {
		p.Line = 1
		r.header = append(r.header, *p)
	}
}

// Header is what is wrong with the manifest as a whole: unknown columns, a
// column that is missing. Unless all of it is warnings, no row may be sent.
func (r *Reader) Header() []Problem { return r.header }

// Unused warns of columns that no row's vendor has, which shows after the last row
// only. Nothing is said where some row's account is not known: the column may be
// its vendor's.
func (r *Reader) Unused() []Problem {
	if r.layout.Format != CSV || !errors.Is(r.err, io.EOF) || r.strangers {
		return nil
	}
	var problems []Problem
	for _, name := range r.layout.Columns {
		owners := r.checker.columns.owners[r.checker.columns.base(name)]
		if len(owners) == 0 || slices.ContainsFunc(owners, func(vendor string) bool { return r.vendors[vendor] }) {
			continue
		}
		p := problem(SortColumn, clipped(name), "is no column that the vendor of some row has, only %s has", strings.Join(owners, ", ")).
			hint("remove it, unless rows for %s are to follow", strings.Join(owners, ", ")).warn()
		p.Line = 1
		problems = append(problems, *p)
	}
	return problems
}

// Next reads a row. It returns io.EOF after the last one; an *upload.Error of
// kind invalid where there is none at all, missing where the manifest is not
// what it was when it was opened, and unavailable for trouble on the way. After
// an error it returns that error again.
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
	if r.strangers = r.strangers || row.account == nil; row.account != nil {
		r.vendors[row.account.spec.Name] = true
	}
	r.repeats.check(&row)
	r.checker.seal(&row)
	return row, nil
}

// end looks whether what was read is still there. It returns io.EOF if it is.
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
	if r.layout.Format == Folder {
		return invalid(r.layout.Place, "is a folder without media").WithHint("names that begin with a dot, and extensions of no picture, film, sound or PDF, do not count")
	}
	return invalid(r.layout.Place, "has no rows").WithHint("write one row for each medium below the header")
}

// Layout is what is known after the last row. It fails before that, and where
// more rows repeat others than can be carried along.
func (r *Reader) Layout() (Layout, error) {
	if !errors.Is(r.err, io.EOF) {
		return Layout{}, upload.Errorf(upload.KindInternal, upload.StepClaim, "manifest %q was not read to its end", r.layout.Place.Display())
	}
	if r.repeats.kept > mostRepeats {
		return Layout{}, invalid(r.layout.Place, "has %d rows that repeat others, more than the %d that can be left out", r.repeats.kept, mostRepeats).
			WithHint("remove them from the manifest")
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
	return errors.Join(err, r.content.Close())
}
