package report_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/xuri/excelize/v2"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/report"
	"github.com/mediaferry/mediaferry/internal/samples"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

const secret = "X-Amz-Signature=s3cr3t"

// season is a ledger with a batch of five rows: delivered from this host and
// from a URL, rejected, refused, and one that still waits.
func season(t *testing.T) (*ledger.Ledger, string) {
	t.Helper()
	books := ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{})
	media := t.TempDir()
	require.NoError(t, os.CopyFS(media, samples.Files()))
	form, err := json.Marshal(manifest.Form{Format: manifest.CSV, Columns: []string{"to", "skuIds", "source"}})
	require.NoError(t, err)
	_, _, err = books.OpenBatch(t.Context(), ledger.Batch{
		ID: "spring", Manifest: "spring.csv", Form: string(form), Digest: strings.Repeat("ab", 32), Definition: "d", Total: 5, State: upload.BatchLoading, By: "anna@host",
	})
	require.NoError(t, err)
	require.NoError(t, books.BatchLoaded(t.Context(), "spring", 5))
	began := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	mug := filepath.Join(media, "mug.png")
	info, err := os.Stat(mug)
	require.NoError(t, err)
	row := func(line int, source string, fields upload.Fields, end func(*upload.Result)) {
		item := upload.Item{
			UploadID: fmt.Sprintf("batch/spring/row-%d", line), Batch: "spring", ID: fmt.Sprintf("row-%d", line), Line: line,
			Account: "trustana", Vendor: "trustana", Source: source, Fields: fields,
		}
		result, done := upload.NewResult(item, upload.WayPacked, began), began.Add(time.Duration(line)*time.Second)
		record := upload.Record{Item: item, Result: result}
		if end != nil {
			record.RunID, record.Result.WorkflowID, record.Result.FinishedAt = "run", "shard/spring/1/2", &done
			end(&record.Result)
		}
		if source == mug {
			record.Fingerprint = upload.FileFingerprint(info.Size(), info.ModTime())
		}
		require.NoError(t, books.Record(t.Context(), record))
	}
	ready := func(r *upload.Result) {
		r.State, r.MediaID, r.Size, r.BytesSent, r.Attempts.Prepare, r.SHA256 = upload.StateReady, "IM1", upload.Number(info.Size()), info.Size(), 2, "s"
	}
	row(2, mug, upload.Fields{"skuIds": []any{"A|B", "C"}, "addToMediaGallery": true}, ready)
	row(3, "https://host.example/b.jpg?"+secret, nil, ready)
	row(4, "https://host.example/c.jpg?"+secret, upload.Fields{"skuIds": []any{"D|E"}}, func(r *upload.Result) {
		r.State = upload.StateFailed
		r.Error = &upload.Failure{Kind: upload.KindRejected, Step: upload.StepPrepare, Message: `=HYPERLINK("x") <script>alert(1)</script> no SKU 4711`, Hint: "correct the SKU", RequestID: "req-1", Status: 400}
	})
	row(5, "https://host.example/d.jpg?"+secret, nil, func(r *upload.Result) {
		r.State = upload.StateFailed
		r.Error = &upload.Failure{Kind: upload.KindInvalid, Step: upload.StepClaim, Message: "to: account is unknown"}
	})
	row(6, "https://host.example/e.jpg?"+secret, nil, nil)
	return books, media
}

func printed(t *testing.T, books report.Books, format report.Format, options report.Options) string {
	t.Helper()
	var out bytes.Buffer
	options.Format = format
	require.NoError(t, report.Print(t.Context(), books, "spring", options, &out))
	require.NotContains(t, out.String(), "s3cr3t")
	return out.String()
}

func TestJSONLinesAreTheResultsInTheManifestsOrder(t *testing.T) {
	books, _ := season(t)
	lines := strings.Split(strings.TrimSpace(printed(t, books, report.JSONLines, report.Options{})), "\n")
	require.Len(t, lines, 5)
	for i, line := range lines {
		var r upload.Result
		require.NoError(t, json.Unmarshal([]byte(line), &r))
		require.Equal(t, upload.Number(i+2), r.Line)
	}
	require.Contains(t, lines[0], `"attempts":{"prepare":2,`)
	require.Contains(t, lines[4], `"state":"waiting"`)
}

func TestCSVHasTheFieldsOfJSONDotted(t *testing.T) {
	books, _ := season(t)
	text, marked := strings.CutPrefix(printed(t, books, report.CSV, report.Options{}), "\ufeff")
	require.True(t, marked, "spreadsheets take it for another encoding")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 6)
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	var object map[string]any
	full, err := json.Marshal(upload.Result{Error: &upload.Failure{}, Note: "n", Paused: true})
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(full, &object))
	for name, value := range object {
		if inner, nested := value.(map[string]any); nested {
			for key := range inner {
				require.Contains(t, at, name+"."+key)
			}
			continue
		}
		if name != "paused" { // a row that has ended is not, and of others a state is enough
			require.Contains(t, at, name)
		}
	}
	require.Equal(t, "2", rows[1][at["attempts.prepare"]])
	require.Empty(t, rows[1][at["error.kind"]])
	require.Equal(t, "rejected", rows[3][at["error.kind"]])
	require.Equal(t, "400", rows[3][at["error.http_status"]])
	require.Equal(t, len(rows[0])-1, at["skuIds"], "the manifest's own fields come last, under their names")
	require.Equal(t, `["D|E"]`, rows[3][at["skuIds"]])
	require.True(t, strings.HasPrefix(rows[3][at["error.message"]], "'=HYPERLINK"), "no formula for a spreadsheet")
}

