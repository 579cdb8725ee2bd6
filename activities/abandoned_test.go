package activities

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// abandonment is a batch of four rows: one is ready, one is under way in a shard, and
// two wait.
type abandonment struct {
	*Activities
	t       *testing.T
	now     time.Time
	open    map[string]bool // workflows that run
	reports int
}

func newAbandonment(t *testing.T) *abandonment {
	t.Helper()
	w := &abandonment{t: t, now: time.Now(), open: map[string]bool{}}
	clock := func() time.Time { return w.now }
	books := ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{Now: clock})
	books.Bind(ledger.Service{Cluster: "c", Namespace: "n"})
	w.Activities = &Activities{
		Steps: &steps.Steps{Accounts: anyAccount{}, Ledger: books, Log: zap.NewNop(), Owner: "worker", Now: clock, Running: func(_ context.Context, workflow, _ string) (bool, error) {
			return w.open[workflow], nil
		}},
		Report: func(context.Context, string) ([]string, error) {
			w.reports++
			return nil, nil
		},
	}
	_, _, err := books.OpenBatch(t.Context(), ledger.Batch{ID: "spring", Digest: "d", Total: 4})
	require.NoError(t, err)
	for i := range 4 {
		item := upload.Item{UploadID: fmt.Sprintf("batch/spring/%d", i), Batch: "spring", ID: fmt.Sprint(i), Line: i + 2, Account: "sitoo", Vendor: "sitoo", Source: "/a.jpg"}
		result, run := upload.NewResult(item, upload.WayPacked, w.now), ""
		switch i {
		case 0:
			result.State, run = upload.StateReady, "run"
		case 1:
			result.State, run = upload.StatePreparing, "run"
			result.WorkflowID = "shard/spring/1"
		}
		require.NoError(t, books.Record(t.Context(), upload.Record{Item: item, Result: result, RunID: run}))
	}
	require.NoError(t, books.BatchLoaded(t.Context(), "spring", 4))
	return w
}

// anyAccount is of whatever name.
type anyAccount struct{}

func (anyAccount) Account(name string) (spec.Account, error) {
	return spec.Account{Name: name, Vendor: "sitoo"}, nil
}

func (anyAccount) KeyFingerprint(spec.Account) string { return "key" }

// sweep looks every ten seconds for a minute.
func (w *abandonment) sweep() {
	w.t.Helper()
	for range 6 {
		w.now = w.now.Add(10 * time.Second)
		require.NoError(w.t, w.Sweep(w.t.Context()))
	}
}

func (w *abandonment) counts() map[upload.State]int64 {
	w.t.Helper()
	counts, err := w.Ledger.Counts(w.t.Context(), ledger.Filter{Batch: "spring"})
	require.NoError(w.t, err)
	maps.DeleteFunc(counts, func(_ upload.State, n int64) bool { return n == 0 })
	return counts
}

func (w *abandonment) state() upload.BatchState {
	w.t.Helper()
	batch, err := w.Ledger.Batch(w.t.Context(), "spring")
	require.NoError(w.t, err)
	return batch.State
}

func TestABatchWhoseWorkflowIsGoneEndsWithinAMinute(t *testing.T) {
	w := newAbandonment(t)
	w.sweep()
	require.Equal(t, upload.BatchCompleted, w.state())
	require.Equal(t, map[upload.State]int64{upload.StateReady: 1, upload.StateFailed: 3}, w.counts())
	require.Equal(t, 1, w.reports)
	row, err := w.Ledger.Get(t.Context(), "batch/spring/2")
	require.NoError(t, err)
	require.Equal(t, upload.KindInternal, row.Result.Error.Kind)
	require.Contains(t, string(row.Result.Error.Hint), "mediaferry batch retry spring")

	n, err := w.Ledger.RetryRows(t.Context(), "spring", nil, ledger.Which{})
	require.NoError(t, err)
	require.Equal(t, int64(3), n)
	_, err = w.Ledger.ChangeBatch(t.Context(), "spring", ledger.BatchChange{State: upload.BatchRunning, Event: ledger.BatchEvent{What: "retry"}})
	require.NoError(t, err)
	require.NoError(t, w.Sweep(t.Context()))
	require.Equal(t, upload.BatchRunning, w.state(), "its workflow may be about to begin")
	w.sweep()
	require.Equal(t, upload.BatchCompleted, w.state(), "and if it is terminated again, it ends again")
	require.Equal(t, int64(3), w.counts()[upload.StateFailed])
}

