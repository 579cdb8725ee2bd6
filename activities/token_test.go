package activities

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/vendors"
)

func TestATokenThatIsDroppedWhileAnotherReadsItIsNotHandedOutAgain(t *testing.T) {
	a, _ := metered(t)
	fetched := 0
	renew := func(context.Context, vendors.Token) (vendors.Token, error) {
		fetched++
		return vendors.Token{Value: []byte(strconv.Itoa(fetched)), ExpiresAt: a.Now().Add(tokenLease)}, nil
	}
	get := func(a *Activities) vendors.Token {
		token, err := tokens{a, vendors.Account{Name: "trustoo"}}.Get(t.Context(), "trustoo", "policy", renew)
		require.NoError(t, err)
		return token
	}
	a.Owner = "a worker"
	refused := get(a)

	dropped := make(chan error, 1)
	var once sync.Once
	b := &Activities{Ledger: a.Ledger, Accounts: a.Accounts, Log: a.Log, Owner: "another"}
	b.Now = func() time.Time { // asked for what was read of the ledger, before that is remembered
		once.Do(func() {
			done := make(chan struct{})
			go func() {
				defer close(done)
				dropped <- tokens{b, vendors.Account{Name: "trustoo"}}.Drop(t.Context(), "trustoo", "policy", refused.Version)
			}()
			select {
			case <-done:
			case <-time.After(100 * time.Millisecond): // it waits for the one who reads, as it should
			}
		})
		return a.Now()
	}
	require.Equal(t, refused.Value, get(b).Value)
	require.NoError(t, <-dropped)
	require.NotEqual(t, refused.Value, get(b).Value)
	require.Equal(t, 2, fetched)
}
