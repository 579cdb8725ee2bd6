package media_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/samples"
)

func TestEverySampleIsWhatItsNameSays(t *testing.T) {
	entries, err := fs.ReadDir(samples.Files(), ".")
	require.NoError(t, err)
	for _, entry := range entries {
		name := entry.Name()
		content, err := fs.ReadFile(samples.Files(), name)
		require.NoError(t, err)
		want, known := media.TypeOf(name)
		require.True(t, known, name)
		found, err := media.Check(content[:min(len(content), media.HeadSize)], name, "")
		require.NoError(t, err)
		require.Equal(t, want, found.Type, name)
		require.Equal(t, strings.Replace(name, ".tif", ".tiff", 1), found.Name)
	}
}
