package nearby_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sources/nearby"
)

// A manifest whose folder is wrong has a million rows like these.
func BenchmarkHintsInALargeFolder(b *testing.B) {
	folder := b.TempDir()
	for i := range 5000 {
		require.NoError(b, os.WriteFile(filepath.Join(folder, fmt.Sprintf("IMG_%06d.jpg", i)), nil, 0o600))
	}
	yes := func(string) bool { return true }
	f := &nearby.Finder{Lists: yes, Reads: yes}
	for i := 0; b.Loop(); i++ {
		require.Empty(b, f.Hint(fmt.Sprintf("%s/sub/shoe_%d.jpg", folder, i)))
	}
}
