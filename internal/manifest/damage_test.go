package manifest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// skus is a manifest of one row with this cell of skuIds.
func skus(cell string) string {
	return "source,to,skuIds\na.jpg,trustana,\"" + strings.ReplaceAll(cell, `"`, `""`) + "\"\n"
}

func TestWhatProgramsDidToANameIsRefused(t *testing.T) {
	for cell, says := range map[string]string{
		"#N/A": `"#N/A" is an error value of a spreadsheet`, "#n/a": "error value", "#NV": "error value", "#WERT!": "error value", "#REF!": "error value",
		"#¡VALOR!": "error value", "#ЗНАЧ!": "error value", "#ÜBERLAUF!": "error value", "#NEWERROR!": "error value", "Err:502": "error value",
		"#######": "error value", "A|#DIV/0!": `"#DIV/0!" is an error value`,
		"4.00638E+12": "a number that a spreadsheet has shortened", "4,00638E+12": "shortened", "4.00638133393e12": "shortened", "4E+12": "shortened",
		"A|1.2E-05": `"1.2E-05" is a number`, "-1.5E+3": "shortened",
		"A\u200b": "invisible character, U+200B", "\u202aA\u202c": "U+202A", "A\u00adB": "U+00AD", "A\ufeff": "U+FEFF", "A|B\u2060": "U+2060", "A\tB": "U+0009",
		"A\u3164": "U+3164", "A\u200dB": "U+200D",
	} {
		t.Run(cell, func(t *testing.T) {
			got := readText(t, skus(cell))
			require.Len(t, got.problems(), 1)
			require.False(t, got.rows[0].Valid())
			require.Equal(t, "skuIds", got.problems()[0].Column)
			require.Contains(t, got.problems()[0].String(), says)
			require.Empty(t, got.footer)

			place, options := placed(skus(cell))
			options.Literal = []string{"skuIds"}
			require.Empty(t, readAll(t, place, options).problems())
		})
	}
}

func TestWhatProgramsMayHaveDoneToANameIsAWarning(t *testing.T) {
	for cell, says := range map[string]string{
		"12345.0": "to which a program has added decimals (write 12345", "12345,00": "decimals",
		"nan": "a placeholder for a missing value", "NULL": "placeholder", "None": "placeholder", "N/A": "placeholder", "n/a": "placeholder", "-": "placeholder",
		"<NA>": "placeholder", "#N/A N/A": "placeholder", "--": "placeholder", "A|null": `"null" looks like a placeholder`,
		"A,B": `"A,B" is one member of the list`, "A; B": "one member", "A\nB": "one member", `["A,B","C"]`: "one member",
		"02-Jan": "looks like a date", "2. Mrz": "looks like a date", "Jan-02": "looks like a date", "2024-01-02 00:00:00": "looks like a date", "1/2/2026": "looks like a date", "01.02.2026": "looks like a date", "01.02.2024 00:00": "looks like a date",
		"123456789012345000": "ends in zeros after 15 digits", "1E5": "a number in exponent form",
		"ＳＫＵ１": "full-width", "A\u00a0B": "a blank that is not the usual one",
	} {
		t.Run(cell, func(t *testing.T) {
			got := readText(t, skus(cell))
			require.Len(t, got.problems(), 1)
			require.True(t, got.problems()[0].Warning)
			require.True(t, got.rows[0].Valid())
			require.Contains(t, got.problems()[0].String(), says)
		})
	}
}

func TestNamesOfAllScriptsArePlain(t *testing.T) {
	for _, cell := range []string{"A-1", "5-SET", "123456789012345", "1234567890123456", "Größe", "商品（表）", "می\u200cخواهم", "👩\u200d💻", "é", "e\u0301", "#SALE", "1-2", "007", "E12", "12E4", "0.5"} {
		got := readText(t, skus(cell))
		require.Empty(t, got.problems(), "%q", cell)
		require.Equal(t, []any{cell}, got.rows[0].Item.Fields["skuIds"])
	}
}

func TestOurOwnColumnsAreNamesToo(t *testing.T) {
	for column, cells := range map[string][2]string{
		"source":       {"#REF!", "nan"},
		"id":           {"1.2E+11", "15.0"},
		"content_type": {"#N/A", ""},
		"sha256":       {"1.5E+10", ""},
		"to":           {"#NAME?", ""},
	} {
		row := map[string]string{"source": "a.jpg", "to": "trustana"}
		header := "source,to,id,content_type,sha256"
		read := func(cell string) reading {
			row[column] = cell
			return readText(t, header+"\n"+row["source"]+","+row["to"]+","+row["id"]+","+row["content_type"]+","+row["sha256"]+"\n")
		}
		got := read(cells[0])
		require.Len(t, got.problems(), 1, column)
		require.Equal(t, manifest.SortDamage, got.problems()[0].Sort)
		require.False(t, got.problems()[0].Warning)
		if cells[1] != "" {
			got = read(cells[1])
			require.Len(t, got.problems(), 1, column)
			require.True(t, got.problems()[0].Warning)
		}
	}
}

