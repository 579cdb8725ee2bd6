package ledger_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
)

func TestTokenIsKeptSharedAndDropped(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		other := ledgertest.Open(t, url, ledger.Options{})
		ctx := t.Context()
		_, found, err := l.Token(ctx, "truvideo", "login")
		require.NoError(t, err)
		require.False(t, found)

		leased, err := l.LeaseToken(ctx, "truvideo", "login", "me", time.Minute)
		require.NoError(t, err)
		require.True(t, leased)
		_, found, err = other.Token(ctx, "truvideo", "login")
		require.NoError(t, err)
		require.False(t, found, "a lease is no token yet")

		first, err := l.SaveToken(ctx, "truvideo", "login", "me", ledger.Token{Value: []byte("t1"), ExpiresAt: noon})
		require.NoError(t, err)
		token, found, err := other.Token(ctx, "truvideo", "login")
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, ledger.Token{Value: []byte("t1"), ExpiresAt: noon, Version: first}, token)

		leased, err = other.LeaseToken(ctx, "truvideo", "login", "you", time.Minute)
		require.NoError(t, err)
		require.True(t, leased, "saving ends the lease")
		second, err := other.SaveToken(ctx, "truvideo", "login", "you", ledger.Token{Value: []byte("t2")})
		require.NoError(t, err)
		require.Greater(t, second, first)

		require.NoError(t, l.ExpireToken(ctx, "truvideo", "login", first))
		token, found, err = l.Token(ctx, "truvideo", "login")
		require.NoError(t, err)
		require.True(t, found, "only the token that was refused is touched")
		require.Equal(t, []byte("t2"), token.Value)
		require.Zero(t, token.ExpiresAt)
		require.NoError(t, l.ExpireToken(ctx, "truvideo", "login", second))
		token, found, err = l.Token(ctx, "truvideo", "login")
		require.NoError(t, err)
		require.True(t, found)
		require.Equal(t, []byte("t2"), token.Value, "what the next one is got with stays")
		require.True(t, !token.ExpiresAt.IsZero() && token.ExpiresAt.Before(noon))

		leased, err = l.LeaseToken(ctx, "truvideo", "login", "me", time.Minute)
		require.NoError(t, err)
		require.True(t, leased)
		require.NoError(t, other.ReleaseToken(ctx, "truvideo", "login", "you"))
		leased, err = other.LeaseToken(ctx, "truvideo", "login", "you", time.Minute)
		require.NoError(t, err)
		require.False(t, leased, "only the owner gives a lease back")
		require.NoError(t, l.ReleaseToken(ctx, "truvideo", "login", "me"))
		leased, err = other.LeaseToken(ctx, "truvideo", "login", "you", time.Minute)
		require.NoError(t, err)
		require.True(t, leased)
	})
}

func TestLeaseEndsWithItsTime(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		lease := func(owner string) bool {
			ok, err := l.LeaseToken(t.Context(), "truvideo", "login", owner, time.Minute)
			require.NoError(t, err)
			return ok
		}
		save := func(owner string) error {
			_, err := l.SaveToken(t.Context(), "truvideo", "login", owner, ledger.Token{Value: []byte(owner)})
			return err
		}
		require.True(t, lease("me"))
		require.False(t, lease("you"))
		now.Add(59 * time.Second)
		require.True(t, lease("me"), "who has it prolongs it")
		require.False(t, lease("you"))
		require.ErrorIs(t, save("you"), ledger.ErrLeaseLost)
		now.Add(time.Minute)
		require.True(t, lease("you"))
		require.ErrorIs(t, save("me"), ledger.ErrLeaseLost)
		require.NoError(t, save("you"))
		require.ErrorIs(t, save("you"), ledger.ErrLeaseLost, "it was ended by saving")
	})
}

func TestVersionIsNeverUsedAgain(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now})
		var last int64
		for range 5 {
			ok, err := l.LeaseToken(t.Context(), "a", "t", "me", time.Minute)
			require.NoError(t, err)
			require.True(t, ok)
			version, err := l.SaveToken(t.Context(), "a", "t", "me", ledger.Token{Value: []byte("x")})
			require.NoError(t, err)
			require.Greater(t, version, last, "also when no time passes")
			last = version
		}
		now.Add(time.Second)
		_, err := ledgertest.Database(t, url).Exec(`DELETE FROM tokens`)
		require.NoError(t, err)
		version, err := l.SaveToken(t.Context(), "a", "t", "me", ledger.Token{Value: []byte("x")})
		require.NoError(t, err, "a lost lease keeps nobody from saving")
		require.Greater(t, version, last)
	})
}

func TestOneOfManyRefreshes(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		var won atomic.Int32
		var all sync.WaitGroup
		for p := range 3 {
			l := ledgertest.Open(t, url, ledger.Options{})
			for h := range 8 {
				all.Go(func() {
					ok, err := l.LeaseToken(t.Context(), "a", "t", string(rune('a'+p*8+h)), time.Hour)
					if err != nil {
						t.Error(err)
					}
					if ok {
						won.Add(1)
					}
				})
			}
		}
		all.Wait()
		require.EqualValues(t, 1, won.Load())
	})
}

func TestTokenOfAnotherRowIsNoticed(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		for _, account := range []string{"a", "b"} {
			_, err := l.SaveToken(t.Context(), account, "t", "me", ledger.Token{Value: []byte("of " + account)})
			require.NoError(t, err)
		}
		_, err := ledgertest.Database(t, url).Exec(
			`UPDATE tokens SET value = (SELECT value FROM tokens AS o WHERE o.account = 'b') WHERE account = 'a'`)
		require.NoError(t, err)
		_, _, err = l.Token(t.Context(), "a", "t")
		require.ErrorIs(t, err, ledger.ErrDamaged)
		other := ledgertest.Open(t, url, ledger.Options{Sealer: ledgertest.NewSealer(t)})
		_, _, err = other.Token(t.Context(), "b", "t")
		require.ErrorContains(t, err, "encryption.key")
	})
}
