package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Two services that share a ledger may have runs of the same workflow ID, and neither
// can tell whether the other's are open.
func TestNoServiceTakesWhatARunOfAnotherHolds(t *testing.T) {
	here := ledger.Service{Cluster: "c1", Namespace: "default"}
	for name, other := range map[string]ledger.Service{
		"of another cluster": {Cluster: "c2", Namespace: "default"}, "of another namespace": {Cluster: "c1", Namespace: "media"},
	} {
		t.Run(name, func(t *testing.T) {
			ledgertest.Each(t, func(t *testing.T, url string) {
				sealer := ledgertest.NewSealer(t)
				l := ledgertest.Open(t, url, ledger.Options{Sealer: sealer})
				l.Bind(here)
				away := ledgertest.Open(t, url, ledger.Options{Sealer: sealer})
				away.Bind(other)
				later := noon.Add(time.Hour)

				item := spring(1)
				grant(t, l, asks(item, "one", noon))
				for _, request := range []ledger.ClaimRequest{asks(item, "two", later), asks(item, "two", later)} {
					answer := claim(t, away, request)
					require.Equal(t, ledger.Busy, answer.Outcome)
					require.Equal(t, ledger.Run{Service: here, WorkflowID: item.UploadID, RunID: "one"}, answer.Entry.Run)
					require.True(t, away.Elsewhere(answer.Entry.Run))
					require.False(t, l.Elsewhere(answer.Entry.Run))
				}
				takeover := asks(item, "two", later)
				takeover.TakeOver = "one"
				require.Equal(t, ledger.Busy, claim(t, away, takeover).Outcome, "it cannot know that the run is dead")
				err := away.Record(t.Context(), ended(item, "two", later, upload.StateReady))
				require.Equal(t, ledger.Held, reasonOf(t, err))
				require.ErrorContains(t, err, here.String())
				holders, err := away.Holders(t.Context(), "spring")
				require.NoError(t, err)
				require.Equal(t, []ledger.Holder{{Run: ledger.Run{Service: here, WorkflowID: item.UploadID, RunID: "one"}, Batch: "spring", Rows: 1, UploadID: item.UploadID}}, holders)
				grant(t, l, asks(item, "two", later))

				record(t, l, ended(item, "two", later, upload.StateFailed))
				grant(t, away, asks(item, "three", later.Add(time.Hour)))
				require.Equal(t, other, get(t, l, item).Service, "what has ended is anybody's")
				record(t, away, ended(item, "three", later.Add(time.Hour), upload.StateReady))
				require.Equal(t, ledger.Known, claim(t, l, asks(item, "four", later.Add(2*time.Hour))).Outcome)
			})
		})
	}
}

// A run that evicts another asks whether that is open, which it can only of its own
// service.
func TestTheHolderOfASerialKeyNamesItsService(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		l.Bind(ledger.Service{Cluster: "c1", Namespace: "default"})
		first, second := spring(1), spring(2)
		wants(t, l, first, "one", false)
		wants(t, l, second, "two", true)
		acquired, _ := enter(t, l, serialOf(first, "one"))
		require.True(t, acquired)
		_, holder := enter(t, l, serialOf(second, "two"))
		require.Equal(t, l.Service(), holder.Service)
	})
}
