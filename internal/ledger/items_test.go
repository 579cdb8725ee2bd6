package ledger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// single is an item of no batch.
func single(n int, account string) upload.Item {
	id := fmt.Sprintf("s-%04d", n)
	return upload.Item{
		UploadID: upload.SingleUploadID(account, id), ID: id, Account: account, Vendor: account,
		Source: "/srv/media/" + id + ".jpg",
	}
}

func list(t *testing.T, l *ledger.Ledger, f ledger.Filter) []string {
	t.Helper()
	var ids []string
	for e, err := range l.List(t.Context(), f) {
		require.NoError(t, err)
		ids = append(ids, e.Result.UploadID)
	}
	return ids
}

func TestListOfABatchIsInTheManifestsOrder(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		var records []upload.Record
		var want []string
		for line := 1; line <= 1234; line++ {
			want = append(want, spring(line).UploadID)
			records = append(records, ended(spring(line), "one", noon, upload.StateReady))
		}
		slices.Reverse(records)
		recordAll(t, l, records)
		record(t, l, ended(single(1, "sitoo"), "one", noon, upload.StateReady))

		require.Equal(t, want, list(t, l, ledger.Filter{Batch: "spring"}))
		require.Equal(t, want[:700], list(t, l, ledger.Filter{Batch: "spring", Limit: 700}))
		require.Equal(t, want[700:], list(t, l, ledger.Filter{Batch: "spring", After: want[699]}))
		require.Equal(t, want[700:710], list(t, l, ledger.Filter{Batch: "spring", After: want[699], Limit: 10}))
		require.Empty(t, list(t, l, ledger.Filter{Batch: "autumn"}))
	})
}

// known is what a test knows of an item.
type known struct {
	id, account string
	state       upload.State
}

// mixed records 60 items, 30 of them a day later than the others. States and
// accounts go round, so that every filter finds some. The newest is the first.
func mixed(t *testing.T, l *ledger.Ledger, now *clock) []known {
	t.Helper()
	states := []upload.State{
		upload.StateReady, upload.StateFailed, upload.StateCanceled, upload.StateUnconfirmed, upload.StateTransferring,
	}
	accounts := []string{"trustana", "sitoo", "closient"}
	var items []known
	for n := range 60 {
		item, at := single(n, accounts[n%3]), noon.Add(time.Duration(n)*time.Minute)
		record(t, l, ended(item, "one", at, states[n%5]))
		items = append(items, known{item.UploadID, item.Account, states[n%5]})
		if n == 29 {
			now.Add(24 * time.Hour)
		}
	}
	slices.Reverse(items)
	return items
}

func TestListChooses(t *testing.T) {
	failed := func(k known) bool { return k.state == upload.StateFailed }
	none := func(known) bool { return false }
	cases := map[string]struct {
		filter ledger.Filter
		keep   func(known) bool
	}{
		"all":                {ledger.Filter{}, func(known) bool { return true }},
		"by state":           {ledger.Filter{State: upload.StateFailed}, failed},
		"by ready":           {ledger.Filter{State: upload.StateReady}, func(k known) bool { return k.state == upload.StateReady }},
		"by account":         {ledger.Filter{Account: "sitoo"}, func(k known) bool { return k.account == "sitoo" }},
		"by kind":            {ledger.Filter{Kind: upload.KindRejected}, failed},
		"by kind, of others": {ledger.Filter{Kind: upload.KindTimeout}, none},
		"by state and account": {ledger.Filter{State: upload.StateReady, Account: "closient"}, func(k known) bool {
			return k.state == upload.StateReady && k.account == "closient"
		}},
		"by state of another batch": {ledger.Filter{State: upload.StateReady, Batch: "x"}, none},
	}
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		items := mixed(t, l, now)
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				var want []string
				for _, k := range items {
					if c.keep(k) {
						want = append(want, k.id)
					}
				}
				require.Equal(t, want, list(t, l, c.filter))
				require.EqualValues(t, len(want), count(t, l, c.filter))
				if len(want) > 2 {
					f := c.filter
					f.After, f.Limit = want[1], 2
					require.Equal(t, want[2:min(4, len(want))], list(t, l, f))
				}
			})
		}
		require.Len(t, list(t, l, ledger.Filter{Since: noon.Add(time.Hour)}), 30)
		require.Len(t, list(t, l, ledger.Filter{Since: noon}), 60)
	})
}

