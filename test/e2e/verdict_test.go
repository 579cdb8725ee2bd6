//go:build kills || bench

package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// verdict is a table of what was found and what was wanted.
type verdict struct {
	t    *testing.T
	rows [][]string
}

// holds adds a figure and whether its bar is met.
func (v *verdict) holds(ok bool, what, found, wanted string) {
	word := "ok"
	if !ok {
		word = "MISSED"
		v.t.Errorf("%s: %s, want %s", what, found, wanted)
	}
	v.rows = append(v.rows, []string{what, found, wanted, word})
}

// tells adds a figure that has no bar.
func (v *verdict) tells(what, format string, args ...any) {
	v.rows = append(v.rows, []string{what, fmt.Sprintf(format, args...), "", ""})
}

// print writes the table where those look who run the test by hand.
func (v *verdict) print() {
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "\n%s\tfound\twanted\t\n", v.t.Name())
	for _, row := range v.rows {
		_, _ = fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush()
}

func median[T int64 | float64 | time.Duration](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted) == 0 {
		return 0
	}
	return sorted[len(sorted)/2]
}

// mib is a number of bytes as it stands in a table.
func mib(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// describeEnd is how an upload ended, in one line.
func describeEnd(r upload.Result) string {
	if r.Error == nil {
		return string(r.State)
	}
	return fmt.Sprintf("%s: %s: %s", r.State, r.Error.Kind, r.Error.Message)
}