// Its first row need not have begun.
func TestABatchEndsThatWasTerminatedBeforeItsFirstRow(t *testing.T) {
	w := newAbandonment(t)
	_, _, err := w.Ledger.OpenBatch(t.Context(), ledger.Batch{ID: "autumn"})
	require.NoError(t, err)
	item := upload.Item{UploadID: "batch/autumn/1", ID: "1", Batch: "autumn", Account: "sitoo", Vendor: "sitoo", Source: "/a.jpg", Queue: "q"}
	require.NoError(t, w.Ledger.Record(t.Context(), upload.Record{Item: item, Result: upload.NewResult(item, upload.WayPacked, w.now)}))
	require.NoError(t, w.Ledger.BatchLoaded(t.Context(), "autumn", 1))
	here := w.Ledger.Service()
	for _, c := range []struct {
		service ledger.Service
		want    upload.BatchState
	}{{ledger.Service{Cluster: "another"}, upload.BatchRunning}, {here, upload.BatchCompleted}} {
		w.Ledger.Bind(c.service)
		w.sweep()
		batch, err := w.Ledger.Batch(t.Context(), "autumn")
		require.NoError(t, err)
		require.Equal(t, c.want, batch.State)
	}
}

func TestABatchThatWasBeingCanceledIsCanceledWhereItsWorkflowIsGone(t *testing.T) {
	w := newAbandonment(t)
	_, err := w.Ledger.ChangeBatch(t.Context(), "spring", ledger.BatchChange{State: upload.BatchCanceling, Event: ledger.BatchEvent{What: ledger.EventCancel}})
	require.NoError(t, err)
	w.sweep()
	require.Equal(t, upload.BatchCanceled, w.state())
	require.Equal(t, map[upload.State]int64{upload.StateReady: 1, upload.StateCanceled: 3}, w.counts())
}

// A shard of the batch may have rows between those of one that was ended: it waits for
// them, and the batch waits for it.
func TestRowsOfAShardThatWasEndedAreFreeWhileTheirBatchRuns(t *testing.T) {
	w := newAbandonment(t)
	w.open["batch/spring"] = true
	require.NoError(t, w.Sweep(t.Context()))
	row, err := w.Ledger.Get(t.Context(), "batch/spring/1")
	require.NoError(t, err)
	require.Empty(t, row.RunID)
	require.Equal(t, upload.StatePreparing, row.Result.State)
	require.Equal(t, upload.BatchRunning, w.state())
}

func TestABatchIsLeftAloneThatSomebodyMayStillRun(t *testing.T) {
	for name, arrange := range map[string]func(*abandonment){
		"its workflow runs":              func(w *abandonment) { w.open["batch/spring"] = true },
		"it runs at another service":     func(w *abandonment) { w.Ledger.Bind(ledger.Service{Cluster: "c", Namespace: "other"}) },
		"a shard of it has a row":        func(w *abandonment) { w.open["shard/spring/1"] = true },
		"its rows are still being added": nil,
	} {
		t.Run(name, func(t *testing.T) {
			w := newAbandonment(t)
			want := upload.BatchRunning
			if arrange == nil {
				want = upload.BatchLoading
				arrange = func(w *abandonment) {
					_, err := w.Ledger.ChangeBatch(t.Context(), "spring", ledger.BatchChange{State: upload.BatchLoading, Event: ledger.BatchEvent{What: "start"}})
					require.NoError(t, err)
				}
			}
			arrange(w)
			w.sweep()
			require.Equal(t, want, w.state())
			require.Zero(t, w.reports)
		})
	}
}
