package ledger_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func saveProgress(t *testing.T, l *ledger.Ledger, mark ledger.ProgressUpdate) {
	t.Helper()
	require.NoError(t, l.SaveProgress(t.Context(), []ledger.ProgressUpdate{mark}))
}

func detach(t *testing.T, l *ledger.Ledger, item upload.Item, run, because string) {
	t.Helper()
	require.NoError(t, l.Detach(t.Context(), []ledger.Detachment{{UploadID: item.UploadID, RunID: run, Because: because}}))
}

// progress is the progress of a line after a step of a run.
func progress(line int, run string, state upload.State) ledger.ProgressUpdate {
	return ledger.ProgressUpdate{UploadID: spring(line).UploadID, RunID: run, State: state, Progress: progressOf(line)}
}

func onlyRow(t *testing.T, l *ledger.Ledger, line int) ledger.ShardRow {
	t.Helper()
	rows := shardRows(t, l, springShard(line, line))
	require.Len(t, rows, 1)
	return rows[0]
}

// From the manifest through a shard into a workflow of its own, and to its end.
func TestLifeOfARowThatGetsIntoTrouble(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		item := spring(1)
		announce(t, l, item)
		require.Equal(t, []string{"1-1: 1"}, cut(t, l, 0, 500))

		grant(t, l, packed(item, "shard", noon))
		require.Empty(t, cut(t, l, 0, 500))
		row := onlyRow(t, l, 1)
		require.Equal(t, upload.StatePreparing, row.Result.State)
		require.Equal(t, upload.WayPacked, row.Result.Way)
		require.Nil(t, row.Progress)

		mark := progress(1, "shard", upload.StateTransferring)
		saveProgress(t, l, mark)
		row = onlyRow(t, l, 1)
		require.Equal(t, upload.StateTransferring, row.Result.State)
		require.Equal(t, &mark.Progress, row.Progress)

		mark.State, mark.BytesSent, mark.Progress.SentAt = upload.StateProcessing, 1000, noon
		saveProgress(t, l, mark)
		saveProgress(t, l, mark) // an attempt whose answer was lost
		row = onlyRow(t, l, 1)
		require.Equal(t, upload.StateProcessing, row.Result.State)
		require.EqualValues(t, 1000, row.Result.BytesSent)
		require.Equal(t, &mark.Progress, row.Progress)

		grant(t, l, packed(item, "shard", noon)) // the shard goes on after a crash
		require.Equal(t, &mark.Progress, onlyRow(t, l, 1).Progress)

		detach(t, l, item, "shard", "processing takes long")
		detach(t, l, item, "shard", "processing takes long")
		row = onlyRow(t, l, 1)
		require.True(t, row.Detached)
		require.Equal(t, "processing takes long", row.Because)
		require.Equal(t, upload.StateProcessing, row.Result.State)
		require.Equal(t, upload.WayOwn, row.Result.Way)
		require.Empty(t, row.RunID)
		require.Empty(t, row.WorkflowID)
		detached := detachedRows(t, l, springShard(1, 1))
		require.Len(t, detached, 1)
		want := item
		want.Resume = &upload.Resume{Progress: mark.Progress, Because: "processing takes long"}
		require.Equal(t, ledger.DetachedRow{Line: 1, Item: want}, detached[0])

		grant(t, l, asks(detached[0].Item, "own", noon.Add(time.Hour)))
		detached = detachedRows(t, l, springShard(1, 1))
		require.True(t, detached[0].Running)
		require.Equal(t, want, detached[0].Item)
		stored, err := get(t, l, item).Item()
		require.NoError(t, err)
		require.Equal(t, item, stored, "where to go on ends with the item")

		record(t, l, ended(item, "own", noon.Add(time.Hour), upload.StateReady))
		require.Empty(t, shardRows(t, l, springShard(1, 1)))
		require.Empty(t, detachedRows(t, l, springShard(1, 1)))
		require.Equal(t, upload.WayOwn, get(t, l, item).Result.Way)
		require.Empty(t, dump(t, ledgertest.Database(t, url), "progress"), "what has ended has no progress")
	})
}

