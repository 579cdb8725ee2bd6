package dashboard

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/links"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// BenchmarkViews asks for each view of a ledger with a million rows, or as many as
// MEDIAFERRY_BENCH_ROWS says: most are ready, some failed, and some wait.
func BenchmarkViews(b *testing.B) {
	total := 1_000_000
	if text := os.Getenv("MEDIAFERRY_BENCH_ROWS"); text != "" {
		var err error
		total, err = strconv.Atoi(text)
		require.NoError(b, err)
	}
	for name, database := range map[string]func(testing.TB) string{"sqlite": ledgertest.SQLite, "postgres": ledgertest.Postgres} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, database(b))
			w.fill(total)
			last := upload.BatchUploadID("spring", fmt.Sprintf("a-%d", total-1))
			for _, path := range []string{
				"/", "/batches", "/batches/spring", "/batches/spring?state=failed", "/batches/spring?state=failed&kind=rejected&account=sitoo", "/batches/spring?after=" + upload.BatchUploadID("spring", fmt.Sprintf("a-%d", total/2)),
				"/items", "/items?state=failed", "/items?state=ready&account=sitoo", "/items?q=a-99", "/items?q=SKU-99", "/items?q=" + fmt.Sprintf("%d.jpg", total), "/batches/spring/rates", links.Item(last), "/accounts", "/accounts/sitoo", "/decisions", "/workers",
			} {
				b.Run(path, func(b *testing.B) {
					var longest time.Duration
					for range b.N {
						began := time.Now()
						answer := w.get(path, "text/html", operator)
						longest = max(longest, time.Since(began))
						require.Equal(b, http.StatusOK, answer.Code)
					}
					b.ReportMetric(float64(longest.Microseconds())/1000, "ms-longest")
				})
			}
		})
	}
}

// fill puts down a batch: of a hundred rows one failed, one waits and the others are ready.
func (w *world) fill(total int) {
	w.t.Helper()
	_, _, err := w.ledger.OpenBatch(w.t.Context(), ledger.Batch{ID: "spring", Manifest: "/srv/spring.csv", By: "ann@desk", CreatedAt: w.now.Add(-time.Hour)})
	require.NoError(w.t, err)
	const group = 5000
	for from := 0; from < total; from += group {
		records := make([]upload.Record, 0, group)
		for n := from; n < min(from+group, total); n++ {
			item := row("spring", []string{"sitoo", "trustana", "closient"}[n%3], n+2)
			item.ID = fmt.Sprintf("a-%d", n)
			item.UploadID = upload.BatchUploadID("spring", item.ID)
			if item.Vendor == "trustana" {
				item.Fields = upload.Fields{"skuIds": []any{fmt.Sprintf("SKU-%d", n)}}
			}
			result := upload.NewResult(item, upload.WayPacked, w.now)
			record := upload.Record{Item: item, Result: result}
			at := w.now
			switch n % 100 {
			case 50:
				record.RunID, record.Result.State, record.Result.FinishedAt = "run", upload.StateFailed, &at
				record.Result.Error = &upload.Failure{Kind: []upload.Kind{upload.KindRejected, upload.KindTimeout}[n%2], Message: fmt.Sprintf("prepare answered %d: SKU-%d is not known", 400+n%7, n)}
			case 99:
			default:
				record.RunID, record.Result.State, record.Result.FinishedAt, record.Result.MediaID = "run", upload.StateReady, &at, upload.Text(fmt.Sprintf("IM%d", n))
			}
			records = append(records, record)
		}
		_, err := w.ledger.RecordAll(w.t.Context(), records)
		require.NoError(w.t, err)
	}
	require.NoError(w.t, w.ledger.BatchLoaded(w.t.Context(), "spring", int64(total)))
}
