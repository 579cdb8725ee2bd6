package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
)

func TestWorkersThatLiveAreListed(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		a := ledger.Worker{
			ID: "a", Host: "north", Roots: []string{"/srv/media"}, Queues: []string{"mediaferry", "mediaferry@north:/srv/media"},
			Duties: []string{"workflows"}, PID: 7, Version: "v1", StartedAt: noon,
		}
		b := ledger.Worker{ID: "b", Host: "south", StartedAt: noon}
		require.NoError(t, l.Announce(t.Context(), b))
		require.NoError(t, l.Announce(t.Context(), a))
		workers := func() []ledger.Worker {
			found, err := l.Workers(t.Context(), time.Minute)
			require.NoError(t, err)
			return found
		}
		seen := func(w ledger.Worker, at time.Time) ledger.Worker {
			w.SeenAt = at
			return w
		}
		require.Equal(t, []ledger.Worker{seen(a, noon), seen(b, noon)}, workers())

		now.Add(45 * time.Second)
		a.Version = "v2"
		require.NoError(t, l.Announce(t.Context(), a))
		now.Add(30 * time.Second)
		require.Equal(t, []ledger.Worker{seen(a, noon.Add(45*time.Second))}, workers(), "b is silent for too long")
		require.NoError(t, l.Withdraw(t.Context(), "a"))
		require.NoError(t, l.Withdraw(t.Context(), "a"))
		require.Empty(t, workers())
	})
}

func TestWorkersLiveByTheServersClock(t *testing.T) {
	l := ledgertest.Open(t, ledgertest.Postgres(t), ledger.Options{})
	require.NoError(t, l.Announce(t.Context(), ledger.Worker{ID: "a"}))
	workers, err := l.Workers(t.Context(), time.Hour)
	require.NoError(t, err)
	require.Len(t, workers, 1)
}

func TestWorkersLongGoneAreForgotten(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		require.NoError(t, l.Announce(t.Context(), ledger.Worker{ID: "a"}))
		now.Add(25 * time.Hour)
		require.NoError(t, l.Withdraw(t.Context(), "b"))
		require.Empty(t, dump(t, ledgertest.Database(t, url), "workers"))
	})
}
