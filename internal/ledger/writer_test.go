package ledger_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// dump reads a table as texts, a row each.
func dump(t *testing.T, db *sql.DB, table string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT * FROM `+table)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	columns, err := rows.Columns()
	require.NoError(t, err)
	var texts []string
	for rows.Next() {
		values := make([]sql.RawBytes, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		require.NoError(t, rows.Scan(into...))
		texts = append(texts, fmt.Sprintf("%s", values))
	}
	require.NoError(t, rows.Err())
	return texts
}

func TestCloseWritesWhatIsPending(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l, err := ledger.Open(t.Context(), ledger.Options{URL: url, Sealer: ledgertest.NewSealer(t)})
		require.NoError(t, err)
		const items = 2345 // more than go into one group
		for line := range items {
			m := at(spring(line), "one", upload.StateTransferring)
			m.Wait = false
			require.NoError(t, l.UpdateState(t.Context(), m))
			m.State, m.BytesSent = "", int64(line)
			require.NoError(t, l.UpdateState(t.Context(), m))
		}
		require.NoError(t, l.Close())
		require.NoError(t, l.Close(), "closing twice is one close")

		var n, sum int
		db := ledgertest.Database(t, url)
		require.NoError(t, db.QueryRow(`SELECT COUNT(*), SUM(bytes_sent) FROM items`).Scan(&n, &sum))
		require.Equal(t, items, n)
		require.Equal(t, items*(items-1)/2, sum)
	})
}

func TestClosedLedgerRefuses(t *testing.T) {
	l, err := ledger.Open(t.Context(), ledger.Options{URL: ledgertest.SQLite(t), Sealer: ledgertest.NewSealer(t)})
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.ErrorIs(t, l.Record(t.Context(), ended(spring(1), "one", noon, upload.StateReady)), ledger.ErrClosed)
	require.ErrorIs(t, l.UpdateState(t.Context(), at(spring(1), "one", upload.StatePreparing)), ledger.ErrClosed)
	_, err = l.Claim(t.Context(), asks(spring(1), "one", noon))
	require.ErrorIs(t, err, ledger.ErrClosed)
	_, err = l.Get(t.Context(), "x")
	require.ErrorIs(t, err, ledger.ErrClosed)
	_, err = l.Reserve(t.Context(), ledger.Permit{Account: "a", N: 1, Rate: 1, Burst: 1})
	require.ErrorIs(t, err, ledger.ErrClosed)
}

// A record that was returned from is there for another process, at once.
func TestRecordReturnsWhenItIsCommitted(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		db := ledgertest.Database(t, url)
		var all sync.WaitGroup
		for run := range 16 {
			all.Go(func() {
				for n := range 20 {
					item := spring(100*run + n)
					if err := l.Record(t.Context(), ended(item, "one", noon, upload.StateReady)); err != nil {
						t.Error(err)
						return
					}
					var state string
					err := db.QueryRowContext(t.Context(), `SELECT state FROM items WHERE upload_id = $1`, item.UploadID).Scan(&state)
					if err != nil || state != "ready" {
						t.Errorf("line %d: state %q, error %v", item.Line, state, err)
					}
				}
			})
		}
		all.Wait()
	})
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		release := holdWrites(t, url)
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- l.Record(ctx, ended(spring(1), "one", noon, upload.StateReady)) }()
		cancel()
		require.ErrorIs(t, <-result, context.Canceled)
		release()
	})
}

// holdWrites keeps everybody else from writing items until release is called.
func holdWrites(t *testing.T, url string) (release func()) {
	t.Helper()
	conn, err := ledgertest.Database(t, url).Conn(t.Context())
	require.NoError(t, err)
	begin := `BEGIN IMMEDIATE`
	if url[:8] == "postgres" {
		begin = `BEGIN; LOCK TABLE items IN EXCLUSIVE MODE`
	}
	_, err = conn.ExecContext(t.Context(), begin)
	require.NoError(t, err)
	return func() {
		_, err := conn.ExecContext(t.Context(), `ROLLBACK`)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
}

// While the database is away, heartbeats must not pile up, and none may get lost
// that came last.
func TestUpdatesOfOneItemBecomeOne(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		item := spring(1)
		grant(t, l, asks(item, "one", noon))
		release := holdWrites(t, url)
		for sent := int64(1); sent <= 10_000; sent++ {
			require.NoError(t, l.UpdateState(t.Context(), ledger.StateUpdate{Item: item, RunID: "one", BytesSent: sent}))
		}
		release()
		require.NoError(t, l.UpdateState(t.Context(), at(item, "one", upload.StateTransferring)))
		e := get(t, l, item)
		require.EqualValues(t, 10_000, e.Result.BytesSent)
		require.Equal(t, upload.StateTransferring, e.Result.State)
	})
}

// Of states the last one counts, of bytes and sizes what was known.
func TestStatesOfOneItemBecomeTheLast(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		item := spring(1)
		grant(t, l, asks(item, "one", noon))
		release := holdWrites(t, url)
		for _, m := range []ledger.StateUpdate{
			{State: upload.StatePreparing}, // may be under way already
			{State: upload.StateTransferring, BytesSent: 700, Size: 2000},
			{State: upload.StateCompleting, Paused: true},
			{State: upload.StateProcessing, BytesSent: 600},
		} {
			m.Item, m.RunID, m.WorkflowID = item, "one", item.UploadID
			require.NoError(t, l.UpdateState(t.Context(), m))
		}
		other := at(item, "zero", upload.StatePreparing)
		other.Wait = false
		require.NoError(t, l.UpdateState(t.Context(), other), "another run's is not taken for this one's")
		release()
		require.NoError(t, l.UpdateState(t.Context(), ledger.StateUpdate{Item: item, RunID: "one", BytesSent: 1, Wait: true}))
		e := get(t, l, item)
		require.Equal(t, upload.StateProcessing, e.Result.State)
		require.False(t, e.Result.Paused)
		require.EqualValues(t, 700, e.Result.BytesSent)
		require.EqualValues(t, 2000, e.Result.Size)
	})
}

// One row that the database refuses must not take the others of its group along.
func TestOneBadRowFailsAlone(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		refuse(t, url, spring(7).UploadID)
		var all sync.WaitGroup
		for line := range 20 {
			all.Go(func() {
				err := l.Record(t.Context(), ended(spring(line), "one", noon, upload.StateReady))
				if (line == 7) != (err != nil) {
					t.Errorf("line %d: %v", line, err)
				}
			})
		}
		all.Wait()
		counts, err := l.Counts(t.Context(), ledger.Filter{Batch: "spring"})
		require.NoError(t, err)
		require.EqualValues(t, 19, counts[upload.StateReady])
	})
}

// refuse makes the database refuse an item.
func refuse(t *testing.T, url, uploadID string) {
	t.Helper()
	db := ledgertest.Database(t, url)
	if url[:8] == "postgres" {
		_, err := db.Exec(`ALTER TABLE items ADD CONSTRAINT unwanted CHECK (upload_id <> '` + uploadID + `')`)
		require.NoError(t, err)
		return
	}
	_, err := db.Exec(`CREATE TRIGGER unwanted BEFORE INSERT ON items WHEN new.upload_id = '` + uploadID + `'
BEGIN SELECT RAISE(ABORT, 'unwanted'); END`)
	require.NoError(t, err)
}

func TestLostUpdateIsLogged(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		core, logs := observer.New(zap.WarnLevel)
		l, err := ledger.Open(t.Context(), ledger.Options{URL: url, Sealer: ledgertest.NewSealer(t), Log: zap.New(core)})
		require.NoError(t, err)
		refuse(t, url, spring(7).UploadID)
		m := at(spring(7), "one", upload.StateTransferring)
		m.Wait = false
		require.NoError(t, l.UpdateState(t.Context(), m))
		require.NoError(t, l.Close())
		require.Equal(t, 1, logs.FilterMessage("could not save the progress of items").Len())
	})
}

func TestSealerThatFailsFailsTheCall(t *testing.T) {
	l, err := ledger.Open(t.Context(), ledger.Options{URL: ledgertest.SQLite(t), Sealer: brokenSealer{}})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	require.ErrorIs(t, l.Record(t.Context(), ended(spring(1), "one", noon, upload.StateReady)), errNoKey)
	_, err = l.Claim(t.Context(), asks(spring(1), "one", noon))
	require.ErrorIs(t, err, errNoKey)
	_, err = l.SaveToken(t.Context(), "a", "t", "me", ledger.Token{})
	require.ErrorIs(t, err, errNoKey)
}

var errNoKey = errors.New("no key")

type brokenSealer struct{}

func (brokenSealer) Seal([]byte) ([]byte, error) { return nil, errNoKey }
func (brokenSealer) Open([]byte) ([]byte, error) { return nil, errNoKey }

// Whatever several processes do to the same items in whatever order, an item that
// was ready once stays ready, its runs are counted, and the books balance.
func TestNothingIsLostUnderAnyOrder(t *testing.T) {
	const processes, hands, steps, items = 3, 4, 60, 12
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	ledgertest.Each(t, func(t *testing.T, url string) {
		var all sync.WaitGroup
		var ready sync.Map
		first := ledgertest.Open(t, url, ledger.Options{})
		for p := range processes {
			l := first
			if p > 0 {
				l = ledgertest.Open(t, url, ledger.Options{})
			}
			for h := range hands {
				random := rand.New(rand.NewPCG(seed, uint64(p*hands+h)))
				all.Go(func() {
					for step := range steps {
						item := spring(random.IntN(items))
						run := fmt.Sprintf("run-%d-%d-%d", p, h, step)
						err := oneRun(t.Context(), l, random, item, run, &ready)
						if err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
		}
		all.Wait()

		s, err := first.Summarize(t.Context(), "spring")
		require.NoError(t, err)
		var sum, listed int64
		for _, n := range s.Counts {
			sum += n
		}
		require.Equal(t, s.Total, sum)
		for e, err := range first.List(t.Context(), ledger.Filter{Batch: "spring"}) {
			require.NoError(t, err)
			listed++
			if run, ok := ready.Load(e.Result.UploadID); ok {
				require.Equal(t, upload.StateReady, e.Result.State, e.Result.UploadID)
				require.Equal(t, run, e.RunID)
			}
			require.True(t, e.Result.State.Ended(), "%s is %s", e.Result.UploadID, e.Result.State)
		}
		require.Equal(t, s.Total, listed)
	})
}

// oneRun is the life of one run in a hurry: it claims, says how far it is, and
// ends in some way, all of it possibly twice.
func oneRun(ctx context.Context, l *ledger.Ledger, random *rand.Rand, item upload.Item, run string, ready *sync.Map) error {
	started := time.Now()
	request := asks(item, run, started)
	request.WorkflowID = "workflow/" + run
	answer, err := l.Claim(ctx, request)
	if err != nil || answer.Outcome != ledger.Granted {
		return err
	}
	for _, state := range []upload.State{upload.StateTransferring, upload.StateProcessing} {
		m := at(item, run, state)
		m.Wait = random.IntN(2) == 0
		if err := l.UpdateState(ctx, m); err != nil {
			return err
		}
		if err := l.UpdateState(ctx, ledger.StateUpdate{Item: item, RunID: run, BytesSent: random.Int64N(1000)}); err != nil {
			return err
		}
	}
	state := upload.StateFailed
	if random.IntN(4) == 0 {
		state = upload.StateReady
		if was, twice := ready.LoadOrStore(item.UploadID, run); twice {
			return fmt.Errorf("%s became ready by %s and by %s", item.UploadID, was, run)
		}
	}
	if err := l.Record(ctx, ended(item, run, started, state)); err != nil {
		return err
	}
	var refused *ledger.Refusal
	if err := l.Record(ctx, ended(item, run, started, state)); random.IntN(2) > 0 && !errors.As(err, &refused) {
		return err // another run may hold the item by now
	}
	return nil
}
