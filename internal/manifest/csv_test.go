package manifest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

func TestCSVIsReadHoweverItIsWritten(t *testing.T) {
	want := []string{home + "/img/a.jpg", home + "/img/b, c.png"}
	comma := "source,to,fileName\nimg/a.jpg,trustana,\"5\"\" pipe.jpg\"\n\"img/b, c.png\",trustana,Größe 😀.png\n"
	semicolon := "source;to;fileName\nimg/a.jpg;trustana;\"5\"\" pipe.jpg\"\nimg/b, c.png;trustana;Größe 😀.png\n"
	for name, text := range map[string]string{
		"with commas":                       comma,
		"with semicolons":                   semicolon,
		"with tabs":                         "source\tto\tfileName\nimg/a.jpg\ttrustana\t\"5\"\" pipe.jpg\"\nimg/b, c.png\ttrustana\tGröße 😀.png\n",
		"with a byte order mark":            "\ufeff" + comma,
		"with lines as Windows has them":    strings.ReplaceAll(comma, "\n", "\r\n"),
		"with lines as an old Mac has them": strings.ReplaceAll(comma, "\n", "\r"),
		"without an end of the last line":   strings.TrimSuffix(comma, "\n"),
		"with blank lines":                  "\n\n" + strings.ReplaceAll(comma, "\n", "\n\n , \n"),
		"with spaces around cells":          "source , to,\"fileName\"\n img/a.jpg  ,trustana, \"5\"\" pipe.jpg\" \n\"img/b, c.png\" ,trustana  ,Größe 😀.png\n",
		"with all cells in quotes":          "\"source\",\"to\",\"fileName\"\n\"img/a.jpg\",\"trustana\",\"5\"\" pipe.jpg\"\n\"img/b, c.png\",\"trustana\",\"Größe 😀.png\"\n",
		"with empty columns at the end":     "source,to,fileName,,\nimg/a.jpg,trustana,\"5\"\" pipe.jpg\",,\n\"img/b, c.png\",trustana,Größe 😀.png,,,,\n",
		"with the separator announced":      "sep=;\nsource;to;fileName\nimg/a.jpg;trustana;\"5\"\" pipe.jpg\"\nimg/b, c.png;trustana;Größe 😀.png\n",
		"in UTF-16, little end first":       utf16Of(comma, false, true),
		"in UTF-16, big end first":          utf16Of(comma, true, true),
		"in UTF-16 LE without a mark":       utf16Of(comma, false, false),
		"in UTF-16 BE without a mark":       utf16Of(strings.ReplaceAll(comma, "\n", "\r\n"), true, false),
		"in UTF-16 with carriage returns":   utf16Of(strings.ReplaceAll(comma, "\n", "\r"), false, true),
		"with two byte order marks":         "\ufeff\ufeff" + comma,
		"with marks in its header":          "\u200bsource,\u00a0to\u00a0,fi\u00adleName\u200e" + strings.TrimPrefix(comma, "source,to,fileName"),
		"with a separator in quotes":        "\"sep=;\",,\r\n" + semicolon,
		"with a separator and cells":        "sep=;,,\n" + semicolon,
		"with a separator and a blank":      "\ufeff\ufeffSEP=; \n\n" + semicolon,
		"with a tab announced":              "sep=\t\n" + strings.ReplaceAll(semicolon, ";", "\t"),
		"with a tab spelled out":            "sep=\\t\n" + strings.ReplaceAll(semicolon, ";", "\t"),
		"with no separator announced":       "sep=\n" + comma,
		"with another one announced":        "sep=;\n" + comma,
		"with the end of a DOS file":        comma + "\x1a",
		"with that end in the last line":    strings.TrimSuffix(comma, "\n") + "\x1a",
		"with that end in a line":           comma + "\x1a\r\n",
		"with a page break":                 comma + "\f\r\n",
		"with the rest of a block":          comma + strings.Repeat("\x00", 512),
		"with that rest in the last line":   strings.TrimSuffix(comma, "\n") + strings.Repeat("\x00", 512),
		"with the rest of many blocks":      comma + strings.Repeat("\x00", 3<<20),
		"with the rest of a block, UTF-16":  utf16Of(comma+strings.Repeat("\x00", 100), false, true),
		"with the columns in another order": "fileName,to,source\n\"5\"\" pipe.jpg\",trustana,img/a.jpg\nGröße 😀.png,trustana,\"img/b, c.png\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			got := readText(t, text)
			require.Empty(t, got.problems())
			require.Equal(t, want, got.sources())
			require.Equal(t, `5" pipe.jpg`, got.rows[0].Item.Fields["fileName"])
			require.Equal(t, "Größe 😀.png", got.rows[1].Item.Fields["fileName"])
			require.Equal(t, manifest.CSV, got.layout.Format)
			require.Equal(t, 2, got.layout.Rows)
		})
	}
}

