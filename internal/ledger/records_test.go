package ledger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestRecordIsKeptWhole(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		item := spring(12)
		grant(t, l, asks(item, "one", noon))
		now.Add(time.Hour)
		want := ended(item, "one", noon, upload.StateReady)
		want.Result.SHA256, want.Result.CRC64, want.Result.Note = "ab12", "42", "one part was sent twice"
		want.Handle = upload.Handle{ID: "upl_1", FileName: "image-1.jpg"}
		record(t, l, want)

		e := get(t, l, item)
		require.Equal(t, want.Handle, e.Handle)
		require.Equal(t, want.Result, e.Result)
		require.Equal(t, content.Fingerprint, e.Fingerprint)
		require.True(t, e.AskedFor(item))
		require.Equal(t, "one", e.RunID)
		require.Equal(t, item.UploadID, e.WorkflowID)
		require.Equal(t, noon, e.QueuedAt)
		require.Equal(t, noon.Add(time.Hour), e.UpdatedAt)
		opened, err := e.Item()
		require.NoError(t, err)
		require.Equal(t, item, opened)
	})
}

func TestRecordOfAnItemThatTheLedgerLostIsKept(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		item := spring(12)
		want := ended(item, "one", noon, upload.StateReady)
		record(t, l, want)
		e := get(t, l, item)
		require.Equal(t, want.Result, e.Result)
		require.Equal(t, noon, e.QueuedAt)
		require.Equal(t, 1, e.Runs)
		request := asks(item, "two", noon.Add(time.Hour))
		require.Equal(t, ledger.Known, claim(t, l, request).Outcome)
	})
}

// recordCase is what a record of run two, an hour later, makes of an item.
type recordCase struct {
	name string
	past func(t *testing.T, l *ledger.Ledger, item upload.Item)
	with func(item upload.Item) upload.Record
	want upload.State
	run  string // that holds the item then
	// reason is why the record is refused; "" where it counts.
	reason ledger.Reason
}

func recordCases() []recordCase {
	later := noon.Add(time.Hour)
	by := func(run string, at time.Time, state upload.State) func(upload.Item) upload.Record {
		return func(item upload.Item) upload.Record { return ended(item, run, at, state) }
	}
	refusedBy := func(run string, workflow upload.Text) func(upload.Item) upload.Record {
		return func(item upload.Item) upload.Record {
			r := refused(item, run, later)
			if workflow != "" {
				r.Result.WorkflowID = workflow
			}
			return r
		}
	}
	announced := func(item upload.Item) upload.Record {
		return upload.Record{Item: item, Result: upload.NewResult(item, upload.WayPacked, later)}
	}
	announce := func(t *testing.T, l *ledger.Ledger, item upload.Item) { record(t, l, announced(item)) }
	ready, failed := endedByOne(upload.StateReady), endedByOne(upload.StateFailed)
	unconfirmed, claimed := endedByOne(upload.StateUnconfirmed), claimedByOne
	return []recordCase{
		{"the run that has the item ends it", claimed, by("one", noon, upload.StateReady), upload.StateReady, "one", ""},
		{"a record may be repeated", ready, by("one", noon, upload.StateReady), upload.StateReady, "one", ""},
		{"unconfirmed is recorded", claimed, by("one", noon, upload.StateUnconfirmed), upload.StateUnconfirmed, "one", ""},
		{"unconfirmed gives way to ready", unconfirmed, by("one", noon, upload.StateReady), upload.StateReady, "one", ""},
		{"unconfirmed gives way to failed", unconfirmed, by("one", noon, upload.StateFailed), upload.StateFailed, "one", ""},
		{"unconfirmed comes too late after ready", ready, by("one", noon, upload.StateUnconfirmed), upload.StateReady, "one", ledger.Ended},
		{"a state comes too late after ready", ready, by("one", noon, upload.StateTransferring), upload.StateReady, "one", ledger.Ended},
		{"an older run does not count", claimed, by("zero", noon.Add(-time.Hour), upload.StateReady), upload.StatePreparing, "one", ledger.Held},
		{"an older run does not count after a failure", failed, by("zero", noon.Add(-time.Hour), upload.StateReady), upload.StateFailed, "one", ledger.Ended},
		{"a later run counts of which no claim is known", claimed, by("two", later, upload.StateReady), upload.StateReady, "two", ""},
		{"a run that goes on under another ID counts", claimed, by("two", noon, upload.StateReady), upload.StateReady, "two", ""},

		{"a refused run leaves ready alone", ready, refusedBy("two", ""), upload.StateReady, "one", ledger.Ended},
		{"a refused run leaves unconfirmed alone", unconfirmed, refusedBy("two", ""), upload.StateUnconfirmed, "one", ledger.Ended},
		{"a refused run leaves another workflow's work alone", claimed, refusedBy("two", "shard/7"), upload.StatePreparing, "one", ledger.Held},
		{"a refused run ends what a former run left open", claimed, refusedBy("two", ""), upload.StateFailed, "two", ""},
		{"a refused run replaces a failure", failed, refusedBy("two", "shard/7"), upload.StateFailed, "two", ""},
		{"invalid does not count against ready even with a fingerprint", ready, func(item upload.Item) upload.Record {
			r := refused(item, "two", later)
			r.Fingerprint = content.Fingerprint
			return r
		}, upload.StateReady, "one", ledger.Ended},

		{"an announcement is kept", nil, announced, upload.StateWaiting, "", ""},
		{"an announcement may be repeated", announce, announced, upload.StateWaiting, "", ""},
		{"an announcement changes nothing that is claimed", claimed, announced, upload.StatePreparing, "one", ledger.Held},
		{"an announcement changes nothing that is ready", ready, announced, upload.StateReady, "one", ledger.Ended},
		{"an announcement changes nothing that is ready from elsewhere", func(t *testing.T, l *ledger.Ledger, item upload.Item) {
			record(t, l, ended(item, "", noon, upload.StateReady))
		}, announced, upload.StateReady, "", ledger.Ended},
		{"an announced item is ended by whoever did it", announce, by("one", noon, upload.StateReady), upload.StateReady, "one", ""},
		{"an announced item is refused without a run", announce, by("", later, upload.StateFailed), upload.StateFailed, "", ""},
	}
}

