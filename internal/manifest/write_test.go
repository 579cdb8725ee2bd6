package manifest_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/workbook/workbooktest"
)

// givenBack writes rows as a batch gives back those that failed.
func givenBack(t *testing.T, form manifest.Form, rows []manifest.Row) string {
	t.Helper()
	var out bytes.Buffer
	w, err := manifest.NewWriter(&out, form, "source", "to", "base", "problem", "hint")
	require.NoError(t, err)
	for _, row := range rows {
		row.Item.Given = form.Given(row)
		cells := form.Complete(form.CellsOf(row.Item), row.Item)
		var problem, hint string
		if err := row.Err(); err != nil {
			problem, hint = err.Message, err.Hint
		}
		require.NoError(t, w.Write(manifest.Explain(cells, problem, hint)))
	}
	require.NoError(t, w.Flush())
	return out.String()
}

func TestRowsThatAreGivenBackAreTheSameItemsAnywhere(t *testing.T) {
	for name, text := range map[string]string{
		"of CSV":        "source;to;id;title;duration;tags.x\nimg/a.mp4;truvideo;;\"=HYPERLINK(1)\n\"\"x\"\"; y\";1500; spaced \nhttps://x.example/b.mp4?sig=1;;two;\" lead\";;\nc.mp4;nobody;;;;\nbroken\n",
		"of JSON Lines": `{"source":"img/a.mp4","to":"truvideo","title":"=HYPERLINK(1)\n\"x\"; y","duration":1500,"tags":{"x":"spaced"}}` + "\n" + `{"source":"https://x.example/b.mp4?sig=1","id":"two","title":" lead"}` + "\n" + `{"source":"c.mp4","to":"nobody"}` + "\nbroken\n",
	} {
		t.Run(name, func(t *testing.T) {
			place, options := placed(text)
			options.To = "truvideo"
			got := readAll(t, place, options)
			require.Len(t, got.rows, 4)
			back := givenBack(t, got.layout.Form(), got.rows)

			copied := filepath.Join(t.TempDir(), "failed.txt")
			require.NoError(t, os.WriteFile(copied, []byte(back), 0o600))
			elsewhere, err := manifest.Locate(copied, "/")
			require.NoError(t, err)
			options.Opener, options.To = manifest.From(sources.New(sources.Options{})), ""
			again := readAll(t, elsewhere, options)
			require.Len(t, again.rows, 4)
			for i := range 4 {
				want, is := got.rows[i].Item, again.rows[i].Item
				want.Line, is.Line = 0, 0
				if i < 2 {
					require.Equal(t, want, is)
				}
				require.Equal(t, got.rows[i].Valid(), again.rows[i].Valid())
			}
			require.Contains(t, back, "https://x.example/b.mp4?sig=1")
			require.Contains(t, back, `unknown account`)
		})
	}
}

func TestRowsAreGivenBackInTheFormOfTheirManifest(t *testing.T) {
	wide := func(text string) string {
		var raw strings.Builder
		for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
			raw.WriteByte(byte(unit))
			raw.WriteByte(byte(unit >> 8))
		}
		return raw.String()
	}
	for name, c := range map[string]struct{ text, want string }{
		"semicolons, a mark and both returns": {
			"\ufeffsource;skuIds;id;to\r\nGröße.jpg;A|B;1;trustana\r\n\"a;b.jpg\";=\"007\";;trustana\r\n",
			"\ufeffsource;skuIds;id;to;base;problem;hint\r\nGröße.jpg;A|B;1;trustana;/srv/catalogue;;\r\n\"a;b.jpg\";\"'=\"\"007\"\"\";;trustana;/srv/catalogue;;\r\n",
		},
		"tabs, a list as JSON, and no accounts": {
			"skuIds\tsource\n\"[\"\"A\"\"]\"\t/srv/a.jpg\n",
			"skuIds\tsource\tto\tbase\tproblem\thint\n\"[\"\"A\"\"]\"\t/srv/a.jpg\ttrustana\t/srv/catalogue\t\t\n",
		},
		"UTF-16": {wide("source\tid\r\na.jpg\tü\r\n"), wide("source\tid\tto\tbase\tproblem\thint\r\na.jpg\tü\ttrustana\t/srv/catalogue\t\t\r\n")},
		"JSON Lines": {
			`{"skuIds":["A","B"],"addToMediaGallery":true,"source":"a.jpg"}` + "\n",
			`{"source":"a.jpg","to":"trustana","addToMediaGallery":true,"skuIds":["A","B"],"base":"/srv/catalogue","problem":"","hint":""}` + "\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			place, options := placed(c.text)
			options.To = "trustana"
			got := readAll(t, place, options)
			require.Empty(t, got.problems())
			require.Equal(t, c.want, givenBack(t, got.layout.Form(), got.rows))
		})
	}
}

