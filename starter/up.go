package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/assembly"
	"github.com/mediaferry/mediaferry/ledger"
)

// latest is what shell completion offers.
var latest = ledger.Filter{Limit: 50}

type upFlags struct {
	sandbox, noWorker, json bool
	port, uiPort            int
	retention               int
}

func (a *app) upCommand() *cobra.Command {
	var f upFlags
	cmd := &cobra.Command{
		Use:   "up [flags]",
		Short: "run the engine, its web UI and a worker, until interrupted",
		Long: `up runs Temporal with its web UI on this machine, and a worker that carries uploads.
All state lies in the data folder: what ran when it was stopped or killed goes on at
the next start. Other commands on the same data folder use it, and take over when it
ends. With a Temporal service configured (TEMPORAL_ADDRESS …), only the worker runs.`,
		Example: `  mediaferry up                   the engine of your data folder
  mediaferry up --sandbox         with the five vendors simulated, and accounts for them`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.up(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.sandbox, "sandbox", false, "also run the five vendors, simulated")
	flags.BoolVar(&f.noWorker, "no-worker", false, "run no worker")
	flags.IntVar(&f.port, "port", 0, "Temporal's port `N`; default: that of the last time, or a free one")
	flags.IntVar(&f.uiPort, "ui-port", 0, "the web UI's port `N`; likewise")
	flags.IntVar(&f.retention, "retention", 0, "keep the histories of what has ended for `DAYS`; default 30")
	flags.BoolVar(&f.json, "json", false, "print one JSON object when ready")
	return cmd
}

// upLine is what `up --json` prints.
type upLine struct {
	Temporal  string `json:"temporal"`
	Namespace string `json:"namespace"`
	UI        string `json:"ui"`
	Codec     string `json:"codec"`
	Sandbox   string `json:"sandbox"`
	Config    string `json:"config"`
}

func (a *app) up(ctx context.Context, f upFlags) error {
	if f.retention < 0 || f.retention > 365 {
		return misused("--retention %d is out of range, want 1 to 365 days", f.retention)
	}
	var line upLine
	if f.sandbox {
		box, err := a.openSandbox(ctx, sandboxFlags{})
		if err != nil {
			return err
		}
		line.Sandbox = box.URL()
	}
	a.parting = "stopped; what was under way goes on at the next start"
	err := a.openEngine(ctx, engineOptions{port: f.port, uiPort: f.uiPort, retention: time.Duration(f.retention) * 24 * time.Hour})
	if err != nil {
		return err
	}
	if !f.noWorker {
		roots, err := a.roots()
		if err != nil {
			return err
		}
		if err := a.work(ctx, true, roots); err != nil {
			return err
		}
	}
	if err := a.ready(a.where(line), f.json); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-a.engineLost():
		return a.engineGone()
	}
}

// where adds the addresses of what runs.
func (a *app) where(line upLine) upLine {
	line.Config = a.config.Path
	if path, err := filepath.Abs(a.config.Path); err == nil && a.config.Path != "" {
		line.Config = path
	}
	if a.engine != nil {
		at := a.engine.Address()
		line.Temporal, line.Namespace, line.UI, line.Codec = at.Temporal, at.Namespace, at.UI, at.Codec
	}
	return line
}

// ready tells where things are.
func (a *app) ready(line upLine, asJSON bool) error {
	p := printer{out: a.stdout, err: a.stderr}
	if asJSON {
		return p.object(line)
	}
	rows := [][]string{}
	for _, row := range [][]string{
		{"temporal", line.Temporal}, {"web UI", line.UI}, {"sandbox", line.Sandbox}, {"config", line.Config}, {"data", a.data},
	} {
		if row[1] != "" {
			rows = append(rows, row)
		}
	}
	if assembly.ServiceConfigured() {
		rows = append(rows, []string{"temporal", "the service of the environment"})
	}
	if err := p.table(rows); err != nil {
		return err
	}
	a.say("ready; stop with Ctrl-C")
	return nil
}
