package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestAPartIsKeptUntilItsUploadHasEnded(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		clock := newClock()
		l := ledgertest.Open(t, url, ledger.Options{Now: clock.Now})
		kept := ledger.KeptPart{
			UploadID: "upload/truvideo/film", Session: "s1", Fingerprint: "f",
			Part: upload.Part{Number: 7, Offset: 60, Size: 10, ETag: "aa", CRC64: "12"},
		}
		find := func(of ledger.KeptPart) (upload.Part, bool) {
			part, found, err := l.KeptPart(t.Context(), of)
			require.NoError(t, err)
			return part, found
		}
		_, found := find(kept)
		require.False(t, found)
		require.NoError(t, l.KeepPart(t.Context(), kept))
		require.NoError(t, l.KeepPart(t.Context(), kept), "it may be repeated")
		part, found := find(kept)
		require.True(t, found)
		require.Equal(t, kept.Part, part)

		for name, change := range map[string]func(*ledger.KeptPart){
			"another upload":  func(k *ledger.KeptPart) { k.UploadID = "upload/truvideo/other" },
			"another session": func(k *ledger.KeptPart) { k.Session = "s2" },
			"another content": func(k *ledger.KeptPart) { k.Fingerprint = "g" },
			"another part":    func(k *ledger.KeptPart) { k.Part.Number = 8 },
		} {
			other := kept
			change(&other)
			_, found := find(other)
			require.False(t, found, name)
		}

		later := kept
		later.Part.ETag = "bb"
		require.NoError(t, l.KeepPart(t.Context(), later))
		part, _ = find(kept)
		require.Equal(t, "bb", part.ETag, "the last word counts")

		require.NoError(t, l.ForgetParts(t.Context(), kept.UploadID))
		_, found = find(kept)
		require.False(t, found)

		require.NoError(t, l.KeepPart(t.Context(), kept))
		_, err := l.Prune(t.Context(), clock.Now().Add(time.Hour))
		require.NoError(t, err)
		_, found = find(kept)
		require.False(t, found, "so are those of uploads that nobody ended")

		require.Error(t, l.KeepPart(t.Context(), ledger.KeptPart{UploadID: "x", Session: "s"}))
	})
}
