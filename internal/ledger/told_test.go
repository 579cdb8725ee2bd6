package ledger_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Who has the database and not the key learns IDs, names of accounts, states, kinds,
// times and sizes of an item, but neither its source nor what went wrong with it.
func TestTheResultOfAnItemIsNotReadWithoutTheKey(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		open := func(keys codec.Keys) *ledger.Ledger {
			return ledgertest.Open(t, url, ledger.Options{Sealer: codec.NewSealer(keys)})
		}
		own, another := freshKey(t), freshKey(t)
		l := open(own)
		item := upload.Item{UploadID: "batch/spring/a", ID: "a", Batch: "spring", Line: 7, Account: "sitoo", Vendor: "sitoo", Source: "/secret/folder/shoe.jpg"}
		result := upload.NewResult(item, upload.WayPacked, newClock().Now())
		result.State, result.MediaID = upload.StateFailed, "M1"
		result.Error = &upload.Failure{Kind: upload.KindRejected, Message: "the shoe is too large"}
		require.NoError(t, l.Record(t.Context(), upload.Record{Item: item, Result: result}))
		got, err := l.Get(t.Context(), item.UploadID)
		require.NoError(t, err)
		require.Equal(t, result.Error, got.Result.Error)
		require.Equal(t, "/secret/folder/shoe.jpg", got.Result.Source)

		var stored string
		db := ledgertest.Database(t, url)
		require.NoError(t, db.QueryRow(`SELECT result FROM items`).Scan(&stored))
		for _, secret := range []string{"shoe", "folder", "large"} {
			require.NotContains(t, stored, secret)
		}

		other := open(another)
		got, err = other.Get(t.Context(), item.UploadID)
		require.NoError(t, err)
		require.Equal(t, upload.StateFailed, got.Result.State)
		require.Equal(t, upload.KindRejected, got.Result.Error.Kind)
		require.EqualValues(t, "M1", got.Result.MediaID)
		require.EqualValues(t, "sitoo", got.Result.To)
		require.EqualValues(t, 7, got.Result.Line)
		require.Equal(t, "a", got.Result.Item)
		require.Empty(t, got.Result.Source)

		// Which key a result needs is counted also where its item needs another one.
		neighbour := item
		neighbour.UploadID, neighbour.ID, neighbour.Line = "batch/spring/c", "c", 8
		require.NoError(t, open(another.With(own)).Record(t.Context(), upload.Record{Item: neighbour, Result: upload.NewResult(neighbour, upload.WayPacked, newClock().Now())}))
		before, err := l.SealHeads(t.Context(), codec.SealHead)
		require.NoError(t, err)
		_, err = db.Exec(`UPDATE items SET result = (SELECT result FROM items AS i WHERE i.upload_id = 'batch/spring/c') WHERE upload_id = 'batch/spring/a'`)
		require.NoError(t, err)
		after, err := l.SealHeads(t.Context(), codec.SealHead)
		require.NoError(t, err)
		require.Len(t, before, 2)
		total := func(heads map[string]int64) (n int64) {
			for _, count := range heads {
				n += count
			}
			return n
		}
		require.Equal(t, int64(3), total(before), "two items, and the key of the digests")
		require.Equal(t, int64(4), total(after))
		_, err = db.Exec(`UPDATE items SET result = $1 WHERE upload_id = 'batch/spring/a'`, stored)
		require.NoError(t, err)
		_, err = db.Exec(`DELETE FROM items WHERE upload_id = 'batch/spring/c'`)
		require.NoError(t, err)

		// In another row it is damaged, and one of an earlier version is read.
		_, err = db.Exec(`UPDATE items SET upload_id = 'batch/spring/b'`)
		require.NoError(t, err)
		_, err = l.Get(t.Context(), "batch/spring/b")
		require.ErrorIs(t, err, ledger.ErrDamaged)
		_, err = db.Exec(`UPDATE items SET result = $1`, `{"upload_id":"batch/spring/b","to":"sitoo","source":"old.jpg"}`)
		require.NoError(t, err)
		got, err = l.Get(t.Context(), "batch/spring/b")
		require.NoError(t, err)
		require.Equal(t, "old.jpg", got.Result.Source)
		require.True(t, strings.HasPrefix(stored, "sealed:"))
	})
}
