package modules

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/licensecheck"
	"github.com/stretchr/testify/require"
)

// linked are the programs, by the folder of their module.
var linked = map[string][]string{
	".": {"./starter/mediaferry", "./worker/mediaferry-worker"}, "engine": {"."},
}

// permitted are the licences under which others' code may be part of our programs: they
// ask for notices, and MPL-2.0 for the changes to its own files, of which there are none.
var permitted = []string{"MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MPL-2.0", "0BSD", "Unlicense", "CC0-1.0"}

// unstated are modules without a licence of their own, with what is known of them.
var unstated = map[string]string{
	"github.com/nexus-rpc/nexus-proto-annotations": "none in the module, which go.temporal.io/api (MIT) requires",
}

// page is the list, which goes with the programs.
const page = "../../docs/licences.md"

type module struct {
	Path, Version, Dir string
	Main               bool
	Replace            *module
}

// modulesOf are the modules of which a program has a package.
func modulesOf(t *testing.T) []module {
	t.Helper()
	seen := map[string]module{}
	for folder, programs := range linked {
		list := exec.Command("go", append([]string{"list", "-deps", "-json=Module"}, programs...)...)
		list.Dir = filepath.Join("..", "..", folder)
		out, err := list.Output()
		require.NoError(t, err)
		for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
			var one struct{ Module *module }
			if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
				break
			} else {
				require.NoError(t, err)
			}
			m := one.Module
			if m == nil || m.Main || m.Replace != nil && m.Replace.Version == "" {
				continue // the standard library, or ours
			}
			seen[m.Path] = *m
		}
	}
	all := make([]module, 0, len(seen))
	for _, m := range seen {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b module) int { return cmp.Compare(a.Path, b.Path) })
	return all
}

// licencesOf are the SPDX names of the licences in a module's own folder.
func licencesOf(t *testing.T, m module) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(m.Dir)
	require.NoError(t, err)
	for _, entry := range entries {
		name := strings.ToUpper(entry.Name())
		if entry.IsDir() || !strings.HasPrefix(name, "LICEN") && !strings.HasPrefix(name, "COPYING") && !strings.HasPrefix(name, "UNLICENSE") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(m.Dir, entry.Name()))
		require.NoError(t, err)
		for _, match := range licensecheck.Scan(text).Match {
			if match.ID != "" && !slices.Contains(names, match.ID) {
				names = append(names, match.ID)
			}
		}
	}
	slices.Sort(names)
	return names
}

// Whoever passes our programs on has to know whose code is in them.
func TestTheLicencesOfAllModulesAreListed(t *testing.T) {
	var table strings.Builder
	table.WriteString("# Licences\n\nThe modules whose code is part of the three programs, and their licences. mediaferry itself has the Apache License 2.0.\n" +
		"`make docs` writes this page.\n\n| module | version | licence |\n|---|---|---|\n")
	for _, m := range modulesOf(t) {
		names := licencesOf(t, m)
		if about := unstated[m.Path]; about != "" {
			require.Empty(t, names, "%s has a licence now", m.Path)
			fmt.Fprintf(&table, "| %s | %s | %s |\n", m.Path, m.Version, about)
			continue
		}
		require.NotEmpty(t, names, "%s has no licence that is known", m.Path)
		for _, name := range names {
			require.Contains(t, permitted, name, "%s, in %s", m.Path, m.Dir)
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", m.Path, m.Version, strings.Join(names, ", "))
	}
	if os.Getenv("MEDIAFERRY_DOCS") == "1" {
		require.NoError(t, os.WriteFile(page, []byte(table.String()), 0o644))
	}
	found, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Equal(t, string(found), table.String(), "docs/licences.md is out of date; run: make docs")
}
