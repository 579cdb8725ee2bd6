package walls

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the repository's folder, seen from this package.
const root = "../.."

// finding is a place that breaks a rule.
type finding struct {
	path string // slash-separated, relative to the repository
	line int    // 0: the whole file or folder
	what string
}

func (f finding) String() string {
	if f.line == 0 {
		return fmt.Sprintf("%s: %s", f.path, f.what)
	}
	return fmt.Sprintf("%s:%d: %s", f.path, f.line, f.what)
}

// exception lets everything at or below a path break a rule.
type exception struct{ path, reason string }

func (e exception) covers(path string) bool {
	return path == e.path || strings.HasPrefix(path, e.path+"/")
}

// check fails for each finding that no exception covers, and for each exception
// that covers none.
func check(t *testing.T, rule string, findings []finding, exceptions []exception) {
	t.Helper()
	used := make([]bool, len(exceptions))
	var broken []string
	for _, f := range findings {
		i := slices.IndexFunc(exceptions, func(e exception) bool { return e.covers(f.path) })
		if i < 0 {
			broken = append(broken, f.String())
			continue
		}
		used[i] = true
	}
	if len(broken) > 0 {
		t.Errorf("%s:\n\t%s", rule, strings.Join(broken, "\n\t"))
	}
	for i, e := range exceptions {
		if !used[i] {
			t.Errorf("nothing at %s breaks this rule any more: remove the exception %q from exceptions_test.go", e.path, e.reason)
		}
		if strings.TrimSpace(e.reason) == "" {
			t.Errorf("the exception for %s has no reason", e.path)
		}
	}
}

// sources returns the program's own sources whose names end in one of the
// suffixes: no tests or packages that help them (…test), no test data, no
// documentation, no samples.
func sources(t *testing.T, suffixes ...string) []string {
	t.Helper()
	skipped := []string{".git", ".github", "bin", "data", "docs", "examples", "internal/samples", "tools"}
	var paths []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if entry.IsDir() {
			if slices.Contains(skipped, name) || entry.Name() == "testdata" || strings.HasSuffix(entry.Name(), "test") {
				return filepath.SkipDir
			}
			return nil
		}
		isTest := strings.HasSuffix(name, "_test.go")
		if !isTest && slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(name, s) }) {
			paths = append(paths, name)
		}
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	return paths
}

// read returns a source's text.
func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
	require.NoError(t, err)
	return text
}