func TestLinesAreThoseOfTheFile(t *testing.T) {
	got := readText(t, "\nsource,to,title\r\na.mp4,truvideo,\"one\r\ntwo\n\nthree\"\r\n\r\n\nb.mp4,truvideo,\nc.mp4,nobody,")
	require.Len(t, got.rows, 3)
	require.Equal(t, 3, got.rows[0].Line())
	require.Equal(t, "one\r\ntwo\n\nthree", got.rows[0].Item.Fields.String("title"))
	require.Equal(t, 9, got.rows[1].Line())
	require.Equal(t, 9, got.rows[1].Item.Line)
	require.Equal(t, 10, got.problems()[0].Line)
	require.Equal(t, 2, got.rows[2].At.Row)
}

// broken are rows that cannot be taken apart; each is followed by a good one,
// which must not suffer.
func TestARowThatIsWrittenWronglySpoilsNoOther(t *testing.T) {
	for name, c := range map[string]struct {
		row, column, says string
		lines             int // that the row takes
	}{
		"a cell too many":                     {"a.jpg,trustana,x.jpg,more", "", `the row has 4 cells but must have 3: source, to, fileName`, 1},
		"a cell too few":                      {"a.jpg,trustana", "fileName", `the row has 2 cells but must have 3`, 1},
		"a path with a comma":                 {"a, b.jpg,trustana,x.jpg", "", `put a cell that holds a comma in quotes`, 1},
		"a quote that is not closed":          {`a.jpg,trustana,"x.jpg`, "fileName", `starts with a quote that is never closed`, 1},
		"a quote within a bare cell":          {`a.jpg,trustana,5" pipe.jpg`, "fileName", `contains a quote but does not start with one`, 1},
		"text after a closing quote":          {`a.jpg,"trustana"x,`, "to", `continues after its closing quote`, 1},
		"quotes that take in the next row":    {"a.jpg,trustana,\"5\nb.jpg,trustana,6\"", "", `looks like a separate row`, 1},
		"quotes that take in several rows":    {"a.jpg,trustana,\"5\nb.jpg,trustana,x.jpg\nc.jpg,trustana,6\"", "", `looks like a separate row`, 1},
		"rows that end otherwise":             {"a.jpg,trustana,\rb.jpg,trustana,", "", `it mixes different line endings`, 1},
		"the header once more":                {"source,to,fileName", "", `the header is repeated`, 1},
		"a block of nothing":                  {strings.Repeat("\x00", 512), "to", `the row has 1 cells but must have 3`, 1},
		"many blocks that were lost":          {strings.Repeat("\x00", 2<<20) + "a.jpg,trustana,", "", `longer than 1048576 bytes`, 1},
		"the header of a file that was added": {"\ufeffsource,to,fileName", "", `the header is repeated`, 1},
		"a row without end":                   {"a.jpg,trustana," + strings.Repeat("x", 2<<20), "", `longer than 1048576 bytes`, 1},
		"a quoted cell without end":           {`a.jpg,trustana,"` + strings.Repeat("x\n", 11_000), "fileName", `never closed`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			got := readText(t, "source,to,fileName\nfirst.jpg,trustana,\n"+c.row+"\nlast.jpg,trustana,\n")
			require.True(t, got.rows[0].Valid())
			require.True(t, got.rows[len(got.rows)-1].Valid())
			require.Equal(t, home+"/last.jpg", got.rows[len(got.rows)-1].Item.Source)
			bad := got.rows[1]
			require.Len(t, bad.Problems, 1)
			p := bad.Problems[0]
			require.Equal(t, 3, p.Line)
			require.Equal(t, c.column, p.Column)
			require.Contains(t, p.String(), c.says)
			require.NotEmpty(t, p.Hint)
			if name == "a cell too few" {
				require.Equal(t, []manifest.Cell{{Column: "source", Text: "a.jpg"}, {Column: "to", Text: "trustana"}}, bad.Cells, "what is there can be given back")
			} else if name != "a block of nothing" {
				require.Nil(t, bad.Cells)
			}
			require.Equal(t, "line#3", bad.Item.ID)
			require.Equal(t, "batch/b/line#3", bad.Item.UploadID)
			require.LessOrEqual(t, len(bad.Text), 1<<20)
		})
	}
}

func TestTwoNamesInOneCellAreTheirRowsTrouble(t *testing.T) {
	got := readText(t, "source,to,fileName\n\"a.jpg\nb.jpg\",trustana,x.jpg\nc.jpg,trustana,\n")
	require.Len(t, got.rows, 2, "it is one row")
	require.Equal(t, 2, got.rows[0].Line())
	require.Equal(t, 4, got.rows[1].Line())
	require.True(t, got.rows[1].Valid())
	for _, p := range got.rows[0].Problems {
		require.NotContains(t, p.String(), "quote")
	}
}

func TestAQuotedCellMayGoOnForLines(t *testing.T) {
	text := "source,to,title\na.mp4,truvideo,\"Dear reader,\nthis, that, and\n\n\"\"more\"\"\"\nb.mp4,truvideo,x\n"
	got := readText(t, text)
	require.Empty(t, got.problems())
	require.Equal(t, "Dear reader,\nthis, that, and\n\n\"more\"", got.rows[0].Item.Fields.String("title"))
	require.Equal(t, 6, got.rows[1].Line())
}

func TestACellWhoseColumnHasNoNameIsRefused(t *testing.T) {
	got := readText(t, "source,,to\na.jpg,,trustana\nb.jpg,x,trustana\n")
	require.True(t, got.rows[0].Valid())
	require.Contains(t, got.rows[1].Problems[0].String(), "line 3: cell 2 is not empty, but its column has no name")
}

func TestTheHeaderIsChecked(t *testing.T) {
	for name, c := range map[string]struct {
		header string
		want   []string
	}{
		"an unknown column":            {"source,to,colour", []string{"line 1: colour: unknown column (remove it, or use one of source, to, id"}},
		"a column with a slip":         {"source,to,skuIDs,SKU_ids", []string{"skuIDs: unknown column (did you mean skuIds?)", "SKU_ids: unknown column (did you mean skuIds?)"}},
		"a column of ours with a slip": {"source,to,contenttype", []string{"contenttype: unknown column (did you mean content_type?)"}},
		"an object with a slip":        {"source,to,tag.brand", []string{"tag.brand: unknown column (did you mean tags.brand?)"}},
		"a dot where none belongs":     {"source,to,gtin.x", []string{"gtin.x: unknown column (did you mean gtin?)"}},
		"a column twice":               {"source,to,gtin,gtin", []string{"gtin: appears twice in the header (remove one of the two columns)"}},
		"no source":                    {"to,gtin", []string{"source: the column is missing; every manifest needs it"}},
		"no account":                   {"source,gtin", []string{"to: the account is missing, and --to is not set (use one of " + strings.Join(vendors.Names(), ", ") + ", closient-eu, broken)"}},
		"several at once":              {"source,to,a b,c d", []string{"a b: unknown column", "c d: unknown column"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := readText(t, c.header+"\n"+strings.Repeat("x.jpg,", strings.Count(c.header, ","))+"\n")
			require.Len(t, got.header, len(c.want))
			for i, want := range c.want {
				require.Contains(t, got.header[i].String(), want)
				require.Equal(t, 1, got.header[i].Line)
				require.NotEmpty(t, got.header[i].Hint)
			}
		})
	}
}

func TestWhatTheHeaderLacksIsToldOnce(t *testing.T) {
	got := readText(t, "to,skuIds\n"+strings.Repeat("trustana,a\n", 5))
	require.Len(t, got.problems(), 1)
	for _, row := range got.rows {
		require.False(t, row.Valid())
		require.EqualError(t, row.Err(), "claim: the header does not have a column that the row needs")
	}
}

func TestWhatIsNoManifestIsRefusedByItsName(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"a bare list of files":         {"img/a.jpg\nimg/b.jpg\n", `has no header: line 1 is "img/a.jpg"`},
		"a header with slips alone":    {"sorce,too\na,b\n", `did you mean source instead of "sorce"?`},
		"another separator":            {"source|to|id\na.jpg|trustana|1\n", `has the separator "|" in line 1; use a comma, a semicolon or a tab`},
		"another separator announced":  {"sep=|\nsource|to\n", `has the separator "|" in line 1`},
		"spaces for separators":        {"source to id\na.jpg trustana 1\n", `has the separator " "`},
		"blank lines":                  {"\n \n\t\n", "has only blank lines"},
		"a header and no row":          {"source,to\n\n\n", "has no rows"},
		"an announcement and no more":  {"sep=;\n", "has no header"},
		"a quote in the header":        {"source,\"to\nx", "has an unreadable header in line 1"},
		"a header of bytes":            {"sourc\xe9,tœ\nx,y\n", "is not UTF-8 in line 1"},
		"a line without end":           {strings.Repeat("x", 3<<20), "has a first line of more than 1048576 bytes"},
		"columns without end":          {"source,to" + strings.Repeat(",x", 1000) + "\n", "has 1002 columns but may have at most 1000"},
		"a workbook":                   {"PK\x03\x04\x14\x00", `is an incomplete or damaged spreadsheet or archive`},
		"an old workbook":              {"\xd0\xcf\x11\xe0\xa1\xb1", `is an .xls spreadsheet, or one with a password`},
		"something compressed":         {"\x1f\x8b\x08\x00", "is compressed"},
		"a picture":                    {"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "is a media file (image/jpeg), not a manifest"},
		"UTF-32":                       {"\xff\xfe\x00\x00s\x00\x00\x00", "has the encoding UTF-32LE; use UTF-8"},
		"something binary":             {"source,\x00\x01\x02\n", "is not text: its first line contains NUL bytes"},
		"a web page":                   {"<!doctype html><html>", "is HTML or XML"},
		"a JSON array":                 {"[{\"source\":\"a.jpg\"}]", "is a JSON array; use JSON Lines"},
		"an object over several lines": {"{\n  \"source\": \"a.jpg\"\n}\n", "spans several lines"},
	} {
		t.Run(name, func(t *testing.T) {
			e := refused(t, c.text)
			require.Contains(t, e.Message+" ("+e.Hint+")", c.says)
			require.Contains(t, e.Message, `manifest "/srv/catalogue/m.csv" `)
		})
	}
}

func TestTheSeparatorIsTheOneThatFindsColumns(t *testing.T) {
	for name, c := range map[string]struct{ header, want string }{
		"by known names":                       {"source;to;title", ";"},
		"not by what stands within a name":     {"source;\"a,b,c,d\";to", ";"},
		"not by commas in an unknown name":     {"source\tto\tprice, net, gross", "\t"},
		"a comma where there is but one name":  {"source", ","},
		"by the count where names are unknown": {"source;Preis 1,50;x;y;z", ";"},
	} {
		t.Run(name, func(t *testing.T) {
			place, options := placed(c.header + "\na.jpg\n")
			options.To = "trustana"
			require.Equal(t, c.want, readAll(t, place, options).layout.Separator)
		})
	}
}

func TestCommasInNumbersDoNotSeparate(t *testing.T) {
	got := readText(t, "source;to;title\na.mp4;truvideo;1,5\nb.mp4;truvideo;2,5\n")
	require.Empty(t, got.problems())
	require.Equal(t, "1,5", got.rows[0].Item.Fields.String("title"))
}

func TestBytesThatAreNoTextAreToldByLine(t *testing.T) {
	text := "source,to,title\na.mp4,truvideo,Gr\xf6\xdfe\nb.mp4,truvideo,Größe\nc\x84.mp4,truvideo,\nd.mp4,truvideo,Gr\ufffd\ufffde\ne.mp4,truvideo,\x00\nf\xc3\xb6\xf6.mp4,truvideo,x\n"
	got := readText(t, text)
	var told []string
	for _, p := range got.problems() {
		told = append(told, fmt.Sprintf("%d %s %s", p.Line, p.Column, p.Message))
		require.NotEmpty(t, p.Hint)
	}
	require.Equal(t, []string{
		`2 title contains bytes that are not valid UTF-8; it would be "Größe" in Windows-1252`,
		`4 source contains bytes that are not valid UTF-8; it would be "cä.mp4" in code page 850`,
		`5 title contains U+FFFD, which replaces a character that was lost in a conversion`,
		`6 title contains a NUL byte`,
		`7 source contains bytes that are not valid UTF-8`,
	}, told)
}

func TestHalfACharacterOfUTF16IsTold(t *testing.T) {
	text := utf16Of("source,to,title\na.mp4,truvideo,", false, true) + "\x00\xd8" + utf16Of("x\nb.mp4,truvideo,", false, false) + "y"
	got := readText(t, text)
	require.Len(t, got.problems(), 2)
	require.Equal(t, 2, got.problems()[0].Line)
	require.Equal(t, 3, got.problems()[1].Line)
	require.Equal(t, manifest.SortEncoding, got.problems()[1].Sort)
}
