package manifest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

var _ manifest.Catalog = (*config.Config)(nil)

// catalog is a configuration with an account of each vendor, and two more.
type catalog struct {
	profile func(name string) (spec.Account, error)
	names   []string
}

func (c catalog) Profile(name string) (spec.Account, error) { return c.profile(name) }
func (c catalog) AccountNames() []string                    { return c.names }

func accounts() catalog {
	return catalog{
		names: append(vendors.Names(), "closient-eu", "broken"),
		profile: func(name string) (spec.Account, error) {
			switch name {
			case "closient-eu":
				return spec.Account{Name: name, Vendor: "closient", BaseURL: "https://eu.closient.example"}, nil
			case "broken":
				return spec.Account{}, errors.New("accounts.broken.base_url: is no URL")
			}
			return spec.Account{Name: name, Vendor: name, BaseURL: "https://" + name + ".example"}, nil
		},
	}
}

// shelf is an Opener over contents in memory.
type shelf struct {
	files  map[string]*content
	folder func(path string) (fs.FS, error)
}

func (s shelf) Folder(path string) (fs.FS, error) { return s.folder(path) }

func (s shelf) Open(_ context.Context, source, fingerprint string) (manifest.Content, error) {
	file, ok := s.files[source]
	if !ok {
		return nil, upload.Errorf(upload.KindInvalid, upload.StepClaim, "source %q does not exist", source)
	}
	if fingerprint != "" && fingerprint != file.fingerprint {
		return nil, upload.Errorf(upload.KindMissing, upload.StepTransfer, "source %q has changed: it was %s and is now %s", source, fingerprint, file.fingerprint)
	}
	return file, nil
}

// content is bytes that come as they are asked for.
type content struct {
	size        int64
	fingerprint string
	at          io.ReaderAt
	unchanged   func() error
	opened      []int64 // offsets of the ranges
}

func (c *content) Size() int64         { return c.size }
func (c *content) Fingerprint() string { return c.fingerprint }
func (c *content) Close() error        { return nil }

func (c *content) Range(_ context.Context, offset, size int64) (io.ReadCloser, error) {
	if offset < 0 || size <= 0 || offset+size > c.size {
		return nil, fmt.Errorf("%d bytes from %d lie outside", size, offset)
	}
	c.opened = append(c.opened, offset)
	return io.NopCloser(io.NewSectionReader(c.at, offset, size)), nil
}

func (c *content) Unchanged(context.Context) error {
	if c.unchanged == nil {
		return nil
	}
	return c.unchanged()
}

// written is a content of these bytes.
func written(text string) *content {
	return &content{size: int64(len(text)), fingerprint: fmt.Sprintf("%d bytes", len(text)), at: strings.NewReader(text)}
}

const home = "/srv/catalogue"

// placed is a manifest of this text, in memory.
func placed(text string) (manifest.Place, manifest.Options) {
	place := manifest.Place{Source: home + "/m.csv", Base: home}
	return place, manifest.Options{
		Opener: shelf{files: map[string]*content{place.Source: written(text)}}, Catalog: accounts(), Batch: "b",
	}
}

// reading is everything that one reading of a manifest gave.
type reading struct {
	rows   []manifest.Row
	header []manifest.Problem
	footer []manifest.Problem // of whole columns
	layout manifest.Layout
}

func (r reading) problems() []manifest.Problem {
	all := r.header
	for _, row := range r.rows {
		all = append(all, row.Problems...)
	}
	return all
}

func (r reading) sources() []string {
	var all []string
	for _, row := range r.rows {
		all = append(all, row.Item.Source)
	}
	return all
}

// readAll reads a manifest to its end.
func readAll(t testing.TB, place manifest.Place, options manifest.Options) reading {
	t.Helper()
	r, err := manifest.Open(t.Context(), place, options)
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	all := reading{header: r.Header()}
	for {
		row, err := r.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		all.rows = append(all.rows, row)
	}
	all.footer = r.Columns()
	all.layout, err = r.Layout()
	require.NoError(t, err)
	return all
}

func readText(t testing.TB, text string) reading {
	t.Helper()
	place, options := placed(text)
	return readAll(t, place, options)
}

// refused is why a manifest cannot be read at all.
func refused(t testing.TB, text string) *upload.Error {
	t.Helper()
	place, options := placed(text)
	r, err := manifest.Open(t.Context(), place, options)
	for err == nil {
		_, err = r.Next(t.Context())
	}
	var e *upload.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, upload.KindInvalid, e.Kind)
	require.NotEmpty(t, e.Hint)
	return e
}

// utf16Of writes text in UTF-16.
func utf16Of(text string, big, mark bool) string {
	if mark {
		text = "\ufeff" + text
	}
	var b bytes.Buffer
	for _, unit := range utf16.Encode([]rune(text)) {
		if big {
			b.WriteByte(byte(unit >> 8))
		}
		b.WriteByte(byte(unit))
		if !big {
			b.WriteByte(byte(unit >> 8))
		}
	}
	return b.String()
}