func TestRowsOfAWorkbookAreGivenBackAsAWorkbook(t *testing.T) {
	place, options := shelved(t, workbooktest.Book{Sheets: []workbooktest.Sheet{{
		Name: "S", Rows: row("source", "skuIds", "to") + row("img/a.jpg", "007|8", "trustana") + row("b.jpg", "=1+1", "nobody"),
	}}}, "")
	got := readAll(t, place, options)
	require.Equal(t, ".xlsx", got.layout.Form().Extension())
	back := givenBack(t, got.layout.Form(), got.rows)

	options.Opener = shelf{files: map[string]*content{"/elsewhere/failed.xlsx": written(back)}}
	again := readAll(t, manifest.Place{Source: "/elsewhere/failed.xlsx", Base: "/elsewhere"}, options)
	require.Equal(t, []string{"source", "skuIds", "to", "base"}, again.layout.Form().Columns)
	require.Equal(t, got.rows[0].Item.UploadID, again.rows[0].Item.UploadID, "the same item")
	require.Equal(t, got.sources(), again.sources())
	require.False(t, again.rows[1].Valid())
	require.Equal(t, "=1+1", again.rows[1].Cells[1].Text)
}

func TestCellsAreKeptOnlyWhereTheyCannotBeMadeAgain(t *testing.T) {
	place, options := placed("source,to,skuIds,addToMediaGallery,id\nimg/a.jpg,trustana,A|B,true,\nimg/b.jpg,,A,false,x\nimg/c.jpg,,A |B,,\n./d.jpg,,,,\ne.jpg,,,yes,\n")
	options.To = "trustana"
	got := readAll(t, place, options)
	var kept []bool
	for _, row := range got.rows {
		kept = append(kept, got.layout.Form().Given(row) != nil)
	}
	require.Equal(t, []bool{false, false, true, true, true}, kept)
}

func TestAFoldersRowsAreGivenBackAsATable(t *testing.T) {
	place, options := inFolder(library("b/a:1.jpg", "c.heic"))
	got := readAll(t, place, options)
	require.Regexp(t, "^\ufeffsource,to,base,problem,hint\n./b/a:1.jpg,trustana,/srv/catalogue,,\nc.heic,trustana,/srv/catalogue,.*HEIC.*\n$", givenBack(t, got.layout.Form(), got.rows))
}

func TestAWriterRefusesWhatItCannotWrite(t *testing.T) {
	form := manifest.Form{Format: manifest.CSV, Columns: []string{"source", "source", ""}}
	w, err := manifest.NewWriter(&bytes.Buffer{}, form)
	require.NoError(t, err)
	require.ErrorContains(t, w.Write([]manifest.Cell{{Column: "to", Text: "x"}}), `column "to" is not in the header ["source"]`)
	w, err = manifest.NewWriter(full{}, form)
	require.NoError(t, err)
	require.ErrorContains(t, w.Write([]manifest.Cell{{Column: "source", Text: strings.Repeat("x", 9000)}}), "no space left")
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }
