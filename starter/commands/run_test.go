package commands

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/starter/exit"
)

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "out", Err: syscall.ENOSPC}
}

func TestAnOutputThatTakesNothingIsNoMisuse(t *testing.T) {
	var stderr bytes.Buffer
	require.Equal(t, exit.Failed, Run("dev", []string{"--version"}, fullDisk{}, &stderr))
	require.Equal(t, "mediaferry: write out: no space left on device\n", stderr.String())
}

func TestASourceWhoseNameIsNotUTF8IsRefused(t *testing.T) {
	t.Setenv("MEDIAFERRY_DATA", t.TempDir())
	file := filepath.Join(t.TempDir(), "mediaferry.yaml")
	require.NoError(t, os.WriteFile(file, []byte("accounts:\n  photos: {vendor: trustoo, access_token: \"${TOKEN}\"}\n"), 0o600))
	var stdout, stderr bytes.Buffer
	require.Equal(t, exit.Misuse, Run("dev", []string{"upload", "--config", file, "--to", "photos", "gr\xfcn.png"}, &stdout, &stderr))
	require.Contains(t, stderr.String(), `gr\xfcn.png" is not valid UTF-8`)
	require.Empty(t, stdout.String())
}
