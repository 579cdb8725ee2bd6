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

func saveLeg(t *testing.T, l *ledger.Ledger, mark ledger.LegMark) {
	t.Helper()
	require.NoError(t, l.SaveLegs(t.Context(), []ledger.LegMark{mark}))
}

func setAlone(t *testing.T, l *ledger.Ledger, item upload.Item, run, because string) {
	t.Helper()
	require.NoError(t, l.SetAlone(t.Context(), []ledger.Alone{{UploadID: item.UploadID, RunID: run, Because: because}}))
}

// leg is the leg of a line after a step of a run.
func leg(line int, run string, state upload.State) ledger.LegMark {
	return ledger.LegMark{UploadID: spring(line).UploadID, RunID: run, State: state, Leg: legOf(line)}
}

func onlyRow(t *testing.T, l *ledger.Ledger, line int) ledger.PageRow {
	t.Helper()
	rows := pageRows(t, l, springPage(line, line))
	require.Len(t, rows, 1)
	return rows[0]
}

// From the manifest through a page into a workflow of its own, and to its end.
func TestLifeOfARowThatGetsIntoTrouble(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		item := spring(1)
		announce(t, l, item)
		require.Equal(t, []string{"1-1: 1"}, cut(t, l, 0, 500))

		grant(t, l, packed(item, "page", noon))
		require.Empty(t, cut(t, l, 0, 500))
		row := onlyRow(t, l, 1)
		require.Equal(t, upload.StatePreparing, row.Result.State)
		require.Equal(t, upload.WayPacked, row.Result.Way)
		require.Nil(t, row.Leg)

		mark := leg(1, "page", upload.StateTransferring)
		saveLeg(t, l, mark)
		row = onlyRow(t, l, 1)
		require.Equal(t, upload.StateTransferring, row.Result.State)
		require.Equal(t, &mark.Leg, row.Leg)

		mark.State, mark.BytesSent, mark.Leg.SentAt = upload.StateProcessing, 1000, noon
		saveLeg(t, l, mark)
		saveLeg(t, l, mark) // an attempt whose answer was lost
		row = onlyRow(t, l, 1)
		require.Equal(t, upload.StateProcessing, row.Result.State)
		require.EqualValues(t, 1000, row.Result.BytesSent)
		require.Equal(t, &mark.Leg, row.Leg)

		grant(t, l, packed(item, "page", noon)) // the page goes on after a crash
		require.Equal(t, &mark.Leg, onlyRow(t, l, 1).Leg)

		setAlone(t, l, item, "page", "processing takes long")
		setAlone(t, l, item, "page", "processing takes long")
		row = onlyRow(t, l, 1)
		require.True(t, row.Alone)
		require.Equal(t, "processing takes long", row.Because)
		require.Equal(t, upload.StateProcessing, row.Result.State)
		require.Equal(t, upload.WayOwn, row.Result.Way)
		require.Empty(t, row.RunID)
		require.Empty(t, row.WorkflowID)
		alone := aloneRows(t, l, springPage(1, 1))
		require.Len(t, alone, 1)
		want := item
		want.Resume = &upload.Resume{Leg: mark.Leg, Because: "processing takes long"}
		require.Equal(t, ledger.AloneRow{Line: 1, Item: want}, alone[0])

		grant(t, l, asks(alone[0].Item, "own", noon.Add(time.Hour)))
		alone = aloneRows(t, l, springPage(1, 1))
		require.True(t, alone[0].Running)
		require.Equal(t, want, alone[0].Item)
		stored, err := get(t, l, item).Item()
		require.NoError(t, err)
		require.Equal(t, item, stored, "where to go on ends with the item")

		record(t, l, ended(item, "own", noon.Add(time.Hour), upload.StateReady))
		require.Empty(t, pageRows(t, l, springPage(1, 1)))
		require.Empty(t, aloneRows(t, l, springPage(1, 1)))
		require.Equal(t, upload.WayOwn, get(t, l, item).Result.Way)
		require.Empty(t, dump(t, ledgertest.Database(t, url), "legs"), "what has ended has no leg")
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
			grant(t, l, packed(item, "page", noon))
			grant(t, l, packed(item, "two", noon.Add(time.Second)))
		}, upload.StatePreparing},
		"a row that was set alone": {func(t *testing.T, l *ledger.Ledger, item upload.Item) {
			grant(t, l, packed(item, "page", noon))
			setAlone(t, l, item, "page", "")
		}, upload.StatePreparing},
	}
	for _, state := range []upload.State{upload.StateReady, upload.StateFailed, upload.StateCanceled, upload.StateUnconfirmed} {
		c := past["a row that another run has"]
		c.past = func(t *testing.T, l *ledger.Ledger, item upload.Item) {
			grant(t, l, packed(item, "page", noon))
			record(t, l, packedEnd(item, "page", noon, state))
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
				saveLeg(t, l, leg(line, "page", upload.StateProcessing))
				require.Equal(t, before, get(t, l, spring(line)))
				require.Equal(t, c.want, before.Result.State)
			})
		}
		saveLeg(t, l, leg(line+1, "page", upload.StateProcessing))
		_, err := l.Get(t.Context(), spring(line+1).UploadID)
		require.ErrorIs(t, err, ledger.ErrNotFound, "a leg makes no item")
		require.Empty(t, dump(t, ledgertest.Database(t, url), "legs"))
	})
}

