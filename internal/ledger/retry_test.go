package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func retryRows(t *testing.T, l *ledger.Ledger, kinds ...upload.Kind) int64 {
	t.Helper()
	n, err := l.RetryRows(t.Context(), "spring", kinds, ledger.Which{})
	require.NoError(t, err)
	return n
}

func cancelRows(t *testing.T, l *ledger.Ledger) int64 {
	t.Helper()
	n, err := l.CancelRows(t.Context(), "spring")
	require.NoError(t, err)
	return n
}

func TestFailedRowsWaitAgain(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		announce(t, l, lines(1, 6)...)
		grant(t, l, packed(spring(1), "shard", noon))
		saveProgress(t, l, progress(1, "shard", upload.StateProcessing))
		detach(t, l, spring(1), "shard", "processing takes long")
		record(t, l, ended(spring(1), "own", noon, upload.StateFailed))
		record(t, l, failedAs(2, upload.KindTimeout))
		record(t, l, failedAs(3, upload.KindMissing))
		record(t, l, packedEnd(spring(4), "shard", noon, upload.StateCanceled))
		record(t, l, packedEnd(spring(5), "shard", noon, upload.StateUnconfirmed))
		record(t, l, packedEnd(spring(6), "shard", noon, upload.StateReady))
		record(t, l, refusedRow(7))
		elsewhere := spring(8)
		elsewhere.UploadID, elsewhere.Batch = "batch/autumn/a-8", "autumn"
		record(t, l, ended(elsewhere, "shard", noon, upload.StateFailed))
		states := func() (states []upload.State) {
			for e, err := range l.List(t.Context(), ledger.Filter{Batch: "spring"}) {
				require.NoError(t, err)
				states = append(states, e.Result.State)
			}
			return states
		}
		const waiting, failed, canceled = upload.StateWaiting, upload.StateFailed, upload.StateCanceled
		const unconfirmed, ready = upload.StateUnconfirmed, upload.StateReady

		now.Add(time.Hour)
		require.Zero(t, retryRows(t, l, upload.KindCorrupt))
		require.EqualValues(t, 2, retryRows(t, l, upload.KindRejected, upload.KindMissing))
		require.Equal(t, []upload.State{waiting, failed, waiting, canceled, unconfirmed, ready, failed}, states())
		require.EqualValues(t, 2, retryRows(t, l))
		require.Zero(t, retryRows(t, l), "a second time there is nothing to retry")
		require.Equal(t, []upload.State{waiting, waiting, waiting, waiting, unconfirmed, ready, failed}, states(),
			"what was refused with the manifest stays")
		require.Zero(t, retryRows(t, l, upload.KindInvalid))
		require.Equal(t, upload.StateFailed, get(t, l, elsewhere).Result.State)
		require.Equal(t, []string{"1-4: 4"}, cut(t, l, 0, 500))

		row := onlyRow(t, l, 1)
		require.False(t, row.Detached)
		require.Empty(t, row.Because)
		require.Empty(t, row.RunID)
		require.NotNil(t, row.Progress, "what its last run left open is for the next one to know")
		require.Nil(t, row.Result.Error)
		require.Nil(t, row.Result.FinishedAt)
		require.Empty(t, detachedRows(t, l, springShard(1, 8)))
		requireBalanced(t, url)
	})
}

