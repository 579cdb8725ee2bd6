package ledger_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

const gtin = "closient/org/00012345678905"

func serialOf(item upload.Item, run string) upload.SerialRequest {
	return upload.SerialRequest{Key: gtin, UploadID: item.UploadID, RunID: run}
}

// wants claims an item that wants the lane.
func wants(t *testing.T, l *ledger.Ledger, item upload.Item, run string, last bool) {
	t.Helper()
	request := asks(item, run, noon)
	request.SerialKey, request.Last = gtin, last
	grant(t, l, request)
}

func enter(t *testing.T, l *ledger.Ledger, request upload.SerialRequest) (bool, ledger.SerialHolder) {
	t.Helper()
	entered, holder, err := l.AcquireSerial(t.Context(), request)
	require.NoError(t, err)
	return entered, holder
}

func TestOneRunAtATimeHoldsASerialKey(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{Now: newClock().Now})
		first, second := spring(1), spring(2)
		wants(t, l, first, "one", false)
		wants(t, l, second, "two", false)
		entered, _ := enter(t, l, serialOf(first, "one"))
		require.True(t, entered)
		entered, _ = enter(t, l, serialOf(first, "one"))
		require.True(t, entered, "it may be repeated")

		entered, holder := enter(t, l, serialOf(second, "two"))
		require.False(t, entered)
		require.Equal(t, ledger.SerialHolder{
			UploadID: first.UploadID, Run: ledger.Run{RunID: "one", WorkflowID: first.UploadID}, Since: noon,
		}, holder)

		require.NoError(t, l.ReleaseSerial(t.Context(), serialOf(second, "two")), "who is not in it leaves nothing")
		entered, _ = enter(t, l, serialOf(second, "two"))
		require.False(t, entered)
		require.NoError(t, l.ReleaseSerial(t.Context(), serialOf(first, "one")))
		require.NoError(t, l.ReleaseSerial(t.Context(), serialOf(first, "one")))
		entered, _ = enter(t, l, serialOf(second, "two"))
		require.True(t, entered)
	})
}

func TestLaneOfTheDeadIsFreed(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		dead, other := spring(1), spring(2)
		wants(t, l, dead, "one", false)
		entered, _ := enter(t, l, serialOf(dead, "one"))
		require.True(t, entered)
		_, holder := enter(t, l, serialOf(other, "two"))
		stale := holder
		stale.RunID = "zero"
		require.NoError(t, l.EvictSerial(t.Context(), gtin, stale))
		entered, _ = enter(t, l, serialOf(other, "two"))
		require.False(t, entered, "only the run that was found dead is evicted")
		require.NoError(t, l.EvictSerial(t.Context(), gtin, holder))
		entered, _ = enter(t, l, serialOf(other, "two"))
		require.True(t, entered)
	})
}

func TestHolderThatEndedIsInNobodysWay(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		first, second := spring(1), spring(2)
		wants(t, l, first, "one", false)
		entered, _ := enter(t, l, serialOf(first, "one"))
		require.True(t, entered)
		record(t, l, ended(first, "one", noon, upload.StateUnconfirmed))
		entered, _ = enter(t, l, serialOf(second, "two"))
		require.False(t, entered, "an unconfirmed item may go on")
		record(t, l, ended(first, "one", noon, upload.StateReady))
		entered, _ = enter(t, l, serialOf(second, "two"))
		require.True(t, entered)
	})
}

func TestNewRunOfAnItemHasTheLaneOfItsFormerOne(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		item := spring(1)
		wants(t, l, item, "one", false)
		entered, _ := enter(t, l, serialOf(item, "one"))
		require.True(t, entered)
		entered, holder := enter(t, l, serialOf(item, "two"))
		require.False(t, entered, "not before it has the item")
		require.Equal(t, "one", holder.RunID)
		request := asks(item, "two", noon.Add(time.Hour))
		request.SerialKey = gtin
		grant(t, l, request)
		entered, _ = enter(t, l, serialOf(item, "two"))
		require.True(t, entered)
		entered, holder = enter(t, l, serialOf(item, "one"))
		require.False(t, entered, "a late attempt of the former run comes too late")
		require.Equal(t, "two", holder.RunID)
	})
}

