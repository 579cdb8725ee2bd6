package ledger_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// hands is how many activities are at the ledger at once.
const hands = 32

func benchEach(b *testing.B, bench func(b *testing.B, l *ledger.Ledger)) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": ledgertest.SQLite, "postgres": ledgertest.Postgres} {
		b.Run(name, func(b *testing.B) {
			l := ledgertest.Open(b, database(b), ledger.Options{})
			b.ReportAllocs()
			b.ResetTimer()
			bench(b, l)
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "items/s")
		})
	}
}

// eachHand runs do for each of b.N items, in many goroutines.
func eachHand(b *testing.B, do func(line int) error) {
	b.SetParallelism(hands / 2)
	eachHandOf(b, do)
}

// eachHandOf does so in as many as were set.
func eachHandOf(b *testing.B, do func(line int) error) {
	var line atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := do(int(line.Add(1))); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkClaim(b *testing.B) {
	benchEach(b, func(b *testing.B, l *ledger.Ledger) {
		eachHand(b, func(line int) error {
			_, err := l.Claim(b.Context(), asks(spring(line), "one", noon))
			return err
		})
	})
}

func BenchmarkRecord(b *testing.B) {
	benchEach(b, func(b *testing.B, l *ledger.Ledger) {
		eachHand(b, func(line int) error {
			return l.Record(b.Context(), ended(spring(line), "one", noon, upload.StateReady))
		})
	})
}

// What one upload writes: its claim, three states, and its end.
func BenchmarkWholeUpload(b *testing.B) {
	benchEach(b, func(b *testing.B, l *ledger.Ledger) {
		eachHand(b, func(line int) error {
			item := spring(line)
			if _, err := l.Claim(b.Context(), asks(item, "one", noon)); err != nil {
				return err
			}
			for _, state := range []upload.State{upload.StatePreparing, upload.StateTransferring, upload.StateProcessing} {
				if err := l.UpdateState(b.Context(), at(item, "one", state)); err != nil {
					return err
				}
			}
			return l.Record(b.Context(), ended(item, "one", noon, upload.StateReady))
		})
	})
}

// progressOf is progress of the size that signed URLs give it.
func progressOf(line int) upload.Progress {
	return upload.Progress{
		Version: 1,
		Session: upload.Session{
			Method: "put", ID: fmt.Sprintf("IM%d", line), FileName: fmt.Sprintf("%d.jpg", line), Store: upload.StoreS3,
			URL:       fmt.Sprintf("https://bucket.s3.eu-central-1.amazonaws.com/media/%d.jpg?X-Amz-Security-Token=%0600d", line, line),
			Header:    map[string]string{"Content-Type": "image/jpeg", "X-Amz-Meta-Upload": fmt.Sprint(line)},
			ExpiresAt: noon.Add(time.Hour), Life: time.Hour, OpenedAt: noon,
		},
		Content: content, Attempts: upload.Attempts{Prepare: 1},
	}
}

// The four writes of a packed row, sixteen rows at once, in a batch of b.N rows
// that is there already.
func BenchmarkPackedRow(b *testing.B) {
	benchEach(b, func(b *testing.B, l *ledger.Ledger) {
		announceAll(b, l, b.N)
		b.ResetTimer()
		b.SetParallelism(8)
		eachHandOf(b, func(line int) error { return packedRow(b.Context(), l, line) })
	})
}

func packedRow(ctx context.Context, l *ledger.Ledger, line int) error {
	item := spring(line)
	request := asks(item, "shard", noon)
	request.WorkflowID, request.Way = "shard/spring/1/1", upload.WayPacked
	if _, err := l.Claim(ctx, request); err != nil {
		return err
	}
	update := ledger.ProgressUpdate{UploadID: item.UploadID, RunID: "shard", State: upload.StateTransferring, Progress: progressOf(line)}
	if err := save(ctx, l, update); err != nil {
		return err
	}
	update.State, update.BytesSent, update.Progress.SentAt = upload.StateProcessing, content.Size, noon
	update.Progress.Version++
	if err := save(ctx, l, update); err != nil {
		return err
	}
	return l.Record(ctx, ended(item, "shard", noon, upload.StateReady))
}

// Announcing a batch, a shard at a time.
func BenchmarkAnnounce(b *testing.B) {
	benchEach(b, func(b *testing.B, l *ledger.Ledger) { announceAll(b, l, b.N) })
}

func announceAll(b testing.TB, l *ledger.Ledger, items int) {
	b.Helper()
	for line := 1; line <= items; line += 500 {
		var shard []upload.Record
		for n := line; n < min(line+500, items+1); n++ {
			shard = append(shard, announced(spring(n)))
		}
		recordAll(b, l, shard)
	}
}

func BenchmarkHeartbeat(b *testing.B) {
	benchEach(b, func(b *testing.B, l *ledger.Ledger) {
		for line := range 256 {
			require.NoError(b, l.Record(b.Context(), ended(spring(line), "one", noon, upload.StateTransferring)))
		}
		eachHand(b, func(n int) error {
			return l.UpdateState(b.Context(), ledger.StateUpdate{Item: spring(n % 256), RunID: "one", BytesSent: int64(n)})
		})
	})
}

func BenchmarkClaimShard(b *testing.B) {
	benchEach(b, func(b *testing.B, l *ledger.Ledger) {
		for line := 0; line < b.N; line += 500 {
			var shard []ledger.ClaimRequest
			for n := line; n < min(line+500, b.N); n++ {
				shard = append(shard, asks(spring(n), "one", noon))
			}
			_, err := l.ClaimAll(b.Context(), shard)
			require.NoError(b, err)
		}
	})
}

func BenchmarkRecordShard(b *testing.B) {
	benchEach(b, func(b *testing.B, l *ledger.Ledger) {
		recordMany(b, l, b.N)
	})
}

func recordMany(b *testing.B, l *ledger.Ledger, items int) {
	b.Helper()
	states := []upload.State{upload.StateReady, upload.StateReady, upload.StateReady, upload.StateFailed}
	for line := 0; line < items; line += 500 {
		var shard []upload.Record
		for n := line; n < min(line+500, items); n++ {
			shard = append(shard, ended(spring(n), "one", noon, states[n%len(states)]))
		}
		recordAll(b, l, shard)
	}
}

func BenchmarkReserve(b *testing.B) {
	benchEach(b, func(b *testing.B, l *ledger.Ledger) {
		eachHand(b, func(int) error {
			_, err := l.Reserve(b.Context(), ledger.Permit{Account: "a", N: 1, Rate: 1e6, Burst: 1})
			return err
		})
	})
}

// Reading a batch of 100,000 items: its summary, and all of it.
func BenchmarkRead(b *testing.B) {
	const items = 100_000
	for name, database := range map[string]func(testing.TB) string{"sqlite": ledgertest.SQLite, "postgres": ledgertest.Postgres} {
		l := ledgertest.Open(b, database(b), ledger.Options{})
		recordMany(b, l, items)
		b.Run(fmt.Sprintf("summary of %d/%s", items, name), func(b *testing.B) {
			for range b.N {
				s, err := l.Summarize(b.Context(), "spring")
				require.NoError(b, err)
				require.EqualValues(b, items, s.Total)
			}
		})
		b.Run(fmt.Sprintf("list of %d/%s", items, name), func(b *testing.B) {
			for range b.N {
				n := 0
				for _, err := range l.List(b.Context(), ledger.Filter{Batch: "spring"}) {
					require.NoError(b, err)
					n++
				}
				require.Equal(b, items, n)
			}
		})
	}
}

// fleetRows is how many rows BenchmarkFleet reads what there is to do of.
const fleetRows = 1_000_000

// BenchmarkFleet reads what there is to do in a ledger of a million rows: a thousand
// batches of ten accounts, three of which go on with a hundred thousand rows that wait
// and a thousand at work.
func BenchmarkFleet(b *testing.B) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": ledgertest.SQLite, "postgres": ledgertest.Postgres} {
		b.Run(name, func(b *testing.B) {
			url := database(b)
			l := ledgertest.Open(b, url, ledger.Options{})
			fill(b, l, url, name == "postgres")
			b.ResetTimer()
			for b.Loop() {
				f, err := l.Fleet(b.Context())
				require.NoError(b, err)
				require.Len(b, f.Batches, 3)
			}
		})
	}
}

