package main

import (
	"bytes"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "out", Err: syscall.ENOSPC}
}

func TestAnOutputThatTakesNothingIsNoMisuse(t *testing.T) {
	var stderr bytes.Buffer
	require.Equal(t, exitFailed, run([]string{"--version"}, fullDisk{}, &stderr))
	require.Equal(t, "mediaferry: write out: no space left on device\n", stderr.String())
}
