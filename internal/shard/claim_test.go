package shard

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
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
			paths, quick := dripped(3, 4)
			carrier, l, _ := shardOf(t, append(paths[1:], "/quick/3.gif"), quick)
			carrier.LimitBatch(carrier.shard.Batch, upload.Limits{InFlight: c.most})
			rows, err := l.ShardRows(t.Context(), carrier.shard)
			require.NoError(t, err)
			passed := 0
			for r := range carrier.admit(t.Context(), rows) {
				passed++
				require.Positive(t, r.seen.Size, "its source is looked at all the same")
				require.Equal(t, c.ahead, r.p.Content.Size > 0)
			}
			require.Equal(t, 3, passed)
		})
	}
}
