package ledger_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// springBatch is the batch that the rows of these tests belong to.
func springBatch() ledger.Batch {
	return ledger.Batch{
		ID: "spring", Manifest: "/srv/media/spring.csv", Digest: "ab12", Definition: "cd34", Canary: 20, By: "ann", CreatedAt: noon,
		Limits: upload.Limits{
			RPS: map[string]float64{"trustana": 2.5}, InFlight: 8, Bandwidth: 1 << 20,
			Failures: []upload.Budget{{Kind: upload.KindRejected, Count: 10}, {Share: 0.05}},
		},
	}
}

func openBatch(t *testing.T, l *ledger.Ledger, b ledger.Batch) {
	t.Helper()
	_, made, err := l.OpenBatch(t.Context(), b)
	require.NoError(t, err)
	require.True(t, made)
}

func changeBatch(t *testing.T, l *ledger.Ledger, c ledger.BatchChange) ledger.Batch {
	t.Helper()
	b, err := l.ChangeBatch(t.Context(), "spring", c)
	require.NoError(t, err)
	return b
}

func event(what string) ledger.BatchEvent { return ledger.BatchEvent{What: what, By: "ann"} }

func failuresOf(t *testing.T, l *ledger.Ledger) map[upload.Kind]int64 {
	t.Helper()
	counts, err := l.Failures(t.Context(), "spring")
	require.NoError(t, err)
	return counts
}

// failedAs is the record of a row that a shard's run could not deliver.
func failedAs(line int, kind upload.Kind) upload.Record {
	r := ended(spring(line), "shard", noon, upload.StateFailed)
	r.Result.Error = &upload.Failure{Kind: kind, Message: "it failed as " + string(kind)}
	return r
}

func TestBatchIsOpenedOnce(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		found, made, err := l.OpenBatch(t.Context(), springBatch())
		require.NoError(t, err)
		require.True(t, made)
		want := springBatch()
		want.State = upload.BatchLoading
		require.Equal(t, want, found)

		other := springBatch()
		other.Digest, other.By = "ffff", "bob"
		found, made, err = l.OpenBatch(t.Context(), other)
		require.NoError(t, err)
		require.False(t, made)
		require.Equal(t, want, found, "the one that is there")

		now.Add(time.Minute)
		require.NoError(t, l.BatchLoaded(t.Context(), "spring", 5000))
		now.Add(time.Minute)
		require.NoError(t, l.BatchLoaded(t.Context(), "spring", 7))
		want.State, want.Total, want.StartedAt = upload.BatchRunning, 5000, noon.Add(time.Minute)
		found, err = l.Batch(t.Context(), "spring")
		require.NoError(t, err)
		require.Equal(t, want, found)

		_, _, err = l.OpenBatch(t.Context(), ledger.Batch{})
		require.ErrorContains(t, err, "the ID is missing")
	})
}

func TestOneOfManyOpensABatch(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		var all sync.WaitGroup
		var mu sync.Mutex
		opened := 0
		for range 3 {
			l := ledgertest.Open(t, url, ledger.Options{})
			for range 4 {
				all.Go(func() {
					b, made, err := l.OpenBatch(t.Context(), springBatch())
					if err != nil || b.ID != "spring" {
						t.Errorf("%+v, %v", b, err)
					}
					mu.Lock()
					defer mu.Unlock()
					if made {
						opened++
					}
				})
			}
		}
		all.Wait()
		require.Equal(t, 1, opened)
	})
}

func TestUnknownBatchIsExplained(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		for _, id := range []string{"spring-1", "spring-3", "autumn"} {
			b := springBatch()
			b.ID = id
			openBatch(t, l, b)
		}
		ctx := t.Context()
		asked := map[string]func() error{
			"read":    func() error { _, err := l.Batch(ctx, "spring-2"); return err },
			"change":  func() error { _, err := l.ChangeBatch(ctx, "spring-2", ledger.BatchChange{}); return err },
			"loaded":  func() error { return l.BatchLoaded(ctx, "spring-2", 1) },
			"canary":  func() error { _, err := l.CanaryPassed(ctx, "spring-2"); return err },
			"failing": func() error { _, err := l.Failures(ctx, "spring-2"); return err },
		}
		for name, ask := range asked {
			t.Run(name, func(t *testing.T) {
				err := ask()
				require.ErrorIs(t, err, ledger.ErrNotFound)
				var missing *ledger.BatchNotFoundError
				require.ErrorAs(t, err, &missing)
				require.Equal(t, []string{"spring-1", "spring-3"}, missing.Near)
				require.ErrorContains(t, err, `batch "spring-2" is not in the ledger; similar names: ["spring-1" "spring-3"]`)
			})
		}
		_, err := l.Batch(ctx, "")
		require.ErrorIs(t, err, ledger.ErrNotFound)
	})
}

