package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/samples"
	"github.com/mediaferry/mediaferry/starter/exit"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mediaferry": main})
}

// TestScripts holds the real program against the scripts in testdata, one for
// each command: they are the contract of the command line. Each has a home, a
// data folder and the sample media of its own.
func TestScripts(t *testing.T) {
	engine, missing := sync.OnceValues(putEngineBeside)()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: false,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("USER", "tester")
			env.Setenv("DOLLAR", "$")
			env.Setenv("MEDIAFERRY_DATA", filepath.Join(env.WorkDir, "data"))
			env.Values[worldKey{}] = &world{env: env, processes: map[string]*process{}}
			return os.CopyFS(filepath.Join(env.WorkDir, "media"), samples.Files())
		},
		Condition: func(name string) (bool, error) {
			switch {
			case name != "engine":
				return false, fmt.Errorf("unknown condition %q", name)
			case missing != nil && (os.Getenv("CI") == "true" || os.Getenv("MEDIAFERRY_NO_SKIP") == "1"):
				return false, fmt.Errorf("this test must not be skipped here: %w", missing)
			}
			return engine, nil
		},
		Cmds: commands(),
	})
}

// putEngineBeside lays the engine where the program looks for it: beside itself,
// which in a script is a copy of this test.
func putEngineBeside() (bool, error) {
	path := os.Getenv("MEDIAFERRY_ENGINE")
	if path == "" {
		path = filepath.Join("..", "..", "bin", "mediaferry-engine")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return false, err
	}
	if _, err := os.Stat(path); err != nil {
		return false, err
	}
	program, err := exec.LookPath("mediaferry")
	if err != nil {
		return false, err
	}
	err = os.Symlink(path, filepath.Join(filepath.Dir(program), "mediaferry-engine"))
	return err == nil || errors.Is(err, os.ErrExist), err
}

func TestHelpOfEveryCommandFitsAScreen(t *testing.T) {
	var walk func(path []string, c *cobra.Command)
	walk = func(path []string, c *cobra.Command) {
		t.Run(strings.Join(append([]string{"mediaferry"}, path...), " "), func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			require.Equal(t, exit.OK, run(append(path, "--help"), &stdout, &stderr))
			require.Empty(t, stderr.String())
			lines := strings.Split(strings.TrimSuffix(stdout.String(), "\n"), "\n")
			require.LessOrEqual(t, len(lines), 40, "lines")
			for _, line := range lines {
				require.LessOrEqual(t, utf8.RuneCountInString(line), 100, line)
			}
			require.Contains(t, stdout.String(), "\nExample:\n  ")
			require.Contains(t, stdout.String(), "\nUsage:\n  "+c.CommandPath())
		})
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				walk(append(path[:len(path):len(path)], sub.Name()), sub)
			}
		}
	}
	walk(nil, newApp(io.Discard, io.Discard).root())
}

func TestEveryCommandHasAScript(t *testing.T) {
	without := maps.Collect(func(yield func(string, bool) bool) {
		for _, c := range newApp(io.Discard, io.Discard).root().Commands() {
			if c.IsAvailableCommand() && !yield(c.Name(), true) {
				return
			}
		}
	})
	scripts, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	require.NoError(t, err)
	for _, script := range scripts {
		delete(without, strings.TrimSuffix(filepath.Base(script), ".txtar"))
	}
	require.Empty(t, without)
}
