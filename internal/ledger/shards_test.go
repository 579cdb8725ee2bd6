package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

var springRoute = upload.Route{Account: "trustana", Vendor: "trustana"}

// springShard is the shard of some lines of the batch spring.
func springShard(first, last int) upload.Shard {
	return upload.Shard{Batch: "spring", Route: springRoute, First: first, Last: last}
}

// packed is the claim of a shard's run.
func packed(item upload.Item, run string, at time.Time) ledger.ClaimRequest {
	request := asks(item, run, at)
	request.WorkflowID, request.Way = "shard/spring/1/1", upload.WayPacked
	return request
}

func packedEnd(item upload.Item, run string, at time.Time, state upload.State) upload.Record {
	r := ended(item, run, at, state)
	r.Result.Way, r.Result.WorkflowID = upload.WayPacked, "shard/spring/1/1"
	return r
}

func shardRows(t *testing.T, l *ledger.Ledger, shard upload.Shard) []ledger.Row {
	t.Helper()
	rows, err := l.ShardRows(t.Context(), shard)
	require.NoError(t, err)
	return rows
}

func detachedRows(t *testing.T, l *ledger.Ledger, shard upload.Shard) []ledger.DetachedRow {
	t.Helper()
	rows, err := l.DetachedRows(t.Context(), shard, 0, "", 100)
	require.NoError(t, err)
	return rows
}

func cut(t *testing.T, l *ledger.Ledger, after int, sizes ...int) (shards []string) {
	t.Helper()
	found, err := l.CutShards(t.Context(), "spring", springRoute, after, sizes)
	require.NoError(t, err)
	for _, shard := range found {
		require.Equal(t, "spring", shard.Batch)
		require.Equal(t, springRoute, shard.Route)
		shards = append(shards, fmt.Sprintf("%d-%d: %d", shard.First, shard.Last, shard.Rows))
	}
	return shards
}

// announce makes rows of the batch spring wait.
func announce(t *testing.T, l *ledger.Ledger, items ...upload.Item) {
	t.Helper()
	var records []upload.Record
	for _, item := range items {
		records = append(records, announced(item))
	}
	recordAll(t, l, records)
}

func lines(first, last int) (items []upload.Item) {
	for line := first; line <= last; line++ {
		items = append(items, spring(line))
	}
	return items
}

// onLine is a second, third, … item on a line.
func onLine(line int, name string) upload.Item {
	item := spring(line)
	item.ID += name
	item.UploadID += name
	return item
}

func TestRowsThatGoLastWaitForTheirTurn(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		var records []upload.Record
		for line := 1; line <= 6; line++ { // 1 goes after 3 and 5, 2 after 4 and 6
			record := announced(spring(line))
			record.SerialKey, record.Last = fmt.Sprint("product ", line%2), line <= 2
			records = append(records, record)
		}
		recordAll(t, l, records)
		require.Equal(t, []string{"3-6: 4"}, cut(t, l, 0, 10))
		for line := 1; line <= 6; line++ {
			detach(t, l, spring(line), "shard", "")
		}
		detached := func() (lines []int) {
			for _, row := range detachedRows(t, l, springShard(1, 6)) {
				lines = append(lines, row.Line)
			}
			return lines
		}
		require.Equal(t, []int{3, 4, 5, 6}, detached())
		last := func() (lines []int) {
			waits, err := l.LastRowsWait(t.Context(), springShard(1, 6))
			require.NoError(t, err)
			require.True(t, waits)
			rows, err := l.LastRows(t.Context(), springShard(1, 6), 10)
			require.NoError(t, err)
			for _, row := range rows {
				lines = append(lines, row.Line)
			}
			return lines
		}

		claims := func(line int) {
			request := asks(spring(line), fmt.Sprint("run-", line), noon)
			request.SerialKey = fmt.Sprint("product ", line%2)
			grant(t, l, request)
		}
		claims(3)
		require.Equal(t, []int{3, 4, 5, 6}, detached(), "one of its product still waits")
		require.Empty(t, last())
		claims(5)
		require.Equal(t, []int{1, 3, 4, 5, 6}, detached(), "the lane keeps the order from here on")
		require.Equal(t, []int{1}, last())
		require.Equal(t, []string{"1-6: 3"}, cut(t, l, 0, 10))

		record(t, l, ended(spring(4), "run-4", noon, upload.StateFailed))
		record(t, l, ended(spring(6), "run-6", noon, upload.StateReady))
		require.Equal(t, []int{1, 2, 3, 5}, detached())
		retried, err := l.RetryRows(t.Context(), "spring", nil, ledger.Which{})
		require.NoError(t, err)
		require.EqualValues(t, 1, retried)
		require.Equal(t, []int{1, 3, 5}, detached(), "one that is retried goes first again")
	})
}

