package waits

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
)

var (
	now   = time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	ago   = now.Add(-time.Minute)
	soon  = now.Add(40 * time.Second)
	down  = upload.Error{Kind: upload.KindUnavailable, Message: "POST /prepare: 503", Status: 503}
	queue = upload.HostQueue("studio", "/srv/media")
)

func away(peer upload.Peer, last upload.Error) ledger.AccountState {
	return ledger.AccountState{Name: "acme", Outages: []ledger.Outage{{Peer: peer, Since: ago, Tries: 7, Next: soon, Last: last}}}
}

func TestStatesOfAccounts(t *testing.T) {
	over := away(upload.PeerVendor, down)
	over.Outages[0].Ended = now
	slow := ledger.AccountState{Name: "acme", Slow: ledger.Slow{Since: ago, Until: soon, Because: "GET /status: 429"}}
	noName := down
	noName.Code, noName.Status = upload.CodeNoName, 0
	for name, c := range map[string]struct {
		account ledger.AccountState
		state   State
		wait    string
	}{
		"nothing is wrong":        {ledger.AccountState{Name: "acme"}, StateActive, `null`},
		"an outage that is over":  {over, StateActive, `null`},
		"a person paused it":      {ledger.AccountState{Name: "acme", Paused: true, By: "ann", Because: "a sale", Since: ago}, StatePaused, `{"for":"person","reason":"account acme is paused: a sale","since":"2026-11-29T09:59:00Z","until":null,"next_try_at":null,"tries":0,"last_error":null}`},
		"its vendor denied it":    {ledger.AccountState{Name: "acme", Paused: true, By: upload.ByItself, Because: "401"}, StateDenied, `{"for":"person","reason":"account acme is paused: 401","since":null,"until":null,"next_try_at":null,"tries":0,"last_error":null}`},
		"its store does not help": {away(upload.PeerStore, down), StateUnavailable, `{"for":"vendor","reason":"POST /prepare: 503","since":"2026-11-29T09:59:00Z","until":null,"next_try_at":"2026-11-29T10:00:40Z","tries":7,"last_error":{"kind":"unavailable","step":"","message":"POST /prepare: 503","hint":null,"vendor_request_id":null,"http_status":503}}`},
		"there is no way to it":   {away(upload.PeerVendor, noName), StateUnavailable, `{"for":"line","reason":"POST /prepare: 503","since":"2026-11-29T09:59:00Z","until":null,"next_try_at":"2026-11-29T10:00:40Z","tries":7,"last_error":{"kind":"unavailable","step":"","message":"POST /prepare: 503","hint":null,"vendor_request_id":null,"http_status":null}}`},
		"it asked for a pause":    {slow, StateThrottled, `{"for":"rate","reason":"GET /status: 429","since":"2026-11-29T09:59:00Z","until":"2026-11-29T10:00:40Z","next_try_at":"2026-11-29T10:00:40Z","tries":0,"last_error":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.state, StateOf(c.account))
			got, err := json.Marshal(Account(c.account))
			require.NoError(t, err)
			require.JSONEq(t, c.wait, string(got))
		})
	}
}

func TestWhatItemsWaitFor(t *testing.T) {
	alive := &Workers{Uploads: true, Queues: map[string]bool{queue: true}}
	noHost := &Workers{Uploads: true, Queues: map[string]bool{}}
	paused := ledger.AccountState{Name: "acme", Paused: true, Because: "a sale", Since: ago}
	slow := ledger.AccountState{Name: "acme", Slow: ledger.Slow{Since: ago, Until: soon}}
	spring := func(state upload.BatchState, paused bool) *Batch {
		return &Batch{Batch: ledger.Batch{ID: "spring", State: state, Paused: paused, Because: "too many failures"}, Since: ago}
	}
	failed := func(e upload.Error) *upload.Wait {
		return &upload.Wait{Step: upload.StepPrepare, Last: e, Since: ago, Next: soon, Tries: 2}
	}
	source := upload.Error{Kind: upload.KindUnavailable, Peer: upload.PeerSource, Message: "source answered 503"}
	polls := upload.Schedule{Waits: []time.Duration{time.Second, 50 * time.Second}}
	for name, c := range map[string]struct {
		around Around
		item   Item
		want   upload.WaitFor // empty: it waits for nothing
		reason string         // part of it
		next   time.Time
	}{
		"it works":                               {Around{}, Item{State: upload.StatePreparing, Held: true}, "", "", time.Time{}},
		"it is ready":                            {Around{Account: paused}, Item{State: upload.StateReady}, "", "", time.Time{}},
		"nobody knows whether it arrived":        {Around{}, Item{Argument: "upload/acme/a", State: upload.StateUnconfirmed, Failure: &upload.Failure{}}, upload.ForPerson, "mediaferry decide upload/acme/a", time.Time{}},
		"a person paused it":                     {Around{Account: away(upload.PeerVendor, down)}, Item{Argument: "upload/acme/a", State: upload.StateTransferring, Paused: true}, upload.ForPerson, "mediaferry resume upload/acme/a", time.Time{}},
		"its batch is paused":                    {Around{Account: paused}, Item{State: upload.StateWaiting, Batch: spring(upload.BatchRunning, true)}, upload.ForPerson, "batch spring is paused: too many failures. To continue: mediaferry batch resume spring", time.Time{}},
		"its batch is held":                      {Around{}, Item{State: upload.StateWaiting, Batch: spring(upload.BatchHeld, false)}, upload.ForPerson, "is held", time.Time{}},
		"its account is paused":                  {Around{Account: paused}, Item{State: upload.StatePreparing}, upload.ForAccount, "account acme is paused: a sale", time.Time{}},
		"no worker is there":                     {Around{Workers: &Workers{}, Account: away(upload.PeerVendor, down)}, Item{State: upload.StateTransferring}, upload.ForWorker, "mediaferry up", time.Time{}},
		"no worker reads its source":             {Around{Workers: noHost, Now: now}, Item{State: upload.StateWaiting, Queue: queue}, upload.ForHost, "on host studio that can read /srv/media", time.Time{}},
		"a worker reads its source":              {Around{Workers: alive, Now: now}, Item{State: upload.StateWaiting, Queue: queue, Held: true}, "", "", time.Time{}},
		"the vendor is out":                      {Around{Account: away(upload.PeerVendor, down)}, Item{State: upload.StateWaiting, Batch: spring(upload.BatchRunning, false)}, upload.ForVendor, "503", soon},
		"the store is out and it has no bytes":   {Around{Account: away(upload.PeerStore, down)}, Item{State: upload.StatePreparing}, upload.ForVendor, "503", soon},
		"the store is out and it is sent":        {Around{Account: away(upload.PeerStore, down), Now: now}, Item{State: upload.StateProcessing, Changed: ago}, upload.ForProcessing, "", time.Time{}},
		"the vendor is out and its bytes move":   {Around{Account: away(upload.PeerVendor, down), Now: now}, Item{State: upload.StateTransferring, Changed: now}, "", "", time.Time{}},
		"the vendor is out and its bytes do not": {Around{Account: away(upload.PeerVendor, down), Now: now}, Item{State: upload.StateTransferring, Changed: ago}, upload.ForVendor, "503", soon},
		"the account is slow":                    {Around{Account: slow}, Item{State: upload.StatePreparing, Own: failed(upload.Error{Kind: upload.KindThrottled})}, upload.ForRate, "rate limit", soon},
		"its own call failed":                    {Around{}, Item{State: upload.StatePreparing, Own: failed(down)}, upload.ForVendor, "503", soon},
		"its source is out":                      {Around{}, Item{State: upload.StateWaiting, Own: failed(source)}, upload.ForSource, "source answered", soon},
		"its source and the vendor are out":      {Around{Account: away(upload.PeerVendor, down)}, Item{State: upload.StateWaiting, Own: failed(source)}, upload.ForSource, "source answered", soon},
		"it is processed":                        {Around{Now: now}, Item{State: upload.StateProcessing, Changed: ago, Polls: polls}, upload.ForProcessing, "processing", now.Add(41 * time.Second)},
		"others go first":                        {Around{}, Item{State: upload.StateWaiting, Batch: spring(upload.BatchRunning, false)}, upload.ForTurn, "other rows of batch spring", time.Time{}},
		"another image goes first":               {Around{}, Item{State: upload.StatePreparing, Held: true, Behind: "upload/acme/b"}, upload.ForTurn, "upload/acme/b", time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.around.Of(c.item)
			if c.want == "" {
				require.Nil(t, got)
				return
			}
			require.NotNil(t, got)
			require.Equal(t, c.want, got.For)
			require.Contains(t, got.Reason, c.reason)
			require.True(t, c.next.IsZero() || c.next.Equal(got.NextTryAt.Time), "next: %v", got.NextTryAt)
		})
	}
}

func TestABatchNamesItsTroubleFirst(t *testing.T) {
	route := func(account string) upload.Route { return upload.Route{Account: account, Vendor: "v", Queue: queue} }
	accounts := map[string]ledger.AccountState{"acme": away(upload.PeerVendor, down), "other": {Name: "other"}}
	rows := OfBatch(Batch{Batch: ledger.Batch{ID: "spring", State: upload.BatchRunning}}, Counted{
		Open: []ledger.OpenRows{
			{Route: route("acme"), State: upload.StateWaiting, Rows: 40},
			{Route: route("acme"), State: upload.StatePreparing, Rows: 2},
			{Route: route("other"), State: upload.StateWaiting, Rows: 30, Paused: 1},
			{Route: route("other"), State: upload.StateProcessing, Rows: 5},
			{Route: route("other"), State: upload.StateUnconfirmed, Rows: 3},
		},
		Troubles: []ledger.Trouble{{Route: route("other"), State: upload.StateWaiting, Rows: 4, Wait: upload.Wait{
			Since: ago, Next: soon, Tries: 3, Last: upload.Error{Kind: upload.KindUnavailable, Peer: upload.PeerSource, Message: "source answered 503"},
		}}},
	}, func(account string) Around { return Around{Account: accounts[account], Now: now} })
	type told struct {
		to   string
		what upload.WaitFor
		rows int64
	}
	var got []told
	for _, r := range rows {
		got = append(got, told{r.To, r.For, r.Rows})
	}
	require.Equal(t, []told{
		{"other", upload.ForPerson, 3},
		{"other", upload.ForPerson, 1},
		{"acme", upload.ForVendor, 42},
		{"other", upload.ForSource, 4},
		{"other", upload.ForProcessing, 5},
		{"other", upload.ForTurn, 25},
	}, got)
	require.Contains(t, rows[0].Reason, "mediaferry decide --batch spring")
	require.Equal(t, int64(7), rows[2].Tries)
	raw, err := json.Marshal(rows[3])
	require.NoError(t, err)
	require.Contains(t, string(raw), `"to":"other","rows":4`)
	require.True(t, rows[2].Trouble())
	require.False(t, rows[5].Trouble())
}
