package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func requestDetach(t *testing.T, l *ledger.Ledger, line int, want ledger.Want) ledger.Entry {
	t.Helper()
	entry, err := l.RequestDetach(t.Context(), ledger.DetachRequest{UploadID: spring(line).UploadID, Want: want, By: "anna"})
	require.NoError(t, err)
	return entry
}

func detachRequests(t *testing.T, l *ledger.Ledger, run string) (calls map[string]ledger.Want) {
	t.Helper()
	found, err := l.DetachRequests(t.Context(), run)
	require.NoError(t, err)
	for _, call := range found {
		if calls == nil {
			calls = map[string]ledger.Want{}
		}
		require.Equal(t, "anna", call.By)
		calls[call.UploadID] = call.Want
	}
	return calls
}

func TestARowThatNoRunHoldsIsCanceledAtOnce(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{Now: newClock().Now})
		announce(t, l, lines(1, 3)...)
		e := requestDetach(t, l, 1, ledger.WantCancel)
		require.Equal(t, upload.StateCanceled, e.Result.State)
		require.Equal(t, noon, e.Result.FinishedAt.UTC())
		require.Equal(t, upload.StateCanceled, requestDetach(t, l, 1, ledger.WantDetach).Result.State, "what has ended stays")
		require.Equal(t, []string{"2-3: 2"}, cut(t, l, 0, 500))

		// A shard that has read of it before, or a workflow that was about to begin.
		require.Equal(t, ledger.Canceled, claim(t, l, packed(spring(1), "shard", noon)).Outcome)
		own := claim(t, l, asks(spring(1), "own", noon))
		require.Equal(t, ledger.Canceled, own.Outcome)
		require.Equal(t, upload.StateCanceled, own.Entry.Result.State)
		require.Equal(t, ledger.Ended, reasonOf(t, l.Record(t.Context(), packedEnd(spring(1), "shard", noon, upload.StateFailed))))
		require.Equal(t, upload.StateCanceled, get(t, l, spring(1)).Result.State)

		require.NoError(t, l.AllowClaims(t.Context(), spring(1).UploadID))
		require.Equal(t, upload.StateCanceled, get(t, l, spring(1)).Result.State)
		grant(t, l, asks(spring(1), "own", noon))

		requestDetach(t, l, 2, ledger.WantCancel)
		require.EqualValues(t, 1, retryRows(t, l))
		grant(t, l, packed(spring(2), "shard", noon))
		_, err := l.RequestDetach(t.Context(), ledger.DetachRequest{UploadID: "batch/spring/none", Want: ledger.WantCancel})
		require.ErrorIs(t, err, ledger.ErrNotFound)
		requireBalanced(t, url)
	})
}

func TestADetachedRowIsClaimedByNoShard(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		announce(t, l, lines(1, 2)...)
		require.True(t, requestDetach(t, l, 1, ledger.WantDetach).Detached)
		answer := claim(t, l, packed(spring(1), "shard", noon))
		require.Equal(t, ledger.Busy, answer.Outcome)
		require.True(t, answer.Entry.Detached)
		row, err := l.ReadProgress(t.Context(), spring(1).UploadID)
		require.NoError(t, err)
		item, err := row.OwnItem()
		require.NoError(t, err)
		require.Equal(t, "in a workflow of its own, because anna controls it", item.Resume.Because)
		grant(t, l, asks(item, "own", noon))

		row, err = l.ReadProgress(t.Context(), spring(2).UploadID)
		require.NoError(t, err)
		_, err = row.OwnItem()
		require.ErrorContains(t, err, "not detached from its shard")
		requireBalanced(t, url)
	})
}