// count adds up the counts of all states.
func count(t *testing.T, l *ledger.Ledger, f ledger.Filter) (sum int64) {
	t.Helper()
	counts, err := l.Counts(t.Context(), f)
	require.NoError(t, err)
	require.Len(t, counts, len(upload.States()), "every state is there")
	for _, n := range counts {
		sum += n
	}
	return sum
}

func TestListEndsWhenTheReaderDoes(t *testing.T) {
	l := ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{})
	for n := range 3 {
		record(t, l, ended(spring(n), "one", noon, upload.StateReady))
	}
	seen := 0
	for range l.List(t.Context(), ledger.Filter{}) {
		seen++
		break
	}
	require.Equal(t, 1, seen)
	for _, err := range l.List(t.Context(), ledger.Filter{After: "batch/spring/none"}) {
		require.ErrorIs(t, err, ledger.ErrNotFound)
		seen++
	}
	require.Equal(t, 2, seen, "an error comes once")
}

func TestGetNamesWhatIsNear(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		for _, line := range []int{1, 3, 9} {
			record(t, l, ended(spring(line), "one", noon, upload.StateReady))
		}
		record(t, l, ended(single(7, "sitoo"), "one", noon, upload.StateReady))
		for asked, want := range map[string][]string{
			"batch/spring/a-2":  {"batch/spring/a-1", "batch/spring/a-3"},
			"batch/spring/A-1":  {"batch/spring/a-1"},
			"spring/a-9":        {"batch/spring/a-9"},
			"sitoo/s-0007":      {"upload/sitoo/s-0007"},
			"upload/sitoo/s-07": {"upload/sitoo/s-0007"},
			"something":         nil,
			"":                  nil,
		} {
			_, err := l.Get(t.Context(), asked)
			require.ErrorIs(t, err, ledger.ErrNotFound)
			var missing *ledger.NotFoundError
			require.ErrorAs(t, err, &missing)
			require.Equal(t, asked, missing.UploadID)
			require.Equal(t, want, missing.Near, "near %q", asked)
			require.ErrorContains(t, err, fmt.Sprintf("item %q is not in the ledger", asked))
			for _, near := range want {
				require.ErrorContains(t, err, near)
			}
		}
	})
}

func TestItemIsOpenedOnlyByItsOwnKey(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		other := ledgertest.Open(t, url, ledger.Options{Sealer: ledgertest.NewSealer(t)})
		record(t, l, ended(spring(1), "one", noon, upload.StateReady))
		_, err := get(t, other, spring(1)).Item()
		require.ErrorContains(t, err, "encryption.key")
		require.NotContains(t, err.Error(), "topsecret")

		record(t, l, ended(spring(2), "one", noon, upload.StateReady))
		db := ledgertest.Database(t, url)
		_, err = db.Exec(`UPDATE items SET item = (SELECT item FROM items AS i WHERE i.upload_id = $1) WHERE upload_id = $2`,
			spring(2).UploadID, spring(1).UploadID)
		require.NoError(t, err)
		_, err = get(t, l, spring(1)).Item()
		require.ErrorIs(t, err, ledger.ErrDamaged)
		_, err = ledger.Entry{}.Item()
		require.ErrorIs(t, err, ledger.ErrNotFound)
	})
}

