package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestTheFleetIsWhatThereIsToDo(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		single := func(id string) upload.Item {
			return upload.Item{UploadID: "upload/sitoo/" + id, ID: id, Account: "sitoo", Vendor: "sitoo", Source: "https://shop.example/" + id, Queue: "q"}
		}
		_, _, err := l.OpenBatch(t.Context(), ledger.Batch{ID: "spring"})
		require.NoError(t, err)
		for line := 1; line <= 5; line++ {
			record(t, l, announced(spring(line)))
		}
		require.NoError(t, l.BatchLoaded(t.Context(), "spring", 5))
		grant(t, l, asks(spring(1), "one", noon))
		record(t, l, ended(spring(1), "one", noon, upload.StateReady))
		grant(t, l, asks(spring(2), "one", noon))
		_, err = l.SaveProgress(t.Context(), []ledger.ProgressUpdate{{
			UploadID: spring(2).UploadID, RunID: "one", State: upload.StatePreparing,
			Progress: upload.Progress{Version: 1, Content: content, Waiting: &upload.Wait{
				Step: upload.StepPrepare, Since: noon.Add(-time.Minute), Tries: 2, Last: upload.Error{Kind: upload.KindUnavailable, Message: "503"},
			}},
		}})
		require.NoError(t, err)
		grant(t, l, asks(single("moves"), "two", noon))
		grant(t, l, asks(single("lost"), "three", noon))
		record(t, l, ended(single("lost"), "three", noon, upload.StateUnconfirmed))

		// A batch that is over is not told of, but for what waits for a person.
		_, _, err = l.OpenBatch(t.Context(), ledger.Batch{ID: "autumn", CreatedAt: noon.Add(-time.Hour)})
		require.NoError(t, err)
		require.NoError(t, l.BatchLoaded(t.Context(), "autumn", 0))
		_, err = l.ChangeBatch(t.Context(), "autumn", ledger.BatchChange{State: upload.BatchCompleted, Event: ledger.BatchEvent{What: ledger.EventFinish}})
		require.NoError(t, err)

		f, err := l.Fleet(t.Context())
		require.NoError(t, err)
		require.Equal(t, []ledger.AccountItems{
			{Account: "sitoo", State: upload.StatePreparing, Items: 1},
			{Account: "sitoo", State: upload.StateUnconfirmed, Items: 1},
			{Account: "trustana", State: upload.StatePreparing, Items: 1},
			{Account: "trustana", State: upload.StateReady, Items: 1},
			{Account: "trustana", State: upload.StateWaiting, Items: 3},
		}, f.Items)
		require.Len(t, f.Batches, 1)
		b := f.Batches[0]
		require.Equal(t, "spring", b.ID)
		require.Equal(t, map[upload.State]int64{upload.StateReady: 1, upload.StatePreparing: 1, upload.StateWaiting: 3}, b.Rows)
		require.Len(t, b.Open, 2)
		require.Len(t, b.Troubles, 1)
		require.Equal(t, "503", b.Troubles[0].Wait.Last.Message)
		require.Len(t, f.Singles, 2)
		for _, one := range f.Singles {
			require.Equal(t, "q", one.Route.Queue, "queues are named")
		}
		require.Equal(t, map[string]time.Time{"trustana": noon.Add(-time.Minute)}, f.Oldest, "what was heard of just now does not wait")

		now.Add(2 * time.Minute)
		paused := true
		_, err = l.ChangeBatch(t.Context(), "spring", ledger.BatchChange{Paused: &paused, Event: ledger.BatchEvent{What: ledger.EventPause}})
		require.NoError(t, err)
		f, err = l.Fleet(t.Context())
		require.NoError(t, err)
		require.Equal(t, noon, f.Oldest["sitoo"])
		require.Equal(t, now.Now(), f.Batches[0].Since)
	})
}