func TestRecordCounts(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		for line, c := range recordCases() {
			t.Run(c.name, func(t *testing.T) {
				item := spring(line + 1)
				if c.past != nil {
					c.past(t, l, item)
				}
				require.Equal(t, c.reason, reasonOf(t, l.Record(t.Context(), c.with(item))))
				e := get(t, l, item)
				require.Equal(t, c.want, e.Result.State)
				require.Equal(t, c.run, e.RunID)
			})
		}
	})
}

// stateCase is what some updates make of an item.
type stateCase struct {
	name    string
	past    func(t *testing.T, l *ledger.Ledger, item upload.Item)
	updates func(item upload.Item) []ledger.StateUpdate
	want    upload.State
	sent    int64
	// reason is why all of them are refused; "" where they count.
	reason ledger.Reason
}

func stateCases() []stateCase {
	bytes := func(item upload.Item, run string, sent int64) ledger.StateUpdate {
		return ledger.StateUpdate{Item: item, RunID: run, BytesSent: sent, Wait: true}
	}
	states := func(run string, states ...upload.State) func(upload.Item) []ledger.StateUpdate {
		return func(item upload.Item) (updates []ledger.StateUpdate) {
			for _, state := range states {
				updates = append(updates, at(item, run, state))
			}
			return updates
		}
	}
	stateThenBytes := func(run string, state upload.State, sent ...int64) func(upload.Item) []ledger.StateUpdate {
		return func(item upload.Item) []ledger.StateUpdate {
			updates := []ledger.StateUpdate{at(item, run, state)}
			for _, n := range sent {
				updates = append(updates, bytes(item, run, n))
			}
			return updates
		}
	}
	ready, unconfirmed := endedByOne(upload.StateReady), endedByOne(upload.StateUnconfirmed)
	return []stateCase{
		{
			"a run passes its states", claimedByOne,
			states("one", upload.StateTransferring, upload.StateCompleting, upload.StateProcessing), upload.StateProcessing, 0, "",
		},
		{
			"a run goes back to prepare", claimedByOne,
			states("one", upload.StateTransferring, upload.StatePreparing), upload.StatePreparing, 0, "",
		},
		{
			"bytes are counted and leave the state", claimedByOne,
			stateThenBytes("one", upload.StateTransferring, 500), upload.StateTransferring, 500, "",
		},
		{
			"fewer bytes than are known do not count", claimedByOne,
			stateThenBytes("one", upload.StateTransferring, 500, 300), upload.StateTransferring, 500, "",
		},
		{
			"another run changes nothing", claimedByOne,
			stateThenBytes("zero", upload.StateProcessing, 500), upload.StatePreparing, 0, ledger.Held,
		},
		{"what is ready stays so", ready, stateThenBytes("one", upload.StatePreparing, 5000), upload.StateReady, 1000, ledger.Ended},
		{
			"a late update leaves unconfirmed alone", unconfirmed,
			stateThenBytes("one", upload.StateTransferring, 5000), upload.StateUnconfirmed, 1000, ledger.Ended,
		},
		{
			"prepare after a decision reopens unconfirmed", unconfirmed,
			stateThenBytes("one", upload.StatePreparing, 5000), upload.StatePreparing, 5000, "",
		},
		{
			"an item that was lost comes back", nil,
			stateThenBytes("one", upload.StateTransferring, 500), upload.StateTransferring, 500, "",
		},
	}
}