func TestSummaryAddsUp(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		failed := func(line int, account string, kind upload.Kind, message string) {
			item := spring(line)
			item.Account = account
			r := ended(item, "one", noon, upload.StateFailed)
			r.Result.Error = &upload.Failure{Kind: kind, Message: message}
			record(t, l, r)
		}
		for line := 1; line <= 5; line++ {
			record(t, l, upload.Record{Item: spring(line), Result: upload.NewResult(spring(line), upload.WayPacked, noon)})
		}
		grant(t, l, asks(spring(1), "one", noon))
		m := at(spring(1), "one", upload.StateProcessing)
		m.Paused, m.BytesSent = true, 400
		require.NoError(t, l.UpdateState(t.Context(), m))
		record(t, l, ended(spring(6), "one", noon, upload.StateReady))
		record(t, l, ended(spring(7), "one", noon, upload.StateCanceled))
		record(t, l, ended(spring(8), "one", noon, upload.StateUnconfirmed))
		failed(88, "sitoo", upload.KindRejected, "no such entity")
		failed(11, "sitoo", upload.KindRejected, "too small")
		failed(12, "trustana", upload.KindRejected, "too small")
		failed(13, "sitoo", upload.KindMissing, "gone")
		record(t, l, ended(single(1, "sitoo"), "one", noon, upload.StateFailed))

		s, err := l.Summarize(t.Context(), "spring")
		require.NoError(t, err)
		require.EqualValues(t, 12, s.Total)
		require.Equal(t, map[upload.State]int64{
			upload.StateWaiting: 4, upload.StatePreparing: 0, upload.StateTransferring: 0, upload.StateCompleting: 0,
			upload.StateProcessing: 1, upload.StateReady: 1, upload.StateFailed: 4, upload.StateCanceled: 1, upload.StateUnconfirmed: 1,
		}, s.Counts)
		require.EqualValues(t, 1, s.InProgress)
		require.EqualValues(t, 1, s.Paused)
		require.EqualValues(t, 8*1000, s.Bytes)
		require.EqualValues(t, 7*1000+400, s.BytesSent)
		var groups []string
		for _, g := range s.Failures {
			groups = append(groups, fmt.Sprintf("%s %s %d %s", g.Account, g.Kind, g.Count, g.Because()))
		}
		require.Equal(t, []string{
			"sitoo missing 1 line 13: gone",
			"sitoo rejected 2 line 11: too small",
			"trustana rejected 1 line 12: too small",
		}, groups)

		none, err := l.Summarize(t.Context(), "autumn")
		require.NoError(t, err)
		require.Zero(t, none.Total)
	})
}

func TestPruneForgetsOnlyWhatEndedLongAgo(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		var old []upload.Record
		for line := 1; line <= 2500; line++ {
			old = append(old, ended(spring(line), "one", noon, upload.StateReady))
		}
		recordAll(t, l, old)
		record(t, l, ended(spring(2501), "one", noon, upload.StateFailed))
		record(t, l, ended(spring(2502), "one", noon, upload.StateCanceled))
		record(t, l, ended(spring(2503), "one", noon, upload.StateUnconfirmed))
		grant(t, l, asks(spring(2504), "one", noon))
		now.Add(24 * time.Hour)
		record(t, l, ended(spring(2505), "one", noon, upload.StateReady))

		n, err := l.Prune(t.Context(), noon)
		require.NoError(t, err)
		require.Zero(t, n)
		n, err = l.Prune(t.Context(), noon.Add(time.Hour))
		require.NoError(t, err)
		require.EqualValues(t, 2502, n)
		require.Equal(t, []string{spring(2503).UploadID, spring(2504).UploadID, spring(2505).UploadID},
			list(t, l, ledger.Filter{Batch: "spring"}))
		require.NoError(t, l.Compact(t.Context()))
		require.Len(t, list(t, l, ledger.Filter{}), 3)
		requireBalanced(t, url)
	})
}

