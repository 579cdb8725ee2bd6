package e2e

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// TestTheDemoEndsWithEveryMediumAtItsVendorOnce holds the three books against
// each other that there are of a demo: what the ledger says, the sandbox's own
// ledger, and the files.
func TestTheDemoEndsWithEveryMediumAtItsVendorOnce(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	began := time.Now()
	p.do("demo", "--keep", "--log-level", "debug")
	require.Less(t, time.Since(began), 2*time.Minute, "as it is promised")
	p.noEngineIsLeft()

	items := results(t, p.do("list", "--json"))
	require.Len(t, items, 24)
	s := p.start("mediaferry", "sandbox", "--json") // on what the demo's left
	var at upLine
	s.object(&at)
	box := control{t, at.Sandbox, at.token(t)}
	books := box.ledger()
	require.Empty(t, books.Violations)
	require.Empty(t, books.Duplicates())
	require.Len(t, books.Media, len(items), "and nothing else")
	byID := map[string]sandbox.Medium{}
	for _, m := range books.Media {
		byID[m.Vendor+" "+m.MediaID] = m
	}
	require.Len(t, byID, len(items))
	vendors := map[string]int{}
	for _, r := range items {
		vendors[string(r.Vendor)]++
		require.Equal(t, upload.StateReady, r.State, r.UploadID)
		m, found := byID[string(r.Vendor)+" "+string(r.MediaID)]
		require.True(t, found, r.UploadID)
		want := sum(t, r.Source)
		require.Equal(t, want, m.SHA256, r.UploadID)
		require.EqualValues(t, want, r.SHA256, r.UploadID)
		require.EqualValues(t, m.Size, r.Size, r.UploadID)
		require.Equal(t, m.Size, r.BytesSent, "%s was sent once", r.UploadID)
		require.True(t, m.Visible, r.UploadID)
	}
	secrets := append(secretsOf(t, filepath.Join(p.data, "sandbox.yaml")), keyOf(t, p), at.token(t))
	require.Positive(t, newSearch(t, secrets...).everything(p))
	require.Equal(t, map[string]int{"trustana": 10, "trustoo": 4, "sitoo": 4, "closient": 4, "truvideo": 2}, vendors)
}
