package ledger_test

import (
	"context"
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

// save saves the progress of one item; the error may be a refusal.
func save(ctx context.Context, l *ledger.Ledger, update ledger.ProgressUpdate) error {
	refused, err := l.SaveProgress(ctx, []ledger.ProgressUpdate{update})
	if err == nil && len(refused) > 0 {
		err = refused[0]
	}
	return err
}

func saveProgress(t *testing.T, l *ledger.Ledger, update ledger.ProgressUpdate) {
	t.Helper()
	require.NoError(t, save(t.Context(), l, update))
}

func detach(t *testing.T, l *ledger.Ledger, item upload.Item, run, because string) {
	t.Helper()
	require.Empty(t, tryDetach(t, l, item, run, because))
}

// tryDetach returns why detaching is refused; "" where it is not.
func tryDetach(t *testing.T, l *ledger.Ledger, item upload.Item, run, because string) ledger.Reason {
	t.Helper()
	refused, err := l.Detach(t.Context(), []ledger.Detachment{{UploadID: item.UploadID, RunID: run, Because: because}})
	require.NoError(t, err)
	if len(refused) == 0 {
		return ""
	}
	return refused[0].Reason
}

// progress is the progress of a line after a step of a run.
func progress(line int, run string, state upload.State) ledger.ProgressUpdate {
	return ledger.ProgressUpdate{UploadID: spring(line).UploadID, RunID: run, State: state, Progress: progressOf(line)}
}

func onlyRow(t *testing.T, l *ledger.Ledger, line int) ledger.Row {
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

		update := progress(1, "shard", upload.StateTransferring)
		saveProgress(t, l, update)
		row = onlyRow(t, l, 1)
		require.Equal(t, upload.StateTransferring, row.Result.State)
		require.Equal(t, &update.Progress, row.Progress)

		update.State, update.BytesSent, update.Progress.SentAt = upload.StateProcessing, 1000, noon
		update.Progress.Version++
		saveProgress(t, l, update)
		saveProgress(t, l, update) // an attempt whose answer was lost
		row = onlyRow(t, l, 1)
		require.Equal(t, upload.StateProcessing, row.Result.State)
		require.EqualValues(t, 1000, row.Result.BytesSent)
		require.Equal(t, &update.Progress, row.Progress)

		grant(t, l, packed(item, "shard", noon)) // the shard goes on after a crash
		require.Equal(t, &update.Progress, onlyRow(t, l, 1).Progress)

		detach(t, l, item, "shard", "processing takes long")
		detach(t, l, item, "shard", "processing takes long") // an attempt whose answer was lost
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
		want.Resume = &upload.Resume{Progress: update.Progress, Because: "processing takes long"}
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

func TestProgressIsSavedOnlyForTheRunThatHoldsTheItem(t *testing.T) {
	past := map[string]struct {
		past   func(t *testing.T, l *ledger.Ledger, item upload.Item)
		state  upload.State
		reason ledger.Reason
		run    string // that holds the item, as the refusal says
	}{
		"a row that only waits": {func(*testing.T, *ledger.Ledger, upload.Item) {}, upload.StateWaiting, ledger.Released, ""},
		"a row that another run holds": {func(t *testing.T, l *ledger.Ledger, item upload.Item) {
			grant(t, l, packed(item, "two", noon))
		}, upload.StatePreparing, ledger.Held, "two"},
		"a row that was taken over": {func(t *testing.T, l *ledger.Ledger, item upload.Item) {
			grant(t, l, packed(item, "shard", noon))
			grant(t, l, packed(item, "two", noon.Add(time.Second)))
		}, upload.StatePreparing, ledger.Held, "two"},
		"a row that was detached": {func(t *testing.T, l *ledger.Ledger, item upload.Item) {
			grant(t, l, packed(item, "shard", noon))
			detach(t, l, item, "shard", "")
		}, upload.StatePreparing, ledger.Released, ""},
	}
	for _, state := range []upload.State{upload.StateReady, upload.StateFailed, upload.StateCanceled, upload.StateUnconfirmed} {
		c := past["a row that only waits"]
		c.past = func(t *testing.T, l *ledger.Ledger, item upload.Item) {
			grant(t, l, packed(item, "shard", noon))
			record(t, l, packedEnd(item, "shard", noon, state))
		}
		c.state, c.reason, c.run = state, ledger.Ended, "shard"
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
				err := save(t.Context(), l, progress(line, "shard", upload.StateProcessing))
				var refused *ledger.Refusal
				require.ErrorAs(t, err, &refused)
				require.Equal(t, c.reason, refused.Reason)
				require.Equal(t, c.run, refused.Entry.RunID)
				require.Equal(t, c.state, refused.Entry.Result.State)
				require.Equal(t, before, get(t, l, spring(line)))
			})
		}
		require.Equal(t, ledger.Unknown, reasonOf(t, save(t.Context(), l, progress(line+1, "shard", upload.StateProcessing))))
		_, err := l.Get(t.Context(), spring(line+1).UploadID)
		require.ErrorIs(t, err, ledger.ErrNotFound, "progress makes no item")
		require.Empty(t, dump(t, ledgertest.Database(t, url), "progress"))
	})
}

