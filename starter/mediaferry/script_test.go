package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mediaferry/mediaferry/internal/samples"
)

func TestMain(m *testing.M) {
	syscall.Umask(0o022) // a configuration that others can change is refused
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
			if err := os.CopyFS(filepath.Join(env.WorkDir, "media"), samples.Files()); err != nil {
				return err
			}
			photo, err := os.ReadFile(filepath.Join("..", "..", "internal", "convert", "testdata", "photo.heic"))
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(env.WorkDir, "photo.heic"), photo, 0o600)
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
		Cmds: scriptCommands(),
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
