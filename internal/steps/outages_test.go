package steps

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// calls are those of one account by one process.
type calls struct {
	*testing.T
	*Steps
}

func (c calls) call(item string, peer upload.Peer, err error) {
	c.Helper()
	began := c.Now()
	require.NoError(c, c.Pause(c.Context(), time.Millisecond))
	c.heard(c.Context(), ledger.OutageCall{Account: "sitoo", Peer: peer, Caller: item}, began, err)
}

// admitted asks whether an item may make a step, after a look at the account's state.
func (c calls) admitted(item string, do flow.Do, since time.Time) error {
	c.Helper()
	state, err := c.Ledger.Account(c.Context(), "sitoo")
	require.NoError(c, err)
	c.outages.learn(state)
	return c.Admit(c.Context(), Work{
		Item: upload.Item{UploadID: item}, Caller: &wire.Caller{Account: spec.Account{Name: "sitoo"}},
		Flow: flow.Flow{Patience: time.Hour}, Progress: &upload.Progress{},
	}, do, since)
}

func unanswered(arrived upload.Arrival) error {
	e := upload.Errorf(upload.KindUnavailable, upload.StepPrepare, "prepare answered 503")
	e.Status, e.Arrived = 503, arrived
	return e
}

func newCalls(t *testing.T) calls {
	s, _ := metered(t)
	return calls{t, s}
}

// breaks lets the store of the account go out of order.
func (c calls) breaks(peer upload.Peer) {
	c.Helper()
	for range upload.OutageAfter {
		c.call("a", peer, unanswered(upload.ArrivedNothing))
	}
}

func TestAfterThreeFailuresInARowOneItemTries(t *testing.T) {
	c := newCalls(t)
	for range upload.OutageAfter - 1 {
		c.call("a", upload.PeerVendor, unanswered(upload.ArrivedNothing))
	}
	require.NoError(t, c.admitted("b", flow.DoPrepare, c.Now()))
	c.call("b", upload.PeerVendor, nil)
	c.call("a", upload.PeerVendor, unanswered(upload.ArrivedNothing))
	require.NoError(t, c.admitted("b", flow.DoPrepare, c.Now()), "a success between starts the count anew")
	c.breaks(upload.PeerVendor)
	var out *OutOfOrder
	require.ErrorAs(t, c.admitted("b", flow.DoPrepare, c.Now()), &out)
	require.Contains(t, out.Error(), "the vendor has not answered since 12:00:00 UTC: prepare answered 503")

	elsewhere := calls{t, another(c.Steps)}
	require.ErrorAs(t, elsewhere.admitted("c", flow.DoPoll, c.Now()), &out, "in the whole fleet")
	require.NoError(t, c.Pause(t.Context(), out.After))
	require.NoError(t, elsewhere.admitted("c", flow.DoPoll, c.Now()))
	require.ErrorAs(t, c.admitted("b", flow.DoPrepare, c.Now()), &out, "one at a time")
	elsewhere.call("c", upload.PeerVendor, nil)
	require.NoError(t, c.admitted("b", flow.DoPrepare, c.Now()))
}

func TestWhatIsAnsweredBreaksNothing(t *testing.T) {
	c := newCalls(t)
	refused := upload.Errorf(upload.KindRejected, upload.StepPrepare, "no such entity")
	refused.Status = 422
	page := upload.Errorf(upload.KindUnavailable, upload.StepTransfer, "a page")
	page.Status, page.Strange, page.Then = 413, true, upload.KindRejected
	unknown := upload.Errorf(upload.KindUnavailable, upload.StepPoll, "the vendor does not know the file yet")
	unknown.Status = 404
	source := upload.Errorf(upload.KindUnavailable, upload.StepTransfer, "the source's host is away")
	source.Peer = upload.PeerSource
	for range 5 {
		for _, err := range []error{refused, page, unknown, source, TooFast(spec.Account{Name: "sitoo"}, time.Second)} {
			c.call("a", upload.PeerVendor, err)
		}
	}
	require.NoError(t, c.admitted("b", flow.DoPrepare, c.Now()))
	require.False(t, c.HasOutage("sitoo"))
}

func TestAPageThatDeniesEverybodyIsAnOutage(t *testing.T) {
	c := newCalls(t)
	page := upload.Errorf(upload.KindUnavailable, upload.StepPrepare, "403 of a firewall")
	page.Status, page.Strange, page.Then = 403, true, upload.KindDenied
	for range upload.OutageAfter {
		c.call("a", upload.PeerVendor, page)
	}
	require.True(t, c.HasOutage("sitoo"))
}

func TestCallsThatBeganBeforeTheLastAnswerSayNothingNew(t *testing.T) {
	c := newCalls(t)
	began := c.Now()
	require.NoError(t, c.Pause(t.Context(), time.Second))
	c.call("a", upload.PeerVendor, unanswered(upload.ArrivedNothing))
	c.call("b", upload.PeerVendor, nil)
	for range upload.OutageAfter {
		c.heard(t.Context(), ledger.OutageCall{Account: "sitoo", Peer: upload.PeerVendor, Caller: "c"}, began, unanswered(upload.ArrivedMaybe))
	}
	require.False(t, c.HasOutage("sitoo"))
}

func TestWhereAStoreIsOutNothingIsPrepared(t *testing.T) {
	c := newCalls(t)
	c.breaks(upload.PeerStore)
	var out *OutOfOrder
	require.ErrorAs(t, c.admitted("b", flow.DoPrepare, c.Now()), &out)
	require.NoError(t, c.admitted("b", flow.DoPoll, c.Now()), "the vendor answers")
	require.NoError(t, c.Pause(t.Context(), out.After))
	require.NoError(t, c.admitted("b", flow.DoPrepare, c.Now()), "one needs a session to try")
	require.ErrorAs(t, c.admitted("c", flow.DoSend, c.Now()), &out)
	require.NoError(t, c.admitted("b", flow.DoSend, c.Now()), "the same one sends")
}

func TestPatienceWithAnOutageEndsForAll(t *testing.T) {
	c := newCalls(t)
	asked := c.Now()
	c.breaks(upload.PeerVendor)
	c.call("a", upload.PeerVendor, nil)
	c.breaks(upload.PeerVendor)
	for range 70 {
		require.NoError(t, c.Pause(t.Context(), time.Minute))
		if c.admitted("a", flow.DoPrepare, asked) == nil {
			c.call("a", upload.PeerVendor, unanswered(upload.ArrivedNothing))
		}
	}
	var e *upload.Error
	require.ErrorAs(t, c.admitted("b", flow.DoPrepare, asked), &e)
	require.Equal(t, upload.KindUnavailable, e.Kind)
	require.Equal(t, upload.ArrivedNothing, e.Arrived)
	var out *OutOfOrder
	require.ErrorAs(t, c.admitted("b", flow.DoPrepare, c.Now()), &out, "one that came just now has its own patience")
}

func TestTheMoreItemsWaitTheSeldomerEachAsks(t *testing.T) {
	c := newCalls(t)
	o := &OutOfOrder{Account: "sitoo", After: 10 * time.Second}
	waits := func(item upload.Item) time.Duration {
		var later *Later
		require.ErrorAs(t, c.Waiter(t.Context(), o, item, 1), &later)
		return later.After
	}
	require.Equal(t, 10*time.Second, waits(upload.Item{UploadID: "upload/sitoo/a"}), "it waits alone")
	require.Less(t, waits(upload.Item{UploadID: "batch/spring/a", Batch: "spring"}), 10*time.Second+2*ownOfBatch*waiterSpan)
}