func TestOnlyErrorValuesAreRefusedInTexts(t *testing.T) {
	for cell, bad := range map[string]bool{"#N/A": true, "#WERT!": true, "#WOW!": false, "nan": false, "4.00638E+12": false, "1\u200b2": false, "-": false} {
		got := readText(t, "source,to,title,tags.a\na.mp4,truvideo,"+cell+",\na.mp4,truvideo,,"+cell+"\n")
		require.Len(t, got.problems(), map[bool]int{true: 2}[bad], "%q", cell)
		require.Equal(t, !bad, got.rows[0].Valid())
	}
}

func TestTheSignOfATextIsTakenOffWithOneWarning(t *testing.T) {
	got := readText(t, "source,to,skuIds,fileName\na.jpg,trustana,'00123,\nb.jpg,trustana,=\"00,123\",'b.jpg\nc.jpg,trustana,\"=\"\"00123\"\"\",\nd.jpg,trustana,'quoted',\n")
	require.Equal(t, []any{"00123"}, got.rows[0].Item.Fields["skuIds"])
	require.Equal(t, []any{"00,123"}, got.rows[1].Item.Fields["skuIds"])
	require.Equal(t, []any{"00123"}, got.rows[2].Item.Fields["skuIds"])
	require.Equal(t, []any{"'quoted'"}, got.rows[3].Item.Fields["skuIds"])
	require.Equal(t, "b.jpg", got.rows[1].Item.Fields["fileName"])
	require.Equal(t, `="00,123"`, got.rows[1].Cells[2].Text) // as it was given
	require.Len(t, got.footer, 2)
	require.Equal(t, `line 2: skuIds: the sign that marks a text in spreadsheets was taken off 3 cells; in the first one, "'00123" is sent as "00123" (to keep it, use --literal skuIds)`, got.footer[0].String())
	require.True(t, got.footer[0].Warning)
	require.Equal(t, 3, got.footer[1].Line)
}

func TestALiteralColumnIsTakenAsItIs(t *testing.T) {
	place, options := placed("source,to,skuIds,tags.a\na.jpg,trustana,\" =\"\"1\"\"\u00a0\",\n")
	options.Literal = []string{"skuIds"}
	got := readAll(t, place, options)
	require.Empty(t, got.problems())
	require.Len(t, got.footer, 1)                                      // about tags.a, which no row has
	require.Equal(t, []any{`="1"`}, got.rows[0].Item.Fields["skuIds"]) // members of a list stand without blanks
	options.Literal = nil
	page, err := manifest.ReadPage(t.Context(), throughJSON(t, got.layout), got.layout.Start, 1, options)
	require.NoError(t, err)
	require.Equal(t, plain(got.rows), plain(page.Rows))

	options.Literal = []string{"title", "tags"}
	got = readAll(t, place, options)
	require.Len(t, got.header, 1)
	require.Equal(t, "line 1: title: --literal names the column, but the manifest does not have it (remove --literal title)", got.header[0].String())

	require.NoError(t, manifest.CheckLiteral([]string{"source", "tags.brand", "gtin"}))
	require.ErrorContains(t, manifest.CheckLiteral([]string{"skuId"}), `unknown column "skuId"; did you mean skuIds?`)
}

func TestBlanksOfAnyScriptAreTrimmed(t *testing.T) {
	for _, blank := range []string{" ", "\u00a0", "\u3000", "\u2009", "\u202f", "\t", "\n"} {
		got := readText(t, "source,to,id,content_type,skuIds\n\""+blank+"a.jpg"+blank+"\",\"trustana"+blank+"\",\"a"+blank+"\",\"image/jpeg"+blank+"\",\""+blank+"A"+blank+"|"+blank+"B"+blank+"\"\n")
		require.Empty(t, got.problems(), "%q", blank)
		require.Equal(t, home+"/a.jpg", got.rows[0].Item.Source)
		require.Equal(t, "a", got.rows[0].Item.ID)
		require.Equal(t, []any{"A", "B"}, got.rows[0].Item.Fields["skuIds"])
	}
	got := readText(t, "source,to,id,title\na.mp4,truvideo,\u00a0,\"\ufeff\u00a0Dear\u00a0reader\u200b\"\n\u00a0,\u3000,\u200b,\na.mp4,truvideo,,x,\u00a0\n")
	require.Empty(t, got.problems())
	require.Len(t, got.rows, 2)
	require.Equal(t, "Dear\u00a0reader", got.rows[0].Item.Fields.String("title"))
	require.Equal(t, upload.DeriveID("truvideo", home+"/a.mp4", got.rows[0].Item.Fields), got.rows[0].Item.ID)
}
