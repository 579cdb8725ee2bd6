package workbook_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/workbook"
	"github.com/mediaferry/mediaferry/internal/workbook/workbooktest"
)

func open(t testing.TB, b workbooktest.Book) (*workbook.Book, error) {
	t.Helper()
	raw := b.Bytes(t)
	return workbook.Open(bytes.NewReader(raw), int64(len(raw)))
}

// readAll reads the first sheet.
func readAll(t testing.TB, b workbooktest.Book) ([]workbook.Row, *workbook.Rows, error) {
	t.Helper()
	book, err := open(t, b)
	if err != nil {
		return nil, nil, err
	}
	sheet, found := book.Worksheet("")
	require.True(t, found)
	rows, err := book.Rows(sheet)
	if err != nil {
		return nil, nil, err
	}
	defer func() { require.NoError(t, rows.Close()) }()
	var all []workbook.Row
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return all, rows, nil
		}
		if err != nil {
			return all, rows, err
		}
		all = append(all, row)
	}
}

func TestACellIsReadAsItIsShown(t *testing.T) {
	for name, c := range map[string]struct {
		cell string
		want workbook.Cell
	}{
		"a shared text":                 {`<c t="s"><v>0</v></c>`, workbook.Cell{Text: "plain"}},
		"a text in runs":                {`<c t="s"><v>1</v></c>`, workbook.Cell{Text: "one two"}},
		"a text with its pronunciation": {`<c t="s"><v>2</v></c>`, workbook.Cell{Text: "東京"}},
		"a text with a line break":      {`<c t="s"><v>3</v></c>`, workbook.Cell{Text: "a\r\nb_x"}},
		"a text of its own":             {`<c t="inlineStr"><is><r><t>a</t></r><r><t xml:space="preserve"> b</t></r></is></c>`, workbook.Cell{Text: "a b"}},
		"the text of a formula":         {`<c t="str"><f>A1&amp;"x"</f><v>yx</v></c>`, workbook.Cell{Text: "yx"}},
		"a whole number":                {`<c><v>4006381333931</v></c>`, workbook.Cell{Text: "4006381333931"}},
		"a whole number as a float":     {`<c><v>4.006381333931E12</v></c>`, workbook.Cell{Text: "4006381333931"}},
		"a number of many digits":       {`<c><v>1.2345678901234568E+17</v></c>`, workbook.Cell{Text: "123456789012346000"}},
		"a number without end":          {`<c><v>1.5E+300</v></c>`, workbook.Cell{Text: "1.5E+300"}},
		"a fraction":                    {`<c><v>0.30000000000000004</v></c>`, workbook.Cell{Text: "0.3"}},
		"zeros by a format":             {`<c s="1"><v>12345678905</v></c>`, workbook.Cell{Text: "00012345678905"}},
		"a date":                        {`<c s="2"><v>46024</v></c>`, workbook.Cell{Text: "2026-01-02"}},
		"a percentage":                  {`<c s="3"><v>0.256</v></c>`, workbook.Cell{Text: "25.6%"}},
		"thousands":                     {`<c s="4"><v>1234567.891</v></c>`, workbook.Cell{Text: "1,234,567.89"}},
		"an exponent by a format":       {`<c s="5"><v>4006381333931</v></c>`, workbook.Cell{Text: "4.01E+12"}},
		"a style that is missing":       {`<c s="99"><v>5</v></c>`, workbook.Cell{Text: "5"}},
		"a truth":                       {`<c t="b"><v>1</v></c>`, workbook.Cell{Text: "TRUE"}},
		"an error value":                {`<c t="e"><f>1/0</f><v>#DIV/0!</v></c>`, workbook.Cell{Text: "#DIV/0!", Kind: workbook.ErrorValue}},
		"a formula with its result":     {`<c><f>1+1</f><v>2</v></c>`, workbook.Cell{Text: "2"}},
		"a formula without one":         {`<c><f>A1&amp;B1</f><v></v></c>`, workbook.Cell{Text: "=A1&B1", Kind: workbook.Uncalculated}},
		"a formula that others have":    {`<c><f t="shared" si="0"/></c>`, workbook.Cell{Text: "=", Kind: workbook.Uncalculated}},
		"a date in letters":             {`<c t="d"><v>2026-01-02T00:00:00</v></c>`, workbook.Cell{Text: "2026-01-02T00:00:00"}},
	} {
		t.Run(name, func(t *testing.T) {
			rows, _, err := readAll(t, workbooktest.Book{
				Texts:   []string{"plain", "<r><t>one</t></r><r><t> two</t></r>", "<t>東京</t><rPh><t>トウキョウ</t></rPh>", "a_x000D_\nb_x"},
				Formats: []string{"00000000000000", "yyyy-mm-dd", "0.0%", "#,##0.00", "0.00E+00"},
				Sheets:  []workbooktest.Sheet{{Name: "S", Rows: "<row>" + c.cell + "</row>"}},
			})
			require.NoError(t, err)
			require.Equal(t, []workbook.Cell{c.want}, rows[0].Cells)
		})
	}
}

