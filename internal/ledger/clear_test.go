package ledger_test

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// mark is in every value that nobody may read without the key.
const mark = "Veiled"

// told are the columns of texts that may be read without the key: IDs of uploads, batches,
// workflows, runs and media, names of accounts and vendors, states and kinds, and words
// and numbers of our own.
var told = map[string]bool{
	"items.upload_id": true, "items.batch": true, "items.account": true, "items.vendor": true, "items.state": true, "items.phase": true,
	"items.kind": true, "items.media_id": true, "items.workflow_id": true, "items.run_id": true, "items.cluster": true, "items.namespace": true,
	"items.took_over": true, "items.former_run": true, "progress.upload_id": true, "parts.upload_id": true, "moves.upload_id": true,
	"detach_requests.upload_id": true, "detach_requests.run_id": true, "detach_requests.want": true,
	"serial_locks.upload_id": true, "serial_locks.run_id": true,
	"tallies.batch": true, "tallies.account": true, "tallies.vendor": true, "tallies.state": true, "tallies.kind": true,
	"ticks.batch": true, "ticks.account": true, "ticks.state": true,
	"batches.id": true, "batches.state": true, "batches.limits": true, "batches.baseline": true, "batches.cluster": true, "batches.namespace": true,
	"batch_events.batch": true, "batch_events.what": true, "accounts.name": true, "accounts.key_fingerprint": true, "account_events.account": true,
	"permits.account": true, "counters.account": true, "counters.name": true, "quotas.account": true, "quotas.key_fingerprint": true, "quotas.told": true,
	"tokens.account": true, "tokens.name": true, "tokens.lease_owner": true, "workers.id": true,
	"outbox.id": true, "outbox.event": true, "outbox.state": true, "outbox.lease_owner": true,
	"outages.account": true, "outages.peer": true, "outages.trying": true,
	"item_events.upload_id": true, "item_events.what": true, "terms.upload_id": true, "failed_reports.batch": true,
}

// hashedOrSealed is what all other texts look like. Our own name is no secret.
var hashedOrSealed = regexp.MustCompile(`^([0-9a-f]{32}|mediaferry|sealed:[A-Za-z0-9+/]+)?$`)

// Who has the database and not the key learns no more than is told above, of anything
// that is ever put down; with the key, everything is read again as it was.
func TestTheDatabaseTellsOnlyWhatItMay(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{Notify: allEvents})
		fillAccounts(t, l)
		fillBatch(t, l)
		fillItems(t, l)
		fillOutbox(t, l)

		db := ledgertest.Database(t, url)
		tables := tablesOf(t, db, url)
		require.NotEmpty(t, tables)
		for _, table := range tables {
			requireVeiled(t, db, table)
		}
	})
}

// A key that was replaced is needed only for as long as what it encrypted is remembered.
func TestAReplacedKeyCanBeDropped(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		old, current := freshKey(t), freshKey(t)
		open := func(keys codec.Keys) *ledger.Ledger {
			return ledgertest.Open(t, url, ledger.Options{Sealer: codec.NewSealer(keys)})
		}
		l := open(old)
		fillAccounts(t, l)
		fillBatch(t, l)
		item := veiled(1)
		record(t, l, announced(item))
		_, err := l.CancelRows(t.Context(), "spring")
		require.NoError(t, err)

		l = open(current.With(old))
		removed, err := l.Prune(t.Context(), time.Now().Add(time.Hour))
		require.NoError(t, err)
		require.EqualValues(t, 1, removed)
		require.NoError(t, l.Withdraw(t.Context(), "w"))
		heads, err := l.SealHeads(t.Context(), codec.SealHead)
		require.NoError(t, err)
		require.Len(t, heads, 1)
		for head := range heads {
			id, _ := codec.KeyIDOf([]byte(head))
			require.Equal(t, current.IDs()[0], id)
		}

		l = open(current)
		record(t, l, announced(item))
		routes, err := l.Routes(t.Context(), "spring")
		require.NoError(t, err)
		require.Equal(t, item.Queue, routes[0].Queue, "the digest is the same, and what it stands for is read")
		state, err := l.Account(t.Context(), "sitoo")
		require.NoError(t, err)
		require.Equal(t, mark+" reason", state.Because)
	})
}

