package modules

import (
	"bufio"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// modules are the Go modules whose packages end up in programs together, by their
// folder.
var modules = []string{".", "internal/guard", "internal/sandbox", "test", "engine"}

// required are the modules that a go.mod file names, with their versions.
func required(t *testing.T, module string) map[string]string {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "..", module, "go.mod"))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	requirement := regexp.MustCompile(`^(?:require )?\s*(\S+) (v\S+)(?: // indirect)?$`)
	found := map[string]string{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if m := requirement.FindStringSubmatch(lines.Text()); m != nil {
			found[m[1]] = m[2]
		}
	}
	require.NoError(t, lines.Err())
	return found
}

// What is tested in one module must be what another one ships.
func TestModulesAgreeOnVersions(t *testing.T) {
	agreed := map[string]string{}
	for _, module := range modules {
		for path, version := range required(t, module) {
			if first, known := agreed[path]; known {
				require.Equal(t, first, version, "%s in %s/go.mod", path, module)
			}
			agreed[path] = version
		}
	}
}

// A production worker carries nothing that only the simulated vendors need.
func TestTheProgramsNeedNoSimulator(t *testing.T) {
	for path := range maps.Keys(required(t, ".")) {
		require.NotContains(t, []string{
			"github.com/mediaferry/mediaferry/internal/sandbox", "github.com/versity/versitygw",
		}, path)
	}
}
