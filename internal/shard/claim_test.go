package shard

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/sitoo"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// asked are accounts that nobody gets, and that tell who asks.
type asked struct {
	account func(name string) (spec.Account, error)
}

func (a asked) Account(name string) (spec.Account, error)  { return a.account(name) }
func (a asked) KeyFingerprint(account spec.Account) string { return account.Name }

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
			s := &steps.Steps{Now: time.Now, Accounts: asked{account: func(string) (spec.Account, error) {
				looks++ // the first thing that a claim needs
				return spec.Account{}, errors.New("no such account")
			}}}
			carrier := carrierOf(s, sitoo.Client{})
			carrier.LimitBatch(carrier.shard.Batch, upload.Limits{InFlight: c.most})
			passed := 0
			for range carrier.admit(t.Context(), make([]ledger.Row, 3)) {
				passed++
			}
			require.Equal(t, 3, passed)
			require.Equal(t, c.ahead, looks > 0)
		})
	}
}