// Without the key, what is not encrypted is still told.
func TestALedgerWithoutItsKeyIsRead(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		fillAccounts(t, l)
		fillBatch(t, l)
		fillItems(t, l)
		for name, keys := range map[string]codec.Keys{"another": freshKey(t), "none": {}} {
			l := ledgertest.Open(t, url, ledger.Options{Sealer: codec.NewSealer(keys)})
			require.Error(t, l.CheckKey(t.Context()), name)
			states, err := l.Accounts(t.Context())
			require.NoError(t, err)
			require.Len(t, states, 3)
			require.True(t, states[0].Paused)
			require.Equal(t, upload.ByItself, states[0].By)
			require.Contains(t, states[0].Because, "encrypted")
			require.NotContains(t, states[1].By, mark)
			require.Contains(t, states[2].Outages[0].Last.Message, "encrypted")
			batch, err := l.Batch(t.Context(), "spring")
			require.NoError(t, err)
			require.Equal(t, upload.BatchHeld, batch.State)
			require.Contains(t, batch.Manifest, "encrypted")
			events, err := l.BatchEvents(t.Context(), "spring")
			require.NoError(t, err)
			require.Equal(t, ledger.EventHold, events[0].What)
			for entry, err := range l.List(t.Context(), ledger.Filter{Batch: "spring", Waiting: true}) {
				require.NoError(t, err)
				require.Nil(t, entry.Waiting)
				queue, err := entry.Queue(t.Context())
				require.NoError(t, err)
				require.Empty(t, queue)
			}
			routes, err := l.Routes(t.Context(), "spring")
			require.NoError(t, err)
			require.Len(t, routes, 1)
			_, err = l.Troubles(t.Context(), "spring")
			require.NoError(t, err)
			open, err := l.OpenRows(t.Context(), "spring")
			require.NoError(t, err)
			require.NotEmpty(t, open)
			_, err = l.Workers(t.Context(), time.Hour)
			require.NoError(t, err)
			summary, err := l.Summarize(t.Context(), "spring")
			require.NoError(t, err)
			require.EqualValues(t, 3, summary.Total)
			require.Error(t, l.Record(t.Context(), announced(veiled(4))), "nothing is written that nobody could find")
		}
	})
}

// tablesOf lists the tables of a ledger.
func tablesOf(t *testing.T, db *sql.DB, url string) (tables []string) {
	t.Helper()
	query := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`
	if strings.HasPrefix(url, "postgres") {
		query = `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`
	}
	rows, err := db.QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	for rows.Next() {
		var table string
		require.NoError(t, rows.Scan(&table))
		if table != "ledger_versions" {
			tables = append(tables, table)
		}
	}
	return tables
}

// requireVeiled looks at every value of a table, which must have rows: or nothing is
// known of it.
func requireVeiled(t *testing.T, db *sql.DB, table string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT * FROM `+table)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	names, err := rows.Columns()
	require.NoError(t, err)
	n := 0
	for ; rows.Next(); n++ {
		values := make([]any, len(names))
		into := make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		require.NoError(t, rows.Scan(into...))
		for i, value := range values {
			column := table + "." + names[i]
			for _, is := range []string{fmt.Sprintf("%s", value), hex.EncodeToString(fmt.Append(nil, value))} {
				require.NotContains(t, strings.ToLower(is), strings.ToLower(mark), column)
			}
			if text, ok := value.(string); ok && !told[column] {
				require.Regexp(t, hashedOrSealed, text, "%s is neither sealed nor hashed, and not among what may be told", column)
			}
			if sealed(value) {
				require.True(t, ledger.Sealed(table, names[i]), "the key that %s needs is not counted", column)
			}
		}
	}
	require.NoError(t, rows.Err())
	require.Positive(t, n, "nothing was put into %s", table)
}

// sealed reports whether a value begins like a sealed one.
func sealed(value any) bool {
	switch value := value.(type) {
	case string:
		return strings.HasPrefix(value, "sealed:")
	case []byte:
		_, ok := codec.KeyIDOf(value)
		return ok
	}
	return false
}

func veiledError(what string) upload.Error {
	return upload.Error{Kind: upload.KindUnavailable, Message: mark + " " + what + " at https://veiled.example answered 503", RequestID: mark + "-request"}
}

