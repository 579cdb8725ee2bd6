package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNothingThatWasCutIsLinked looks at where each linked package comes from:
// an upgrade of the server can bring back what the stubs keep out.
func TestNothingThatWasCutIsLinked(t *testing.T) {
	const format = `{{with .Module}}{{$.ImportPath}} {{with .Replace}}{{.Path}}{{end}}{{end}}`
	out, err := exec.Command("go", "list", "-deps", "-f", format, ".").Output()
	require.NoError(t, err)
	packages := strings.Split(strings.TrimSpace(string(out)), "\n")
	require.Greater(t, len(packages), 500)
	for _, line := range packages {
		path, replacement, _ := strings.Cut(line, " ")
		if strings.HasPrefix(replacement, "./stubs/") {
			continue
		}
		for _, cut := range []string{
			"cloud.google.com/go/storage",
			"github.com/envoyproxy/",
			"github.com/gocql/",
			"github.com/olivere/elastic/",
			"go.temporal.io/auto-scaled-workers/",
			"google.golang.org/api/",
			"k8s.io/",
			"sigs.k8s.io/",
		} {
			require.False(t, strings.HasPrefix(path+"/", cut), "%s is linked; see stubs/README.md", path)
		}
	}
}
