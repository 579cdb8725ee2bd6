package manifest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// mixed is a manifest of many sorts of rows, good and bad.
func mixed() string {
	var b strings.Builder
	b.WriteString("source,to,id,title,gtin,organization_id,is_primary\n")
	for i := range 120 {
		switch i % 12 {
		case 0:
			fmt.Fprintf(&b, "img/%d.mp4,truvideo,,\"über\n\n%d 😀\",,,\n", i, i)
		case 1:
			b.WriteString("\n\n")
			fmt.Fprintf(&b, "a.jpg,trustana,same,,,,\n")
		case 2:
			fmt.Fprintf(&b, "b.jpg,trustana,,,,,\n")
		case 3:
			fmt.Fprintf(&b, "a.jpg,trustana,,\"lost,,,\n")
		case 4:
			fmt.Fprintf(&b, "a.jpg,trustana\n%d.jpg,broken,,,,,\n", i)
		case 5:
			fmt.Fprintf(&b, "%d.jpg,closient,,,4006381333931,%s,true\n", i, organization)
		case 6:
			b.WriteString(strings.Repeat("y", 3000) + ",nobody,,,,,\n")
		default:
			fmt.Fprintf(&b, "s3://bucket/%d.jpg,trustana,id-%d,,,,\n", i, i)
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func TestPagesGiveWhatTheWholeGave(t *testing.T) {
	objects := strings.Builder{}
	for i := range 100 {
		fmt.Fprintf(&objects, "{\"source\":\"ü%d.jpg\",\"to\":\"trustana\",\"id\":\"%d\"}\n{\"source\":\"x\n\n", i, i%40)
	}
	for name, text := range map[string]string{
		"of CSV":                         mixed(),
		"of CSV with carriage returns":   strings.ReplaceAll(mixed(), "\n", "\r"),
		"of CSV as Windows writes it":    "\ufeff" + strings.ReplaceAll(mixed(), "\n", "\r\n"),
		"of CSV in UTF-16":               utf16Of(mixed(), false, true),
		"of CSV in UTF-16 without mark":  utf16Of(mixed(), true, false),
		"of CSV with a separator's line": "sep=,\n" + mixed(),
		"of JSON Lines":                  objects.String(),
		"of JSON Lines in UTF-16":        utf16Of(objects.String(), true, true),
	} {
		t.Run(name, func(t *testing.T) {
			place, options := placed(text)
			got := readAll(t, place, options)
			require.Len(t, got.rows, got.layout.Rows)
			layout := throughJSON(t, got.layout)
			options.Catalog = nil // the accounts are those of the layout
			for _, size := range []int{1, 7, 50, got.layout.Rows, got.layout.Rows + 1} {
				var rows []manifest.Row
				for at, end := layout.Start, false; !end; {
					page, err := manifest.ReadPage(t.Context(), layout, at, size, options)
					require.NoError(t, err)
					require.LessOrEqual(t, len(page.Rows), size)
					rows = append(rows, page.Rows...)
					at, end = page.Next, page.End
				}
				require.Equal(t, plain(got.rows), plain(rows))
			}
			for _, row := range got.rows { // and every row is a place to begin
				page, err := manifest.ReadPage(t.Context(), layout, row.At, 1, options)
				require.NoError(t, err)
				require.Equal(t, plain([]manifest.Row{row}), plain(page.Rows))
			}
		})
	}
}

func throughJSON(t testing.TB, layout manifest.Layout) manifest.Layout {
	raw, err := json.Marshal(layout)
	require.NoError(t, err)
	var back manifest.Layout
	require.NoError(t, json.Unmarshal(raw, &back))
	require.Equal(t, layout, back)
	return back
}

func TestAPageReadsNothingBeforeIt(t *testing.T) {
	text := "source,to\n" + strings.Repeat("https://x.example/a.jpg?unsigned=1,trustana\n", 2000)
	place, options := placed(text)
	got := readAll(t, place, options)
	file := options.Opener.(shelf).files[place.Source]
	file.opened = nil
	_, err := manifest.ReadPage(t.Context(), got.layout, got.rows[1500].At, 5, options)
	require.NoError(t, err)
	require.Equal(t, []int64{got.rows[1500].At.Offset}, file.opened)
}

func TestAnEditUnderWayIsRefused(t *testing.T) {
	place, options := placed("source,to\na.jpg,trustana\nb.jpg,trustana\n")
	got := readAll(t, place, options)

	options.Opener = shelf{files: map[string]*content{place.Source: written("source,to\na.jpg,trustana\nb.jpg,trustana\nc.jpg,trustana\n")}}
	_, err := manifest.ReadPage(t.Context(), got.layout, got.layout.Start, 10, options)
	require.Equal(t, upload.KindMissing, upload.KindOf(err))
	require.ErrorContains(t, err, `manifest "/srv/catalogue/m.csv" has changed: it was 40 bytes and is now 55 bytes`)

	place, options = placed("source,to\na.jpg,trustana\n")
	options.Opener.(shelf).files[place.Source].unchanged = func() error {
		return upload.Errorf(upload.KindMissing, upload.StepTransfer, "source %q has changed: it was x and is now y", place.Source)
	}
	r, err := manifest.Open(t.Context(), place, options)
	require.NoError(t, err)
	_, err = r.Next(t.Context())
	require.NoError(t, err)
	_, err = r.Next(t.Context())
	require.Equal(t, upload.KindMissing, upload.KindOf(err))
	require.ErrorContains(t, err, "has changed")
	_, again := r.Next(t.Context())
	require.Equal(t, err, again)
}

func TestAPositionOutsideIsAFaultOfOurs(t *testing.T) {
	place, options := placed("source,to\na.jpg,trustana\nb.jpg,trustana\n")
	got := readAll(t, place, options)
	for _, at := range []manifest.Position{{}, {Line: 2, Offset: 9}, {Line: 2, Offset: 41}, {Row: 3, Line: 2, Offset: 12}, {Row: -1, Line: 2, Offset: 12}} {
		_, err := manifest.ReadPage(t.Context(), got.layout, at, 1, options)
		require.Equal(t, upload.KindInternal, upload.KindOf(err))
	}
	// A position that belongs to another content leads to too few rows.
	_, err := manifest.ReadPage(t.Context(), got.layout, manifest.Position{Line: 3, Offset: 25}, 5, options)
	require.Equal(t, upload.KindMissing, upload.KindOf(err))
	page, err := manifest.ReadPage(t.Context(), got.layout, manifest.Position{Row: 2, Line: 4, Offset: 40}, 5, options)
	require.NoError(t, err)
	require.True(t, page.End)
	require.Empty(t, page.Rows)
	layout := got.layout
	layout.Format = "ods"
	_, err = manifest.ReadPage(t.Context(), layout, layout.Start, 1, options)
	require.ErrorContains(t, err, `unknown format "ods"`)
}

func TestTroubleOnTheWayIsPassedOn(t *testing.T) {
	place, options := placed(mixed())
	file := options.Opener.(shelf).files[place.Source]
	layout := readAll(t, place, options).layout
	file.at = failing{}
	_, err := manifest.Open(t.Context(), place, options)
	require.ErrorContains(t, err, "the line is cut")
	_, err = manifest.ReadPage(t.Context(), layout, layout.Start, 1, options)
	require.ErrorContains(t, err, "the line is cut")
	file.at = strings.NewReader("source,to\n")
	_, err = manifest.Open(t.Context(), place, options)
	require.Equal(t, upload.KindUnavailable, upload.KindOf(err))
	require.ErrorContains(t, err, "ended after 10 of")
	_, err = manifest.Open(t.Context(), manifest.Place{Source: "/nowhere.csv"}, options)
	require.ErrorContains(t, err, `manifest "/nowhere.csv" does not exist`)
	_, err = manifest.ReadPage(t.Context(), manifest.Layout{Place: manifest.Place{Source: "/nowhere.csv"}, Rows: 1, Size: 1}, manifest.Position{Line: 1}, 1, options)
	require.ErrorContains(t, err, `manifest "/nowhere.csv" does not exist`)
}

type failing struct{}

func (failing) ReadAt([]byte, int64) (int, error) { return 0, errors.New("the line is cut") }
