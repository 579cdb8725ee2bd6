package activities

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// metered are activities whose clock moves by what they wait for.
func metered(t *testing.T) (a *Activities, waited *[]time.Duration) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	waited = new([]time.Duration)
	return &Activities{
		Ledger: ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{Now: clock}),
		Log:    zap.NewNop(), Now: clock, Accounts: byName{},
		Wait: func(_ context.Context, d time.Duration) error {
			*waited = append(*waited, d)
			now = now.Add(d)
			return nil
		},
	}, waited
}

func packedOf(a *Activities) packedPermits {
	return packedPermits{permits{a}, "spring", func(string) float64 { return 0 }}
}

// waiter is a row that has to wait a second for its permit. While it does, slow
// comes in from another call that was answered with 429.
func waiter(t *testing.T, slow time.Duration) (take func() error, waited *[]time.Duration) {
	t.Helper()
	a, waited := metered(t)
	account := vendors.Account{Name: "sitoo", Vendor: "sitoo", Rate: 1, Burst: 1}
	p := packedOf(a)
	require.NoError(t, p.Take(t.Context(), account))
	wait := a.Wait
	a.Wait = func(ctx context.Context, d time.Duration) error {
		if len(*waited) == 0 {
			require.NoError(t, a.Ledger.Slow(ctx, account.Name, slow))
		}
		return wait(ctx, d)
	}
	return func() error { return p.Take(t.Context(), account) }, waited
}

func TestWhoWaitedForAPermitHeedsAPauseThatTheVendorAskedForMeanwhile(t *testing.T) {
	take, waited := waiter(t, 3*time.Second)
	require.NoError(t, take())
	require.Equal(t, []time.Duration{time.Second, 2 * time.Second}, *waited)
}

func TestWhoWaitedForAPermitComesBackAfterALongPause(t *testing.T) {
	take, waited := waiter(t, time.Minute)
	err := take()
	require.Equal(t, upload.KindThrottled, upload.KindOf(err))
	require.Equal(t, 59*time.Second, upload.AsError(err, "").RetryAfter)
	require.Len(t, *waited, 1)
}

func TestADenialStopsTheRowsThatWaitForTheirTurn(t *testing.T) {
	a, _ := metered(t)
	account := vendors.Account{Name: "sitoo", Vendor: "sitoo"}
	vendor, err := vendors.Find("sitoo")
	require.NoError(t, err)
	c := &carrier{Activities: a, vendor: vendor, gate: a.gates.of(account.Name, a.Now)}
	p := packedOf(a)
	require.NoError(t, p.Take(t.Context(), account))

	refused := false
	wait := a.Wait
	a.Wait = func(ctx context.Context, d time.Duration) error { // it is looked into
		var back *temporal.ApplicationError
		require.ErrorAs(t, p.Take(ctx, account), &back, "another row's turn has come")
		require.Equal(t, typeWaiting, back.Type())
		require.Equal(t, noticed, back.NextRetryDelay())
		refused = true
		return wait(ctx, d)
	}
	denied := upload.Errorf(upload.KindDenied, upload.StepPoll, "media answered 401")
	require.ErrorIs(t, c.judged(t.Context(), account, denied), denied)
	require.True(t, refused)

	a.Wait = wait
	require.NoError(t, a.pause(t.Context(), longestWait))
	require.NoError(t, p.Take(t.Context(), account), "whoever comes later reads credentials and account anew")
}

func TestWhoWaitsForATokenIsToldThatItIsDenied(t *testing.T) {
	var c tokenCache
	key := tokenKey{"trustoo", "access"}
	before := c.refusals(key)
	require.NoError(t, c.since(key, before))
	c.deny(key, upload.Errorf(upload.KindUnavailable, upload.StepPrepare, "oauth token answered 503"))
	require.NoError(t, c.since(key, before), "trouble on the way is tried again by each")
	c.deny(key, upload.Errorf(upload.KindDenied, upload.StepPrepare, "oauth token answered 401"))
	require.Equal(t, upload.KindDenied, upload.KindOf(c.since(key, before)))
	require.NoError(t, c.since(key, c.refusals(key)), "whoever comes later asks anew")
	require.NoError(t, c.since(tokenKey{"another", "access"}, 0))
}

func TestATokenThatWasDeniedIsAskedForAnew(t *testing.T) {
	a, _ := metered(t)
	a.Owner = "this worker"
	of := tokens{a, vendors.Account{Name: "trustoo"}}
	asked := 0
	renew := func(context.Context, vendors.Token) (vendors.Token, error) {
		asked++
		return vendors.Token{}, upload.Errorf(upload.KindDenied, upload.StepPrepare, "oauth token answered 401")
	}
	for range 2 {
		_, err := of.Get(t.Context(), "trustoo", "access", renew)
		require.Equal(t, upload.KindDenied, upload.KindOf(err))
	}
	require.Equal(t, 2, asked)
}
