package commands

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/front"
	"github.com/mediaferry/mediaferry/internal/guard"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/opening"
)

type upCommand struct{ *given }

type upFlags struct {
	sandbox, noWorker, json bool
	port, uiPort            int
	retention               int
	given                   bool // the retention was
	limit                   string
	metrics                 string
}

// check says which flag is out of range.
func (f upFlags) check() error {
	for _, one := range []struct {
		name string
		port int
	}{{"--port", f.port}, {"--ui-port", f.uiPort}} {
		if one.port < 0 || one.port > 65535 {
			return exit.Misused("%s must be 1 to 65535, or 0 for the last port used or a free one, got %d", one.name, one.port)
		}
	}
	if f.port != 0 && f.port == f.uiPort {
		return exit.Misused("--port and --ui-port must differ; both are %d", f.port)
	}
	if f.metrics != "" {
		if err := wiring.CheckListen(f.metrics); err != nil {
			return exit.Misused("--metrics: %s", err)
		}
		if f.noWorker {
			return exit.Misused("--metrics serves those of the worker, so it cannot be used with --no-worker")
		}
	}
	if f.given && (f.retention < 1 || f.retention > 365) {
		return exit.Misused("--retention must be 1 to 365 days, got %d", f.retention)
	}
	return nil
}

func (c upCommand) command() *cobra.Command {
	var f upFlags
	cmd := &cobra.Command{
		Use:   "up [flags]",
		Short: "run the engine, the operators' page and a worker until interrupted",
		Long: `up runs Temporal on this machine, the page on which you see and steer what runs, with Temporal's
web UI behind it, and a worker for uploads. All state is in the data folder. If up is stopped or
killed, uploads continue the next time it starts. Other commands on the same data folder use this
engine, and take over if up ends first. If a Temporal service is configured (TEMPORAL_ADDRESS …),
only the worker runs.

The address of the page that up prints logs you in, once. Later, log in with the token in the file
"token" of the data folder. Other programs use Temporal with TEMPORAL_API_KEY set to that token and
TEMPORAL_TLS=false.`,
		Example: `  mediaferry up                   run on your data folder
  mediaferry up --sandbox         also simulate the vendors`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.given = cmd.Flags().Changed("retention")
			return c.run(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.sandbox, "sandbox", false, "also run the simulated vendors")
	flags.BoolVar(&f.noWorker, "no-worker", false, "do not run a worker")
	flags.IntVar(&f.port, "port", 0, "serve Temporal on port `N` (default: the last port used, or a free one)")
	flags.IntVar(&f.uiPort, "ui-port", 0, "serve the page on port `N` (default: the last port used, or a free one)")
	flags.IntVar(&f.retention, "retention", 0, "keep histories of ended workflows for `DAYS`, 1 to 365 (default: as before, initially 30)")
	flags.StringVar(&f.limit, "bwlimit", "", "limit all transfers of this worker together to `RATE` bytes per second: 10M, off, or \"08:00,512k 19:00,10M\"")
	flags.StringVar(&f.metrics, "metrics", "", "serve /metrics for Prometheus, and /healthz, at `ADDR`, without a token")
	flags.BoolVar(&f.json, "json", false, "print one JSON object when ready")
	return cmd
}

// upLine is what `up --json` prints; what is not there is null.
type upLine struct {
	Temporal  upload.Text `json:"temporal"`
	Namespace upload.Text `json:"namespace"`
	Dashboard upload.Text `json:"dashboard"`
	UI        upload.Text `json:"ui"`
	Codec     upload.Text `json:"codec"`
	Sandbox   upload.Text `json:"sandbox"`
	Config    upload.Text `json:"config"`
	TokenFile upload.Text `json:"token_file"`
}

func (c upCommand) run(ctx context.Context, f upFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	c.Standing = true
	table, err := transfer.ParseTimetable(f.limit)
	switch {
	case err != nil:
		return exit.Misused("--bwlimit: %s", err)
	case f.limit != "" && f.noWorker:
		return exit.Misused("--bwlimit limits the worker, so it cannot be used with --no-worker")
	}
	var line upLine
	if f.sandbox {
		box, err := c.sandbox.Start(ctx, opening.SandboxOptions{})
		if err != nil {
			return err
		}
		line.Sandbox = upload.Text(box.URL())
	}
	if !f.noWorker {
		if err := c.OpenConfig(); err != nil {
			return err
		}
		if err := c.RequireSharedResults(); err != nil {
			return err
		}
	}
	if err := c.serveMetrics(ctx, f.metrics); err != nil {
		return err
	}
	c.Parting = "stopped; unfinished uploads continue the next time an engine starts"
	err = c.OpenEngine(ctx, opening.EngineOptions{Port: f.port, UIPort: f.uiPort, Retention: time.Duration(f.retention) * 24 * time.Hour})
	if err != nil {
		return err
	}
	if !f.noWorker {
		if err := c.work(ctx, table); err != nil {
			return err
		}
	} else {
		c.OnClose(wiring.StartNotifier(ctx, wiring.NotifierOptions{Ledger: c.Ledger, Config: c.Live, Page: c.PageAddress, Metrics: c.Metrics.Ours(), Log: c.Log}).Stop)
	}
	if err := c.ready(c.addresses(line), f.json); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-c.EngineLost():
		return c.EngineGone()
	case <-c.sandbox.Lost():
		return c.sandbox.Err()
	}
}

