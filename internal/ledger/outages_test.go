package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// outageRig is a ledger whose account sitoo has an outage of its store since noon.
type outageRig struct {
	*testing.T
	*ledger.Ledger
	now *clock
}

func newOutageRig(t *testing.T, url string) outageRig {
	t.Helper()
	now := newClock()
	r := outageRig{t, ledgertest.Open(t, url, ledger.Options{Now: now.Now}), now}
	require.True(t, r.begin(noon, "a"))
	return r
}

func (r outageRig) begin(since time.Time, item string) bool {
	r.Helper()
	begun, err := r.BeginOutage(r.Context(), "sitoo", ledger.Outage{
		Peer: upload.PeerStore, Since: since, Tries: 3, Next: r.now.Now().Add(2 * time.Second), Trying: item,
		Last: upload.Error{Kind: upload.KindUnavailable, Message: "it answered 503", Status: 503},
	})
	require.NoError(r, err)
	return begun
}

func (r outageRig) try(item string) bool {
	r.Helper()
	granted, err := r.TryOutage(r.Context(), ledger.OutageCall{Account: "sitoo", Peer: upload.PeerStore, Caller: item}, time.Minute, 3*time.Second)
	require.NoError(r, err)
	return granted
}

func (r outageRig) fails(item string, pause time.Duration) {
	r.Helper()
	require.NoError(r, r.FailOutage(r.Context(), ledger.OutageCall{Account: "sitoo", Peer: upload.PeerStore, Caller: item}, pause, upload.Error{Message: "no route"}))
}

func (r outageRig) outage() ledger.Outage {
	r.Helper()
	all, err := r.Outages(r.Context(), "sitoo")
	require.NoError(r, err)
	require.Len(r, all, 1)
	return all[0]
}

func TestDuringAnOutageOneItemAtATimeTries(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		r := newOutageRig(t, url)
		require.False(t, r.try("b"), "not before it is due")
		r.now.Add(2 * time.Second)
		require.False(t, r.try("a"), "others have precedence over the one that tried last")
		require.True(t, r.try("b"))
		require.True(t, r.try("b"), "once more for its next step")
		require.False(t, r.try("c"))
		r.fails("c", time.Second)
		require.False(t, r.try("c"), "one that has no right to try changes nothing")
		r.fails("b", 10*time.Second)
		o := r.outage()
		require.EqualValues(t, 4, o.Tries)
		require.Equal(t, "no route", o.Last.Message)
		require.Equal(t, noon.Add(12*time.Second), o.Next)
		require.Equal(t, noon, o.Since)

		r.now.Add(10 * time.Second)
		require.True(t, r.try("c"))
		r.now.Add(time.Minute)
		require.True(t, r.try("d"), "the other one has said nothing for a minute")
	})
}

func TestTheOnlyItemTriesAgain(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		r := newOutageRig(t, url)
		r.now.Add(5 * time.Second)
		require.True(t, r.try("a"), "nobody else wanted to")
	})
}

func TestAnOutageEndsOnce(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		r := newOutageRig(t, url)
		require.False(t, r.begin(noon, "b"), "it has begun")
		r.now.Add(time.Minute)
		end := func() bool {
			ended, err := r.EndOutage(t.Context(), "sitoo", upload.PeerStore)
			require.NoError(t, err)
			return ended
		}
		require.True(t, end())
		require.False(t, end())
		require.False(t, r.try("b"))
		require.Equal(t, noon.Add(time.Minute), r.outage().Ended)
		require.False(t, r.begin(noon.Add(time.Second), "c"), "these calls failed during the outage that is over")
		require.True(t, r.begin(noon.Add(time.Minute), "c"))
		require.Equal(t, noon.Add(time.Minute), r.outage().Since)
	})
}

func TestAnAccountTellsItsOutagesAndPauses(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		r := newOutageRig(t, url)
		require.NoError(t, r.Slow(t.Context(), "sitoo", 45*time.Second, "search answered 429"))
		r.now.Add(time.Second)
		require.NoError(t, r.Slow(t.Context(), "sitoo", time.Second, "poll answered 429"))
		_, err := r.PauseAccount(t.Context(), "trustana", "401", "ann")
		require.NoError(t, err)
		state, err := r.Account(t.Context(), "sitoo")
		require.NoError(t, err)
		o, out := state.Out(upload.PeerStore)
		require.True(t, out)
		require.Equal(t, 503, o.Last.Status)
		_, out = state.Out(upload.PeerVendor)
		require.False(t, out)
		require.Equal(t, ledger.Slow{Since: noon, Until: noon.Add(45 * time.Second), Because: "search answered 429"}, state.Slow)
		all, err := r.Accounts(t.Context())
		require.NoError(t, err)
		require.Len(t, all, 2)
		require.Equal(t, state, all[0])
		require.True(t, all[1].Paused)

		r.now.Add(time.Minute)
		state, err = r.Account(t.Context(), "sitoo")
		require.NoError(t, err)
		require.Zero(t, state.Slow, "it is over")
	})
}

func TestAResumedAccountIsTriedAtOnce(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		r := newOutageRig(t, url)
		require.NoError(t, r.Rest(t.Context(), "sitoo", time.Hour, "its quota is used up"))
		hurry := func() bool {
			lifted, err := r.Hurry(t.Context(), "sitoo")
			require.NoError(t, err)
			return lifted
		}
		require.True(t, hurry())
		state, err := r.Account(t.Context(), "sitoo")
		require.NoError(t, err)
		require.Zero(t, state.Slow)
		require.True(t, r.try("a"), "also for the one that tried last")
		_, err = r.EndOutage(t.Context(), "sitoo", upload.PeerStore)
		require.NoError(t, err)
		require.False(t, hurry(), "nothing is in the way")
	})
}