func TestBatchesAreListedNewestFirst(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		for n, id := range []string{"b", "a", "c"} {
			b := springBatch()
			b.ID, b.CreatedAt = id, noon.Add(time.Duration(n)*time.Hour)
			openBatch(t, l, b)
		}
		batches, err := l.Batches(t.Context(), ledger.BatchFilter{})
		require.NoError(t, err)
		var ids []string
		for _, b := range batches {
			ids = append(ids, b.ID)
		}
		require.Equal(t, []string{"c", "a", "b"}, ids)
	})
}

func TestDecisionsChangeABatchAndArePutDown(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		openBatch(t, l, springBatch())
		require.NoError(t, l.BatchLoaded(t.Context(), "spring", 100))
		yes, because := true, "the vendor asked for it"
		pause := ledger.BatchChange{
			Event:  ledger.BatchEvent{At: noon.Add(time.Second), What: ledger.EventPause, By: "ann", Because: because},
			Paused: &yes, Because: &because,
		}
		b := changeBatch(t, l, pause)
		require.True(t, b.Paused)
		require.Equal(t, because, b.Because)
		require.Equal(t, upload.BatchRunning, b.State)
		require.Equal(t, springBatch().Limits, b.Limits)
		changeBatch(t, l, pause) // an attempt whose answer was lost

		limits := upload.Limits{InFlight: 2}
		b = changeBatch(t, l, ledger.BatchChange{
			Event: ledger.BatchEvent{What: ledger.EventSet, By: "bob", Detail: "in-flight 8 to 2"}, Limits: &limits,
		})
		require.Equal(t, limits, b.Limits)
		require.True(t, b.Paused)

		now.Add(time.Hour)
		b = changeBatch(t, l, ledger.BatchChange{Event: event(ledger.EventFinish), State: upload.BatchCompleted})
		require.Equal(t, noon.Add(time.Hour), b.FinishedAt)
		b = changeBatch(t, l, ledger.BatchChange{Event: event(ledger.EventRetry), State: upload.BatchRunning})
		require.Zero(t, b.FinishedAt)

		events, err := l.BatchEvents(t.Context(), "spring")
		require.NoError(t, err)
		require.Equal(t, []ledger.BatchEvent{
			pause.Event,
			{At: noon, What: ledger.EventSet, By: "bob", Detail: "in-flight 8 to 2"},
			{At: noon.Add(time.Hour), What: ledger.EventFinish, By: "ann"},
			{At: noon.Add(time.Hour), What: ledger.EventRetry, By: "ann"},
		}, events, "in the order in which they were decided, and each once")
		events, err = l.BatchEvents(t.Context(), "autumn")
		require.NoError(t, err)
		require.Empty(t, events)
	})
}

func TestABatchIsHeldOnceAndNotBehindItsEnd(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		openBatch(t, l, springBatch())
		require.NoError(t, l.BatchLoaded(t.Context(), "spring", 100))
		hold := func(because string) ledger.Batch {
			return changeBatch(t, l, ledger.BatchChange{Event: event(ledger.EventHold), State: upload.BatchHeld, Because: &because})
		}
		require.Equal(t, upload.BatchHeld, hold("first").State)
		require.Equal(t, "first", hold("second").Because)
		for _, state := range []upload.BatchState{upload.BatchCanceling, upload.BatchCanceled, upload.BatchCompleted} {
			changeBatch(t, l, ledger.BatchChange{Event: event(ledger.EventSet), State: state})
			require.Equal(t, state, hold("third").State)
		}
		events, err := l.BatchEvents(t.Context(), "spring")
		require.NoError(t, err)
		require.Len(t, events, 4, "one hold, and the three after it")
	})
}

