package walls

import (
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// simulators is the folder of the simulated vendors, and of what they are made of.
const simulators = "internal/sandbox/"

// TestSimulatorsImportTheMachineryOnly makes sure that a vendor's simulator knows no
// other vendor and not the sandbox that it is a part of, and that the machinery knows
// no vendor.
func TestSimulatorsImportTheMachineryOnly(t *testing.T) {
	machinery := []string{"simulate", "s3", "oss"}
	var findings []finding
	seen := map[string]bool{}
	for _, path := range sources(t, ".go") {
		folder, _, inFolder := strings.Cut(strings.TrimPrefix(path, simulators), "/")
		if !strings.HasPrefix(path, simulators) || !inFolder {
			continue
		}
		seen[folder] = true
		allowed := machinery
		if slices.Contains(machinery, folder) {
			allowed = machinery[:1]
		}
		for _, imported := range importsOf(t, path) {
			rest, ours := strings.CutPrefix(imported+"/", module+simulators)
			if name, _, _ := strings.Cut(rest, "/"); ours && !slices.Contains(allowed, name) {
				findings = append(findings, finding{path, 1, "imports " + imported})
			}
		}
	}
	for _, folder := range machinery {
		require.True(t, seen[folder], "there is no %s%s: correct this test", simulators, folder)
	}
	check(t, "a simulator is made of the machinery, and of nothing else of the sandbox", findings, nil)
}

// module begins the paths of all our packages.
const module = "github.com/mediaferry/mediaferry/"

func importsOf(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, read(t, path), parser.ImportsOnly)
	require.NoError(t, err)
	var paths []string
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		require.NoError(t, err)
		paths = append(paths, imported)
	}
	return paths
}