// Records of before the retry, written late or once more, must not fail a row
// that waits or runs again.
func TestRecordsOfOldRunsDoNotCountAfterARetry(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		announce(t, l, lines(1, 2)...)
		for line := 1; line <= 2; line++ {
			grant(t, l, packed(spring(line), "shard", noon))
			record(t, l, failedAs(line, upload.KindRejected))
		}
		require.EqualValues(t, 2, retryRows(t, l))
		require.Equal(t, ledger.Released, reasonOf(t, l.Record(t.Context(), failedAs(1, upload.KindRejected))))
		require.Equal(t, ledger.Released, reasonOf(t, save(t.Context(), l, progress(1, "shard", upload.StateProcessing))))
		require.Equal(t, upload.StateWaiting, get(t, l, spring(1)).Result.State)

		grant(t, l, packed(spring(1), "shard two", noon.Add(time.Hour)))
		require.Equal(t, ledger.Held, reasonOf(t, l.Record(t.Context(), failedAs(1, upload.KindRejected))))
		e := get(t, l, spring(1))
		require.Equal(t, upload.StatePreparing, e.Result.State)
		require.Equal(t, "shard two", e.RunID)
		require.Equal(t, 2, e.Runs)

		record(t, l, packedEnd(spring(2), "shard", noon, upload.StateReady))
		require.Equal(t, upload.StateReady, get(t, l, spring(2)).Result.State, "but a medium that is there is there")
		requireBalanced(t, url)
	})
}

func TestRowsThatOnlyWaitAreCanceled(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		announce(t, l, lines(1, 2500)...) // more than one transaction takes
		grant(t, l, packed(spring(1), "shard", noon))
		record(t, l, failedAs(2, upload.KindRejected))
		require.EqualValues(t, 1, retryRows(t, l))
		now.Add(time.Hour)
		require.EqualValues(t, 2499, cancelRows(t, l))
		require.Zero(t, cancelRows(t, l))

		for _, line := range []int{2, 3, 2500} {
			r := get(t, l, spring(line)).Result
			require.Equal(t, upload.StateCanceled, r.State)
			require.Equal(t, noon.Add(time.Hour), *r.FinishedAt)
			require.Nil(t, r.Error)
		}
		require.Equal(t, upload.StatePreparing, get(t, l, spring(1)).Result.State, "its run ends it")
		record(t, l, packedEnd(spring(1), "shard", noon, upload.StateCanceled))
		requireBalanced(t, url)

		require.EqualValues(t, 2500, retryRows(t, l))
		require.Equal(t, []string{"1-500: 500", "501-2500: 2000"}, cut(t, l, 0, 500, 5000))
		requireBalanced(t, url)
	})
}

func TestWhatWasDeliveredBeforeIsFound(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		const sum = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
		autumn := func(line int) upload.Item {
			item := spring(line)
			item.Batch, item.UploadID = "autumn", upload.BatchUploadID("autumn", item.ID)
			return item
		}
		summed := func(item upload.Item) upload.Item {
			item.SHA256 = sum
			return item
		}
		moved := func(item upload.Item) upload.Item {
			item.Source = "/srv/media/elsewhere.jpg"
			return item
		}
		other := func(item upload.Item, account string) upload.Item {
			item.Account = account
			return item
		}
		record(t, l, ended(spring(1), "one", noon, upload.StateReady))
		record(t, l, ended(spring(2), "one", noon, upload.StateFailed))
		record(t, l, ended(summed(spring(3)), "one", noon, upload.StateReady))
		announce(t, l, autumn(4), spring(4))

		fieldless := summed(moved(autumn(3)))
		fieldless.Fields = nil
		for name, c := range map[string]struct {
			ask  upload.Item
			with string // fingerprint
			want string // upload ID
		}{
			"the same source with the same content":       {autumn(1), content.Fingerprint, spring(1).UploadID},
			"the same source, signed anew":                {signed(autumn(1)), content.Fingerprint, spring(1).UploadID},
			"the same source with other content":          {autumn(1), "1001 bytes, ETag e2", ""},
			"the same source with unknown content":        {autumn(1), "", ""},
			"another source":                              {moved(autumn(1)), content.Fingerprint, ""},
			"another account":                             {other(autumn(1), "sitoo"), content.Fingerprint, ""},
			"the item itself":                             {spring(1), content.Fingerprint, ""},
			"what failed":                                 {autumn(2), content.Fingerprint, ""},
			"what only waits":                             {autumn(4), content.Fingerprint, ""},
			"another source of the declared checksum":     {summed(moved(autumn(3))), "", spring(3).UploadID},
			"the checksum for another account":            {other(summed(moved(autumn(3))), "sitoo"), "", ""},
			"the checksum with other fields":              {fieldless, "", ""},
			"a source of which no checksum was declared":  {moved(autumn(3)), "", ""},
			"the very item of which the checksum is":      {summed(spring(3)), content.Fingerprint, ""},
			"both the source and the checksum, unchanged": {summed(autumn(3)), content.Fingerprint, spring(3).UploadID},
		} {
			t.Run(name, func(t *testing.T) {
				found, err := l.Delivered(t.Context(), []ledger.Lookup{{Item: c.ask, Fingerprint: c.with}})
				require.NoError(t, err)
				require.Equal(t, c.want, found[c.ask.UploadID].Result.UploadID)
			})
		}

		var many []ledger.Lookup
		var records []upload.Record
		for line := 101; line <= 400; line++ {
			records = append(records, ended(spring(line), "one", noon, upload.StateReady))
			many = append(many, ledger.Lookup{Item: autumn(line), Fingerprint: content.Fingerprint})
		}
		recordAll(t, l, records)
		found, err := l.Delivered(t.Context(), many)
		require.NoError(t, err)
		require.Len(t, found, 300)
		require.Equal(t, spring(250).UploadID, found[autumn(250).UploadID].Result.UploadID)
		require.Equal(t, upload.Text("IMone"), found[autumn(250).UploadID].Result.MediaID)
		found, err = l.Delivered(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, found)
	})
}

