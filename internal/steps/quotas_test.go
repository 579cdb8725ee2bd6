package steps

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/closient"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// limited is an account whose vendor tells its limits.
func limited(key string, own spec.OwnLimits) spec.Account {
	vendor := closient.Client{}.Spec()
	return vendor.Limited(spec.Account{Name: "gallery", Vendor: vendor.Name, Settings: map[string]string{"secret": key}, Own: own}, nil)
}

func told(minute, day int64) []upload.Quota {
	return []upload.Quota{{Window: time.Minute, Limit: minute}, {Window: 24 * time.Hour, Limit: day}}
}

// another is another worker with the same ledger.
func another(s *Steps) *Steps {
	return &Steps{Ledger: s.Ledger, Log: zap.NewNop(), Now: s.Now, Accounts: s.Accounts, Wait: s.Wait}
}

func TestToldLimitsCountFromTheNextCallOn(t *testing.T) {
	s, waited := metered(t)
	account := limited("k", spec.OwnLimits{})
	p, other := Permits{s}, Permits{another(s)}
	require.NoError(t, p.Take(t.Context(), account))
	require.NoError(t, other.Take(t.Context(), account))
	require.Empty(t, *waited, "a burst of what the vendor documents")

	p.Learn(t.Context(), account, told(6, 4))
	rate := func(p Permits) float64 {
		t.Helper()
		got, err := p.Limited(t.Context(), account)
		require.NoError(t, err)
		return got.Rate
	}
	require.InDelta(t, 0.1, rate(p), 1e-9, "at once where it was heard")
	require.NoError(t, s.Pause(t.Context(), quotaAge))
	require.InDelta(t, 0.1, rate(other), 1e-9, "a second later everywhere")
	require.InDelta(t, 0.1, rate(Permits{another(s)}), 1e-9, "and after a restart")

	require.NoError(t, s.Pause(t.Context(), time.Minute))
	require.NoError(t, p.Take(t.Context(), account))
	*waited = nil
	require.NoError(t, p.Take(t.Context(), account))
	require.Equal(t, []time.Duration{10 * time.Second}, *waited, "six a minute")
	err := p.Take(t.Context(), account)
	require.Equal(t, upload.KindThrottled, upload.KindOf(err), "four a day")
	require.Greater(t, upload.AsError(err, "").RetryAfter, 23*time.Hour)

	p.Learn(t.Context(), account, told(6000, 10_000))
	require.NoError(t, p.Take(t.Context(), account), "higher ones count at once, too")
	require.InDelta(t, 100, rate(p), 1e-9)
}

func TestLimitsOfOtherCredentialsDoNotCount(t *testing.T) {
	s, _ := metered(t)
	p := Permits{s}
	p.Learn(t.Context(), limited("old", spec.OwnLimits{}), told(6, 4))
	got, err := p.Limited(t.Context(), limited("new", spec.OwnLimits{}))
	require.NoError(t, err)
	require.InDelta(t, 5, got.Rate, 0, "what the vendor documents")
	p.Learn(t.Context(), limited("new", spec.OwnLimits{}), told(60, 40)[:1])
	got, err = p.Limited(t.Context(), limited("new", spec.OwnLimits{}))
	require.NoError(t, err)
	require.InDelta(t, 1, got.Rate, 0)
	require.Equal(t, []upload.Quota{{Window: 24 * time.Hour, Limit: 10_000}}, got.Quotas, "nothing of the old ones is left")
}

func TestOwnLimitsCountBesideThoseThatAreTold(t *testing.T) {
	s, _ := metered(t)
	p := Permits{s}
	account := limited("k", spec.OwnLimits{Quotas: told(30, 20)})
	require.InDelta(t, 0.5, account.Rate, 0)
	p.Learn(t.Context(), account, told(600, 10))
	got, err := p.Limited(t.Context(), account)
	require.NoError(t, err)
	require.InDelta(t, 0.5, got.Rate, 0)
	require.Equal(t, told(0, 10)[1:], got.Quotas)
}

func TestWhatIsKnownOfLimitsIsNotWrittenAgain(t *testing.T) {
	s, _ := metered(t)
	p, account := Permits{s}, limited("k", spec.OwnLimits{})
	p.Learn(t.Context(), account, told(30, 20))
	closed, cancel := context.WithCancel(t.Context())
	cancel() // nothing is written, or read, under it
	for range 3 {
		p.Learn(closed, account, told(30, 20))
		got, err := p.Limited(closed, account)
		require.NoError(t, err)
		require.InDelta(t, 0.5, got.Rate, 0)
	}
}

func TestACallThatIsNotDueSoonTakesNoPermit(t *testing.T) {
	s, waited := metered(t)
	p, account := Permits{s}, spec.Account{Name: "sitoo", Vendor: "sitoo", Rate: 0.02, Burst: 1}
	require.NoError(t, p.Take(t.Context(), account))
	for range 3 {
		err := p.Take(t.Context(), account)
		require.Equal(t, upload.KindThrottled, upload.KindOf(err))
		require.Equal(t, 50*time.Second, upload.AsError(err, "").RetryAfter, "as long as for the first")
	}
	require.Empty(t, *waited)
	require.NoError(t, s.Pause(t.Context(), 50*time.Second))
	require.NoError(t, p.Take(t.Context(), account))
}
