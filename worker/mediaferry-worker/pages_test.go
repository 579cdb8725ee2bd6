package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The worker's pages hold its help; MEDIAFERRY_DOCS=1 writes them, as `make docs` does.
func TestPagesOfTheWorkerAreCurrent(t *testing.T) {
	title, screen, found := strings.Cut(usage, "\n\n")
	require.True(t, found)
	title = strings.TrimSuffix(title, ".")
	for name, want := range map[string]string{
		"cli/mediaferry-worker.md": "# mediaferry-worker\n\n" + title + ".\n\n```\n" + screen + "```\n",
		"man/mediaferry-worker.1": `.TH "MEDIAFERRY-WORKER" "1" "" "mediaferry" "mediaferry"` + "\n.SH NAME\n" +
			strings.Replace(title, " ", ` \- `, 1) + "\n.SH DESCRIPTION\n.nf\n" + roff(screen) + ".fi\n.SH SEE ALSO\nmediaferry(1)\n",
	} {
		path := filepath.Join("..", "..", "docs", filepath.FromSlash(name))
		if os.Getenv("MEDIAFERRY_DOCS") == "1" {
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
		}
		have, err := os.ReadFile(path)
		require.NoError(t, err, "run: make docs")
		require.Equal(t, want, string(have), "docs/%s is not current; run: make docs", name)
	}
}

// roff is text that a manual page shows as it is.
func roff(text string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n.", "\n\\&.", "\n'", "\n\\&'", "…", "...").Replace(text)
}
