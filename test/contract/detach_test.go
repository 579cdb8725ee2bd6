package contract

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/sandbox/trustana"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// slowly lets trustana process for a minute.
func slowly(s *sandbox.Settings) {
	sandbox.In[trustana.Settings](s).Processing = sandbox.Duration(time.Minute)
}

func (w *world) row(id string) ledger.Entry {
	w.t.Helper()
	entry, err := w.ledger.Get(w.t.Context(), id)
	require.NoError(w.t, err)
	return entry
}

func (w *world) requestDetach(id string, want ledger.Want) ledger.Entry {
	w.t.Helper()
	entry, err := w.ledger.RequestDetach(w.t.Context(), ledger.DetachRequest{UploadID: id, Want: want, By: "operator"})
	require.NoError(w.t, err)
	return entry
}

// endShard ends the shard of a row as Temporal's UI does.
func (w *world) endShard(row ledger.Entry) {
	w.mu.Lock()
	w.dead[row.RunID], w.dead[row.WorkflowID] = true, true
	w.mu.Unlock()
	w.env.CancelWorkflowByID(row.WorkflowID, row.RunID)
}

func TestAShardThatIsEndedFromOutsideLeavesNoRowBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "trustana", slowly)
	items := w.load(20, nil)
	w.env.RegisterDelayedCallback(func() {
		row := w.row(items[7].UploadID)
		require.Equal(t, upload.StateProcessing, row.Result.State)
		w.endShard(row)
	}, 10*time.Second)
	end, results := w.runBatch()
	require.Equal(t, upload.BatchCompleted, end.State)
	w.verifyRows(items, results)
	require.Equal(t, upload.WayOwn, results[items[7].UploadID].Way)
	require.Contains(t, results[items[7].UploadID].Note, "its shard was terminated outside of mediaferry")
}

func TestABatchEndsThatIsCanceledAfterAShardOfItWasEndedFromOutside(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "trustana", slowly)
	items := w.load(20, nil)
	w.env.RegisterDelayedCallback(func() { w.endShard(w.row(items[0].UploadID)) }, 10*time.Second)
	w.env.RegisterDelayedCallback(func() {
		_, err := w.ledger.ChangeBatch(t.Context(), "b", ledger.BatchChange{
			State: upload.BatchCanceling, Event: ledger.BatchEvent{What: ledger.EventCancel, By: "operator"},
		})
		require.NoError(t, err)
		w.env.CancelWorkflow()
	}, 15*time.Second)
	_, results := w.runBatch()
	for id, result := range results {
		require.Equal(t, upload.StateCanceled, result.State, id)
	}
	batch, err := w.ledger.Batch(t.Context(), "b")
	require.NoError(t, err)
	require.Equal(t, upload.BatchCanceled, batch.State)
}

func TestTheCanaryIsShownAlsoWhereItsShardIsEndedFromOutside(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "trustana", slowly)
	items := w.load(20, func(b *ledger.Batch, _ []upload.Item) { b.Canary = 5 })
	w.env.RegisterDelayedCallback(func() { w.endShard(w.row(items[0].UploadID)) }, 10*time.Second)
	w.env.RegisterDelayedCallback(func() {
		batch, err := w.ledger.Batch(t.Context(), "b")
		require.NoError(t, err)
		require.Equal(t, upload.BatchHeld, batch.State)
		_, err = w.ledger.ChangeBatch(t.Context(), "b", ledger.BatchChange{
			State: upload.BatchRunning, Event: ledger.BatchEvent{What: ledger.EventResume, By: "operator"},
		})
		require.NoError(t, err)
	}, time.Hour)
	end, results := w.runBatch()
	require.Equal(t, upload.BatchCompleted, end.State)
	w.verifyRows(items, results)
}

func TestRowsAreDetachedFromTheirShard(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "trustana", slowly)
	items := w.load(20, nil)
	canceled, alone, never := items[3].UploadID, items[4].UploadID, items[5].UploadID
	w.requestDetach(never, ledger.WantCancel)
	w.env.RegisterDelayedCallback(func() {
		require.Equal(t, upload.StateProcessing, w.requestDetach(canceled, ledger.WantCancel).Result.State)
		w.requestDetach(alone, ledger.WantDetach)
	}, 10*time.Second)
	end, results := w.runBatch()
	require.Equal(t, upload.BatchCompleted, end.State)
	require.EqualValues(t, 2, end.Counts[upload.StateCanceled])
	require.EqualValues(t, 18, end.Counts[upload.StateReady])
	require.Equal(t, upload.StateCanceled, results[canceled].State)
	require.Regexp(t, `^the bytes of session \S+ were sent, and the vendor may still process them$`, results[canceled].Note)
	require.NotNil(t, results[canceled].FinishedAt)
	require.Equal(t, upload.StateCanceled, results[never].State)
	require.Zero(t, results[never].Attempts)
	require.Equal(t, upload.StateReady, results[alone].State)
	require.Equal(t, upload.WayOwn, results[alone].Way)
	require.Equal(t, "in a workflow of its own, because operator controls it", results[alone].Note)
	require.Equal(t, upload.WayPacked, results[items[0].UploadID].Way)
	require.Empty(t, w.sandbox.Ledger().Violations)
}

func TestARowIsDetachedWhileItsBatchRests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "trustana", slowly)
	items := w.load(3, nil)
	pause := func(paused bool, what string) {
		_, err := w.ledger.ChangeBatch(t.Context(), "b", ledger.BatchChange{Paused: &paused, Event: ledger.BatchEvent{What: what, By: "operator"}})
		require.NoError(t, err)
	}
	w.env.RegisterDelayedCallback(func() {
		pause(true, ledger.EventPause)
		w.requestDetach(items[1].UploadID, ledger.WantCancel)
	}, 10*time.Second)
	w.env.RegisterDelayedCallback(func() {
		require.Equal(t, upload.StateCanceled, w.row(items[1].UploadID).Result.State)
		pause(false, ledger.EventResume)
	}, time.Hour)
	end, _ := w.runBatch()
	require.EqualValues(t, 2, end.Counts[upload.StateReady])
}