func signed(item upload.Item) upload.Item {
	item.Source += "&X-Amz-Date=20270101"
	return item
}

func TestTicksCountWhatEnded(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		announce(t, l, lines(1, 10)...)
		record(t, l, refusedRow(11))
		record(t, l, ended(single(1, "sitoo"), "one", noon, upload.StateReady))
		now.Add(3 * time.Second)
		first := []upload.Record{
			packedEnd(spring(1), "shard", noon, upload.StateReady), packedEnd(spring(2), "shard", noon, upload.StateReady),
			failedAs(3, upload.KindRejected), failedAs(4, upload.KindMissing),
		}
		recordAll(t, l, first)
		recordAll(t, l, first) // an attempt whose answer was lost
		now.Add(6 * time.Second)
		elsewhere := spring(5)
		elsewhere.Account = "sitoo"
		record(t, l, packedEnd(elsewhere, "shard", noon, upload.StateReady))
		record(t, l, packedEnd(spring(6), "shard", noon, upload.StateUnconfirmed))
		now.Add(time.Second)
		record(t, l, packedEnd(spring(7), "shard", noon, upload.StateReady))
		record(t, l, packedEnd(spring(6), "shard", noon, upload.StateReady)) // as a person decided
		require.EqualValues(t, 3, cancelRows(t, l))

		tick := func(account string, seconds int, state upload.State, rows int64) ledger.Tick {
			return ledger.Tick{Account: account, At: noon.Add(time.Duration(seconds) * time.Second), State: state, Rows: rows, Bytes: 1000 * rows}
		}
		want := []ledger.Tick{
			tick("sitoo", 0, upload.StateReady, 1),
			tick("trustana", 0, upload.StateFailed, 2),
			tick("trustana", 0, upload.StateReady, 2),
			tick("trustana", 0, upload.StateUnconfirmed, 1),
			tick("trustana", 10, upload.StateReady, 2),
		}
		ticks, err := l.Ticks(t.Context(), "spring", time.Time{})
		require.NoError(t, err)
		require.Equal(t, want, ticks)
		ticks, err = l.Ticks(t.Context(), "spring", noon.Add(15*time.Second))
		require.NoError(t, err)
		require.Equal(t, want[4:], ticks)
	})
}