// fill copies one row in trouble as often as there are to be rows.
func fill(b *testing.B, l *ledger.Ledger, url string, postgres bool) {
	b.Helper()
	item := spring(0)
	_, err := l.Claim(b.Context(), asks(item, "one", noon))
	require.NoError(b, err)
	_, err = l.SaveProgress(b.Context(), []ledger.ProgressUpdate{{
		UploadID: item.UploadID, RunID: "one", State: upload.StatePreparing, Progress: upload.Progress{Version: 1, Content: content},
	}})
	require.NoError(b, err)
	for n := range 1000 {
		id := fmt.Sprintf("b%d", n)
		_, _, err := l.OpenBatch(b.Context(), ledger.Batch{ID: id})
		require.NoError(b, err)
		require.NoError(b, l.BatchLoaded(b.Context(), id, 1000))
		if n < 997 {
			_, err = l.ChangeBatch(b.Context(), id, ledger.BatchChange{State: upload.BatchCompleted, Event: ledger.BatchEvent{What: ledger.EventFinish}})
			require.NoError(b, err)
		}
	}
	numbers := `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ` + fmt.Sprint(fleetRows) + `)`
	other := []string{}
	for _, column := range columnsOf(b, url, postgres) {
		if !slices.Contains([]string{"upload_id", "batch", "account", "line", "state", "phase"}, column) {
			other = append(other, column)
		}
	}
	batch := `CASE WHEN i < 100000 THEN 'b' || (997 + i % 3) ELSE 'b' || (i / 1000) END`
	state := `CASE WHEN i < 1000 THEN 'preparing' WHEN i < 100000 THEN 'waiting' WHEN i % 50 = 0 THEN 'failed' ELSE 'ready' END`
	phase := `CASE WHEN i < 1000 THEN 'work' WHEN i < 100000 THEN 'waiting' WHEN i % 50 = 0 THEN 'failed' ELSE 'ready' END`
	db := ledgertest.Database(b, url)
	for _, statement := range []string{
		numbers + ` INSERT INTO items (upload_id, batch, account, line, state, phase, ` + strings.Join(other, ", ") + `)
SELECT 'batch/x/' || i, ` + batch + `, 'account' || (i % 10), i, ` + state + `, ` + phase + `, ` + strings.Join(other, ", ") + ` FROM n, items`,
		`DELETE FROM tallies`,
		`INSERT INTO tallies (batch, account, vendor, queue, state, kind, items, paused, size, bytes_sent)
SELECT batch, account, vendor, queue, state, kind, COUNT(*), 0, SUM(size), SUM(bytes_sent) FROM items GROUP BY batch, account, vendor, queue, state, kind`,
		`ANALYZE`,
	} {
		_, err := db.Exec(statement)
		require.NoError(b, err)
	}
}

// columnsOf are the columns of items.
func columnsOf(b *testing.B, url string, postgres bool) []string {
	b.Helper()
	query := `SELECT name FROM pragma_table_info('items')`
	if postgres {
		query = `SELECT column_name FROM information_schema.columns WHERE table_name = 'items' ORDER BY ordinal_position`
	}
	rows, err := ledgertest.Database(b, url).Query(query)
	require.NoError(b, err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var name string
		require.NoError(b, rows.Scan(&name))
		all = append(all, name)
	}
	require.NoError(b, rows.Err())
	return all
}