func TestLegStaysWithWhoeverHasTheRowNext(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		announce(t, l, spring(1))
		grant(t, l, packed(spring(1), "page", noon))
		saveLeg(t, l, leg(1, "page", upload.StateProcessing))
		grant(t, l, packed(spring(1), "page two", noon.Add(time.Minute)))
		want := legOf(1)
		require.Equal(t, &want, onlyRow(t, l, 1).Leg)
		mark := leg(1, "page two", "")
		mark.Leg.Arrived = true
		saveLeg(t, l, mark)
		row := onlyRow(t, l, 1)
		require.Equal(t, &mark.Leg, row.Leg)
		require.Equal(t, upload.StatePreparing, row.Result.State, "a leg without a state leaves it")
	})
}

func TestRowsAreSetAloneOnlyByWhoHasThem(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		announce(t, l, lines(1, 4)...)
		grant(t, l, packed(spring(1), "two", noon))
		grant(t, l, packed(spring(2), "page", noon))
		record(t, l, packedEnd(spring(2), "page", noon, upload.StateFailed))
		for line := 1; line <= 5; line++ {
			setAlone(t, l, spring(line), "page", "it is big")
		}
		require.False(t, get(t, l, spring(1)).Alone, "another run has it")
		require.Equal(t, "two", get(t, l, spring(1)).RunID)
		require.False(t, get(t, l, spring(2)).Alone, "it has ended")
		require.True(t, get(t, l, spring(3)).Alone, "nobody had it")
		_, err := l.Get(t.Context(), spring(5).UploadID)
		require.ErrorIs(t, err, ledger.ErrNotFound)

		grant(t, l, asks(spring(3), "own", noon))
		setAlone(t, l, spring(3), "page", "late")
		e := get(t, l, spring(3))
		require.Equal(t, "own", e.RunID)
		require.Equal(t, "it is big", onlyRow(t, l, 3).Because)
	})
}

// What a page says of a row that it has let go must not take it from its own
// workflow.
func TestWhoLetARowGoHasNoSayInItAnyMore(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		announce(t, l, lines(1, 2)...)
		for line := 1; line <= 2; line++ {
			grant(t, l, packed(spring(line), "page", noon))
			setAlone(t, l, spring(line), "page", "it is big")
		}
		item := spring(1)
		require.Equal(t, ledger.Busy, claim(t, l, packed(item, "page", noon)).Outcome)
		require.NoError(t, l.Progress(t.Context(), mark(item, "page", upload.StateTransferring)))
		record(t, l, packedEnd(item, "page", noon, upload.StateFailed))
		e := get(t, l, item)
		require.Equal(t, upload.StatePreparing, e.Result.State)
		require.Empty(t, e.RunID)
		grant(t, l, asks(item, "own", noon))

		record(t, l, packedEnd(spring(2), "page", noon, upload.StateReady))
		require.Equal(t, upload.StateReady, get(t, l, spring(2)).Result.State, "a medium that is there is there")
	})
}

func TestLegIsKeptFromCuriousEyes(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		announce(t, l, lines(1, 2)...)
		for line := 1; line <= 2; line++ {
			grant(t, l, packed(spring(line), "page", noon))
			saveLeg(t, l, leg(line, "page", upload.StateTransferring))
		}
		db := ledgertest.Database(t, url)
		require.NotContains(t, strings.Join(dump(t, db, "legs"), ""), "Security-Token")

		other := ledgertest.Open(t, url, ledger.Options{Sealer: ledgertest.NewSealer(t)})
		_, err := other.PageRows(t.Context(), springPage(1, 2))
		require.ErrorContains(t, err, "encryption.key")
		_, err = db.Exec(`UPDATE legs SET leg = (SELECT leg FROM legs AS l WHERE l.upload_id = $1) WHERE upload_id = $2`,
			spring(2).UploadID, spring(1).UploadID)
		require.NoError(t, err)
		_, err = l.PageRows(t.Context(), springPage(1, 1))
		require.ErrorIs(t, err, ledger.ErrDamaged)
	})
}

func TestIllFormedLegsAreRefused(t *testing.T) {
	l := ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{})
	require.NoError(t, l.SaveLegs(t.Context(), nil))
	require.NoError(t, l.SetAlone(t.Context(), nil))
	require.ErrorContains(t, l.SaveLegs(t.Context(), []ledger.LegMark{{UploadID: "a"}}), "ID of a run")
	require.ErrorContains(t, l.SaveLegs(t.Context(), []ledger.LegMark{{RunID: "a"}}), "an upload ID")
	require.ErrorContains(t, l.SaveLegs(t.Context(), []ledger.LegMark{leg(1, "page", upload.StateReady)}), "want a record")
	require.ErrorContains(t, l.SetAlone(t.Context(), []ledger.Alone{{UploadID: "a"}}), "ID of a run")
}

// Claims, legs and ends of one row that are written in one group keep their order.
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
		require.Empty(t, dump(t, ledgertest.Database(t, url), "legs"))
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
