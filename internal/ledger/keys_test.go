package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// TestALedgerOutlivesItsKey rotates the key of a ledger, and loses it.
func TestALedgerOutlivesItsKey(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		old, current := freshKey(t), freshKey(t)
		claim := func(l *ledger.Ledger, id string) {
			item := upload.Item{UploadID: "upload/trustana/" + id, ID: id, Account: "trustana", Vendor: "trustana", Source: "/srv/" + id}
			_, err := l.Claim(t.Context(), ledger.ClaimRequest{
				Item: item, Content: upload.Content{Size: 1, Fingerprint: "f"}, WorkflowID: item.UploadID, RunID: "run", Way: upload.WayOwn, StartedAt: time.Unix(1, 0),
			})
			require.NoError(t, err)
		}
		used := func(l *ledger.Ledger) map[string]int64 {
			heads, err := l.SealHeads(t.Context(), codec.SealHead)
			require.NoError(t, err)
			ids := map[string]int64{}
			for head, n := range heads {
				id, ok := codec.KeyIDOf([]byte(head))
				require.True(t, ok)
				ids[id] = n
			}
			return ids
		}
		open := func(keys codec.Keys) *ledger.Ledger {
			return ledgertest.Open(t, url, ledger.Options{Sealer: codec.NewSealer(keys)})
		}
		source := func(l *ledger.Ledger, id string) (string, error) {
			entry, err := l.Get(t.Context(), "upload/trustana/"+id)
			require.NoError(t, err)
			item, err := entry.Item()
			return item.Source, err
		}

		l := open(old)
		claim(l, "a")
		require.Equal(t, map[string]int64{old.IDs()[0]: 2}, used(l), "an item, and the key of the digests")
		require.NoError(t, l.Close())

		l = open(current.With(old)) // rotated
		require.NoError(t, l.CheckKey(t.Context()))
		claim(l, "b")
		require.Equal(t, map[string]int64{old.IDs()[0]: 1, current.IDs()[0]: 2}, used(l), "the key of the digests is sealed anew")
		for _, id := range []string{"a", "b"} {
			got, err := source(l, id)
			require.NoError(t, err)
			require.Equal(t, "/srv/"+id, got)
		}
		require.NoError(t, l.Close())

		l = open(current) // the old one was dropped too early
		require.NoError(t, l.CheckKey(t.Context()), "what is new can be read")
		_, err := source(l, "a")
		require.ErrorIs(t, err, codec.ErrUnknownKey)
		require.ErrorContains(t, err, old.IDs()[0], "it names the key that is needed")
		require.NoError(t, l.Close())

		l = open(freshKey(t)) // both are lost
		require.ErrorIs(t, l.CheckKey(t.Context()), codec.ErrUnknownKey)
		n := 0
		for entry, err := range l.List(t.Context(), ledger.Filter{}) {
			require.NoError(t, err)
			require.NotEmpty(t, entry.Result.UploadID)
			n++
		}
		require.Equal(t, 2, n, "results can be shown without any key")
	})
}

func freshKey(t *testing.T) codec.Keys {
	t.Helper()
	text, err := codec.GenerateKey()
	require.NoError(t, err)
	keys, err := codec.ParseKeys(text)
	require.NoError(t, err)
	return keys
}