// Of many updates those that are refused are told, and the others saved.
func TestRefusalsNameTheItems(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		announce(t, l, lines(1, 30)...)
		var updates []ledger.ProgressUpdate
		var records []upload.Record
		want := map[string]ledger.Reason{}
		for line := 1; line <= 30; line++ {
			run := "shard"
			if line%3 == 0 {
				run = "two"
				want[spring(line).UploadID] = ledger.Held
			}
			grant(t, l, packed(spring(line), run, noon))
			updates = append(updates, progress(line, "shard", upload.StateTransferring))
			records = append(records, packedEnd(spring(line), "shard", noon.Add(-time.Hour), upload.StateReady))
		}
		reasons := func(refused []*ledger.Refusal, err error) map[string]ledger.Reason {
			require.NoError(t, err)
			told := map[string]ledger.Reason{}
			for _, r := range refused {
				told[r.UploadID] = r.Reason
				require.Equal(t, "two", r.Entry.RunID)
			}
			return told
		}
		require.Equal(t, want, reasons(l.SaveProgress(t.Context(), updates)))
		require.Equal(t, want, reasons(l.RecordAll(t.Context(), records)))
		counts, err := l.Counts(t.Context(), ledger.Filter{Batch: "spring"})
		require.NoError(t, err)
		require.EqualValues(t, 20, counts[upload.StateReady])
		require.EqualValues(t, 10, counts[upload.StatePreparing])
		requireBalanced(t, url)
	})
}

// A copy of an item's progress that is older than the ledger's gives way.
func TestProgressThatIsNotTheSuccessorIsRefused(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		announce(t, l, spring(1))
		grant(t, l, packed(spring(1), "shard", noon))
		first := progress(1, "shard", upload.StateTransferring)
		saveProgress(t, l, first)
		second := progress(1, "shard", upload.StateProcessing)
		second.Progress.Version, second.BytesSent, second.Progress.SentAt = 2, 1000, noon
		saveProgress(t, l, second)
		saveProgress(t, l, second) // an attempt whose answer was lost
		before, err := l.ReadProgress(t.Context(), spring(1).UploadID)
		require.NoError(t, err)

		other := second
		other.Progress.Arrived = true
		ahead := other
		ahead.Progress.Version = 4
		for name, update := range map[string]ledger.ProgressUpdate{"an older one": first, "another one of the same version": other, "one too far ahead": ahead} {
			err := save(t.Context(), l, update)
			var refused *ledger.Refusal
			require.ErrorAs(t, err, &refused, name)
			require.Equal(t, ledger.Stale, refused.Reason, name)
			require.Equal(t, &second.Progress, refused.Stored, name)
			require.Equal(t, "shard", refused.Entry.RunID, name)
		}
		after, err := l.ReadProgress(t.Context(), spring(1).UploadID)
		require.NoError(t, err)
		require.Equal(t, before, after)
		other.Progress.Version = 3
		saveProgress(t, l, other)
		require.Equal(t, &other.Progress, onlyRow(t, l, 1).Progress)
	})
}

