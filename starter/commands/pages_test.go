package commands

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/stretchr/testify/require"
)

// Pages of docs/cli and docs/man are made from the commands; MEDIAFERRY_DOCS=1 writes
// them, as `make docs` does. Manual pages are in the repository so that an archive of
// the sources has them, and a release needs no program of ours to make them.
func TestPagesOfCommandsAreCurrent(t *testing.T) {
	root := newRoot("dev", io.Discard, io.Discard).command()
	pages := map[string]string{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		c.DisableAutoGenTag = true
		c.Long = spread(c.Long)
		c.Example = strings.TrimRight(c.Example, "\n")
		name := strings.ReplaceAll(c.CommandPath(), " ", "-")
		var web, manual bytes.Buffer
		require.NoError(t, doc.GenMarkdownCustom(c, &web, func(file string) string { return strings.ReplaceAll(file, "_", "-") }))
		require.NoError(t, doc.GenMan(c, &doc.GenManHeader{Title: strings.ToUpper(name), Section: "1", Source: "mediaferry", Manual: "mediaferry", Date: &time.Time{}}, &manual))
		pages[filepath.Join("cli", name+".md")] = heading(web.String())
		pages[filepath.Join("man", name+".1")] = strings.Replace(manual.String(), ` "Jan 0001" `, ` "" `, 1)
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				walk(sub)
			}
		}
	}
	walk(root)
	docs := filepath.Join("..", "..", "docs")
	if os.Getenv("MEDIAFERRY_DOCS") == "1" {
		for name, text := range pages {
			require.NoError(t, os.MkdirAll(filepath.Join(docs, filepath.Dir(name)), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(docs, name), []byte(text), 0o644))
		}
	}
	for name, want := range pages {
		have, err := os.ReadFile(filepath.Join(docs, name))
		require.NoError(t, err, "run: make docs")
		require.Equal(t, want, string(have), "%s is not current; run: make docs", name)
	}
	for _, pattern := range []string{"cli/mediaferry*.md", "man/mediaferry*.1"} {
		found, err := filepath.Glob(filepath.Join(docs, pattern))
		require.NoError(t, err)
		for _, path := range found {
			name, err := filepath.Rel(docs, path)
			require.NoError(t, err)
			if !strings.HasPrefix(filepath.Base(name), "mediaferry-worker.") { // the worker's own test makes it
				require.Contains(t, pages, name, "there is no such command any more; remove its page")
			}
		}
	}
}

// heading makes the page's name its first heading, since it is a page of its own.
func heading(page string) string {
	lines := strings.Split(page, "\n")
	for i, line := range lines {
		if title, found := strings.CutPrefix(line, "##"); found {
			lines[i] = "#" + title
		}
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n") + "\n"
}

// spread sets the indented lines of a text apart, as Markdown wants it.
func spread(text string) string {
	var out []string
	inside := false
	for _, line := range strings.Split(text, "\n") {
		if indented := strings.HasPrefix(line, " "); indented != inside {
			inside = indented
			out = append(out, "")
		}
		if inside {
			line = "  " + line
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}