func TestRoutesCountTheirRows(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		items := lines(1, 10)
		for i := range items {
			items[i].Account = []string{"sitoo", "trustana"}[i%2]
			items[i].Vendor = items[i].Account
			if i >= 6 {
				items[i].Queue = "mediaferry@host:/srv"
			}
		}
		announce(t, l, items...)
		announce(t, l, single(1, "sitoo"))
		grant(t, l, packed(items[0], "shard", noon))
		record(t, l, packedEnd(items[1], "shard", noon, upload.StateReady))
		routes, err := l.Routes(t.Context(), "spring")
		require.NoError(t, err)
		local := "mediaferry@host:/srv"
		require.Equal(t, []ledger.RouteRows{
			{Route: upload.Route{Account: "sitoo", Vendor: "sitoo"}, Rows: 3, Waiting: 2},
			{Route: upload.Route{Account: "sitoo", Vendor: "sitoo", Queue: local}, Rows: 2, Waiting: 2},
			{Route: upload.Route{Account: "trustana", Vendor: "trustana"}, Rows: 3, Waiting: 2},
			{Route: upload.Route{Account: "trustana", Vendor: "trustana", Queue: local}, Rows: 2, Waiting: 2},
		}, routes)
		routes, err = l.Routes(t.Context(), "autumn")
		require.NoError(t, err)
		require.Empty(t, routes)
	})
}

func TestARowHasBegunWhenARunHasIt(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		announce(t, l, spring(1))
		require.True(t, get(t, l, spring(1)).Result.StartedAt.IsZero())
		grant(t, l, packed(spring(1), "shard", noon.Add(time.Hour)))
		record(t, l, packedEnd(spring(1), "shard", noon.Add(time.Hour), upload.StateReady))
		require.Equal(t, noon.Add(time.Hour), get(t, l, spring(1)).Result.StartedAt.Time)

		refused := upload.Record{Item: spring(2), Result: upload.NewResult(spring(2), upload.WayPacked, noon)}
		refused.Result.State, refused.Result.Error = upload.StateFailed, upload.FailureOf(upload.Errorf(upload.KindInvalid, upload.StepClaim, "wrong"))
		record(t, l, refused)
		require.True(t, get(t, l, spring(2)).Result.StartedAt.IsZero())
	})
}

func TestShardsAreCutFromWaitingRows(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		require.Empty(t, cut(t, l, 0, 5))
		announce(t, l, lines(1, 20)...)
		require.Equal(t, []string{"1-3: 3", "4-8: 5", "9-13: 5"}, cut(t, l, 0, 3, 5, 5))
		require.Equal(t, []string{"14-18: 5", "19-20: 2"}, cut(t, l, 13, 5, 5, 5))
		require.Empty(t, cut(t, l, 20, 5))
		require.Empty(t, cut(t, l, 0))

		for line := 1; line <= 10; line += 2 { // claimed, ended, unconfirmed: all have gone on
			grant(t, l, packed(spring(line), "shard", noon))
		}
		record(t, l, packedEnd(spring(1), "shard", noon, upload.StateReady))
		record(t, l, packedEnd(spring(3), "shard", noon, upload.StateUnconfirmed))
		other := spring(12)
		other.Queue = "mediaferry@host:/srv"
		record(t, l, announced(other))
		require.Equal(t, []string{"2-8: 4", "10-14: 4"}, cut(t, l, 0, 4, 4))

		_, err := l.CutShards(t.Context(), "spring", springRoute, 0, []int{5, 0})
		require.ErrorContains(t, err, "the shard has 0 rows, but must have at least 1")
	})
}

func TestALineIsNeverSplitOverTwoShards(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		announce(t, l, lines(1, 3)...)
		announce(t, l, onLine(2, "b"), onLine(2, "c"))
		for n := range 7 {
			announce(t, l, onLine(3, fmt.Sprint("x", n)))
		}
		announce(t, l, spring(4))
		for _, c := range []struct {
			sizes []int
			want  []string
		}{
			{[]int{1, 1, 1, 1, 1}, []string{"1-1: 1", "2-2: 3", "3-3: 8", "4-4: 1"}},
			{[]int{3, 3, 3}, []string{"1-1: 1", "2-2: 3", "3-3: 8"}},
			{[]int{4, 8, 8}, []string{"1-2: 4", "3-3: 8", "4-4: 1"}},
			{[]int{12, 500}, []string{"1-3: 12", "4-4: 1"}},
			{[]int{11}, []string{"1-2: 4"}},
			{[]int{500}, []string{"1-4: 13"}},
		} {
			require.Equal(t, c.want, cut(t, l, 0, c.sizes...), "%d", c.sizes)
		}
	})
}