func fillAccounts(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	ctx := t.Context()
	_, err := l.PauseAccount(ctx, "sitoo", mark+" reason", mark+"@host")
	require.NoError(t, err)
	_, err = l.PauseAccount(ctx, "closient", mark+" 401", upload.ByItself)
	require.NoError(t, err)
	history, err := l.AccountHistory(ctx, "sitoo")
	require.NoError(t, err)
	require.Equal(t, mark+" reason", history[0].Because)
	require.Equal(t, mark+"@host", history[0].By)
	require.NoError(t, l.Slow(ctx, "sitoo", time.Hour, mark+" slow"))
	require.NoError(t, l.Rest(ctx, "closient", time.Hour, mark+" quota"))
	call := ledger.OutageCall{Account: "trustana", Peer: upload.PeerVendor, Caller: "batch/spring/a-1"}
	_, err = l.BeginOutage(ctx, call.Account, ledger.Outage{Peer: call.Peer, Since: time.Now(), Tries: 3, Last: veiledError("first")})
	require.NoError(t, err)
	_, err = l.TryOutage(ctx, call, time.Minute, 0)
	require.NoError(t, err)
	require.NoError(t, l.FailOutage(ctx, call, time.Minute, veiledError("second")))
	states, err := l.Accounts(ctx)
	require.NoError(t, err)
	require.Len(t, states, 3)
	require.Equal(t, mark+" 401", states[0].Because)
	require.Equal(t, upload.ByItself, states[0].By)
	require.Equal(t, mark+" quota", states[0].Slow.Because)
	require.Equal(t, mark+" reason", states[1].Because)
	require.Equal(t, mark+"@host", states[1].By)
	require.Equal(t, mark+" slow", states[1].Slow.Because)
	require.Equal(t, veiledError("second"), states[2].Outages[0].Last)

	require.NoError(t, l.SaveQuotas(ctx, "closient", ledger.Quotas{Key: "k", Told: []upload.Quota{{Window: time.Hour, Limit: 5}}}))
	_, _, err = l.Count(ctx, ledger.RequestsIn("closient", upload.Quota{Window: time.Hour, Limit: 5}))
	require.NoError(t, err)
	_, err = l.LeaseToken(ctx, "trustoo", "access", "worker", time.Minute)
	require.NoError(t, err)
	_, err = l.SaveToken(ctx, "trustoo", "access", "worker", ledger.Token{Value: []byte(mark)})
	require.NoError(t, err)
	worker := ledger.Worker{ID: "w", Host: mark + "-host", Roots: []string{"/" + mark}, Queues: []string{"mediaferry@" + mark}}
	require.NoError(t, l.Announce(ctx, worker))
	alive, err := l.Workers(ctx, time.Hour)
	require.NoError(t, err)
	require.Equal(t, worker.Roots, alive[0].Roots)
	require.Equal(t, worker.Host, alive[0].Host)
}

// fillOutbox has what was put down tried, and one given up.
func fillOutbox(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	due := leased(t, l, "worker")
	require.NotEmpty(t, due)
	for i, n := range due {
		if i == 0 {
			require.NoError(t, l.GiveNoticeUp(t.Context(), n.ID, "worker", mark+" answered 410"))
			continue
		}
		require.NoError(t, l.RepeatNotice(t.Context(), n.ID, "worker", time.Hour, mark+" answered 500"))
	}
}

func fillBatch(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	ctx := t.Context()
	batch := ledger.Batch{ID: "spring", Manifest: "/srv/" + mark + ".csv", Digest: mark + " digest", Definition: mark + " definition", By: mark + "@host", Limits: upload.Limits{InFlight: 3}}
	_, made, err := l.OpenBatch(ctx, batch)
	require.NoError(t, err)
	require.True(t, made)
	require.NoError(t, l.BatchLoaded(ctx, "spring", 3))
	because := mark + " because"
	change := ledger.BatchChange{State: upload.BatchHeld, Because: &because, Event: ledger.BatchEvent{
		At: noon, What: ledger.EventHold, By: mark + "@host", Because: because, Detail: mark + " detail",
	}}
	for range 2 { // the second time is the same decision
		_, err = l.ChangeBatch(ctx, "spring", change)
		require.NoError(t, err)
	}
	found, err := l.Batch(ctx, "spring")
	require.NoError(t, err)
	require.Equal(t, batch.Manifest, found.Manifest)
	require.Equal(t, batch.Digest, found.Digest)
	require.Equal(t, batch.Definition, found.Definition)
	require.Equal(t, batch.By, found.By)
	require.Equal(t, because, found.Because)
	events, err := l.BatchEvents(ctx, "spring")
	require.NoError(t, err)
	require.Equal(t, []ledger.BatchEvent{change.Event}, events)
	require.NoError(t, l.ReportFailed(t.Context(), "spring", "no space left below /"+mark))
}

// veiled is an item of which everything is secret that may be.
func veiled(line int) upload.Item {
	item := spring(line)
	item.Source, item.Queue, item.SHA256 = "/srv/"+mark+"/film.mp4", "mediaferry@"+mark+":/srv", mark+"sum"
	item.ContentType, item.Fields = mark+"/type", upload.Fields{"title": mark}
	return item
}

