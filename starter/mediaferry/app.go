package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/enginehost"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/logging"
	"github.com/mediaferry/mediaferry/internal/sandboxhost"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/output"
)

// app is one run of the program: its flags, and what its command has opened.
type app struct {
	output.Console

	flags   struct{ config, data, level, format string }
	ran     bool   // the command line was understood
	parting string // what to say when interrupted

	log  *zap.Logger
	data string // the data folder, absolute

	live     *config.Live
	config   *config.Config
	keys     codec.Keys
	ledger   *ledger.Ledger
	engine   *enginehost.Member
	sandbox  *sandboxhost.Sandbox // nil where this process runs none
	temporal client.Client
	uploads  bool     // this process carries uploads
	reads    []string // the roots whose files it reads
	closers  []func()
}

// begin reads the flags that every command has.
func (a *app) begin() error {
	var err error
	if a.log, _, err = logging.New(a.flags.level, a.flags.format, a.Err); err != nil {
		return exit.Misused("%s", err)
	}
	a.data, err = config.DataDir(a.flags.data)
	return err
}

// close closes what the command opened, the last first.
func (a *app) close() {
	for i := len(a.closers) - 1; i >= 0; i-- {
		a.closers[i]()
	}
	a.closers = nil
}

func (a *app) onClose(f func()) { a.closers = append(a.closers, f) }

// openConfig finds and reads the configuration. Where there is none, that of a
// sandbox in the data folder serves.
func (a *app) openConfig() error {
	path, searched, err := config.Find(a.flags.config)
	if err != nil {
		return &exit.UsageError{Text: err.Error(), Hint: "the configuration is named by --config or " + config.FileEnv}
	}
	if path == "" {
		sandboxed := filepath.Join(a.data, sandboxhost.ConfigFile)
		if _, err := os.Stat(sandboxed); err == nil {
			path = sandboxed
			a.log.Info("no configuration is named, using the sandbox's", zap.String("config", path))
		}
	}
	a.live = config.Watch(path, func(err error) { a.Say("%s: %s; going on with the last good one", path, err) })
	if a.config, err = a.live.Config(); err != nil {
		return err
	}
	if path == "" {
		a.config = config.Empty(searched)
	}
	for _, warning := range a.config.Warnings {
		a.Say("warning: %s", warning.Error())
	}
	return nil
}

// openLedger opens the configuration, the keys and the ledger: all that is
// needed to tell what happened.
func (a *app) openLedger(ctx context.Context) error {
	if a.config == nil {
		if err := a.openConfig(); err != nil {
			return err
		}
	}
	service := wiring.ServiceConfigured()
	if err := a.openKeys(); err != nil {
		return err
	}
	url, err := a.config.Ledger()
	switch {
	case err != nil:
		return err
	case url == "" && service:
		return &exit.UsageError{Text: "no ledger is configured, and a Temporal service needs one that all its users share", Hint: "set ledger: postgres://… in the configuration"}
	case url == "":
		url = filepath.Join(a.data, "ledger.db")
	}
	if a.ledger, err = ledger.Open(ctx, ledger.Options{URL: url, Sealer: codec.NewSealer(a.keys), Log: a.log}); err != nil {
		return err
	}
	a.onClose(func() {
		if err := a.ledger.Close(); err != nil {
			a.log.Warn("ledger does not close", zap.Error(err))
		}
	})
	if err := a.ledger.CheckKey(ctx); errors.Is(err, codec.ErrUnknownKey) {
		return &exit.UsageError{Text: err.Error(), Hint: keyHint()}
	}
	return nil
}

// openKeys makes the data folder and reads the keys, or makes one there.
func (a *app) openKeys() error {
	if err := os.MkdirAll(a.data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w; name another with --data", err)
	}
	var err error
	a.keys, err = a.config.EncryptionKeys(a.data, !wiring.ServiceConfigured())
	var system syscall.Errno
	if err == nil || errors.As(err, &system) { // the disk's fault, and not the configuration's
		return err
	}
	return &exit.UsageError{Text: err.Error(), Hint: keyHint()}
}