func TestAShardHasTheRowsOfItsRouteThatHaveNotEnded(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		announce(t, l, lines(1, 8)...)
		announce(t, l, onLine(4, "b"))
		elsewhere := spring(5)
		elsewhere.Queue = "mediaferry@host:/srv"
		record(t, l, announced(elsewhere))
		for line, state := range map[int]upload.State{2: upload.StateReady, 3: upload.StateUnconfirmed, 6: upload.StateFailed} {
			record(t, l, packedEnd(spring(line), "shard", noon, state))
		}
		var got []string
		for _, row := range shardRows(t, l, springShard(2, 7)) {
			got = append(got, row.Result.UploadID)
			require.Nil(t, row.Progress)
			require.False(t, row.Detached)
			item, err := row.Item()
			require.NoError(t, err)
			require.Equal(t, row.Result.UploadID, item.UploadID)
		}
		require.Equal(t, []string{spring(4).UploadID, onLine(4, "b").UploadID, spring(7).UploadID}, got)
	})
}

func TestAnnouncingAgainChangesNothingThatHasGoneOn(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		announce(t, l, lines(1, 3)...)
		grant(t, l, packed(spring(1), "shard", noon))
		grant(t, l, packed(spring(2), "shard", noon))
		detach(t, l, spring(2), "shard", "it is big")
		for line, reason := range map[int]ledger.Reason{1: ledger.Held, 2: ledger.Released, 3: ""} {
			require.Equal(t, reason, reasonOf(t, l.Record(t.Context(), announced(spring(line)))))
		}
		rows := shardRows(t, l, springShard(1, 3))
		require.Len(t, rows, 3)
		require.Equal(t, upload.StatePreparing, rows[0].Result.State)
		require.Equal(t, upload.StatePreparing, rows[1].Result.State)
		require.True(t, rows[1].Detached)
		require.Equal(t, upload.StateWaiting, rows[2].Result.State)
	})
}

func TestAloneRowsAreReadAFewAtATime(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		announce(t, l, lines(1, 9)...)
		announce(t, l, onLine(4, "b"), onLine(4, "c"))
		var detached []ledger.Detachment
		var want []string
		for _, item := range []upload.Item{spring(1), spring(4), onLine(4, "b"), onLine(4, "c"), spring(5), spring(8)} {
			detached = append(detached, ledger.Detachment{UploadID: item.UploadID, RunID: "shard", Because: "it is big"})
			want = append(want, item.UploadID)
		}
		refused, err := l.Detach(t.Context(), detached)
		require.NoError(t, err)
		require.Empty(t, refused)
		record(t, l, ended(spring(5), "own", noon, upload.StateReady)) // is over
		want = []string{want[1], want[2], want[3]}

		var got []string
		after, afterID := 0, ""
		for {
			rows, err := l.DetachedRows(t.Context(), springShard(2, 7), after, afterID, 2)
			require.NoError(t, err)
			if len(rows) == 0 {
				break
			}
			for _, row := range rows {
				got = append(got, row.Item.UploadID)
				require.Equal(t, &upload.Resume{Because: "it is big"}, row.Item.Resume)
				require.False(t, row.Running)
			}
			after, afterID = rows[len(rows)-1].Line, rows[len(rows)-1].Item.UploadID
		}
		require.Equal(t, want, got)
	})
}

func TestALookAtRowsThatWaitOutsideOfAShard(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{Now: func() time.Time { return noon }})
		outside := func(first, last int, untried bool) bool {
			found, err := l.WaitingOutside(t.Context(), springShard(first, last), untried)
			require.NoError(t, err)
			return found
		}
		announce(t, l, lines(1, 4)...)
		require.False(t, outside(1, 4, false))
		require.True(t, outside(1, 3, true))
		require.True(t, outside(2, 4, true))
		wait := &upload.Wait{Step: upload.StepClaim, Since: noon, Tries: 1}
		require.NoError(t, l.NoteWait(t.Context(), lines(4, 4)[0].UploadID, "", wait))
		require.False(t, outside(1, 3, true), "somebody has tried it")
		require.True(t, outside(1, 3, false))
		claim, err := l.Claim(t.Context(), packed(lines(4, 4)[0], "run", noon))
		require.NoError(t, err)
		require.Equal(t, ledger.Granted, claim.Outcome)
		require.False(t, outside(1, 3, false), "a run holds it")
	})
}
