package nameless_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/nameless"
)

func TestAFileWithoutANameIsOnItsFolderAndNotInIt(t *testing.T) {
	here := t.TempDir()
	t.Setenv("TMPDIR", here)
	for name, dir := range map[string]string{"a folder": here, "none": "", "one that is missing": filepath.Join(here, "missing")} {
		file, err := nameless.Create(dir)
		require.NoError(t, err, name)
		info, err := file.Stat()
		require.NoError(t, err)
		require.EqualValues(t, 0o600, info.Mode().Perm())
		_, err = file.WriteString("kept")
		require.NoError(t, err)
		text, err := io.ReadAll(io.NewSectionReader(file, 0, 10))
		require.NoError(t, err)
		require.Equal(t, "kept", string(text))
		entries, err := os.ReadDir(here)
		require.NoError(t, err)
		require.Empty(t, entries, name)
		require.NoError(t, file.Close())
	}
}