func TestPruneForgetsBatchesOfWhichNothingIsLeft(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		for _, id := range []string{"spring", "summer", "autumn"} {
			b := springBatch()
			b.ID = id
			openBatch(t, l, b)
			item := spring(1)
			item.Batch, item.UploadID = id, upload.BatchUploadID(id, item.ID)
			state := map[string]upload.State{"spring": upload.StateReady, "summer": upload.StateUnconfirmed, "autumn": upload.StateReady}[id]
			record(t, l, ended(item, "one", noon, state))
			if id != "autumn" { // which runs
				_, err := l.ChangeBatch(t.Context(), id, ledger.BatchChange{Event: event(ledger.EventFinish), State: upload.BatchCompleted})
				require.NoError(t, err)
			}
		}
		now.Add(24 * time.Hour)
		n, err := l.Prune(t.Context(), noon.Add(time.Hour))
		require.NoError(t, err)
		require.EqualValues(t, 2, n)
		_, err = l.Batch(t.Context(), "spring")
		require.ErrorIs(t, err, ledger.ErrNotFound)
		events, err := l.BatchEvents(t.Context(), "spring")
		require.NoError(t, err)
		require.Empty(t, events)
		ticks, err := l.Ticks(t.Context(), "spring", time.Time{})
		require.NoError(t, err)
		require.Empty(t, ticks)
		for _, id := range []string{"summer", "autumn"} {
			_, err = l.Batch(t.Context(), id)
			require.NoError(t, err)
			ticks, err = l.Ticks(t.Context(), id, time.Time{})
			require.NoError(t, err)
			require.Len(t, ticks, 1)
		}
	})
}

// The lists and sums of a million items must not read a million rows.
func TestQueriesUseTheIndexes(t *testing.T) {
	url := ledgertest.SQLite(t)
	ledgertest.Open(t, url, ledger.Options{})
	db := ledgertest.Database(t, url)
	list := func(f ledger.Filter, after *ledger.Entry) string {
		query, _ := ledger.ListQuery(f, after)
		return query
	}
	const open = "USING INDEX items_open (batch=? AND account=? AND queue=? AND line>?"
	for name, c := range map[string]struct{ query, want string }{
		"lines to cut":          {ledger.Waiting, open},
		"rows of a page":        {ledger.ShardRowsOf, open},
		"detached rows":         {ledger.DetachedOf, open},
		"failed rows":           {ledger.GivenUp, "USING INDEX items_given_up (batch=? AND phase=?)"},
		"by definition":         {ledger.DeliveredBefore(), "USING INDEX items_delivered (definition=?)"},
		"by checksum":           {ledger.DeliveredBefore(), "USING INDEX items_declared (declared=?)"},
		"list at work":          {list(ledger.Filter{State: upload.StateProcessing}, nil), "SEARCH items USING INDEX items_not_ready"},
		"list":                  {list(ledger.Filter{}, &ledger.Entry{}), "SEARCH items USING INDEX items_by_time"},
		"list of a batch":       {list(ledger.Filter{Batch: "b"}, &ledger.Entry{}), "SEARCH items USING INDEX items_in_batch"},
		"list of an account":    {list(ledger.Filter{Account: "a"}, &ledger.Entry{}), "SEARCH items USING INDEX items_of_account"},
		"list of a state":       {list(ledger.Filter{State: upload.StateFailed}, nil), "SEARCH items USING INDEX items_not_ready"},
		"example":               {ledger.Example, "SEARCH items USING INDEX items_given_up"},
		"peers of a serial key": {ledger.SerialPeers, "SEARCH items USING INDEX items_of_serial_key"},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := db.Query(`EXPLAIN QUERY PLAN `+c.query, "1", "2", "3", "4", "5", "6", "7", "8", "9")
			require.NoError(t, err)
			defer func() { require.NoError(t, rows.Close()) }()
			var plan []string
			for rows.Next() {
				var id, parent, unused int
				var detail string
				require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
				plan = append(plan, detail)
			}
			require.Contains(t, strings.Join(plan, "\n"), c.want)
			for _, step := range plan {
				require.NotContains(t, step, "SCAN items", "%q must read no more than it gives", plan)
				if strings.HasPrefix(name, "list") || name == "example" {
					require.NotContains(t, step, "ORDER BY", "%q must not sort", plan)
				}
			}
		})
	}
}
