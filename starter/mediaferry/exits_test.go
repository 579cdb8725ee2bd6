package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/starter/exit"
)

// TestExitStatuses holds what the program ends with against what is documented. None of
// these commands needs an engine.
func TestExitStatuses(t *testing.T) {
	const account = "accounts:\n  photos: {vendor: trustoo, access_token: \"${TOKEN}\"}\n"
	for name, c := range map[string]struct {
		files map[string]string
		args  []string
		want  int
	}{
		"help":                     {nil, []string{"--help"}, exit.OK},
		"what is known":            {nil, []string{"vendors"}, exit.OK},
		"an empty list":            {nil, []string{"list"}, exit.OK},
		"a plan without a problem": {map[string]string{"m.csv": "source,to\nhttps://example.com/a.jpg,photos\n"}, []string{"batch", "plan", "m.csv"}, exit.OK},
		"problems of doctor":       {map[string]string{"mediaferry.yaml": "legder: ''\n"}, []string{"doctor"}, exit.Failed},
		"a data folder that is a file": {
			map[string]string{"file": "x"}, []string{"list", "--data", "file"}, exit.Failed,
		},
		"an unknown command":         {nil, []string{"frobnicate"}, exit.Misuse},
		"an unknown flag":            {nil, []string{"list", "--frobnicate"}, exit.Misuse},
		"a missing argument":         {nil, []string{"show"}, exit.Misuse},
		"an unknown account":         {nil, []string{"upload", "--to", "nobody", "a.jpg"}, exit.Misuse},
		"an unknown field":           {nil, []string{"upload", "--to", "photos", "--set", "x=1", "a.jpg"}, exit.Misuse},
		"an unknown ID":              {nil, []string{"show", "upload/photos/none"}, exit.Misuse},
		"a wrong configuration":      {map[string]string{"mediaferry.yaml": "legder: ''\n"}, []string{"list"}, exit.Misuse},
		"a missing configuration":    {nil, []string{"list", "--config", "none.yaml"}, exit.Misuse},
		"a configuration in tabs":    {map[string]string{"mediaferry.yaml": "accounts:\n\ta: 1\n"}, []string{"list"}, exit.Misuse},
		"a file that init finds":     {nil, []string{"init"}, exit.Misuse},
		"a missing manifest":         {nil, []string{"batch", "plan", "none.csv"}, exit.Misuse},
		"an unreadable manifest":     {map[string]string{"loop.csv": "->loop.csv"}, []string{"batch", "plan", "loop.csv"}, exit.Misuse},
		"one that start cannot read": {map[string]string{"loop.csv": "->loop.csv"}, []string{"batch", "start", "loop.csv"}, exit.Misuse},
		"a source with one slash":    {nil, []string{"upload", "--to", "photos", "s3:/bucket/a.jpg"}, exit.Misuse},
		"bad rows of a manifest":     {map[string]string{"m.csv": "source,to\nnone.jpg,photos\n"}, []string{"batch", "plan", "m.csv"}, exit.NotReady},
		"a manifest that is none":    {map[string]string{"m.csv": "colour\nred\n"}, []string{"batch", "plan", "m.csv"}, exit.NotReady},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			put(t, folder, "mediaferry.yaml", account)
			for file, text := range c.files {
				put(t, folder, file, text)
			}
			out, status := runIn(t, folder, c.args...)
			require.Equal(t, c.want, status, "%s", out)
		})
	}
}

// put writes a file. A text that begins with -> makes a link.
func put(t *testing.T, folder, name, text string) {
	t.Helper()
	path := filepath.Join(folder, name)
	if target, link := strings.CutPrefix(text, "->"); link {
		require.NoError(t, os.Symlink(target, path))
		return
	}
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

func program(t *testing.T, folder string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "mediaferry", args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "HOME="+folder, "MEDIAFERRY_DATA="+filepath.Join(folder, "data"), "MEDIAFERRY_CONFIG=", "TOKEN=t")
	return cmd
}

func runIn(t *testing.T, folder string, args ...string) (output string, status int) {
	t.Helper()
	out, err := program(t, folder, args...).CombinedOutput()
	var ended *exec.ExitError
	if err != nil {
		require.ErrorAs(t, err, &ended)
	}
	return string(out), statusOf(err)
}

func statusOf(err error) int {
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		return ended.ExitCode()
	}
	return exit.OK
}

// TestAnInterruptEndsWith130 interrupts a command that would go on.
func TestAnInterruptEndsWith130(t *testing.T) {
	folder := t.TempDir()
	cmd := program(t, folder, "codec", "--listen", "127.0.0.1:0")
	said, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = cmd.Stdout
	require.NoError(t, cmd.Start())
	_, err = said.Read(make([]byte, 1)) // it says where it listens
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	require.Equal(t, exit.Interrupted, statusOf(cmd.Wait()))
}