func TestRowsAndCellsAreWhereTheySayTheyAre(t *testing.T) {
	rows, sheet, err := readAll(t, workbooktest.Book{Sheets: []workbooktest.Sheet{{
		Name:   "S",
		Before: `<cols><col min="2" max="3" hidden="1"/></cols>`,
		Rows:   `<row r="2"><c r="B2"><v>1</v></c><c><v>2</v></c><c r="AA2"><v>3</v></c></row><row/><row r="7" hidden="1"><c><v>4</v></c></row>`,
		After:  `<mergeCells count="2"><mergeCell ref="A2:A5"/><mergeCell ref="nonsense"/></mergeCells>`,
	}}})
	require.NoError(t, err)
	require.Equal(t, []workbook.Row{
		{Number: 2, Cells: []workbook.Cell{{Column: 1, Text: "1"}, {Column: 2, Text: "2"}, {Column: 26, Text: "3"}}},
		{Number: 3},
		{Number: 7, Hidden: true, Cells: []workbook.Cell{{Text: "4"}}},
	}, rows)
	require.True(t, sheet.HiddenColumn(2))
	require.False(t, sheet.HiddenColumn(3))
	require.Equal(t, []workbook.Merge{{Ref: "A2:A5", FirstRow: 2, LastRow: 5}}, sheet.Merges())
	require.Equal(t, "AA12", workbook.Name(26, 12))
	require.Equal(t, "A1", workbook.Name(0, 1))
}

func TestASheetIsFoundByItsName(t *testing.T) {
	book, err := open(t, workbooktest.Book{Sheets: []workbooktest.Sheet{{Name: "Old", State: "veryHidden"}, {Name: "Data &amp; more"}, {Name: "Third"}}})
	require.NoError(t, err)
	for name, want := range map[string]string{"": "Data & more", "Data & more": "Data & more", "third": "Third", "Old": "Old", "None": ""} {
		sheet, found := book.Worksheet(name)
		require.Equal(t, want != "", found)
		require.Equal(t, want, sheet.Name)
	}
}

func TestDatesCountAsTheWorkbookDoes(t *testing.T) {
	rows, _, err := readAll(t, workbooktest.Book{From1904: true, Formats: []string{"yyyy-mm-dd"}, Sheets: []workbooktest.Sheet{{Name: "S", Rows: `<row><c s="1"><v>44562</v></c></row>`}}})
	require.NoError(t, err)
	require.Equal(t, "2026-01-02", rows[0].Cells[0].Text)
}

