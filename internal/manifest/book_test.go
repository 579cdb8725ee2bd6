package manifest_test

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/workbook/workbooktest"
)

// shelved is a workbook in memory.
func shelved(t testing.TB, b workbooktest.Book, sheet string) (manifest.Place, manifest.Options) {
	t.Helper()
	place := manifest.Place{Source: home + "/m.xlsx", Base: home, Sheet: sheet}
	return place, manifest.Options{
		Opener: shelf{files: map[string]*content{place.Source: written(string(b.Bytes(t)))}}, Catalog: accounts(), Batch: "b",
	}
}

var row = workbooktest.Row

func TestAWorkbookIsReadLikeCSV(t *testing.T) {
	place, options := shelved(t, workbooktest.Book{
		Formats: []string{"00000000000000"},
		Sheets: []workbooktest.Sheet{{Name: "S", Rows: `<row r="2"/>` + row("source ", "to", "id", "organization_id", "gtin", "", "is_primary", "hint") +
			`<row><c t="inlineStr"><is><t>img/a.jpg </t></is></c><c t="inlineStr"><is><t>closient</t></is></c><c><v>12</v></c><c t="inlineStr"><is><t>` + organization + `</t></is></c><c s="1"><v>12345678905</v></c><c/><c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c></row>` +
			row("", " ") + row("b.jpg", "trustana")}},
	}, "")
	got := readAll(t, place, options)
	require.Empty(t, append(got.problems(), got.footer...))
	require.Equal(t, []string{home + "/img/a.jpg", home + "/b.jpg"}, got.sources())
	require.Equal(t, []int{4, 6}, []int{got.rows[0].Line(), got.rows[1].Line()})
	require.Equal(t, "00012345678905", got.rows[0].Item.Fields.String("gtin"))
	require.Equal(t, true, got.rows[0].Item.Fields["is_primary"])
	require.Equal(t, "12", got.rows[0].Item.ID)
	require.Equal(t, manifest.XLSX, got.layout.Format)
	require.Len(t, got.layout.SHA256, 64)
	require.Equal(t, []string{"source", "to", "id", "organization_id", "gtin", "is_primary"}, got.layout.Form().Columns)

	options.Catalog = nil
	for at, left := got.layout.Start, got.rows; len(left) > 0; left = left[1:] {
		page, err := manifest.ReadPage(t.Context(), throughJSON(t, got.layout), at, 1, options)
		require.NoError(t, err)
		require.Equal(t, plain(left[:1]), plain(page.Rows))
		require.Equal(t, len(left) == 1, page.End)
		at = page.Next
	}
}

func TestWhatAWorkbookLostIsNamed(t *testing.T) {
	value := func(cell string) reading {
		place, options := shelved(t, workbooktest.Book{Formats: []string{"0.00E+00"}, Sheets: []workbooktest.Sheet{{
			Name: "S", Rows: row("source", "to", "organization_id", "gtin", "title") + `<row><c t="inlineStr"><is><t>a.jpg</t></is></c><c t="inlineStr"><is><t>closient</t></is></c><c t="inlineStr"><is><t>` + organization + `</t></is></c>` + cell + `</row>`,
		}}}, "")
		return readAll(t, place, options)
	}
	const good = `<c><v>4006381333931</v></c>`
	for cells, says := range map[string]string{
		`<c><v>123457</v></c>`:                                   `gtin: 123457 has only 6 digits; a spreadsheet has probably dropped leading zeros`,
		`<c s="1"><v>4006381333931</v></c>`:                      `gtin: "4.01E+12" is a number that a spreadsheet has shortened`,
		`<c t="e"><v>#GETTING_DATA</v></c>`:                      `gtin: "#GETTING_DATA" is an error value`,
		`<c><f>VLOOKUP(A2,B:C,2)</f></c>`:                        `gtin: the formula "=VLOOKUP(A2,B:C,2)" has no result: the program that wrote the file did not calculate it`,
		good + `<c t="e"><v>#FÜR_ALLE</v></c>`:                   `title: "#FÜR_ALLE" is an error value`,
		good + `<c><f>A1</f><v/></c>`:                            `title: the formula "=A1" has no result`,
		good + `<c/><c t="inlineStr"><is><t>x</t></is></c>`:      `cell F2 is not empty, but its column has no name`,
		`<c t="inlineStr"><is><t>1` + "\u200b" + `</t></is></c>`: `an invisible character, U+200B`,
	} {
		got := value(cells)
		require.Len(t, got.problems(), 1, cells)
		require.False(t, got.rows[0].Valid())
		require.Contains(t, got.problems()[0].String(), says)
		require.Equal(t, 2, got.problems()[0].Line)
	}
	require.Empty(t, value(good).problems())
}

func TestALiteralColumnOfAWorkbookHasItsErrorValues(t *testing.T) {
	place, options := shelved(t, workbooktest.Book{Sheets: []workbooktest.Sheet{{Name: "S", Rows: row("source", "to", "skuIds") +
		`<row><c t="inlineStr"><is><t>a.jpg</t></is></c><c t="inlineStr"><is><t>trustana</t></is></c><c t="e"><v>#N/A</v></c></row>`}}}, "")
	options.Literal = []string{"skuIds"}
	got := readAll(t, place, options)
	require.Empty(t, got.problems())
	require.Equal(t, []any{"#N/A"}, got.rows[0].Item.Fields["skuIds"])
}

