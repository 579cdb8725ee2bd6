// Package batch makes batches of manifests: it plans what one would cost and
// which of its rows would be refused, and it puts the rows into the ledger, from
// which the workflows take them.
//
// A manifest is read as a stream, once to find everything that is wrong with it
// and once more to load it; memory stays bounded for a million rows. Package
// batches sends nothing, asks no vendor, starts no workflow and knows no
// terminal: commands and activities use it alike. Planning changes nothing but
// temporary files of its own; loading writes to the ledger and nowhere else.
package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode"

	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// pageRows is how many rows are looked up, or written, at once.
const pageRows = 500

// RefusedError says that a manifest has rows that cannot be sent, and which. It
// is of kind invalid.
type RefusedError struct {
	Manifest string // as it may be shown
	Found    manifest.Collected
	// Whole says that the header is at fault, so that there is no row that could
	// be sent without the others.
	Whole bool
}

// Error is one line; Found names the rows.
func (e *RefusedError) Error() string {
	if e.Whole {
		return fmt.Sprintf("%q is not a valid manifest: %s", e.Manifest, e.Found.Groups()[0])
	}
	return fmt.Sprintf("manifest %q has %s that would be refused", e.Manifest, plural(e.Found.Refused, "row"))
}

// Unwrap gives the error its kind.
func (e *RefusedError) Unwrap() error {
	return upload.Errorf(upload.KindInvalid, upload.StepClaim, "%s", e.Error())
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// NameOf is the name that a batch of a manifest gets where nobody gives one: that
// of the file or the folder, without its extension and in characters that a
// batch's name may have. It is "" where nothing is left, as with standard input.
func NameOf(place manifest.Place) string {
	if place.Name != "" {
		return "" // spooled: its file has a name that says nothing
	}
	base := path.Base(strings.TrimRight(upload.DisplaySource(place.Source), "/"))
	if !place.Folder {
		base = strings.TrimSuffix(base, path.Ext(base))
		if place.Sheet != "" {
			base += "-" + place.Sheet
		}
	}
	name := strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) || strings.ContainsRune("._-", r) {
			return r
		}
		return '-'
	}, base)
	name = strings.Trim(name, ".-")
	const most = 60
	return name[:min(len(name), most)]
}

// read reads a manifest through, and gives each row to each. header is told of
// what is wrong with the whole: before the first row, and of what only all rows
// together show, after the last one.
func read(ctx context.Context, place manifest.Place, options manifest.Options, header func([]manifest.Problem) error, each func(manifest.Row) error) (layout manifest.Layout, err error) {
	reader, err := manifest.Open(ctx, place, options)
	if err != nil {
		return layout, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	if err := header(reader.Header()); err != nil {
		return layout, err
	}
	for {
		row, err := reader.Next(ctx)
		if errors.Is(err, io.EOF) {
			if err := header(reader.Columns()); err != nil {
				return layout, err
			}
			return reader.Layout()
		}
		if err != nil {
			return layout, err
		}
		if err := each(row); err != nil {
			return layout, err
		}
	}
}

// fatal reports whether the header makes every row unfit.
func fatal(header []manifest.Problem) bool {
	for _, p := range header {
		if !p.Warning {
			return true
		}
	}
	return false
}
