// Command mediaferry-engine is a Temporal server and its web UI in one process,
// with SQLite files for a store, for one data folder. Called with "sandbox", it is
// the simulated vendors instead, which nothing but this program links.
//
// It is a child of a mediaferry process and knows nothing of it: not its
// workflows, not its configuration, no secret but the data folder's token, which
// callers of the Temporal service present. The web UI has no credential of its own: it
// passes on what its caller presents. The engine listens on loopback only, keeps all its files in the folder engine of the data folder, says once
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
    mediaferry-engine --data DIR [--port N] [--ui-port N] [--ui-path PATH]
                      [--codec-endpoint URL] [--namespace NAME] [--retention DURATION]
                      [--search-attribute NAME=TYPE]... [--ready-fd N] [--log-level LEVEL]
    mediaferry-engine --data DIR --compact
    mediaferry-engine sandbox --dir DIR --data DIR [--listen ADDR] [--host NAME] [--fault RULE]... [--ready-fd N]
    mediaferry-engine --version

The Temporal server and web UI of mediaferry. mediaferry starts it; to keep it running, use
"mediaferry up".

--data            the data folder; its files are in DIR/engine. DIR/token is the token that the
                  Temporal service asks for, as "authorization: Bearer TOKEN"
--port            port of the Temporal service (0: a free port)
--ui-port         port of the web UI (0: no web UI)
--ui-path         path under which a proxy serves the web UI, for example /temporal
--codec-endpoint  URL of the codec server that decrypts payloads for the web UI
--namespace       created if it does not exist (default "default")
--retention       how long to keep ended workflows (default: as before, initially 720h)
--search-attribute  a search attribute of the namespace: its name, and Keyword or Int
--ready-fd        descriptor for one line of JSON, written when the engine is ready or
                  cannot start (default 3)
--log-level       debug, info, warn or error (default warn); logs go to standard error
--compact         return unused database space to the disk and print the sizes before
                  and after; stop the engine first

"mediaferry-engine sandbox" runs the simulated vendors instead of Temporal:

--dir             folder for the files and records of the vendors
--data            the data folder; its file token is what callers of the control API present
--listen          address (default: on loopback, with a free port)
--host            the name in URLs, for other hosts; the control API then answers on loopback only
--fault           fault rule, as in "mediaferry sandbox --help"

It listens only on 127.0.0.1, unless --host is given. It ends when its standard input ends, which must be a pipe from
its parent. It ignores SIGINT, SIGTERM and SIGHUP, which are meant for its parent.

Exit status: 0 the parent has ended, 1 could not run, 2 misused.
`

// settings is what the command line says.
type settings struct {
	data      string
	token     string // that of the data folder
	port      int
	uiPort    int
	uiPath    string
	codec     string
	namespace string
	retention time.Duration // 0: what is set stays
	listed    attributes
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
	set.StringVar(&s.uiPath, "ui-path", "", "")
	set.StringVar(&s.codec, "codec-endpoint", "", "")
	set.StringVar(&s.namespace, "namespace", "default", "")
	set.DurationVar(&s.retention, "retention", 0, "")
	set.Var(&s.listed, "search-attribute", "")
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
		return s, fmt.Errorf("unknown log level %q; use debug, info, warn or error", level)
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
		return fmt.Errorf("--port must be 0 to 65535, got %d", s.port)
	case s.uiPort < 0 || s.uiPort > 65535:
		return fmt.Errorf("--ui-port must be 0 to 65535, got %d", s.uiPort)
	case s.uiPort != 0 && s.uiPort == s.port:
		return fmt.Errorf("--port and --ui-port must differ; both are %d", s.port)
	case s.uiPath != "" && (!strings.HasPrefix(s.uiPath, "/") || strings.HasSuffix(s.uiPath, "/")):
		return fmt.Errorf("--ui-path must begin with a slash and end without one, got %q", s.uiPath)
	case s.namespace == "":
		return errors.New("--namespace is empty")
	case s.retention != 0 && s.retention < 24*time.Hour:
		return fmt.Errorf("--retention must be at least 24h, got %s", s.retention)
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