func TestWhatAWorkbookHidesIsTold(t *testing.T) {
	place, options := shelved(t, workbooktest.Book{Sheets: []workbooktest.Sheet{
		{
			Name: "Rows", Before: `<cols><col min="3" max="9" hidden="1"/></cols>`, After: `<mergeCells><mergeCell ref="B2:B3"/><mergeCell ref="H2:H9"/></mergeCells>`,
			Rows: row("source", "to", "id") + strings.Replace(row("a.jpg", "trustana", "a"), "<row>", `<row hidden="1">`, 1) + row("b.jpg", "", "b"),
		},
		{Name: "More rows", Rows: row("source", "to")},
		{Name: "Notes", Rows: row("about", "source")},
	}}, "")
	options.To = "trustoo"
	got := readAll(t, place, options)
	var told []string
	for _, p := range append(got.problems(), got.footer...) {
		require.True(t, p.Warning)
		require.Equal(t, manifest.SortSheet, p.Sort)
		told = append(told, p.String())
	}
	require.Equal(t, []string{
		`line 1: sheet "More rows" looks like a manifest too; only "Rows" is read (to use it: /srv/catalogue/m.xlsx#More rows)`,
		`line 2: 1 row is hidden in the spreadsheet and will be sent like the others (delete the rows that are not meant, or copy the others to a sheet of their own)`,
		`line 1: id: the column is hidden in the spreadsheet and will be sent like the others (delete it, if it is not meant)`,
		`line 2: the cells B2:B3 are merged; only the first one has a value (unmerge them, and fill each cell)`,
	}, told)
}

func TestASheetIsChosen(t *testing.T) {
	book := workbooktest.Book{Sheets: []workbooktest.Sheet{{Name: "Read me", Rows: row("This is our catalogue")}, {Name: "Data", Rows: row("source", "to") + row("a.jpg", "trustana")}}}
	place, options := shelved(t, book, "Data")
	require.Equal(t, "/srv/catalogue/m.xlsx#Data", place.Display())
	require.Len(t, readAll(t, place, options).rows, 1)
	for sheet, says := range map[string]string{
		"":     `has no header: line 1 is "This is our catalogue", which names no known column (sheet "Data" looks like a manifest; to use it: "/srv/catalogue/m.xlsx#Data")`,
		"Dato": `has no sheet "Dato" (it has "Read me", "Data")`,
	} {
		place, options := shelved(t, book, sheet)
		_, err := manifest.Open(t.Context(), place, options)
		require.ErrorContains(t, err, strings.SplitN(says, " (", 2)[0])
	}
	for given, want := range map[string]manifest.Place{
		"cat.XLSX#Data 2":         {Source: "/srv/cat.XLSX", Base: "/srv", Sheet: "Data 2"},
		"cat.xlsx":                {Source: "/srv/cat.xlsx", Base: "/srv"},
		"a#b.csv":                 {Source: "/srv/a#b.csv", Base: "/srv"},
		"s3://b/cat.xlsx#D%20a":   {Source: "s3://b/cat.xlsx", Base: "s3://b/", Sheet: "D a"},
		"https://h/c.xlsm?v=1#D":  {Source: "https://h/c.xlsm?v=1", Sheet: "D"},
		"https://h/c.csv#ignored": {Source: "https://h/c.csv"},
	} {
		place, err := manifest.Locate(given, "/srv")
		require.NoError(t, err)
		require.Equal(t, want, place)
		again, err := manifest.Locate(place.Given(), "/")
		require.NoError(t, err)
		require.Equal(t, place, again)
	}
	place, options = placed("source,to\na.jpg,trustana\n")
	place.Sheet = "S"
	_, err := manifest.Open(t.Context(), place, options)
	require.ErrorContains(t, err, `is no .xlsx spreadsheet, so that it has no sheets`)
}

func TestALargeWorkbookTakesLittleMemory(t *testing.T) {
	var rows strings.Builder
	rows.WriteString(row("source", "to", "skuIds", "fileName"))
	for i := range 100_000 {
		fmt.Fprintf(&rows, `<row><c t="inlineStr"><is><t>img/%d.jpg</t></is></c><c t="s"><v>0</v></c><c><v>%d</v></c><c t="s"><v>1</v></c></row>`, i, i)
	}
	place, options := shelved(t, workbooktest.Book{Texts: []string{"trustana", "front.jpg"}, Sheets: []workbooktest.Sheet{{Name: "S", Rows: rows.String()}}}, "")
	rows.Reset()
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r, err := manifest.Open(t.Context(), place, options)
	require.NoError(t, err)
	count := 0
	for ; ; count++ {
		if _, err = r.Next(t.Context()); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, 100_000, count)
	runtime.GC()
	runtime.ReadMemStats(&now)
	require.Less(t, int64(now.HeapAlloc)-int64(before.HeapAlloc), int64(20<<20))
	require.NoError(t, r.Close())
}