func TestARunReadsTheRequestsForItsRows(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		announce(t, l, lines(1, 4)...)
		for line := 1; line <= 3; line++ {
			grant(t, l, packed(spring(line), "shard", noon))
		}
		saveProgress(t, l, progress(1, "shard", upload.StateProcessing))
		require.Empty(t, detachRequests(t, l, "shard"))
		require.Equal(t, upload.StateProcessing, requestDetach(t, l, 1, ledger.WantDetach).Result.State)
		requestDetach(t, l, 2, ledger.WantDetach)
		requestDetach(t, l, 2, ledger.WantCancel)
		require.Empty(t, detachRequests(t, l, "another shard"))
		require.Equal(t, map[string]ledger.Want{
			spring(1).UploadID: ledger.WantDetach, spring(2).UploadID: ledger.WantCancel,
		}, detachRequests(t, l, "shard"))

		// Who let a row go is not asked for it again, and what it leaves is named.
		detach(t, l, spring(1), "shard", "anna steers it")
		record(t, l, packedEnd(spring(2), "shard", noon, upload.StateCanceled))
		requestDetach(t, l, 3, ledger.WantDetach)
		require.Equal(t, map[string]ledger.Want{spring(3).UploadID: ledger.WantDetach}, detachRequests(t, l, "shard"))
		e := requestDetach(t, l, 1, ledger.WantCancel)
		require.Equal(t, upload.StateCanceled, e.Result.State)
		require.NotEmpty(t, e.Result.Note)
		requireBalanced(t, url)
	})
}

func TestRowsOfADeadRunWaitAgain(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		announce(t, l, lines(1, 5)...)
		for line := 1; line <= 3; line++ {
			grant(t, l, packed(spring(line), "shard", noon))
		}
		sending := progress(1, "shard", upload.StateTransferring)
		sending.Progress.SentAt, sending.Progress.Idle, sending.Progress.Arrived = time.Time{}, false, false
		saveProgress(t, l, sending)
		grant(t, l, asks(spring(4), "own", noon))
		holders, err := l.Holders(t.Context(), "spring")
		require.NoError(t, err)
		require.Equal(t, []ledger.Holder{
			{Run: ledger.Run{WorkflowID: spring(4).UploadID, RunID: "own"}, Batch: "spring", Rows: 1, UploadID: spring(4).UploadID},
			{Run: ledger.Run{WorkflowID: "shard/spring/1/1", RunID: "shard"}, Batch: "spring", Rows: 3, UploadID: spring(1).UploadID},
		}, holders)

		working, err := l.Working(t.Context(), ledger.Run{}, 1)
		require.NoError(t, err)
		require.Equal(t, holders[:1], working)
		working, err = l.Working(t.Context(), working[0].Run, 10)
		require.NoError(t, err)
		require.Equal(t, holders[1:], working)
		hold, err := l.Hold(t.Context(), spring(1).UploadID)
		require.NoError(t, err)
		require.Equal(t, ledger.Hold{RunID: "shard", State: upload.StateTransferring, Version: 1}, hold)
		hold, err = l.Hold(t.Context(), "nobody's")
		require.NoError(t, err)
		require.Zero(t, hold)

		n, err := l.Orphan(t.Context(), "spring", "shard")
		require.NoError(t, err)
		require.EqualValues(t, 3, n)
		require.Equal(t, ledger.Released, reasonOf(t, save(t.Context(), l, progress(2, "shard", upload.StateProcessing))))
		require.Equal(t, upload.StatePreparing, get(t, l, spring(2)).Result.State, "the dead run has no say any more")
		record(t, l, packedEnd(spring(3), "shard", noon, upload.StateReady))
		require.Equal(t, upload.StateReady, get(t, l, spring(3)).Result.State, "but a medium that is there is there")

		requeue := func() int64 {
			n, err := l.Requeue(t.Context(), "spring", now.Now().Add(-time.Minute))
			require.NoError(t, err)
			return n
		}
		require.Zero(t, requeue())
		now.Add(2 * time.Minute)
		require.EqualValues(t, 2, requeue())
		require.Zero(t, requeue())
		require.Equal(t, upload.StatePreparing, get(t, l, spring(4)).Result.State, "who lives keeps what it has")
		require.Equal(t, []string{"1-5: 3"}, cut(t, l, 0, 500))
		detached := detachedRows(t, l, springShard(1, 5))
		require.Len(t, detached, 1)
		require.True(t, detached[0].Item.Resume.Progress.Arrived, "its bytes may have been on their way")
		grant(t, l, packed(spring(2), "shard two", noon.Add(time.Hour)))
		grant(t, l, asks(spring(1), "its own", noon.Add(time.Hour)))
		requireBalanced(t, url)
	})
}