func TestLegCountsOnlyFromWhoHasTheRow(t *testing.T) {
	past := map[string]struct {
		past func(t *testing.T, l *ledger.Ledger, item upload.Item)
		want upload.State
	}{
		"a row that only waits": {func(*testing.T, *ledger.Ledger, upload.Item) {}, upload.StateWaiting},
		"a row that another run has": {func(t *testing.T, l *ledger.Ledger, item upload.Item) {
			grant(t, l, packed(item, "two", noon))
		}, upload.StatePreparing},
		"a row that was taken over": {func(t *testing.T, l *ledger.Ledger, item upload.Item) {
			grant(t, l, packed(item, "shard", noon))
			grant(t, l, packed(item, "two", noon.Add(time.Second)))
		}, upload.StatePreparing},
		"a row that was set alone": {func(t *testing.T, l *ledger.Ledger, item upload.Item) {
			grant(t, l, packed(item, "shard", noon))
			detach(t, l, item, "shard", "")
		}, upload.StatePreparing},
	}
	for _, state := range []upload.State{upload.StateReady, upload.StateFailed, upload.StateCanceled, upload.StateUnconfirmed} {
		c := past["a row that another run has"]
		c.past = func(t *testing.T, l *ledger.Ledger, item upload.Item) {
			grant(t, l, packed(item, "shard", noon))
			record(t, l, packedEnd(item, "shard", noon, state))
		}
		c.want = state
		past["a row that is "+string(state)] = c
	}
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		line := 0
		for name, c := range past {
			line++
			t.Run(name, func(t *testing.T) {
				announce(t, l, spring(line))
				c.past(t, l, spring(line))
				before := get(t, l, spring(line))
				saveProgress(t, l, progress(line, "shard", upload.StateProcessing))
				require.Equal(t, before, get(t, l, spring(line)))
				require.Equal(t, c.want, before.Result.State)
			})
		}
		saveProgress(t, l, progress(line+1, "shard", upload.StateProcessing))
		_, err := l.Get(t.Context(), spring(line+1).UploadID)
		require.ErrorIs(t, err, ledger.ErrNotFound, "progress makes no item")
		require.Empty(t, dump(t, ledgertest.Database(t, url), "progress"))
	})
}

func TestLegStaysWithWhoeverHasTheRowNext(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		announce(t, l, spring(1))
		grant(t, l, packed(spring(1), "shard", noon))
		saveProgress(t, l, progress(1, "shard", upload.StateProcessing))
		grant(t, l, packed(spring(1), "shard two", noon.Add(time.Minute)))
		want := progressOf(1)
		require.Equal(t, &want, onlyRow(t, l, 1).Progress)
		mark := progress(1, "shard two", "")
		mark.Progress.Arrived = true
		saveProgress(t, l, mark)
		row := onlyRow(t, l, 1)
		require.Equal(t, &mark.Progress, row.Progress)
		require.Equal(t, upload.StatePreparing, row.Result.State, "progress without a state leaves it")
	})
}

func TestRowsAreSetAloneOnlyByWhoHasThem(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		announce(t, l, lines(1, 4)...)
		grant(t, l, packed(spring(1), "two", noon))
		grant(t, l, packed(spring(2), "shard", noon))
		record(t, l, packedEnd(spring(2), "shard", noon, upload.StateFailed))
		for line := 1; line <= 5; line++ {
			detach(t, l, spring(line), "shard", "it is big")
		}
		require.False(t, get(t, l, spring(1)).Detached, "another run has it")
		require.Equal(t, "two", get(t, l, spring(1)).RunID)
		require.False(t, get(t, l, spring(2)).Detached, "it has ended")
		require.True(t, get(t, l, spring(3)).Detached, "nobody had it")
		_, err := l.Get(t.Context(), spring(5).UploadID)
		require.ErrorIs(t, err, ledger.ErrNotFound)

		grant(t, l, asks(spring(3), "own", noon))
		detach(t, l, spring(3), "shard", "late")
		e := get(t, l, spring(3))
		require.Equal(t, "own", e.RunID)
		require.Equal(t, "it is big", onlyRow(t, l, 3).Because)
	})
}

// What a shard says of a row that it has let go must not take it from its own
// workflow.
func TestWhoLetARowGoHasNoSayInItAnyMore(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		announce(t, l, lines(1, 2)...)
		for line := 1; line <= 2; line++ {
			grant(t, l, packed(spring(line), "shard", noon))
			detach(t, l, spring(line), "shard", "it is big")
		}
		item := spring(1)
		require.Equal(t, ledger.Busy, claim(t, l, packed(item, "shard", noon)).Outcome)
		require.NoError(t, l.UpdateState(t.Context(), mark(item, "shard", upload.StateTransferring)))
		record(t, l, packedEnd(item, "shard", noon, upload.StateFailed))
		e := get(t, l, item)
		require.Equal(t, upload.StatePreparing, e.Result.State)
		require.Empty(t, e.RunID)
		grant(t, l, asks(item, "own", noon))

		record(t, l, packedEnd(spring(2), "shard", noon, upload.StateReady))
		require.Equal(t, upload.StateReady, get(t, l, spring(2)).Result.State, "a medium that is there is there")
	})
}