// Of two runs the one that began later may have had the item first. When it says once
// more how it ended, because the answer was lost, the other one has the item by then.
func TestRepeatedRecordTakesNothingFromTheNextRun(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		item := spring(1)
		first, second := asks(item, "first", noon.Add(time.Second)), asks(item, "second", noon)
		second.WorkflowID = "workflow/second"
		grant(t, l, first)
		failure := ended(item, "first", first.StartedAt, upload.StateFailed)
		record(t, l, failure)
		grant(t, l, second)
		require.Equal(t, ledger.Held, reasonOf(t, l.Record(t.Context(), failure)))
		require.Equal(t, "second", get(t, l, item).RunID)

		record(t, l, ended(item, "second", second.StartedAt, upload.StateReady))
		e := get(t, l, item)
		require.Equal(t, upload.StateReady, e.Result.State)
		require.Equal(t, noon, e.Result.StartedAt.Time)
	})
}

func TestStatesAreUpdated(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		for line, c := range stateCases() {
			t.Run(c.name, func(t *testing.T) {
				item := spring(line + 1)
				if c.past != nil {
					c.past(t, l, item)
				}
				for _, m := range c.updates(item) {
					require.Equal(t, c.reason, reasonOf(t, l.UpdateState(t.Context(), m)))
				}
				e := get(t, l, item)
				require.Equal(t, c.want, e.Result.State)
				require.Equal(t, c.sent, e.Result.BytesSent)
			})
		}
	})
}

func TestReopenedItemHasNoErrorAnyMore(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		item := spring(1)
		endedByOne(upload.StateUnconfirmed)(t, l, item)
		require.NotNil(t, get(t, l, item).Result.Error)
		require.NoError(t, l.UpdateState(t.Context(), at(item, "one", upload.StatePreparing)))
		e := get(t, l, item)
		require.Nil(t, e.Result.Error)
		require.Nil(t, e.Result.FinishedAt)
		counts, err := l.Counts(t.Context(), ledger.Filter{Kind: upload.KindUnconfirmed})
		require.NoError(t, err)
		require.Zero(t, counts[upload.StatePreparing])
	})
}

func TestIllFormedUpdatesAreRefused(t *testing.T) {
	l := ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{})
	require.ErrorContains(t, l.UpdateState(t.Context(), ledger.StateUpdate{Item: spring(1)}), "needs an upload ID and a run ID")
	require.ErrorContains(t, l.UpdateState(t.Context(), at(spring(1), "one", upload.StateReady)), "use a record")
	require.ErrorContains(t, l.Record(t.Context(), upload.Record{Item: spring(1)}), "needs an upload ID and a state")
}

// Texts of vendors and stores may hold what one database takes and the other
// does not.
func TestAnyTextCanBeKept(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		item := spring(1)
		r := ended(item, "one", noon, upload.StateFailed)
		r.Result.Error.Message, r.Result.MediaID = "nul \x00 and \xff\xfe", "id\x00\xff"
		r.Fingerprint = "etag \x00\xff ü 漢"
		record(t, l, r)
		e := get(t, l, item)
		require.Equal(t, "etag \ufffd\ufffd ü 漢", e.Fingerprint)
		require.Equal(t, "nul \x00 and \ufffd\ufffd", e.Result.Error.Message)
		_, err := l.PauseAccount(t.Context(), "trustana", "\x00\xff", "\x00")
		require.NoError(t, err)
	})
}

// What is stored in the clear may be read by whoever may read the database.
func TestNoSecretIsStoredInTheClear(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		item := spring(1)
		item.Fields["fileName"] = "field-secret"
		grant(t, l, asks(item, "one", noon))
		require.NoError(t, l.UpdateState(t.Context(), at(item, "one", upload.StateTransferring)))
		r := ended(item, "one", noon, upload.StateReady)
		r.Result.Source, r.Result.MediaURL = item.Source, "https://cdn.example/a?sig=topsecret"
		record(t, l, r)
		_, err := l.SaveToken(t.Context(), "truvideo", "login", "me", ledger.Token{Value: []byte("topsecret-token")})
		require.NoError(t, err)

		db := ledgertest.Database(t, url)
		for _, table := range []string{"items", "tokens", "accounts", "permits", "counters", "serial_locks", "workers"} {
			for _, text := range dump(t, db, table) {
				require.False(t, strings.Contains(text, "secret"), "%s: %q", table, text)
			}
		}
		require.NotEmpty(t, dump(t, db, "items"))
		require.NotEmpty(t, dump(t, db, "tokens"))
	})
}