func fillItems(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	ctx := t.Context()
	saw := upload.Content{Size: 9, Fingerprint: "9 bytes, ETag " + mark, Name: mark + ".mp4"}
	items := []upload.Item{veiled(1), veiled(2), veiled(3)}
	for _, item := range items {
		record(t, l, announced(item))
	}
	for i, item := range items[:2] {
		request := asks(item, "run", noon)
		request.Content, request.SerialKey, request.WorkflowID = saw, "product "+mark, "shard/spring/1"
		grant(t, l, request)
		fillRow(t, l, item, saw)
		if i == 0 {
			fillRun(t, l, item, saw)
		}
	}
	require.NoError(t, l.UpdateState(ctx, at(items[0], "run", upload.StateTransferring)))
	failed := ended(items[0], "run", noon.Add(time.Hour), upload.StateFailed)
	failed.Result.Error.Message, failed.Fingerprint = mark+" failed", saw.Fingerprint
	record(t, l, failed)
	entry := get(t, l, items[0])
	require.Equal(t, saw.Fingerprint, entry.Fingerprint)
	require.Equal(t, mark+" failed", entry.Result.Error.Message)
	queue, err := entry.Queue(ctx)
	require.NoError(t, err)
	require.Equal(t, items[0].Queue, queue)
	require.True(t, entry.AskedFor(items[0]))
	require.False(t, entry.AskedFor(spring(1)))

	require.NoError(t, l.NoteWait(ctx, items[2].UploadID, "", &upload.Wait{Last: veiledError("source"), Since: noon}))
	_, err = l.RequestDetach(ctx, ledger.DetachRequest{UploadID: items[2].UploadID, Want: ledger.WantDetach, By: mark + "@host"})
	require.NoError(t, err)
	event := ledger.ItemEvent{At: noon, What: ledger.EventPause, By: mark + "@host", Because: mark + " because", Detail: mark + " detail"}
	require.NoError(t, l.NoteItemEvent(ctx, items[0].UploadID, event))
	events, err := l.ItemEvents(ctx, items[0].UploadID)
	require.NoError(t, err)
	require.Equal(t, []ledger.ItemEvent{event}, events)
	row, err := l.ReadProgress(ctx, items[2].UploadID)
	require.NoError(t, err)
	require.Contains(t, row.Because, mark+"@host")
	require.Equal(t, veiledError("source"), row.Waiting.Last)
	requireRoutes(t, l, items)
}

// fillRow puts down what a shard says of a row.
func fillRow(t *testing.T, l *ledger.Ledger, item upload.Item, saw upload.Content) {
	t.Helper()
	saveProgress(t, l, ledger.ProgressUpdate{UploadID: item.UploadID, RunID: "run", State: upload.StateTransferring, Progress: upload.Progress{
		Version: 1, Content: saw, Waiting: &upload.Wait{Last: veiledError("store"), Since: noon},
	}})
	_, err := l.RequestDetach(t.Context(), ledger.DetachRequest{UploadID: item.UploadID, Want: ledger.WantDetach, By: mark + "@host"})
	require.NoError(t, err)
	requests, err := l.DetachRequests(t.Context(), "run")
	require.NoError(t, err)
	require.Equal(t, mark+"@host", requests[0].By)
}

// fillRun puts down what a workflow of its own says of an item.
func fillRun(t *testing.T, l *ledger.Ledger, item upload.Item, saw upload.Content) {
	t.Helper()
	part := ledger.KeptPart{UploadID: item.UploadID, Session: mark + " session", Fingerprint: saw.Fingerprint, Part: upload.Part{Number: 1, ETag: mark}}
	require.NoError(t, l.KeepPart(t.Context(), part))
	kept, found, err := l.KeptPart(t.Context(), part)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, part.Part, kept)
	require.NoError(t, l.NoteMove(t.Context(), item.UploadID, ledger.Place{Source: "/" + mark, Fingerprint: mark}))
	got, _, err := l.AcquireSerial(t.Context(), upload.SerialRequest{Key: "product " + mark, UploadID: item.UploadID, RunID: "run"})
	require.NoError(t, err)
	require.True(t, got)
	holders, err := l.SerialHolders(t.Context())
	require.NoError(t, err)
	require.Equal(t, item.UploadID, holders[get(t, l, item).SerialKey])
}

// requireRoutes reads the rows by their queue, whose name the database does not have.
func requireRoutes(t *testing.T, l *ledger.Ledger, items []upload.Item) {
	t.Helper()
	routes, err := l.Routes(t.Context(), "spring")
	require.NoError(t, err)
	require.Len(t, routes, 1)
	require.Equal(t, items[0].Queue, routes[0].Queue)
	rows, err := l.ShardRows(t.Context(), upload.Shard{Batch: "spring", Route: routes[0].Route, First: 1, Last: 3})
	require.NoError(t, err)
	require.Len(t, rows, 2, "one has ended")
	troubles, err := l.Troubles(t.Context(), "spring")
	require.NoError(t, err)
	require.Len(t, troubles, 2)
	require.Equal(t, items[0].Queue, troubles[0].Route.Queue)
	open, err := l.OpenRows(t.Context(), "spring")
	require.NoError(t, err)
	require.Equal(t, items[0].Queue, open[0].Route.Queue)
}
