package activities

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// asked are accounts that nobody gets, and that tell who asks.
type asked struct {
	account func(name string) (vendors.Account, error)
}

func (a asked) Account(name string) (vendors.Account, error)  { return a.account(name) }
func (a asked) KeyFingerprint(account vendors.Account) string { return account.Name }

func TestRowsAreClaimedAheadOnlyWhereSoManyMayBeUnderWay(t *testing.T) {
	for name, c := range map[string]struct {
		most  int
		ahead bool
	}{
		"a batch without a limit":        {0, true},
		"a batch that may have as many":  {admitRows, true},
		"a batch that may have only two": {2, false},
	} {
		t.Run(name, func(t *testing.T) {
			looks := 0
			a := &Activities{Now: time.Now, Accounts: asked{account: func(string) (vendors.Account, error) {
				looks++ // the first thing that a claim needs
				return vendors.Account{}, errors.New("no such account")
			}}}
			carrier := &carrier{Activities: a, limits: a.batches.of("spring", a.Now)}
			carrier.limits.set(upload.Limits{InFlight: c.most})
			passed := 0
			for range carrier.admit(t.Context(), make([]ledger.Row, 3)) {
				passed++
			}
			require.Equal(t, 3, passed)
			require.Equal(t, c.ahead, looks > 0)
		})
	}
}