func TestTheFailedRowsAreAManifestForTheNextRun(t *testing.T) {
	books, _ := season(t)
	file := filepath.Join(t.TempDir(), "failed.csv")
	require.NoError(t, report.Store(t.Context(), report.Target{Place: filepath.Dir(file)}, "failed.csv", func(w io.Writer) error {
		n, err := report.Failed(t.Context(), books, "spring", w)
		require.Equal(t, int64(2), n)
		return err
	}))
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "it holds signed URLs")
	place, err := manifest.Locate(file, "/")
	require.NoError(t, err)
	reader, err := manifest.Open(t.Context(), place, manifest.Options{Opener: manifest.From(sources.New(sources.Options{})), Catalog: accounts{}})
	require.NoError(t, err)
	defer func() { require.NoError(t, reader.Close()) }()
	require.Empty(t, reader.Header())
	row, err := reader.Next(t.Context())
	require.NoError(t, err)
	require.True(t, row.Valid())
	require.Equal(t, "row-4", row.Item.ID)
	require.Equal(t, "https://host.example/c.jpg?"+secret, row.Item.Source)
	require.Equal(t, []string{"D|E"}, row.Item.Fields.Strings("skuIds"), "as it was, although lists are split at |")
}

// accounts are one of each vendor.
type accounts struct{}

func (accounts) AccountNames() []string { return vendors.Names() }
func (accounts) Profile(name string) (spec.Account, error) {
	return spec.Account{Name: name, Vendor: name, BaseURL: "https://" + name + ".example"}, nil
}

func TestThePageNeedsNothingElseAndTellsEverything(t *testing.T) {
	books, media := season(t)
	paused, why := true, "a sale"
	_, err := books.ChangeBatch(t.Context(), "spring", ledger.BatchChange{
		Event: ledger.BatchEvent{What: "pause", By: "anna@host", Because: why}, Paused: &paused, Because: &why,
	})
	require.NoError(t, err)
	html := printed(t, books, report.HTML, report.Options{Sources: sources.New(sources.Options{Roots: []string{media}})})
	require.Contains(t, html, "<title>Batch spring: paused</title>")
	require.Contains(t, html, "data:image/jpeg;base64,")
	require.Equal(t, 1, strings.Count(html, "<figure>"), "only what is on this host has a picture")
	require.Contains(t, html, "no SKU 4711")
	require.Contains(t, html, `<ol class="failures">`)
	require.Contains(t, html, `<span class="soft">skuIds</span> [&#34;D|E&#34;]`)
	require.Equal(t, 2, strings.Count(html, `<li><span class="where">`), "every failed row is there")
	require.Contains(t, html, "correct the SKU")
	require.Contains(t, html, "a sale")
	require.Contains(t, html, "<rect")
	require.NotContains(t, html, "<script")
	require.NotRegexp(t, regexp.MustCompile(`(src|href)="(https?:|//)`), html)
	require.NotRegexp(t, regexp.MustCompile(`url\(`), html)

	without := printed(t, books, report.HTML, report.Options{Sources: sources.New(sources.Options{Roots: []string{t.TempDir()}})})
	require.NotContains(t, without, "data:image/", "what may not be read is not shown")
}

func TestAnUnknownBatchOrFormatIsNoReport(t *testing.T) {
	books, _ := season(t)
	err := report.Print(t.Context(), books, "sprig", report.Options{Format: report.CSV}, io.Discard)
	require.ErrorIs(t, err, ledger.ErrNotFound)
	require.ErrorContains(t, report.Print(t.Context(), books, "spring", report.Options{Format: "pdf"}, io.Discard), `unknown report format "pdf"`)
}

func TestAllReportsAreWrittenBelowAFolder(t *testing.T) {
	books, _ := season(t)
	folder := filepath.Join(t.TempDir(), "results")
	for range 2 { // it may be repeated
		places, err := report.Write(t.Context(), books, "spring", report.Options{Target: report.Target{Place: folder}})
		require.NoError(t, err)
		require.Len(t, places, 5)
		for _, place := range places {
			require.FileExists(t, place)
		}
	}
	left, err := os.ReadDir(filepath.Join(folder, "spring"))
	require.NoError(t, err)
	require.Len(t, left, 5, "no temporary file stays")
}

