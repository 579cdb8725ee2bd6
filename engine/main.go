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

The Temporal server and web UI inside mediaferry. It is started by mediaferry and
not by hand: "mediaferry up" keeps one running.

--data            its files are in DIR/engine
--port            the port of the Temporal service, 0 for a free one
--ui-port         the port of the web UI, 0 for no UI
--codec-endpoint  where the web UI has payloads decoded
--namespace       made where it is missing (default "default")
--retention       how long what has ended is kept (720h where nothing is set yet;
                  without the flag, what is set stays)
--ready-fd        the descriptor that is told, in one line of JSON, when it can serve
                  or why it cannot (default 3)
--log-level       debug, info, warn or error (default warn); to standard error
--compact         gives the free space in the databases back to the disk, while no
                  engine runs, and prints their sizes before and after

With sandbox, it simulates the vendors in place of Temporal:

--dir             what the vendors received, and their memory
--listen          the loopback address, without the flag a free one
--fault           a fault rule, as "mediaferry sandbox" takes it

It listens on 127.0.0.1 only, and ends when its standard input, a pipe of its
parent, ends. SIGINT, SIGTERM and SIGHUP are for its parent and are ignored.

Exit status is 0 when the parent is gone, 1 when it could not run, 2 if it was
misused.
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
		return fmt.Errorf("--port %d is no port, want 0 to 65535", s.port)
	case s.uiPort < 0 || s.uiPort > 65535:
		return fmt.Errorf("--ui-port %d is no port, want 0 to 65535", s.uiPort)
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