func TestWhatIsNoWorkbookIsRefusedByItsName(t *testing.T) {
	good := []workbooktest.Sheet{{Name: "S", Rows: `<row><c><v>1</v></c></row>`}}
	for name, c := range map[string]struct {
		book workbooktest.Book
		says string
	}{
		"an archive":                   {workbooktest.Book{Parts: map[string]string{"_rels/.rels": ""}}, "is an archive"},
		"a text document":              {workbooktest.Book{Parts: map[string]string{"xl/workbook.xml": "", "word/document.xml": "x"}}, "is a text document"},
		"a spreadsheet of LibreOffice": {workbooktest.Book{Parts: map[string]string{"_rels/.rels": "", "content.xml": "x"}}, "in another format"},
		"a binary workbook":            {workbooktest.Book{Parts: map[string]string{"xl/workbook.xml": "", "xl/workbook.bin": "x"}}, "is an .xlsb workbook"},
		"no sheet":                     {workbooktest.Book{}, "has no worksheet"},
		"a sheet that is missing":      {workbooktest.Book{Sheets: good, Parts: map[string]string{"xl/worksheets/sheet1.xml": ""}}, "lacks the part xl/worksheets/sheet1.xml"},
		"texts that are missing":       {workbooktest.Book{Sheets: good, Parts: map[string]string{"xl/sharedStrings.xml": ""}}, "lacks the part xl/sharedstrings.xml"},
		"a text that is missing":       {workbooktest.Book{Sheets: []workbooktest.Sheet{{Name: "S", Rows: `<row><c t="s"><v>7</v></c></row>`}}}, `a cell has the text "7", which is missing`},
		"rows that end early":          {workbooktest.Book{Sheets: good, Parts: map[string]string{"xl/worksheets/sheet1.xml": `<worksheet><sheetData><row><c><v>1</v></c></row><row>`}}, "behind row 2: unexpected EOF"},
		"rows in disorder":             {workbooktest.Book{Sheets: []workbooktest.Sheet{{Name: "S", Rows: `<row r="2"/><row r="2"/>`}}}, `a row has the number "2"`},
		"cells in disorder":            {workbooktest.Book{Sheets: []workbooktest.Sheet{{Name: "S", Rows: `<row><c r="B1"/><c r="A1"/></row>`}}}, `a cell has the name "A1"`},
		"a row beyond all":             {workbooktest.Book{Sheets: []workbooktest.Sheet{{Name: "S", Rows: `<row r="1048577"/>`}}}, `a row has the number "1048577"`},
		"a text without end":           {workbooktest.Book{Sheets: []workbooktest.Sheet{{Name: "S", Rows: `<row><c t="inlineStr"><is><t>` + strings.Repeat("x", 20<<20)}}}, "a value is too large"},
		"a shared text without end":    {workbooktest.Book{Sheets: good, Texts: []string{strings.Repeat("x", 20<<20)}}, "a value is too large"},
		"elements without end":         {workbooktest.Book{Sheets: []workbooktest.Sheet{{Name: "S", Rows: strings.Repeat("<row>", 1000)}}}, "a value is too large"},
		"an attribute without end":     {workbooktest.Book{Sheets: []workbooktest.Sheet{{Name: "S", Rows: `<row spans="` + strings.Repeat("x", 20<<20) + `"/>`}}}, "a value is too large"},
		"entities":                     {workbooktest.Book{Sheets: good, Parts: map[string]string{"xl/worksheets/sheet1.xml": `<!DOCTYPE x [<!ENTITY a "aa">]><worksheet><sheetData/></worksheet>`}}, "it declares a document type"},
		"styles without end":           {workbooktest.Book{Sheets: good, Parts: map[string]string{"xl/styles.xml": "<styleSheet>" + strings.Repeat(" ", 20<<20) + "</styleSheet>"}}, "has more than 16 MiB"},
		"styles that are none":         {workbooktest.Book{Sheets: good, Parts: map[string]string{"xl/styles.xml": "<styleSheet>"}}, "its styles"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := readAll(t, c.book)
			require.ErrorContains(t, err, c.says)
			var known *workbook.Error
			require.ErrorAs(t, err, &known)
			require.NotEmpty(t, known.Hint)
		})
	}
}

func TestALongRowIsTold(t *testing.T) {
	cell := workbooktest.Row(strings.Repeat("x", 1<<20))
	cell = strings.TrimSuffix(strings.TrimPrefix(cell, "<row>"), "</row>")
	rows, _, err := readAll(t, workbooktest.Book{Sheets: []workbooktest.Sheet{{Name: "S", Rows: "<row>" + strings.Repeat(cell, 8) + "</row>" + workbooktest.Row("a")}}})
	require.NoError(t, err)
	require.True(t, rows[0].Long)
	require.Empty(t, rows[0].Cells)
	require.Equal(t, "a", rows[1].Cells[0].Text)
}

func FuzzASheetIsReadOrRefused(f *testing.F) {
	f.Add(`<row r="1"><c r="A1" t="s"><v>0</v></c></row>`)
	f.Add(`<row><c t="inlineStr"><is><t>a</t></is></c><c><f>A1</f></c></row>`)
	f.Fuzz(func(t *testing.T, rows string) {
		all, _, err := readAll(t, workbooktest.Book{Texts: []string{"a"}, Formats: []string{"0.0"}, Sheets: []workbooktest.Sheet{{Name: "S", Rows: rows}}})
		var known *workbook.Error
		if err != nil {
			require.ErrorAs(t, err, &known)
		}
		last := 0
		for _, row := range all {
			require.Greater(t, row.Number, last)
			last = row.Number
		}
	})
}
