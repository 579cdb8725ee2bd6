package commands

import (
	"bytes"
	"io"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/starter/exit"
)

func TestHelpOfEveryCommandFitsAScreen(t *testing.T) {
	var walk func(path []string, c *cobra.Command)
	walk = func(path []string, c *cobra.Command) {
		t.Run(strings.Join(append([]string{"mediaferry"}, path...), " "), func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			require.Equal(t, exit.OK, Run("dev", append(path, "--help"), &stdout, &stderr))
			require.Empty(t, stderr.String())
			lines := strings.Split(strings.TrimSuffix(stdout.String(), "\n"), "\n")
			require.LessOrEqual(t, len(lines), 40, "lines")
			for _, line := range lines {
				require.LessOrEqual(t, utf8.RuneCountInString(line), screenWidth, line)
			}
			require.Contains(t, stdout.String(), "\nExample:\n  ")
			require.Contains(t, stdout.String(), "\nUsage:\n  "+c.CommandPath())
		})
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				walk(append(path[:len(path):len(path)], sub.Name()), sub)
			}
		}
	}
	walk(nil, newRoot("dev", io.Discard, io.Discard).command())
}

func TestEveryCommandHasAScript(t *testing.T) {
	without := maps.Collect(func(yield func(string, bool) bool) {
		for _, c := range newRoot("dev", io.Discard, io.Discard).command().Commands() {
			if c.IsAvailableCommand() && !yield(c.Name(), true) {
				return
			}
		}
	})
	scripts, err := filepath.Glob(filepath.Join("..", "mediaferry", "testdata", "*.txtar"))
	require.NoError(t, err)
	for _, script := range scripts {
		delete(without, strings.TrimSuffix(filepath.Base(script), ".txtar"))
	}
	require.Empty(t, without)
}
