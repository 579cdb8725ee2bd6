package steps

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

func TestATokenIsKeptForOneAddressAndOneSetOfCredentials(t *testing.T) {
	s := &Steps{Accounts: byName{}}
	at := func(base, login, secret string) tokens {
		return tokens{s, spec.Account{Name: "a", BaseURL: base, LoginURL: login, Settings: map[string]string{"secret": secret}}}
	}
	same := at("https://a.example", "https://l.example", "one")
	require.Equal(t, same.scoped("access"), at("https://a.example", "https://l.example", "one").scoped("access"))
	require.NotEqual(t, same.scoped("access"), same.scoped("policy"))
	for name, other := range map[string]tokens{
		"another address":          at("http://127.0.0.1:1", "https://l.example", "one"),
		"another address of login": at("https://a.example", "https://m.example", "one"),
		"other credentials":        at("https://a.example", "https://l.example", "two"),
	} {
		t.Run(name, func(t *testing.T) {
			require.NotEqual(t, same.scoped("access"), other.scoped("access"))
		})
	}
	require.Equal(t, same.scoped("refresh"), at("https://a.example", "https://l.example", "two").scoped("refresh"),
		"a chain of refresh tokens outlives the other credentials")
}

func TestATokenThatIsDroppedWhileAnotherReadsItIsNotHandedOutAgain(t *testing.T) {
	s, _ := metered(t)
	fetched := 0
	renew := func(context.Context, wire.Token) (wire.Token, error) {
		fetched++
		return wire.Token{Value: []byte(strconv.Itoa(fetched)), ExpiresAt: s.Now().Add(tokenLease)}, nil
	}
	get := func(s *Steps) wire.Token {
		token, err := tokens{s, spec.Account{Name: "trustoo"}}.Get(t.Context(), "trustoo", "policy", renew)
		require.NoError(t, err)
		return token
	}
	s.Owner = "a worker"
	refused := get(s)

	dropped := make(chan error, 1)
	var once sync.Once
	b := &Steps{Ledger: s.Ledger, Accounts: s.Accounts, Log: s.Log, Owner: "another"}
	b.Now = func() time.Time { // asked for what was read of the ledger, before that is remembered
		once.Do(func() {
			done := make(chan struct{})
			go func() {
				defer close(done)
				dropped <- tokens{b, spec.Account{Name: "trustoo"}}.Drop(t.Context(), "trustoo", "policy", refused.Version)
			}()
			select {
			case <-done:
			case <-time.After(100 * time.Millisecond): // it waits for the one who reads, as it should
			}
		})
		return s.Now()
	}
	require.Equal(t, refused.Value, get(b).Value)
	require.NoError(t, <-dropped)
	require.NotEqual(t, refused.Value, get(b).Value)
	require.Equal(t, 2, fetched)
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
	s, _ := metered(t)
	s.Owner = "this worker"
	of := tokens{s, spec.Account{Name: "trustoo"}}
	asked := 0
	renew := func(context.Context, wire.Token) (wire.Token, error) {
		asked++
		return wire.Token{}, upload.Errorf(upload.KindDenied, upload.StepPrepare, "oauth token answered 401")
	}
	for range 2 {
		_, err := of.Get(t.Context(), "trustoo", "access", renew)
		require.Equal(t, upload.KindDenied, upload.KindOf(err))
	}
	require.Equal(t, 2, asked)
}
