package report_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/report"
)

func TestATrialLeavesNothingBehind(t *testing.T) {
	place := filepath.Join(t.TempDir(), "results")
	require.NoError(t, report.Try(t.Context(), report.Target{Place: place}))
	require.NoDirExists(t, place, "it was made for the trial")
	require.NoError(t, os.MkdirAll(place, 0o700))
	require.NoError(t, report.Try(t.Context(), report.Target{Place: place}))
	left, err := os.ReadDir(place)
	require.NoError(t, err)
	require.Empty(t, left)

	file := filepath.Join(place, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.ErrorContains(t, report.Try(t.Context(), report.Target{Place: filepath.Join(file, "below")}), "not a directory")
}
