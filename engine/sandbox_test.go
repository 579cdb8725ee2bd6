package main

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/guard"
)

func startSandboxChild(t *testing.T, args ...string) (*child, sandboxAnnouncement) {
	t.Helper()
	c := startProgram(t, append([]string{"sandbox", "--data", dataFolder(t)}, args...)...)
	var line sandboxAnnouncement
	c.read(&line)
	return c, line
}

// dataFolder is one with a token.
func dataFolder(t *testing.T) string {
	t.Helper()
	data := t.TempDir()
	require.NoError(t, os.WriteFile(guard.TokenFile(data), []byte(testToken), 0o600))
	return data
}

func TestSandboxServesUntilItsParentIsGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "box")
	c, line := startSandboxChild(t, "--dir", dir)
	require.Empty(t, line.Error)
	require.Equal(t, "http://"+line.Listen, line.URL)
	get(t, line.URL+"/_sandbox/health")
	for _, signal := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		require.NoError(t, c.cmd.Process.Signal(signal))
	}
	get(t, line.URL+"/_sandbox/health")
	info, err := os.Stat(filepath.Join(dir, "journal.jsonl"))
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o077)

	require.NoError(t, c.stdin.Close())
	require.Equal(t, exitOK, c.exit())
	_, again := startSandboxChild(t, "--dir", dir, "--listen", line.Listen)
	require.Empty(t, again.Error)
	require.Equal(t, line.URL, again.URL)
}

func TestSandboxWaitsForTheOneBefore(t *testing.T) {
	dir := t.TempDir()
	first, line := startSandboxChild(t, "--dir", dir)
	second := startProgram(t, "sandbox", "--data", dataFolder(t), "--dir", dir, "--listen", line.Listen)
	require.NoError(t, first.stdin.Close())
	var next sandboxAnnouncement
	second.read(&next)
	require.Empty(t, next.Error)
	require.Equal(t, line.URL, next.URL)
}

func TestSandboxSaysWhatIsInTheWay(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	held := t.TempDir()
	startSandboxChild(t, "--dir", held)
	for name, c := range map[string]struct {
		args []string
		want reason
		text string
	}{
		"a wrong fault":        {args: []string{"--dir", t.TempDir(), "--fault", "nonsense"}, want: reasonFault, text: `--fault "nonsense": `},
		"a port that is taken": {args: []string{"--dir", t.TempDir(), "--listen", taken.Addr().String()}, want: reasonPort, text: "address already in use"},
		"a folder in use":      {args: []string{"--dir", held}, text: "in use by another sandbox"},
	} {
		t.Run(name, func(t *testing.T) {
			child, line := startSandboxChild(t, c.args...)
			require.Equal(t, c.want, line.Reason)
			require.Contains(t, line.Error, c.text)
			require.Equal(t, exitFailed, child.exit())
		})
	}
}

func TestParseSandbox(t *testing.T) {
	got, err := parseSandbox([]string{"--dir", "/d", "--data", "/data", "--listen", "127.0.0.1:1", "--fault", "a", "--fault", "b,c", "--ready-fd", "5"})
	require.NoError(t, err)
	require.Equal(t, sandboxSettings{dir: "/d", data: "/data", listen: "127.0.0.1:1", faults: []string{"a", "b,c"}, readyFD: 5}, got)
	for name, c := range map[string]struct {
		args []string
		text string
	}{
		"no folder":              {nil, "--dir is missing"},
		"no data folder":         {[]string{"--dir", "/d"}, "--data is missing"},
		"an argument":            {[]string{"--dir", "/d", "now"}, `unexpected argument "now"`},
		"a flag of the engine's": {[]string{"--namespace", "n"}, "flag provided but not defined: -namespace"},
	} {
		_, err := parseSandbox(c.args)
		require.ErrorContains(t, err, c.text, name)
	}
}
