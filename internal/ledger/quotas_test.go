package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestToldLimitsAreSharedAndSurviveARestart(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		told := ledger.Quotas{Key: "k", Told: []upload.Quota{{Window: time.Minute, Limit: 30}, {Window: 24 * time.Hour, Limit: 500}}}
		open := func() *ledger.Ledger { return ledgertest.Open(t, url, ledger.Options{}) }
		first, second := open(), open()
		none, err := second.Quotas(t.Context(), "closient")
		require.NoError(t, err)
		require.Zero(t, none)

		require.NoError(t, first.SaveQuotas(t.Context(), "closient", told))
		require.NoError(t, first.SaveQuotas(t.Context(), "another", ledger.Quotas{Key: "l"}))
		require.NoError(t, first.Close())
		for _, l := range []*ledger.Ledger{second, open()} {
			got, err := l.Quotas(t.Context(), "closient")
			require.NoError(t, err)
			require.Equal(t, told, got)
		}
		told.Told = told.Told[1:]
		require.NoError(t, second.SaveQuotas(t.Context(), "closient", told))
		got, err := second.Quotas(t.Context(), "closient")
		require.NoError(t, err)
		require.Equal(t, told, got, "the latest counts")
	})
}

func TestALedgerOfTheFirstVersionLearnsLimits(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		require.NoError(t, ledgertest.Open(t, url, ledger.Options{}).Close())
		db := ledgertest.Database(t, url)
		for _, has := range []string{`DROP TABLE quotas`, `SELECT 1`} { // some have the table already
			for _, undone := range []string{
				`DROP TABLE item_events`, `DROP INDEX batches_by_time`, `DROP INDEX batches_open`, `DROP INDEX items_ended_badly`, `DROP INDEX items_of_media`,
				`DROP TABLE terms`, `DROP TABLE failed_reports`, `DROP TABLE compatibility`, `DROP INDEX items_failed_for`, `ALTER TABLE items DROP COLUMN cause`,
				`DROP TABLE outbox`, // outages goes as a whole
				`DROP TABLE digest_key`, `DROP TABLE queues`, `ALTER TABLE items DROP COLUMN content`, `ALTER TABLE batch_events DROP COLUMN digest`,
				has, `ALTER TABLE batches DROP COLUMN form`, `DROP TABLE moves`, `ALTER TABLE batches DROP COLUMN cluster`, `ALTER TABLE batches DROP COLUMN namespace`, `DROP TABLE outages`,
				`ALTER TABLE permits DROP COLUMN slow_since`, `ALTER TABLE permits DROP COLUMN slow_because`,
				`DROP INDEX items_in_trouble`, `ALTER TABLE items DROP COLUMN waiting`, `ALTER TABLE accounts DROP COLUMN last_ok_at`,
				`DELETE FROM ledger_versions WHERE version_id >= 2`,
			} {
				_, err := db.Exec(undone)
				require.NoError(t, err, undone)
			}
			l := ledgertest.Open(t, url, ledger.Options{})
			require.NoError(t, l.SaveQuotas(t.Context(), "closient", ledger.Quotas{Key: "k"}))
			require.NoError(t, l.Close())
		}
	})
}

func TestTheTurnOfAPermitIsKnownBeforeItIsTaken(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		p := ledger.Permit{Account: "closient", N: 1, Rate: 0.5, Burst: 1}
		expect := func(slowed, wait time.Duration, why string) {
			t.Helper()
			gotSlowed, gotWait, err := l.Expected(t.Context(), p)
			require.NoError(t, err)
			require.Equal(t, slowed, gotSlowed, why)
			require.Equal(t, wait, gotWait, why)
		}
		expect(0, 0, "nobody has called yet")
		for i := range 3 {
			expect(0, time.Duration(2*i)*time.Second, "asking takes nothing")
			require.Equal(t, time.Duration(2*i)*time.Second, reserve(t, l, p))
		}
		now.Add(time.Minute)
		require.NoError(t, l.Rest(t.Context(), "closient", 30*time.Second, "its quota is used up"))
		expect(30*time.Second, 30*time.Second, "the account rests")
		now.Add(time.Minute)
		require.NoError(t, l.Slow(t.Context(), "closient", 10*time.Second, "it asked for a pause"))
		now.Add(10 * time.Second)
		require.Zero(t, reserve(t, l, p))
		expect(0, 4*time.Second, "the pace is half of what it was")
		p.Rate = 0
		expect(0, 4*time.Second, "the pace also counts where there is no rate")
	})
}
