package contract

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// held claims an item for a run of a workflow.
func (w *world) held(item upload.Item, run string, at time.Time) {
	w.t.Helper()
	claim, err := w.ledger.Claim(w.t.Context(), ledger.ClaimRequest{
		Item: item, Content: upload.Content{Size: 1}, WorkflowID: item.UploadID, RunID: run, Way: upload.WayOwn, StartedAt: at,
	})
	require.NoError(w.t, err)
	require.Equal(w.t, ledger.Granted, claim.Outcome)
}

// An item that a run of another Temporal service holds is left alone, and nobody asks
// this one whether that run is open.
func TestARunOfAnotherServiceIsNotTakenOver(t *testing.T) {
	for name, other := range map[string]ledger.Service{
		"cluster": {Cluster: "c-away", Namespace: "default"}, "namespace": {Cluster: "c-here", Namespace: "away"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "sitoo", nil)
			item := w.item("a")
			w.ledger.Bind(other)
			w.held(item, "theirs", w.start)
			w.ledger.Bind(ledger.Service{Cluster: "c-here", Namespace: "default"})

			ended := w.run(item)
			require.Equal(t, upload.StateFailed, ended.result.State)
			require.Equal(t, upload.KindSuperseded, ended.result.Error.Kind)
			require.Contains(t, ended.result.Error.Message, other.String())
			require.Zero(t, w.requests())
			entry, err := w.ledger.Get(t.Context(), item.UploadID)
			require.NoError(t, err)
			require.Equal(t, ledger.Run{Service: other, WorkflowID: item.UploadID, RunID: "theirs"}, entry.Run)
			require.False(t, entry.Result.State.Ended())
		})
	}
}

// A run from which its item was taken meanwhile sends nothing more, and says so.
func TestARunThatLostItsItemSendsNothingMore(t *testing.T) {
	each(t, func(t *testing.T, vendor string) {
		w := newWorld(t, vendor, nil)
		item := w.item("a")
		asked := -1
		w.before[upload.ActivityPrepare] = func(int) {
			asked = w.requests()
			w.held(item, "a later run", w.start.Add(24*time.Hour))
		}
		ended := w.run(item)
		require.Equal(t, upload.StateFailed, ended.result.State)
		require.Equal(t, upload.KindSuperseded, ended.result.Error.Kind)
		require.Contains(t, ended.result.Error.Message, "a later run")
		require.Equal(t, asked, w.requests())
		entry, err := w.ledger.Get(t.Context(), item.UploadID)
		require.NoError(t, err)
		require.Equal(t, "a later run", entry.RunID)
		require.False(t, entry.Result.State.Ended(), "the item is left to the run that holds it")
	})
}
