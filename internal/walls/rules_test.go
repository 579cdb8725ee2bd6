package walls

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// TestEveryImportRuleMatchesFiles makes sure that no rule of depguard has been
// left behind by files that moved: one that matches nothing protects nothing.
func TestEveryImportRuleMatchesFiles(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, ".golangci.yml"))
	require.NoError(t, err)
	var config struct {
		Linters struct {
			Settings struct {
				Depguard struct {
					Rules map[string]struct {
						Files []string `yaml:"files"`
					} `yaml:"rules"`
				} `yaml:"depguard"`
			} `yaml:"settings"`
		} `yaml:"linters"`
	}
	require.NoError(t, yaml.Unmarshal(text, &config))
	rules := config.Linters.Settings.Depguard.Rules
	require.NotEmpty(t, rules)
	paths := sources(t, ".go")
	for name, rule := range rules {
		for _, pattern := range rule.Files {
			glob := strings.TrimPrefix(pattern, "!")
			if strings.HasPrefix(glob, "$") {
				continue
			}
			match := regexp.MustCompile(translate(glob))
			if !slices.ContainsFunc(paths, func(path string) bool { return match.MatchString("/" + path) }) {
				t.Errorf(".golangci.yml: depguard's rule %q: the pattern %q matches no file", name, pattern)
			}
		}
	}
}

// translate makes a regular expression of a glob in which ** stands for any
// characters and * for any but a slash.
func translate(glob string) string {
	var b strings.Builder
	b.WriteString("^")
	for i := 0; i < len(glob); i++ {
		switch {
		case strings.HasPrefix(glob[i:], "**"):
			b.WriteString(".*")
			i++
		case glob[i] == '*':
			b.WriteString("[^/]*")
		default:
			b.WriteString(regexp.QuoteMeta(glob[i : i+1]))
		}
	}
	return b.String() + "$"
}

// TestHostedFilesAreSound reads the files that a public host reads, and makes
// sure that workflows use actions by the commit, which nobody can move.
func TestHostedFilesAreSound(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root, ".github", "*", "*.yml"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	uses := regexp.MustCompile(`(?m)^\s*(?:- )?uses:\s*(.*)$`)
	pinned := regexp.MustCompile(`^actions/[a-z-]+@[0-9a-f]{40} # v[0-9.]+$`)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		var parsed map[string]any
		require.NoError(t, yaml.Unmarshal(text, &parsed), "%s", path)
		for _, found := range uses.FindAllStringSubmatch(string(text), -1) {
			require.Regexp(t, pinned, found[1], "%s: want an action of the host's own, by commit, with its version beside it", path)
		}
	}
}