func TestAFileIsReplacedAsAWholeOrNotAtAll(t *testing.T) {
	target := report.Target{Place: t.TempDir()}
	write := func(text string, err error) func(io.Writer) error {
		return func(w io.Writer) error {
			_, _ = io.WriteString(w, text)
			return err
		}
	}
	require.NoError(t, report.Store(t.Context(), target, "a/b.csv", write("whole", nil)))
	broken := errors.New("broken")
	require.ErrorIs(t, report.Store(t.Context(), target, "a/b.csv", write("half", broken)), broken)
	content, err := os.ReadFile(filepath.Join(target.Place, "a", "b.csv"))
	require.NoError(t, err)
	require.Equal(t, "whole", string(content))
	require.ErrorContains(t, report.Store(t.Context(), target, "../b.csv", write("x", nil)), "must be a relative path")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = report.Store(ctx, target, "c.csv", func(w io.Writer) error {
		_, err := io.WriteString(w, "x")
		return err
	})
	require.ErrorIs(t, err, context.Canceled)
}

// bucket is a store that takes objects.
type bucket struct {
	status int
	path   string
	kind   string
	auth   string
	body   []byte
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.path, b.kind, b.auth = r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("Authorization")
	b.body, _ = io.ReadAll(r.Body)
	w.Header().Set("ETag", `"e"`)
	if b.status != http.StatusOK {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(b.status)
		_, _ = io.WriteString(w, `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>No.</Message><RequestId>r1</RequestId></Error>`)
	}
}

func TestReportsGoToBuckets(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDTEST")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s3cr3tk3y")
	for name, target := range map[string]func(endpoint string) report.Target{
		"S3": func(endpoint string) report.Target {
			return report.Target{Place: "s3://reports/shop", S3: sources.S3Options{Endpoint: endpoint, PathStyle: true}}
		},
		"OSS": func(endpoint string) report.Target {
			return report.Target{Place: "oss://reports/shop", OSS: sources.OSSOptions{Endpoint: endpoint, AccessKeyID: "id", AccessKeySecret: "s3cr3tk3y"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			store := &bucket{status: http.StatusOK}
			server := httptest.NewServer(store)
			defer server.Close()
			write := func(w io.Writer) error {
				_, err := io.WriteString(w, "a,b\n")
				return err
			}
			require.NoError(t, report.Store(t.Context(), target(server.URL), "spring/report.csv", write))
			require.True(t, strings.HasSuffix(store.path, "/shop/spring/report.csv"), store.path)
			require.Equal(t, "text/csv; charset=utf-8", store.kind)
			require.Contains(t, string(store.body), "a,b\n")
			require.NotEmpty(t, store.auth)

			store.status = http.StatusForbidden
			err := report.Store(t.Context(), target(server.URL), "spring/report.csv", write)
			require.ErrorContains(t, err, "/reports/shop/spring/report.csv: "+name+" answered 403 AccessDenied: No")
			require.NotContains(t, err.Error(), "s3cr3tk3y")
		})
	}
	t.Run("no place for results", func(t *testing.T) {
		err := report.Store(t.Context(), report.Target{Place: "https://host.example/x?token=s3cr3t"}, "a.csv", func(io.Writer) error { return nil })
		require.ErrorContains(t, err, "results must be a folder, s3://BUCKET/PREFIX or oss://BUCKET/PREFIX")
		require.NotContains(t, err.Error(), "s3cr3t")
	})
	t.Run("no OSS endpoint", func(t *testing.T) {
		err := report.Store(t.Context(), report.Target{Place: "oss://reports/x"}, "a.csv", func(io.Writer) error { return nil })
		require.ErrorContains(t, err, "set sources.oss.endpoint")
	})
}

func TestTheWorkbookHasASheetForEachQuestion(t *testing.T) {
	books, _ := season(t)
	book, err := excelize.OpenReader(strings.NewReader(printed(t, books, report.Workbook, report.Options{})))
	require.NoError(t, err)
	defer func() { require.NoError(t, book.Close()) }()
	require.Equal(t, []string{"summary", "items", "failures"}, book.GetSheetList())
	items, err := book.GetRows("items")
	require.NoError(t, err)
	require.Len(t, items, 6)
	failures, err := book.GetRows("failures")
	require.NoError(t, err)
	require.Len(t, failures, 3)
	require.Equal(t, items[0], failures[0])
	at := slices.Index(items[0], "error.message")
	require.Contains(t, failures[1][at], `=HYPERLINK("x")`)
	name, err := excelize.CoordinatesToCellName(at+1, 2)
	require.NoError(t, err)
	formula, err := book.GetCellFormula("failures", name)
	require.NoError(t, err)
	require.Empty(t, formula, "a text is no formula")
	line, err := book.GetCellType("items", "D2")
	require.NoError(t, err)
	require.Equal(t, excelize.CellTypeUnset, line, "a number")
	summary, err := book.GetRows("summary")
	require.NoError(t, err)
	require.Equal(t, []string{"trustana", "5", "2", "2", "0", "0", "1"}, summary[1][:7])
}
