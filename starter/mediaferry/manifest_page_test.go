package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/samples"
)

// TestManifestPage runs the commands that docs/manifest.md shows, in a copy of
// docs/examples, and holds what they print against the page. With
// MEDIAFERRY_DOCS=1 it writes what they print into the page.
func TestManifestPage(t *testing.T) {
	page := filepath.Join("..", "..", "docs", "manifest.md")
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	folder := examples(t)
	blocks := 0
	got := regexp.MustCompile("(?ms)^```console\n(.*?)^```$").ReplaceAllStringFunc(string(text), func(block string) string {
		blocks++
		var out strings.Builder
		for line := range strings.Lines(block) {
			if command, is := strings.CutPrefix(line, "$ "); is {
				out.WriteString(line + inShell(t, folder, strings.TrimSpace(command)))
			}
		}
		return "```console\n" + out.String() + "```"
	})
	require.NotZero(t, blocks)
	if os.Getenv("MEDIAFERRY_DOCS") != "" {
		require.NoError(t, os.WriteFile(page, []byte(got), 0o644))
		return
	}
	require.Equal(t, string(text), got, "docs/manifest.md is out of date: write it anew with: make docs")
}

// examples copies docs/examples, whose media are a link to the samples.
func examples(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	from := filepath.Join("..", "..", "docs", "examples")
	entries, err := os.ReadDir(from)
	require.NoError(t, err)
	for _, entry := range entries {
		if !entry.Type().IsRegular() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(from, entry.Name()))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, entry.Name()), text, 0o600))
	}
	require.NoError(t, os.CopyFS(filepath.Join(folder, "media"), samples.Files()))
	return folder
}

// inShell runs a command line as a reader of the page would, and returns what it
// prints, with the folder as the page names it.
func inShell(t *testing.T, folder, command string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "HOME="+folder, "MEDIAFERRY_DATA="+filepath.Join(folder, "data"), "MEDIAFERRY_CONFIG=mediaferry.yaml")
	out, err := cmd.CombinedOutput()
	var ended *exec.ExitError
	if err != nil {
		require.ErrorAs(t, err, &ended, "%s", command)
	}
	text := strings.ReplaceAll(string(out), folder, "/srv/catalogue")
	if host, err := os.Hostname(); err == nil {
		text = strings.ReplaceAll(text, `"`+host+`"`, `"studio"`)
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return strings.ReplaceAll(text, "\r\n", "\n")
}
