package ledger_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
)

func TestAccountIsPausedAndResumed(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		state := func() ledger.AccountState {
			s, err := l.Account(t.Context(), "sitoo")
			require.NoError(t, err)
			return s
		}
		require.Equal(t, ledger.AccountState{Name: "sitoo"}, state())
		changed, err := l.ResumeAccount(t.Context(), "sitoo", "ann")
		require.NoError(t, err)
		require.False(t, changed, "what was never paused cannot be resumed")
		require.Equal(t, ledger.AccountState{Name: "sitoo"}, state())

		changed, err = l.PauseAccount(t.Context(), "sitoo", "401: bad token", "batch/spring/a-1")
		require.NoError(t, err)
		require.True(t, changed)
		want := ledger.AccountState{Name: "sitoo", Paused: true, Because: "401: bad token", By: "batch/spring/a-1", Since: noon}
		require.Equal(t, want, state())

		now.Add(time.Minute)
		changed, err = l.PauseAccount(t.Context(), "sitoo", "401: again", "batch/spring/a-2")
		require.NoError(t, err)
		require.False(t, changed)
		require.Equal(t, want, state(), "the first reason stands")

		changed, err = l.ResumeAccount(t.Context(), "sitoo", "ann")
		require.NoError(t, err)
		require.True(t, changed)
		require.Equal(t, ledger.AccountState{Name: "sitoo", By: "ann", Since: noon.Add(time.Minute)}, state())

		history, err := l.AccountHistory(t.Context(), "sitoo")
		require.NoError(t, err)
		require.Equal(t, []ledger.AccountEvent{
			{At: noon.Add(time.Minute), By: "ann"},
			{At: noon, Paused: true, Because: "401: bad token", By: "batch/spring/a-1"},
		}, history)
	})
}

func TestAccountsAreListedByName(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		for _, name := range []string{"b", "a", "C", "ä"} {
			_, err := l.PauseAccount(t.Context(), name, "why not", "ann")
			require.NoError(t, err)
		}
		accounts, err := l.Accounts(t.Context())
		require.NoError(t, err)
		var names []string
		for _, a := range accounts {
			require.True(t, a.Paused)
			names = append(names, a.Name)
		}
		require.Equal(t, []string{"C", "a", "b", "ä"}, names, "by bytes, whatever the server's language")
	})
}

func TestHistoryIsShort(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		for n := range 40 {
			_, err := l.PauseAccount(t.Context(), "sitoo", fmt.Sprint(n), "ann")
			require.NoError(t, err)
			now.Add(time.Second)
			_, err = l.ResumeAccount(t.Context(), "sitoo", "ann")
			require.NoError(t, err)
			now.Add(time.Second)
		}
		history, err := l.AccountHistory(t.Context(), "sitoo")
		require.NoError(t, err)
		require.Len(t, history, ledger.KeptEvents)
		require.Equal(t, "39", history[1].Because)
	})
}

func TestOfManyPausesOneIsNew(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		var news atomic.Int32
		var all sync.WaitGroup
		for range 3 {
			l := ledgertest.Open(t, url, ledger.Options{})
			for range 8 {
				all.Go(func() {
					changed, err := l.PauseAccount(t.Context(), "sitoo", "401", "somebody")
					if err != nil {
						t.Error(err)
					}
					if changed {
						news.Add(1)
					}
				})
			}
		}
		all.Wait()
		require.EqualValues(t, 1, news.Load())
	})
}

func TestChangeOfCredentialsIsSeen(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		seen := func(fingerprint string) time.Time {
			changed, err := l.KeySeen(t.Context(), "sitoo", fingerprint)
			require.NoError(t, err)
			return changed
		}
		_, err := l.PauseAccount(t.Context(), "sitoo", "401", "ann")
		require.NoError(t, err)
		require.Zero(t, seen("aa"), "the first that are seen have not changed")
		require.Zero(t, seen("aa"))
		now.Add(time.Hour)
		require.Equal(t, noon.Add(time.Hour), seen("bb"))
		now.Add(time.Hour)
		require.Equal(t, noon.Add(time.Hour), seen("bb"))
		require.Equal(t, noon.Add(2*time.Hour), seen("aa"))
		state, err := l.Account(t.Context(), "sitoo")
		require.NoError(t, err)
		require.True(t, state.Paused, "credentials do not resume an account by themselves")
	})
}
