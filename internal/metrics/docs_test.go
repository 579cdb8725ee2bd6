package metrics

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The table of docs/operations.md has each metric with its labels and its help, and no
// other.
func TestTheTableOfMetricsIsThatOfTheRegistry(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	var table []string
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "| `"+prefix) {
			table = append(table, strings.TrimSpace(line))
		}
	}
	var want []string
	for _, f := range Families() {
		labels := "none"
		if len(f.Labels) > 0 {
			labels = "`" + strings.Join(f.Labels, "`, `") + "`"
		}
		want = append(want, "| `"+f.Name+"` | "+f.Type+" | "+labels+" | "+f.Help+" |")
	}
	require.Equal(t, strings.Join(want, "\n"), strings.Join(table, "\n"), "the rows of the table")
}
