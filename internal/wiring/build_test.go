package wiring

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestABuildIsToldInOneLine(t *testing.T) {
	machine := ", " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH + ")"
	require.Equal(t, "mediaferry 0.1.0 (commit 0123456789ab, 2026-12-01T10:00:00Z"+machine,
		buildLine("mediaferry", "v0.1.0", shortCommit("0123456789abcdef0123456789abcdef01234567"), "2026-12-01T10:00:00Z"))
	require.Equal(t, "unknown", shortCommit(unknownBuild))
	require.Contains(t, Build("mediaferry-worker", "dev"), "mediaferry-worker dev (commit ")
}
