package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// TestTwoHundredBrokenRowsAreNamedRefusedAndLeftOut takes the manifest of the
// package manifest with twenty sorts of broken rows through the commands.
func TestTwoHundredBrokenRowsAreNamedRefusedAndLeftOut(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	box := p.box()
	p.quick(box, "0s", "")
	manifest, bad := p.broken()

	status, stdout, _ := p.run("batch", "plan", manifest, "--json")
	require.Equal(t, 3, status)
	objects := strings.Split(strings.TrimSpace(stdout), "\n")
	var plan struct{ Refused int }
	require.NoError(t, json.Unmarshal([]byte(objects[len(objects)-1]), &plan), stdout)
	require.Equal(t, len(bad), plan.Refused)
	require.Equal(t, bad, linesOf(t, objects[:len(objects)-1]))

	status, stdout, stderr := p.run("batch", "start", manifest, "--follow")
	require.Equal(t, 3, status)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "nothing was sent")
	require.Empty(t, box.all())

	status, _, _ = p.run("batch", "start", manifest, "--follow", "--skip-invalid")
	require.Equal(t, 3, status)
	ready := 0
	for _, line := range p.report("broken") {
		if line.State == upload.StateReady {
			ready++
			continue
		}
		require.True(t, bad[int(line.Line)], "line %d: %+v", line.Line, line.Error)
		delete(bad, int(line.Line))
		require.Equal(t, upload.StateFailed, line.State)
		require.Equal(t, upload.KindInvalid, line.Error.Kind)
		require.NotEmpty(t, line.Error.Message)
		require.NotEmpty(t, line.Error.Hint)
	}
	require.Equal(t, 202, ready)
	require.Empty(t, bad)
	require.Len(t, visible(box.ledger())["trustana"], 201)
	box.content()
}

// linesOf are the lines that a plan's groups of problems name, each with what to do.
func linesOf(t *testing.T, groups []string) map[int]bool {
	t.Helper()
	lines := map[int]bool{}
	for _, text := range groups {
		var group struct {
			Severity, Problem, Hint string
			Count, More             int
			Lines                   []int
		}
		require.NoError(t, json.Unmarshal([]byte(text), &group), text)
		require.NotEmpty(t, group.Problem)
		require.NotEmpty(t, group.Hint, text)
		require.Zero(t, group.More)
		require.Len(t, group.Lines, group.Count)
		if group.Severity == "error" {
			for _, line := range group.Lines {
				lines[line] = true
			}
		}
	}
	return lines
}

var goodRow = regexp.MustCompile(`img/good-(\d+)\.mp4,truvideo,,,,,,"Good,\nnumber \d+",,`)

// broken writes the manifest, with pictures for its good rows. It returns the
// lines of the bad ones.
func (p *place) broken() (manifest string, bad map[int]bool) {
	p.t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "internal", "manifest", "testdata", "broken.csv"))
	require.NoError(p.t, err)
	text := goodRow.ReplaceAllString(string(raw), "img/good-$1.jpg,trustana,,,,,,,,")
	text = strings.ReplaceAll(text, "24WX8VvHKeUCL5Vb3qSGyW", sandboxOrganization())
	bad = map[int]bool{}
	require.NoError(p.t, os.Mkdir(filepath.Join(p.media, "img"), 0o700))
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		path, _, _ := strings.Cut(line, ",")
		switch {
		case i == 0:
		case strings.HasPrefix(path, "img/good-"), path == "img/first.jpg":
			require.NoError(p.t, os.WriteFile(filepath.Join(p.media, path), picture(p.t, path, 1000), 0o600))
		default:
			bad[i+1] = true
		}
	}
	require.Len(p.t, bad, 200)
	manifest = filepath.Join(p.media, "broken.csv")
	require.NoError(p.t, os.WriteFile(manifest, []byte(text), 0o600))
	return manifest, bad
}