func TestManyDecideAtOnceAndNothingIsLost(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		first := ledgertest.Open(t, url, ledger.Options{})
		openBatch(t, first, springBatch())
		var all sync.WaitGroup
		for p := range 3 {
			l := ledgertest.Open(t, url, ledger.Options{})
			for n := range 10 {
				all.Go(func() {
					limits := upload.Limits{InFlight: 1 + p*10 + n}
					if _, err := l.ChangeBatch(t.Context(), "spring", ledger.BatchChange{Event: event(ledger.EventSet), Limits: &limits}); err != nil {
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		events, err := first.BatchEvents(t.Context(), "spring")
		require.NoError(t, err)
		require.Len(t, events, 30)
	})
}

func TestFailuresAreThoseThatNobodyAccepted(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		openBatch(t, l, springBatch())
		record(t, l, refusedRow(1))
		record(t, l, refusedRow(2))
		require.Equal(t, map[upload.Kind]int64{upload.KindInvalid: 2}, failuresOf(t, l))
		require.NoError(t, l.BatchLoaded(t.Context(), "spring", 20))
		require.Empty(t, failuresOf(t, l), "who started the batch knew of them")

		for line := 3; line <= 5; line++ {
			record(t, l, failedAs(line, upload.KindRejected))
		}
		record(t, l, failedAs(6, upload.KindInvalid))
		record(t, l, failedAs(6, upload.KindInvalid)) // an attempt whose answer was lost
		require.Equal(t, map[upload.Kind]int64{upload.KindInvalid: 1, upload.KindRejected: 3}, failuresOf(t, l))

		passed := func() bool {
			yes, err := l.CanaryPassed(t.Context(), "spring")
			require.NoError(t, err)
			return yes
		}
		changeBatch(t, l, ledger.BatchChange{Event: event(ledger.EventResume)})
		require.Len(t, failuresOf(t, l), 2, "it was not held")
		require.False(t, passed())
		changeBatch(t, l, ledger.BatchChange{Event: event(ledger.EventHold), State: upload.BatchHeld})
		require.False(t, passed())
		changeBatch(t, l, ledger.BatchChange{Event: event(ledger.EventResume), Paused: new(bool)})
		require.Len(t, failuresOf(t, l), 2, "a pause ended, and nothing was accepted")
		require.False(t, passed())
		b := changeBatch(t, l, ledger.BatchChange{Event: event(ledger.EventResume), State: upload.BatchRunning})
		require.Equal(t, upload.BatchRunning, b.State)
		require.True(t, passed())
		require.Empty(t, failuresOf(t, l))

		record(t, l, failedAs(7, upload.KindRejected))
		require.Equal(t, map[upload.Kind]int64{upload.KindRejected: 1}, failuresOf(t, l))

		n, err := l.RetryRows(t.Context(), "spring", []upload.Kind{upload.KindRejected}, ledger.Which{})
		require.NoError(t, err)
		require.EqualValues(t, 4, n)
		require.Empty(t, failuresOf(t, l))
		later := failedAs(3, upload.KindRejected)
		later.RunID, later.Result.StartedAt = "shard two", upload.Moment{Time: noon.Add(time.Hour)}
		record(t, l, later)
		require.Equal(t, map[upload.Kind]int64{upload.KindRejected: 1}, failuresOf(t, l), "what fails again nobody accepted")
	})
}

func TestABatchWithoutACanaryHasPassedIt(t *testing.T) {
	l := ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{})
	b := springBatch()
	b.Canary = 0
	openBatch(t, l, b)
	passed, err := l.CanaryPassed(t.Context(), "spring")
	require.NoError(t, err)
	require.True(t, passed)
}

// refusedRow is the record of a row that was refused together with its manifest.
func refusedRow(line int) upload.Record {
	r := announced(spring(line))
	r.Result.State, r.Result.FinishedAt = upload.StateFailed, &r.Result.StartedAt.Time
	r.Result.Error = &upload.Failure{Kind: upload.KindInvalid, Message: "gtin is too short"}
	return r
}