// A run that a reset in Temporal made goes on with the key that its former run acquired,
// and does not acquire it again.
func TestKeyOfAFormerRunIsReleasedByTheRunThatHasTheItem(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		for i, end := range []func(item upload.Item){
			func(item upload.Item) { require.NoError(t, l.ReleaseSerial(t.Context(), serialOf(item, "later"))) },
			func(item upload.Item) { record(t, l, ended(item, "later", noon, upload.StateReady)) },
			func(item upload.Item) {
				record(t, l, ended(item, "later", noon, upload.StateFailed))
				require.EqualValues(t, 1, retryRows(t, l))
			},
		} {
			item, next := spring(2*i), spring(2*i+1)
			wants(t, l, item, "former", false)
			entered, _ := enter(t, l, serialOf(item, "former"))
			require.True(t, entered)
			request := asks(item, "later", noon.Add(time.Hour))
			request.SerialKey = gtin
			grant(t, l, request)

			wants(t, l, next, "other", false)
			entered, holder := enter(t, l, serialOf(next, "other"))
			require.False(t, entered)
			require.Equal(t, item.UploadID, holder.WorkflowID, "it can be found out whether it is open")
			require.NoError(t, l.ReleaseSerial(t.Context(), serialOf(item, "another")))
			entered, _ = enter(t, l, serialOf(next, "other"))
			require.False(t, entered, "a run that does not have the item releases nothing")
			end(item)
			entered, _ = enter(t, l, serialOf(next, "other"))
			require.True(t, entered)
			record(t, l, ended(next, "other", noon, upload.StateReady))
		}
	})
}

func TestLastEntersLast(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		primary, other, dead, also := spring(1), spring(2), spring(3), spring(4)
		last := serialOf(primary, "p")
		last.Last = true
		wants(t, l, primary, "p", true)
		wants(t, l, other, "o", false)
		wants(t, l, dead, "d", false)
		wants(t, l, also, "a", true)
		record(t, l, upload.Record{Item: spring(5), Result: upload.NewResult(spring(5), upload.WayPacked, noon)})

		entered, holder := enter(t, l, last)
		require.False(t, entered, "two others are at work")
		require.Equal(t, other.UploadID, holder.UploadID)
		require.Equal(t, other.UploadID, holder.WorkflowID)
		entered, _ = enter(t, l, serialOf(other, "o"))
		require.True(t, entered)
		require.NoError(t, l.ReleaseSerial(t.Context(), serialOf(other, "o")))
		record(t, l, ended(other, "o", noon, upload.StateReady))

		entered, holder = enter(t, l, last)
		require.False(t, entered)
		require.Equal(t, dead.UploadID, holder.UploadID)
		require.NoError(t, l.EvictSerial(t.Context(), gtin, holder))
		entered, _ = enter(t, l, last)
		require.True(t, entered, "another one that is last is not waited for")

		wants(t, l, spring(6), "n", false)
		entered, _ = enter(t, l, last)
		require.True(t, entered, "the holder keeps it, whoever asks")
		alsoLast := serialOf(also, "a")
		alsoLast.Last = true
		entered, holder = enter(t, l, alsoLast)
		require.False(t, entered)
		require.Equal(t, primary.UploadID, holder.UploadID)
	})
}

func TestLaneWithoutNamesIsRefused(t *testing.T) {
	l := ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{})
	for _, request := range []upload.SerialRequest{{}, {Key: "x"}, {Key: "x", UploadID: "y"}, {UploadID: "y", RunID: "z"}} {
		_, _, err := l.AcquireSerial(t.Context(), request)
		require.ErrorContains(t, err, "a serial key needs")
	}
}

func TestLaneExcludesAcrossProcesses(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		var inside, turns atomic.Int32
		var all sync.WaitGroup
		for p := range 3 {
			l := ledgertest.Open(t, url, ledger.Options{})
			for h := range 3 {
				request := serialOf(spring(p*3+h), fmt.Sprintf("run-%d-%d", p, h))
				all.Go(func() {
					for turn := 0; turn < 10; {
						entered, _, err := l.AcquireSerial(t.Context(), request)
						if err != nil {
							t.Error(err)
							return
						}
						if !entered {
							continue
						}
						if inside.Add(1) != 1 {
							t.Error("two runs hold the serial key")
						}
						turn++
						turns.Add(1)
						inside.Add(-1)
						if err := l.ReleaseSerial(t.Context(), request); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
		}
		all.Wait()
		require.EqualValues(t, 90, turns.Load())
	})
}