func TestLegIsKeptFromCuriousEyes(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		announce(t, l, lines(1, 2)...)
		for line := 1; line <= 2; line++ {
			grant(t, l, packed(spring(line), "shard", noon))
			saveProgress(t, l, progress(line, "shard", upload.StateTransferring))
		}
		db := ledgertest.Database(t, url)
		require.NotContains(t, strings.Join(dump(t, db, "progress"), ""), "Security-Token")

		other := ledgertest.Open(t, url, ledger.Options{Sealer: ledgertest.NewSealer(t)})
		_, err := other.ShardRows(t.Context(), springShard(1, 2))
		require.ErrorContains(t, err, "encryption.key")
		_, err = db.Exec(`UPDATE progress SET progress = (SELECT progress FROM progress AS l WHERE l.upload_id = $1) WHERE upload_id = $2`,
			spring(2).UploadID, spring(1).UploadID)
		require.NoError(t, err)
		_, err = l.ShardRows(t.Context(), springShard(1, 1))
		require.ErrorIs(t, err, ledger.ErrDamaged)
	})
}

func TestIllFormedLegsAreRefused(t *testing.T) {
	l := ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{})
	require.NoError(t, l.SaveProgress(t.Context(), nil))
	require.NoError(t, l.Detach(t.Context(), nil))
	require.ErrorContains(t, l.SaveProgress(t.Context(), []ledger.ProgressUpdate{{UploadID: "a"}}), "ID of a run")
	require.ErrorContains(t, l.SaveProgress(t.Context(), []ledger.ProgressUpdate{{RunID: "a"}}), "an upload ID")
	require.ErrorContains(t, l.SaveProgress(t.Context(), []ledger.ProgressUpdate{progress(1, "shard", upload.StateReady)}), "want a record")
	require.ErrorContains(t, l.Detach(t.Context(), []ledger.Detachment{{UploadID: "a"}}), "ID of a run")
}

// Claims, progress and ends of one row that are written in one group keep their order.
func TestWritesOfOneRowKeepTheirOrderWithinAGroup(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		announce(t, l, lines(1, 16)...)
		var all sync.WaitGroup
		for line := 1; line <= 16; line++ {
			all.Go(func() {
				if err := packedRow(t.Context(), l, line); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		s, err := l.Summarize(t.Context(), "spring")
		require.NoError(t, err)
		require.EqualValues(t, 16, s.Counts[upload.StateReady])
		require.EqualValues(t, 16*1000, s.BytesSent)
		requireBalanced(t, url)
		require.Empty(t, dump(t, ledgertest.Database(t, url), "progress"))
	})
}

// requireBalanced holds the tallies against the items.
func requireBalanced(t *testing.T, url string) {
	t.Helper()
	db := ledgertest.Database(t, url)
	read := func(query string) (rows []string) {
		found, err := db.QueryContext(t.Context(), query)
		require.NoError(t, err)
		defer func() { require.NoError(t, found.Close()) }()
		for found.Next() {
			var key [6]string
			var n [4]int64
			require.NoError(t, found.Scan(&key[0], &key[1], &key[2], &key[3], &key[4], &key[5], &n[0], &n[1], &n[2], &n[3]))
			rows = append(rows, fmt.Sprint(key, n))
		}
		return rows
	}
	const keys = `batch, account, vendor, queue, state, kind`
	want := read(`SELECT ` + keys + `, COUNT(*), CAST(SUM(CASE WHEN paused THEN 1 ELSE 0 END) AS BIGINT), CAST(SUM(size) AS BIGINT),
		CAST(SUM(bytes_sent) AS BIGINT) FROM items GROUP BY ` + keys + ` ORDER BY ` + keys)
	require.Equal(t, want, read(`SELECT `+keys+`, items, paused, size, bytes_sent FROM tallies
		WHERE items <> 0 OR paused <> 0 OR size <> 0 OR bytes_sent <> 0 ORDER BY `+keys))
}
