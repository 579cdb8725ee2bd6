package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestWhatAnItemWaitsForIsKeptUntilItGoesOn(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		row := upload.Item{UploadID: "batch/spring/a", ID: "a", Batch: "spring", Line: 2, Account: "sitoo", Vendor: "sitoo", Source: "https://x.example/a.jpg"}
		require.NoError(t, l.Record(t.Context(), upload.Record{Item: row, Result: upload.NewResult(row, upload.WayPacked, now.Now())}))
		since := now.Now().UTC().Truncate(time.Microsecond)
		wait := &upload.Wait{Step: upload.StepClaim, Since: since, Next: since.Add(time.Second), Tries: 2, Last: upload.Error{Kind: upload.KindUnavailable, Peer: upload.PeerSource, Message: "503"}}
		require.NoError(t, l.NoteWait(t.Context(), row.UploadID, "run", wait))
		entry, err := l.Get(t.Context(), row.UploadID)
		require.NoError(t, err)
		require.Equal(t, wait, entry.Waiting)
		troubles, err := l.Troubles(t.Context(), "spring")
		require.NoError(t, err)
		require.Equal(t, []ledger.Trouble{{Route: upload.Route{Account: "sitoo", Vendor: "sitoo"}, State: upload.StateWaiting, Wait: *wait, Rows: 1}}, troubles)
		open, err := l.OpenRows(t.Context(), "spring")
		require.NoError(t, err)
		require.Equal(t, []ledger.OpenRows{{Route: upload.Route{Account: "sitoo", Vendor: "sitoo"}, State: upload.StateWaiting, Rows: 1}}, open)

		require.NoError(t, l.NoteWait(t.Context(), row.UploadID, "run", nil))
		entry, err = l.Get(t.Context(), row.UploadID)
		require.NoError(t, err)
		require.Nil(t, entry.Waiting)
	})
}

func TestAnAnswerOfAVendorIsNotedOnceAMinute(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		lastOK := func() time.Time {
			t.Helper()
			require.NoError(t, l.Answered(t.Context(), "sitoo"))
			state, err := l.Account(t.Context(), "sitoo")
			require.NoError(t, err)
			require.False(t, state.Paused)
			return state.LastOK
		}
		first := lastOK()
		require.WithinDuration(t, now.Now(), first, time.Second)
		now.Add(30 * time.Second)
		require.Equal(t, first, lastOK())
		now.Add(31 * time.Second)
		require.True(t, lastOK().After(first))
	})
}
