package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestOnlyWhatWasClaimedOrMovedToMayBeRead(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		l := ledgertest.Open(t, url, ledger.Options{})
		claim := func(id, source string) ledger.Entry {
			item := upload.Item{UploadID: "upload/trustana/" + id, ID: id, Account: "trustana", Vendor: "trustana", Source: source}
			_, err := l.Claim(t.Context(), ledger.ClaimRequest{
				Item: item, Content: upload.Content{Size: 1, Fingerprint: "f of " + id}, WorkflowID: item.UploadID, RunID: "run", Way: upload.WayOwn, StartedAt: time.Unix(1, 0),
			})
			require.NoError(t, err)
			entry, err := l.Get(t.Context(), item.UploadID)
			require.NoError(t, err)
			return entry
		}
		a, b := claim("a", "/srv/a.jpg"), claim("b", "/srv/b.jpg")
		may := func(want bool, e ledger.Entry, from ledger.Place) {
			t.Helper()
			got, err := l.MayRead(t.Context(), e, from)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		may(true, a, ledger.Place{Source: "/srv/a.jpg", Fingerprint: "f of a"})
		may(true, a, ledger.Place{Source: "/srv/a.jpg"})
		may(true, a, ledger.Place{Fingerprint: "f of a"})
		may(false, a, ledger.Place{Source: "/srv/b.jpg", Fingerprint: "f of a"})
		may(false, a, ledger.Place{Source: "/srv/a.jpg", Fingerprint: "f of b"})

		there := ledger.Place{Source: "/mnt/a.jpg", Fingerprint: "f there"}
		require.NoError(t, l.NoteMove(t.Context(), a.Result.UploadID, there))
		may(true, a, there)
		may(true, a, ledger.Place{Source: "/srv/a.jpg", Fingerprint: "f of a"})
		may(false, a, ledger.Place{Source: "/mnt/a.jpg", Fingerprint: "f of a"})
		may(false, b, there)
		require.NoError(t, l.NoteMove(t.Context(), a.Result.UploadID, ledger.Place{Source: "/mnt/2.jpg", Fingerprint: "f 2"}))
		may(false, a, there)

		db := ledgertest.Database(t, url)
		_, err := db.Exec(`INSERT INTO moves (upload_id, place) SELECT 'upload/trustana/b', place FROM moves WHERE upload_id = 'upload/trustana/a'`)
		require.NoError(t, err)
		_, err = l.MayRead(t.Context(), b, ledger.Place{Source: "/mnt/2.jpg"})
		require.ErrorIs(t, err, ledger.ErrDamaged, "a move that was copied to another item")
	})
}
