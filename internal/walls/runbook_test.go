package walls

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// TestTheRunbookKnowsEverySymptom makes sure that whoever finds a kind or a wait in a view
// finds it in the runbook.
func TestTheRunbookKnowsEverySymptom(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	require.NoError(t, err)
	_, runbook, found := strings.Cut(string(raw), "\n## Runbook\n")
	require.True(t, found)
	runbook, _, _ = strings.Cut(runbook, "\n## ")
	waits, others, _ := strings.Cut(runbook, "\n### What needs a person\n")
	for _, wait := range upload.WaitFors() {
		require.Contains(t, waits, "\n| `"+string(wait)+"` |")
	}
	_, failures, _ := strings.Cut(others, "\n### What failed\n")
	for _, kind := range upload.Kinds() {
		if kind != upload.KindUnconfirmed { // it needs a person
			require.Contains(t, failures, "`"+string(kind)+"`")
		}
	}
}
