package report_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/batch"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/report"
	"github.com/mediaferry/mediaferry/internal/sheet"
	"github.com/mediaferry/mediaferry/internal/sources"
)

// refusedOf loads a manifest as a batch, its bad rows left out, and returns the
// failed rows as a manifest, and where that lies.
func refusedOf(t *testing.T, name, content string) (rows [][]string, file string) {
	t.Helper()
	books := ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{})
	file = filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	place, err := manifest.Locate(file, "/")
	require.NoError(t, err)
	_, err = batch.Load(t.Context(), batch.Loading{
		Place: place, Opener: manifest.From(sources.New(sources.Options{})), Catalog: accounts{}, Ledger: books, Batch: "spring", By: "anna@host",
		SkipInvalid: true, Queue: func(context.Context, string) (string, error) { return "q", nil },
	})
	require.NoError(t, err)
	var out bytes.Buffer
	_, err = report.Failed(t.Context(), books, "spring", &out)
	require.NoError(t, err)
	if filepath.Ext(name) == ".csv" {
		rows, err = csv.NewReader(&out).ReadAll()
		require.NoError(t, err)
	} else {
		rows = [][]string{strings.Split(strings.TrimSpace(out.String()), "\n")}
	}
	for _, format := range report.Formats() {
		var told bytes.Buffer
		require.NoError(t, report.Print(t.Context(), books, "spring", report.Options{Format: format}, &told))
		require.NotContains(t, told.String(), "s3cr3t")
	}
	return rows, file
}

// cellsByColumn are the filled cells of each row.
func cellsByColumn(rows [][]string) []map[string]string {
	var all []map[string]string
	for _, row := range rows[1:] {
		cells := map[string]string{}
		for i, text := range row {
			if text != "" {
				cells[rows[0][i]] = sheet.Unguard(text) // as a manifest's reader does
			}
		}
		all = append(all, cells)
	}
	return all
}

func TestARefusedRowComesOutAsItWentIn(t *testing.T) {
	head := "source,to,id,content_type,sha256,title,duration,isLibrary,tags.brand,gtin,organization_id,is_primary\n"
	for name, row := range map[string]string{
		"a checksum that is none":          "https://host.example/a.jpg?" + secret + ",trustana,a,,abc,,,,,,,",
		"a duration in words":              "https://host.example/a.mp4,truvideo,b,,,Film,12s,,,,,",
		"a truth value that is none":       "https://host.example/a.mp4,truvideo,c,,,Film,,perhaps,acme,,,",
		"a media type that is none":        "https://host.example/a.jpg,trustoo,d,nonsense,,,,,,,,",
		"a field that its vendor lacks":    "https://host.example/a.jpg,trustana,e,,,A title,,,,,,",
		"an id that is none":               "https://host.example/a.jpg,trustoo,line#7,,,,,,,,,",
		"a number that was shortened":      "https://host.example/a.jpg,closient,g,,,,,,,4.00638E+12,24WX8VvHKeUCL5Vb3qSGyW,maybe",
		"an account that nobody knows":     "https://host.example/a.jpg?" + secret + ",trustooo,h,,,,,,,,,",
		"a source of an unknown kind":      "ftp://host.example/a.jpg?" + secret + ",trustoo,i,,,,,,,,,",
		"a cell that begins with an equal": "https://host.example/a.jpg,trustoo,j,=x,,,,,,,,",
	} {
		t.Run(name, func(t *testing.T) {
			good := "https://host.example/z.jpg,trustoo,z,,,,,,,,,\n"
			rows, _ := refusedOf(t, "spring.csv", head+row+"\n"+good)
			went, err := csv.NewReader(strings.NewReader(head + row)).ReadAll()
			require.NoError(t, err)
			back := cellsByColumn(rows)
			require.NotEmpty(t, back[0]["problem"])
			require.NotEmpty(t, back[0]["hint"])
			require.NotEmpty(t, back[0]["base"])
			delete(back[0], "base")
			delete(back[0], "problem")
			delete(back[0], "hint")
			require.Equal(t, cellsByColumn(went), back)
		})
	}
}

func TestARefusedRowOfAnotherFolderKeepsItsSource(t *testing.T) {
	rows, file := refusedOf(t, "spring.csv", "source,to,sha256\nimg/a.jpg,trustoo,abc\n")
	row := cellsByColumn(rows)[0]
	require.Equal(t, "img/a.jpg", row["source"])
	require.Equal(t, filepath.Dir(file), row["base"])
}

func TestAKeyThatNobodyKnowsStaysWithItsRow(t *testing.T) {
	rows, _ := refusedOf(t, "spring.jsonl", `{"source":"https://host.example/a.jpg","to":"trustoo","colour":"red"}
{"source":"https://host.example/b.mp4","to":"truvideo","tags":{"brand":"a"},"duration":true}
`)
	require.Contains(t, rows[0][0], `{"source":"https://host.example/a.jpg","to":"trustoo","colour":"red","base":"`)
	require.Contains(t, rows[0][1], `{"source":"https://host.example/b.mp4","to":"truvideo","tags":{"brand":"a"},"duration":true,"base":"`)
}