// Where the ledger was lost, a run that claims its item again goes on with the
// version that it has.
func TestFirstProgressMayHaveAnyVersion(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		grant(t, l, packed(spring(1), "shard", noon))
		update := progress(1, "shard", upload.StateTransferring)
		update.Progress.Version = 8
		saveProgress(t, l, update)
		require.EqualValues(t, 8, onlyRow(t, l, 1).Progress.Version)
	})
}

// A step of an item with a workflow of its own is one write, of all that there is to
// say.
func TestProgressOfASingleItemIsOneWrite(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		item := spring(1)
		grant(t, l, asks(item, "one", noon))
		update := progress(1, "one", upload.StateTransferring)
		update.Paused, update.BytesSent = true, 700
		saveProgress(t, l, update)
		row, err := l.ReadProgress(t.Context(), item.UploadID)
		require.NoError(t, err)
		require.Equal(t, &update.Progress, row.Progress)
		require.Equal(t, upload.StateTransferring, row.Result.State)
		require.True(t, row.Result.Paused)
		require.EqualValues(t, 700, row.Result.BytesSent)
		require.Equal(t, "one", row.RunID)
		require.Equal(t, item.UploadID, row.WorkflowID)
		requireBalanced(t, url)

		update.Progress.Version, update.State, update.Paused, update.BytesSent = 2, "", false, 500
		saveProgress(t, l, update)
		row, err = l.ReadProgress(t.Context(), item.UploadID)
		require.NoError(t, err)
		require.Equal(t, upload.StateTransferring, row.Result.State, "progress without a state leaves it")
		require.True(t, row.Result.Paused, "and the pause with it")
		require.EqualValues(t, 700, row.Result.BytesSent, "fewer bytes than are known do not count")

		_, err = l.ReadProgress(t.Context(), "batch/spring/none")
		require.ErrorIs(t, err, ledger.ErrNotFound)
	})
}

// What a person has decided to send again goes on from where it was.
func TestProgressReopensWhatIsUnconfirmed(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		item := spring(1)
		grant(t, l, asks(item, "one", noon))
		update := progress(1, "one", upload.StateTransferring)
		saveProgress(t, l, update)
		record(t, l, ended(item, "one", noon, upload.StateUnconfirmed))
		row, err := l.ReadProgress(t.Context(), item.UploadID)
		require.NoError(t, err)
		require.Equal(t, &update.Progress, row.Progress)

		update.Progress.Version = 2
		require.Equal(t, ledger.Ended, reasonOf(t, save(t.Context(), l, update)), "a late word")
		stale := update
		stale.State, stale.Progress.Version = upload.StatePreparing, 1
		require.Equal(t, ledger.Ended, reasonOf(t, save(t.Context(), l, stale)), "a late word of a step that was repeated")
		update.State = upload.StatePreparing
		saveProgress(t, l, update)
		e := get(t, l, item)
		require.Equal(t, upload.StatePreparing, e.Result.State)
		require.Nil(t, e.Result.Error)
		counts, err := l.Counts(t.Context(), ledger.Filter{Kind: upload.KindUnconfirmed})
		require.NoError(t, err)
		require.Zero(t, counts[upload.StatePreparing])
		requireBalanced(t, url)
	})
}

func TestProgressStaysForTheNextRunThatHoldsTheItem(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		announce(t, l, spring(1))
		grant(t, l, packed(spring(1), "shard", noon))
		saveProgress(t, l, progress(1, "shard", upload.StateProcessing))
		grant(t, l, packed(spring(1), "shard two", noon.Add(time.Minute)))
		want := progressOf(1)
		require.Equal(t, &want, onlyRow(t, l, 1).Progress)
		update := progress(1, "shard two", "")
		update.Progress.Arrived, update.Progress.Version = true, 2
		saveProgress(t, l, update)
		row := onlyRow(t, l, 1)
		require.Equal(t, &update.Progress, row.Progress)
		require.Equal(t, upload.StatePreparing, row.Result.State)
	})
}

