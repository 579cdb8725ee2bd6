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

func laneOf(item upload.Item, run string) upload.Lane {
	return upload.Lane{Name: gtin, UploadID: item.UploadID, RunID: run}
}

// inLane claims an item that wants the lane.
func inLane(t *testing.T, l *ledger.Ledger, item upload.Item, run string, last bool) {
	t.Helper()
	request := asks(item, run, noon)
	request.Lane, request.Last = gtin, last
	grant(t, l, request)
}

func enter(t *testing.T, l *ledger.Ledger, lane upload.Lane) (bool, ledger.LaneHolder) {
	t.Helper()
	entered, holder, err := l.Enter(t.Context(), lane)
	require.NoError(t, err)
	return entered, holder
}

func TestOneAtATimeIsInALane(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{Now: newClock().Now})
		first, second := spring(1), spring(2)
		inLane(t, l, first, "one", false)
		inLane(t, l, second, "two", false)
		entered, _ := enter(t, l, laneOf(first, "one"))
		require.True(t, entered)
		entered, _ = enter(t, l, laneOf(first, "one"))
		require.True(t, entered, "it may be repeated")

		entered, holder := enter(t, l, laneOf(second, "two"))
		require.False(t, entered)
		require.Equal(t, ledger.LaneHolder{
			UploadID: first.UploadID, RunID: "one", WorkflowID: first.UploadID, Since: noon,
		}, holder)

		require.NoError(t, l.Leave(t.Context(), laneOf(second, "two")), "who is not in it leaves nothing")
		entered, _ = enter(t, l, laneOf(second, "two"))
		require.False(t, entered)
		require.NoError(t, l.Leave(t.Context(), laneOf(first, "one")))
		require.NoError(t, l.Leave(t.Context(), laneOf(first, "one")))
		entered, _ = enter(t, l, laneOf(second, "two"))
		require.True(t, entered)
	})
}

func TestLaneOfTheDeadIsFreed(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		dead, other := spring(1), spring(2)
		inLane(t, l, dead, "one", false)
		entered, _ := enter(t, l, laneOf(dead, "one"))
		require.True(t, entered)
		_, holder := enter(t, l, laneOf(other, "two"))
		stale := holder
		stale.RunID = "zero"
		require.NoError(t, l.Evict(t.Context(), gtin, stale))
		entered, _ = enter(t, l, laneOf(other, "two"))
		require.False(t, entered, "only the run that was found dead is evicted")
		require.NoError(t, l.Evict(t.Context(), gtin, holder))
		entered, _ = enter(t, l, laneOf(other, "two"))
		require.True(t, entered)
	})
}

func TestHolderThatEndedIsInNobodysWay(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		first, second := spring(1), spring(2)
		inLane(t, l, first, "one", false)
		entered, _ := enter(t, l, laneOf(first, "one"))
		require.True(t, entered)
		record(t, l, ended(first, "one", noon, upload.StateUnconfirmed))
		entered, _ = enter(t, l, laneOf(second, "two"))
		require.False(t, entered, "an unconfirmed item may go on")
		record(t, l, ended(first, "one", noon, upload.StateReady))
		entered, _ = enter(t, l, laneOf(second, "two"))
		require.True(t, entered)
	})
}

func TestNewRunOfAnItemHasTheLaneOfItsFormerOne(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		item := spring(1)
		inLane(t, l, item, "one", false)
		entered, _ := enter(t, l, laneOf(item, "one"))
		require.True(t, entered)
		entered, holder := enter(t, l, laneOf(item, "two"))
		require.False(t, entered, "not before it has the item")
		require.Equal(t, "one", holder.RunID)
		request := asks(item, "two", noon.Add(time.Hour))
		request.Lane = gtin
		grant(t, l, request)
		entered, _ = enter(t, l, laneOf(item, "two"))
		require.True(t, entered)
		entered, holder = enter(t, l, laneOf(item, "one"))
		require.False(t, entered, "a late attempt of the former run comes too late")
		require.Equal(t, "two", holder.RunID)
	})
}

func TestLastEntersLast(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		primary, other, dead, also := spring(1), spring(2), spring(3), spring(4)
		last := laneOf(primary, "p")
		last.Last = true
		inLane(t, l, primary, "p", true)
		inLane(t, l, other, "o", false)
		inLane(t, l, dead, "d", false)
		inLane(t, l, also, "a", true)
		record(t, l, upload.Record{Item: spring(5), Result: upload.NewResult(spring(5), upload.WayPacked, noon)})

		entered, holder := enter(t, l, last)
		require.False(t, entered, "two others are at work")
		require.Equal(t, other.UploadID, holder.UploadID)
		require.Equal(t, other.UploadID, holder.WorkflowID)
		entered, _ = enter(t, l, laneOf(other, "o"))
		require.True(t, entered)
		require.NoError(t, l.Leave(t.Context(), laneOf(other, "o")))
		record(t, l, ended(other, "o", noon, upload.StateReady))

		entered, holder = enter(t, l, last)
		require.False(t, entered)
		require.Equal(t, dead.UploadID, holder.UploadID)
		require.NoError(t, l.Evict(t.Context(), gtin, holder))
		entered, _ = enter(t, l, last)
		require.True(t, entered, "another one that is last is not waited for")

		inLane(t, l, spring(6), "n", false)
		entered, _ = enter(t, l, last)
		require.True(t, entered, "who is in the lane stays, whoever comes")
		alsoLast := laneOf(also, "a")
		alsoLast.Last = true
		entered, holder = enter(t, l, alsoLast)
		require.False(t, entered)
		require.Equal(t, primary.UploadID, holder.UploadID)
	})
}

func TestLaneWithoutNamesIsRefused(t *testing.T) {
	l := ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{})
	for _, lane := range []upload.Lane{{}, {Name: "x"}, {Name: "x", UploadID: "y"}, {UploadID: "y", RunID: "z"}} {
		_, _, err := l.Enter(t.Context(), lane)
		require.ErrorContains(t, err, "a lane needs")
	}
}

func TestLaneExcludesAcrossProcesses(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		var inside, turns atomic.Int32
		var all sync.WaitGroup
		for p := range 3 {
			l := ledgertest.Open(t, url, ledger.Options{})
			for h := range 3 {
				lane := laneOf(spring(p*3+h), fmt.Sprintf("run-%d-%d", p, h))
				all.Go(func() {
					for turn := 0; turn < 10; {
						entered, _, err := l.Enter(t.Context(), lane)
						if err != nil {
							t.Error(err)
							return
						}
						if !entered {
							continue
						}
						if inside.Add(1) != 1 {
							t.Error("two are in the lane")
						}
						turn++
						turns.Add(1)
						inside.Add(-1)
						if err := l.Leave(t.Context(), lane); err != nil {
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
