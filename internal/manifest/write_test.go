package manifest_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/sources"
)

func TestACopyOfSomeRowsCanBeRunFromAnywhere(t *testing.T) {
	for name, text := range map[string]string{
		"of CSV":        "source;to;id;title;duration;tags.x\nimg/a.mp4;truvideo;;\"=HYPERLINK(1)\n\"\"x\"\"; y\";1500; spaced \nhttps://x.example/b.mp4?sig=1;;two;\" lead\";;\nc.mp4;nobody;;;;\nbroken\n",
		"of JSON Lines": `{"source":"img/a.mp4","to":"truvideo","title":"=HYPERLINK(1)\n\"x\"; y","duration":1500,"tags":{"x":"spaced"}}` + "\n" + `{"source":"https://x.example/b.mp4?sig=1","id":"two","title":" lead"}` + "\n" + `{"source":"c.mp4","to":"nobody"}` + "\nbroken\n",
	} {
		t.Run(name, func(t *testing.T) {
			place, options := placed(text)
			options.To = "truvideo"
			got := readAll(t, place, options)
			require.Len(t, got.rows, 4)

			var out bytes.Buffer
			n, err := manifest.WriteRows(&out, got.layout.CopyColumns(), got.rows)
			require.NoError(t, err)
			require.Equal(t, 3, n, "a row that cannot be read is not copied")

			copied := filepath.Join(t.TempDir(), "failed.csv")
			require.NoError(t, os.WriteFile(copied, out.Bytes(), 0o600))
			elsewhere, err := manifest.Locate(copied, "/")
			require.NoError(t, err)
			options.Opener, options.To = manifest.From(sources.New(sources.Options{})), ""
			again := readAll(t, elsewhere, options)
			require.Len(t, again.rows, 3)
			for i := range 3 {
				want, is := got.rows[i].Item, again.rows[i].Item
				want.Line, is.Line = 0, 0
				if i < 2 {
					require.Equal(t, want, is)
				}
				require.Equal(t, got.rows[i].Valid(), again.rows[i].Valid())
			}
			require.Contains(t, out.String(), "https://x.example/b.mp4?sig=1,truvideo,")
			require.Contains(t, out.String(), "=HYPERLINK(1)")
		})
	}
}

func TestAFoldersRowsAreCopiedAsAManifest(t *testing.T) {
	place, options := inFolder(library("b/a:1.jpg", "c.heic"))
	got := readAll(t, place, options)
	var out bytes.Buffer
	_, err := manifest.WriteRows(&out, got.layout.CopyColumns(), got.rows)
	require.NoError(t, err)
	require.Equal(t, "source,to\n/srv/catalogue/b/a:1.jpg,trustana\n/srv/catalogue/c.heic,trustana\n", out.String())
}

func TestAWriterRefusesWhatItCannotWrite(t *testing.T) {
	for _, columns := range [][]string{{"source", ""}, {"source", "source"}} {
		_, err := manifest.NewWriter(&bytes.Buffer{}, columns)
		require.ErrorContains(t, err, "must be unique and not empty")
	}
	w, err := manifest.NewWriter(&bytes.Buffer{}, []string{"source"})
	require.NoError(t, err)
	require.ErrorContains(t, w.Write([]manifest.Cell{{Column: "to", Text: "x"}}), `column "to" is not in the header source`)
	_, err = manifest.WriteRows(&bytes.Buffer{}, []string{"source"}, []manifest.Row{{Cells: []manifest.Cell{{Column: "to"}}}})
	require.Error(t, err)
	_, err = manifest.WriteRows(&bytes.Buffer{}, []string{""}, nil)
	require.Error(t, err)
	_, err = manifest.WriteRows(full{}, []string{"source"}, []manifest.Row{{Cells: []manifest.Cell{{Column: "source", Text: strings.Repeat("x", 9000)}}}})
	require.ErrorContains(t, err, "no space left")
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }
