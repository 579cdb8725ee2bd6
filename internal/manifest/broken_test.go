package manifest_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/manifest"
)

// faults are twenty sorts of broken rows of the columns below. A # becomes the
// row's number, so that none of them repeats another by accident.
var faults = []struct{ name, row, column, remedy string }{
	{"a cell too few", "img/#.jpg,trustana", "id", "include empty cells, each with a comma before it"},
	{"a cell too many", "img/#, left.jpg,trustana,,,,,,,,,x", "", "put a cell that holds a comma in quotes"},
	{"a quote too few", `img/#.jpg,trustana,"id-#,,,,,,,`, "id", "put the whole cell in quotes"},
	{"a quote in between", `img/#.mp4,truvideo,,,,,,5" pipe,,`, "title", "double each quote inside it"},
	{"bytes of another encoding", "img/gr\xfcn-#.jpg,trustana,,,,,,,,", "source", "iconv -f WINDOWS-1252 -t UTF-8"},
	{"no source", ",trustana,,,,,,,,", "source", "use a path, https://HOST/PATH"},
	{"a path of Windows", `C:\img\#.jpg,trustana,,,,,,,,`, "source", "with forward slashes"},
	{"an unknown scheme", "ftp://x.example/#.jpg,trustana,,,,,,,,", "source", "https://HOST/PATH"},
	{"no account", "img/#.jpg,,,,,,,,,", "to", "use one of trustana, trustoo"},
	{"an unknown account", "img/#.jpg,trustanna,,,,,,,,", "to", "did you mean trustana?"},
	{"a picture that nobody takes", "img/#.heic,trustana,,,,,,,,", "source", "convert it to JPEG"},
	{"no medium at all", "img/#.txt,trustana,,,,,,,,", "source", "use the media file itself"},
	{"an id with a query", "img/#.jpg,trustana,https://h/#?x,,,,,,,", "id", "bytes of printable text"},
	{"a checksum that is none", "img/#.jpg,trustana,,,abc#,,,,,", "sha256", "use 64 hexadecimal digits"},
	{"a content type that is none", "img/#.jpg,trustana,,jpeg,,,,,,", "content_type", "use a media type such as image/jpeg"},
	{"a field of another vendor", "img/#.jpg,trustana,,,,,4006381333931,,,", "gtin", "clear the cell, or correct the account"},
	{"a field that is missing", "img/#.jpg,closient,,,,,4006381333931,,,", "organization_id", "the organization that owns the product"},
	{"a GTIN that a spreadsheet took", "img/#.jpg,closient,,,,24WX8VvHKeUCL5Vb3qSGyW,4.00638E+12,,,", "gtin", "format the column as text"},
	{"an id that was there", "img/#.jpg,trustana,taken,,,,,,,", "id", "give each row its own id"},
	{"a second primary image", "img/#.jpg,closient,,,,24WX8VvHKeUCL5Vb3qSGyW,4006381333931,,true,", "is_primary", "set is_primary in only one row of a product"},
}

const brokenFile = "testdata/broken.csv"

// broken is a manifest of 200 rows of which ten are of each sort, between good
// ones. It says which line has which sort.
func broken() (text string, lines []int) {
	var b strings.Builder
	b.WriteString("source,to,id,content_type,sha256,organization_id,gtin,title,is_primary,skuIds\n")
	b.WriteString("img/first.jpg,trustana,taken,,,,,,,a|b\n")
	b.WriteString("img/first.jpg,closient,,,,24WX8VvHKeUCL5Vb3qSGyW,4006381333931,Front,true,\n")
	line := 4
	for i := range 10 * len(faults) {
		b.WriteString(strings.ReplaceAll(faults[i%len(faults)].row, "#", fmt.Sprint(i)) + "\n")
		lines = append(lines, line)
		fmt.Fprintf(&b, "img/good-%d.mp4,truvideo,,,,,,\"Good,\nnumber %d\",,\n", i, i)
		line += 3
	}
	return b.String(), lines
}

func TestTwentySortsOfBrokenRowsAreAllNamed(t *testing.T) {
	text, lines := broken()
	if os.Getenv("MEDIAFERRY_UPDATE") != "" {
		require.NoError(t, os.WriteFile(brokenFile, []byte(text), 0o600))
	}
	kept, err := os.ReadFile(brokenFile)
	require.NoError(t, err)
	require.Equal(t, text, string(kept), "%s is not what this test makes: run it with MEDIAFERRY_UPDATE=1", brokenFile)

	got := readText(t, text)
	at := map[int]manifest.Row{}
	var all manifest.Collected
	for _, row := range got.rows {
		at[row.Line()] = row
		all.AddRow(row)
	}
	require.Len(t, got.rows, 2+2*len(lines))
	require.Equal(t, len(lines), all.Refused)
	require.Equal(t, len(lines), all.Problems)
	ids := map[string]bool{}
	for i, line := range lines {
		fault := faults[i%len(faults)]
		t.Run(fmt.Sprintf("%s in line %d", fault.name, line), func(t *testing.T) {
			row, found := at[line]
			require.True(t, found)
			require.Len(t, row.Problems, 1)
			require.Equal(t, line, row.Problems[0].Line)
			require.Equal(t, fault.column, row.Problems[0].Column)
			require.Contains(t, row.Problems[0].Hint, fault.remedy)
			require.NotNil(t, row.Err())
		})
	}
	for _, row := range got.rows {
		require.False(t, ids[row.Item.UploadID], "%s is used twice", row.Item.UploadID)
		ids[row.Item.UploadID] = true
	}
	// What is collected names every line as well.
	lines = nil
	for _, g := range all.Groups() {
		require.NotEmpty(t, g.Hint)
		lines = append(lines, g.Lines.Numbers(200)...)
	}
	slices.Sort(lines)
	require.Len(t, slices.Compact(lines), 200)
}