// keyHint tells where the key comes from.
func keyHint() string {
	if wiring.ServiceConfigured() {
		return "the key is encryption.key in the configuration; that of the data folder is only for the embedded engine"
	}
	return "the key is encryption.key in the configuration, or else the file key in the data folder"
}

// reportsShared refuses a Temporal service without a place for reports: whichever
// worker ends a batch writes them, and a folder of its own is nobody else's.
func (a *app) reportsShared() error {
	if !wiring.ServiceConfigured() {
		return nil
	}
	place, err := a.config.Results()
	if err != nil || place != "" {
		return err
	}
	return &exit.UsageError{
		Text: "no results are configured, and a Temporal service needs a place for reports that all its users share",
		Hint: "set results: to a folder that all share, s3://… or oss://… in the configuration",
	}
}

// engineOptions are how this command hosts the embedded engine where nobody
// does.
type engineOptions struct {
	port, uiPort int
	retention    time.Duration
}

// openEngine opens the ledger and connects to Temporal: to the service that the
// environment names, else to the engine of the data folder, which is started
// where it does not run.
func (a *app) openEngine(ctx context.Context, o engineOptions) error {
	if a.ledger == nil {
		if err := a.openLedger(ctx); err != nil {
			return err
		}
	}
	if !wiring.ServiceConfigured() {
		member, err := enginehost.Join(ctx, enginehost.Options{
			Data: a.data, Port: o.port, UIPort: o.uiPort, Retention: o.retention, Log: a.log,
			Codec: func(uiOrigin string) http.Handler {
				return codec.Handler(a.keys, uiOrigin, strings.Replace(uiOrigin, "127.0.0.1", "localhost", 1)) // people type both
			},
		})
		if err != nil {
			return err
		}
		a.engine = member
		a.onClose(func() {
			if err := member.Close(); err != nil {
				a.log.Warn("engine does not close", zap.Error(err))
			}
		})
	}
	temporal, service, err := wiring.Connect(ctx, wiring.Connection{Engine: a.engine, Keys: a.keys, Log: a.log})
	if err != nil {
		return err
	}
	a.temporal = temporal
	a.ledger.Bind(service)
	a.onClose(temporal.Close)
	return nil
}

// engineRuns reports whether there is an engine that outlives this command.
func (a *app) engineRuns(ctx context.Context) bool {
	if wiring.ServiceConfigured() {
		return true
	}
	_, runs := enginehost.Running(ctx, a.data)
	return runs
}

// host is the name under which this machine's workers are known.
func (a *app) host() (string, error) {
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("name of this host: %w", err)
	}
	return name, nil
}

// roots are the folders whose files this command may read: all that the user
// can, unless the configuration says otherwise.
func (a *app) roots() ([]string, error) {
	roots, given, err := a.config.LocalRoots()
	if err != nil || given {
		return roots, err
	}
	return []string{string(filepath.Separator)}, nil
}

// drain is how long this command lets its own activities go on when it ends.
// What they leave is taken up by whoever comes next.
const drain = 2 * time.Second

// work makes this process a worker, which carries uploads where that is wanted,
// and reads files below roots.
func (a *app) work(ctx context.Context, uploads bool, roots []string) error {
	host, err := a.host()
	if err != nil {
		return err
	}
	worker, err := wiring.StartWorker(ctx, wiring.WorkerOptions{
		Temporal: a.temporal, Ledger: a.ledger, Config: a.live, Log: a.log, Version: version,
		Host: host, Roots: roots, Uploads: uploads, Drain: drain, Data: a.data,
	})
	if err != nil {
		return err
	}
	a.uploads, a.reads = a.uploads || uploads, append(a.reads, roots...)
	a.onClose(worker.Stop)
	return nil
}