// work starts the worker.
func (c upCommand) work(ctx context.Context, table transfer.Timetable) error {
	roots, err := c.Roots()
	if err != nil {
		return err
	}
	c.workers.Bandwidth = transfer.NewBandwidth(table, time.Now)
	return c.workers.Start(ctx, true, roots)
}

// serveMetrics serves metrics at an address; "": it does not.
func (c upCommand) serveMetrics(ctx context.Context, address string) error {
	if address == "" {
		return nil
	}
	c.Metrics = wiring.NewMetrics(c.Version, c.Log)
	c.OnClose(c.Metrics.Close)
	stop, at, err := wiring.ListenMetrics(ctx, address, c.Metrics)
	if err != nil {
		return fmt.Errorf("--metrics: %w", err)
	}
	c.OnClose(stop)
	c.Say("metrics at http://%s/metrics", at)
	return nil
}

// addresses adds the addresses of what runs.
func (c upCommand) addresses(line upLine) upLine {
	line.Config = upload.Text(c.Config.Path)
	if path, err := filepath.Abs(c.Config.Path); err == nil && c.Config.Path != "" {
		line.Config = upload.Text(path)
	}
	if c.Engine != nil {
		at := c.Engine.Address()
		line.Temporal, line.Namespace = upload.Text(at.Temporal), upload.Text(at.Namespace)
		line.Dashboard = upload.Text(front.Link(at.Front, "/", c.Engine.Token()))
		line.UI = upload.Text(front.Link(at.Front, front.TemporalPath+"/", c.Engine.Token()))
		line.Codec = upload.Text(at.Front + front.CodecPath)
		line.TokenFile = upload.Text(guard.TokenFile(c.Data))
	}
	return line
}

// ready prints the addresses.
func (c upCommand) ready(line upLine, asJSON bool) error {
	p := c.Printer(false)
	if asJSON {
		return p.Object(line)
	}
	rows := [][]string{}
	for _, row := range []struct {
		name string
		at   upload.Text
	}{
		{"temporal", line.Temporal}, {"page", line.Dashboard}, {"sandbox", line.Sandbox}, {"config", line.Config}, {"data", upload.Text(c.Data)}, {"token", line.TokenFile},
	} {
		if row.at != "" {
			rows = append(rows, []string{row.name, string(row.at)})
		}
	}
	if wiring.ServiceConfigured() {
		rows = append(rows, []string{"temporal", "the service named by the TEMPORAL_ variables"})
	}
	if err := p.Table(rows); err != nil {
		return err
	}
	c.Say("ready; stop with Ctrl-C")
	return nil
}
