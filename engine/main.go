// Command mediaferry-engine is a Temporal server and its web UI in one process,
// with SQLite files for a store, for one data folder. Called with "sandbox", it is
// the simulated vendors instead, which nothing but this program links.
//
// It is a child of a mediaferry process and knows nothing of it: not its
// workflows, not its configuration, not its secrets. It listens on loopback
// only, keeps all its files in the folder engine of the data folder, says once
// when it can serve, and ends when its parent does, however that ends. There is
// no slow way down: it can be killed at any moment, and the next one goes on from
// the same files.
//
// What starts it, restarts it and shares it is the package enginehost of the module
// above, and what starts the sandbox is its package sandboxhost.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"go.uber.org/zap/zapcore"
)

// Exit statuses.
const (
	exitOK     = 0 // the parent is gone, or what was asked is done
	exitFailed = 1 // it could not run, or could not go on
	exitMisuse = 2 // wrong flags, or started by hand
)

// newNamespaceRetention is how long a new namespace keeps what has ended.
const newNamespaceRetention = 30 * 24 * time.Hour

const usage = `Usage:
    mediaferry-engine --data DIR [--port N] [--ui-port N] [--codec-endpoint URL]
                      [--namespace NAME] [--retention DURATION] [--ready-fd N]
                      [--log-level LEVEL]
    mediaferry-engine --data DIR --compact
    mediaferry-engine sandbox --dir DIR [--listen ADDR] [--fault RULE]... [--ready-fd N]
    mediaferry-engine --version

The Temporal server and web UI inside mediaferry. mediaferry starts it: to keep one
running, use "mediaferry up".

--data            the data folder; its files are in DIR/engine
--port            port of the Temporal service, 0 for a free one
--ui-port         port of the web UI, 0 for no UI
--codec-endpoint  URL of the codec server that decrypts payloads for the web UI
--namespace       created if it does not exist (default "default")
--retention       how long workflows that have ended are kept (default: what was set
                  before, or 720h)
--ready-fd        descriptor that gets one line of JSON when the engine can serve, or
                  why it cannot (default 3)
--log-level       debug, info, warn or error (default warn); logs go to standard error
--compact         returns free space in the databases to the disk and prints their sizes
                  before and after; no engine may be running

With sandbox, it runs the simulated vendors instead of Temporal:

--dir             folder for what the vendors received and remember
--listen          loopback address (default: a free port)
--fault           fault rule, in the form of "mediaferry sandbox"

It listens on 127.0.0.1 only, and ends when its standard input, a pipe from its
parent, ends. It ignores SIGINT, SIGTERM and SIGHUP, which are for its parent.

Exit status: 0 the parent has ended, 1 could not run, 2 misused.
`

// settings is what the command line says.
type settings struct {
	data      string
	port      int
	uiPort    int
	codec     string
	namespace string
	retention time.Duration // 0: what is set stays
	readyFD   int
	level     zapcore.Level
	compact   bool
	version   bool
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "sandbox" {
		return runSandbox(args[1:], stderr)
	}
	s, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, _ = fmt.Fprint(stdout, usage)
		return exitOK
	case err != nil:
		_, _ = fmt.Fprintf(stderr, "mediaferry-engine: %v\nTry mediaferry-engine -h\n", err)
		return exitMisuse
	case s.version:
		_, _ = fmt.Fprintln(stdout, versionLine())
		return exitOK
	case s.compact:
		return compactAndReport(s.data, stdout, stderr)
	}
	return live(s, stderr)
}

func parse(args []string) (settings, error) {
	var s settings
	level := "warn"
	set := flag.NewFlagSet("mediaferry-engine", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&s.data, "data", "", "")
	set.IntVar(&s.port, "port", 0, "")
	set.IntVar(&s.uiPort, "ui-port", 0, "")
	set.StringVar(&s.codec, "codec-endpoint", "", "")
	set.StringVar(&s.namespace, "namespace", "default", "")
	set.DurationVar(&s.retention, "retention", 0, "")
	set.IntVar(&s.readyFD, "ready-fd", 3, "")
	set.StringVar(&level, "log-level", level, "")
	set.BoolVar(&s.compact, "compact", false, "")
	set.BoolVar(&s.version, "version", false, "")
	if err := set.Parse(args); err != nil {
		return s, err
	}
	if set.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	if err := s.level.Set(level); err != nil || s.level > zapcore.ErrorLevel {
		return s, fmt.Errorf("log level %q is unknown, want one of debug, info, warn, error", level)
	}
	return s, s.check()
}

func (s settings) check() error {
	switch {
	case s.version:
		return nil
	case s.data == "":
		return errors.New("--data is missing")
	case s.port < 0 || s.port > 65535:
		return fmt.Errorf("--port %d is out of range, want 0 to 65535", s.port)
	case s.uiPort < 0 || s.uiPort > 65535:
		return fmt.Errorf("--ui-port %d is out of range, want 0 to 65535", s.uiPort)
	case s.uiPort != 0 && s.uiPort == s.port:
		return fmt.Errorf("--port and --ui-port are both %d", s.port)
	case s.namespace == "":
		return errors.New("--namespace is empty")
	case s.retention != 0 && s.retention < 24*time.Hour:
		return fmt.Errorf("--retention %s is too short, want at least 24h", s.retention)
	}
	return nil
}

// versionLine names the program and the two that it is made of, as the build
// recorded them.
func versionLine() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "mediaferry-engine, of an unknown build"
	}
	parts := []string{"mediaferry-engine " + info.Main.Version}
	for _, dep := range info.Deps {
		switch dep.Path {
		case "go.temporal.io/server":
			parts = append(parts, "Temporal "+dep.Version)
		case "github.com/temporalio/ui-server/v2":
			parts = append(parts, "UI "+dep.Version)
		}
	}
	return strings.Join(parts, ", ")
}