func TestRowsAreDetachedOnlyByTheRunThatHoldsThem(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		announce(t, l, lines(1, 4)...)
		grant(t, l, packed(spring(1), "two", noon))
		grant(t, l, packed(spring(2), "shard", noon))
		record(t, l, packedEnd(spring(2), "shard", noon, upload.StateFailed))
		for line, reason := range map[int]ledger.Reason{1: ledger.Held, 2: ledger.Ended, 3: "", 4: "", 5: ledger.Unknown} {
			require.Equal(t, reason, tryDetach(t, l, spring(line), "shard", "it is big"), "line %d", line)
		}
		require.False(t, get(t, l, spring(1)).Detached, "another run has it")
		require.Equal(t, "two", get(t, l, spring(1)).RunID)
		require.False(t, get(t, l, spring(2)).Detached, "it has ended")
		require.True(t, get(t, l, spring(3)).Detached, "nobody had it")
		_, err := l.Get(t.Context(), spring(5).UploadID)
		require.ErrorIs(t, err, ledger.ErrNotFound)

		grant(t, l, asks(spring(3), "own", noon))
		require.Equal(t, ledger.Held, tryDetach(t, l, spring(3), "shard", "late"))
		e := get(t, l, spring(3))
		require.Equal(t, "own", e.RunID)
		require.Equal(t, "it is big", onlyRow(t, l, 3).Because)
	})
}

// What a shard says of a row that it has released must not take it from its own
// workflow.
func TestTheRunThatReleasedARowIsRefused(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		announce(t, l, lines(1, 2)...)
		for line := 1; line <= 2; line++ {
			grant(t, l, packed(spring(line), "shard", noon))
			detach(t, l, spring(line), "shard", "it is big")
		}
		item := spring(1)
		require.Equal(t, ledger.Busy, claim(t, l, packed(item, "shard", noon)).Outcome)
		require.Equal(t, ledger.Released, reasonOf(t, l.UpdateState(t.Context(), at(item, "shard", upload.StateTransferring))))
		require.Equal(t, ledger.Released, reasonOf(t, l.Record(t.Context(), packedEnd(item, "shard", noon, upload.StateFailed))))
		e := get(t, l, item)
		require.Equal(t, upload.StatePreparing, e.Result.State)
		require.Empty(t, e.RunID)
		grant(t, l, asks(item, "own", noon))

		record(t, l, packedEnd(spring(2), "shard", noon, upload.StateReady))
		require.Equal(t, upload.StateReady, get(t, l, spring(2)).Result.State, "a medium that is there is there")
	})
}

func TestProgressIsSealed(t *testing.T) {
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

func TestIllFormedProgressIsRefused(t *testing.T) {
	l := ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{})
	_, err := l.SaveProgress(t.Context(), nil)
	require.NoError(t, err)
	_, err = l.Detach(t.Context(), nil)
	require.NoError(t, err)
	require.ErrorContains(t, save(t.Context(), l, ledger.ProgressUpdate{UploadID: "a"}), "run ID")
	require.ErrorContains(t, save(t.Context(), l, ledger.ProgressUpdate{RunID: "a"}), "an upload ID")
	require.ErrorContains(t, save(t.Context(), l, ledger.ProgressUpdate{UploadID: "a", RunID: "b"}), "version 0, which must be at least 1")
	require.ErrorContains(t, save(t.Context(), l, progress(1, "shard", upload.StateReady)), "use a record")
	_, err = l.Detach(t.Context(), []ledger.Detachment{{UploadID: "a"}})
	require.ErrorContains(t, err, "run ID")
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
