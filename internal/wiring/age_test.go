package wiring

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
)

// polling is a worker of the SDK's that may be stopped once.
type polling struct {
	worker.Worker
	stops int
}

func (p *polling) Stop() { p.stops++ }

func TestAWorkerThatIsTooOldTakesNoMoreWork(t *testing.T) {
	url := ledgertest.SQLite(t)
	sdk := &polling{}
	w := &Worker{
		ledger: ledgertest.Open(t, url, ledger.Options{}), log: zap.NewNop(), workers: []worker.Worker{sdk},
		info: ledger.Worker{ID: "w", Queues: []string{"q"}, Duties: []string{DutyUploads}, Roots: []string{"/srv"}},
	}
	w.checkAge(t.Context())
	require.False(t, w.info.Outdated)
	for _, change := range []string{`INSERT INTO ledger_versions (version_id, is_applied) VALUES (99, TRUE)`, `UPDATE compatibility SET oldest = 99`} {
		_, err := ledgertest.Database(t, url).Exec(change)
		require.NoError(t, err)
	}
	w.checkAge(t.Context())
	w.checkAge(t.Context())
	w.done.Wait()
	w.stopSDK()
	require.Equal(t, 1, sdk.stops)
	require.True(t, w.info.Outdated)
	require.Empty(t, w.info.Queues)
	require.Empty(t, w.info.Duties)
}
