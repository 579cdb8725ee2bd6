package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/report"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// hostile is a text that a spreadsheet computes, a terminal obeys and a page runs.
const hostile = "=HYPERLINK(\"http://evil\")\x1b]0;pwned\x07\u009b31m\u202egnp<script>alert(1)</script>"

// strange is a ledger with a batch whose rows have hostile texts wherever one can be,
// without what cleans them before they are kept.
func strange(t *testing.T) *ledger.Ledger {
	t.Helper()
	books := ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{})
	_, _, err := books.OpenBatch(t.Context(), ledger.Batch{ID: "spring", Manifest: hostile, Digest: strings.Repeat("ab", 32), Definition: "d", Total: 2, State: upload.BatchLoading, By: hostile})
	require.NoError(t, err)
	require.NoError(t, books.BatchLoaded(t.Context(), "spring", 2))
	for line, state := range map[int]upload.State{2: upload.StateReady, 3: upload.StateFailed} {
		item := upload.Item{
			UploadID: fmt.Sprintf("batch/spring/%d%s", line, hostile), Batch: "spring", ID: hostile, Line: line,
			Account: "trustana", Vendor: "trustana", Source: "/srv/" + hostile, Fields: upload.Fields{"fileName": hostile},
		}
		result := upload.NewResult(item, upload.WayPacked, time.Unix(1, 0))
		result.State, result.MediaID, result.Note = state, hostile, hostile
		if state == upload.StateFailed {
			result.Error = &upload.Failure{Kind: upload.KindRejected, Message: hostile, Hint: hostile, RequestID: hostile}
		}
		require.NoError(t, books.Record(t.Context(), upload.Record{Item: item, Result: result, RunID: "run"}))
	}
	return books
}

func TestNoReportHoldsWhatATerminalOrABrowserObeys(t *testing.T) {
	books := strange(t)
	for _, format := range report.Formats() {
		text := strings.TrimPrefix(printed(t, books, format, report.Options{}), "\ufeff")
		if format == report.Workbook {
			text = cellsOfBook(t, text)
		}
		for _, r := range text {
			require.True(t, r == '\n' || unicode.IsGraphic(r), "%s holds %q", format, r)
		}
		if format == report.HTML {
			require.NotContains(t, text, "<script>alert")
		}
	}
}

// cellsOfBook are the texts of a workbook, none of which is a formula.
func cellsOfBook(t *testing.T, content string) string {
	t.Helper()
	book, err := excelize.OpenReader(strings.NewReader(content))
	require.NoError(t, err)
	defer func() { require.NoError(t, book.Close()) }()
	var text strings.Builder
	for _, sheet := range book.GetSheetList() {
		rows, err := book.GetRows(sheet)
		require.NoError(t, err)
		for y, row := range rows {
			for x, cell := range row {
				text.WriteString(cell + "\n")
				name, err := excelize.CoordinatesToCellName(x+1, y+1)
				require.NoError(t, err)
				formula, err := book.GetCellFormula(sheet, name)
				require.NoError(t, err)
				require.Empty(t, formula)
			}
		}
	}
	return text.String()
}

func TestNoCellOfAReportIsAFormula(t *testing.T) {
	books := strange(t)
	rows, err := csv.NewReader(strings.NewReader(printed(t, books, report.CSV, report.Options{}))).ReadAll()
	require.NoError(t, err)
	var failed bytes.Buffer
	_, err = report.Failed(t.Context(), books, "spring", &failed)
	require.NoError(t, err)
	more, err := csv.NewReader(&failed).ReadAll()
	require.NoError(t, err)
	require.Len(t, more, 2)
	for _, row := range append(rows, more...) {
		for _, cell := range row {
			require.False(t, cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])), "%q", cell)
		}
	}
}

func TestJSONLinesMeanWhatWasKept(t *testing.T) {
	for line := range strings.Lines(printed(t, strange(t), report.JSONLines, report.Options{})) {
		var result upload.Result
		require.NoError(t, json.Unmarshal([]byte(line), &result))
		require.Equal(t, "/srv/"+hostile, result.Source, "escapes mean the same name")
	}
}

func TestAFailedRowKeepsItsFormulaForTheNextRun(t *testing.T) {
	books := ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{})
	_, _, err := books.OpenBatch(t.Context(), ledger.Batch{ID: "spring", Manifest: "spring.csv", Digest: strings.Repeat("ab", 32), Definition: "d", Total: 1, State: upload.BatchLoading})
	require.NoError(t, err)
	require.NoError(t, books.BatchLoaded(t.Context(), "spring", 1))
	item := upload.Item{
		UploadID: "batch/spring/-1", Batch: "spring", ID: "-1", Line: 2, Account: "trustana", Vendor: "trustana",
		Source: "https://host.example/a.jpg", Fields: upload.Fields{"fileName": "=1+1.jpg"},
	}
	result := upload.NewResult(item, upload.WayPacked, time.Unix(1, 0))
	result.State = upload.StateFailed
	require.NoError(t, books.Record(t.Context(), upload.Record{Item: item, Result: result, RunID: "run"}))
	file := filepath.Join(t.TempDir(), "failed.csv")
	out, err := os.Create(file)
	require.NoError(t, err)
	_, err = report.Failed(t.Context(), books, "spring", out)
	require.NoError(t, err)
	require.NoError(t, out.Close())
	place, err := manifest.Locate(file, "/")
	require.NoError(t, err)
	reader, err := manifest.Open(t.Context(), place, manifest.Options{Opener: manifest.From(sources.New(sources.Options{})), Catalog: accounts{}})
	require.NoError(t, err)
	defer func() { require.NoError(t, reader.Close()) }()
	row, err := reader.Next(t.Context())
	require.NoError(t, err)
	require.Equal(t, "-1", row.Item.ID)
	require.Equal(t, "=1+1.jpg", row.Item.Fields["fileName"])
	require.Equal(t, item.Definition(), row.Item.Definition())
}

func TestASignedURLDoesNotGoToABucket(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDTEST")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s3cr3tk3y")
	books, _ := season(t)
	bodies := map[string]string{}
	store := &bucket{status: http.StatusOK}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		store.ServeHTTP(w, r)
		bodies[store.path[strings.LastIndexByte(store.path, '/')+1:]] = string(store.body)
	}))
	defer server.Close()
	_, err := report.Write(t.Context(), books, "spring", report.Options{Target: report.Target{Place: "s3://reports", S3: sources.S3Options{Endpoint: server.URL, PathStyle: true}}})
	require.NoError(t, err)
	require.Contains(t, bodies["failed.csv"], ",https://host.example/c.jpg,row-4,")
	for name, body := range bodies {
		require.NotContains(t, body, "s3cr3t", name)
	}
}
