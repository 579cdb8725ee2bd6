// Command mediaferry-worker is the production worker: it carries uploads on an
// existing Temporal service, with health and metrics, and nothing else. It takes
// its accounts from mediaferry.yaml, Temporal from its environment configuration
// and the ledger from PostgreSQL; it keeps nothing on its disk.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/logging"
	"github.com/mediaferry/mediaferry/internal/tracing"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/wiring"
)

// version is set when a release is built.
var version = "dev"

// usage is one screen of 40 lines and 80 columns, which a test keeps it to.
const usage = `mediaferry-worker runs uploads on an existing Temporal service.

Usage:
  mediaferry-worker [flags]

Example:
  TEMPORAL_ADDRESS=temporal:7233 mediaferry-worker --config /etc/mediaferry.yaml

What it works with:
  --config FILE      the configuration (default: $MEDIAFERRY_CONFIG,
                     ./mediaferry.yaml, ~/.config/mediaferry/…), with ledger,
                     encryption.key and results
  --host NAME        read local sources as host NAME (default: this host's), in
                     the folders of sources.local_roots (default: none); it
                     also reads those of sources.shared_roots
  --bwlimit RATE     limit what it sends to RATE bytes per second: 10M, 1.5Gi,
                     off, or by time of day "08:00,512k 19:00,10M 23:00,off"

How it is watched and changed:
  --listen ADDR      serve /healthz, /readyz and /metrics (default
                     127.0.0.1:9464; "" for nothing). /loglevel and /bwlimit
                     need the token dashboard.token as Authorization: Bearer;
                     off loopback also dashboard.tls or --behind-proxy
  --behind-proxy     a proxy ends TLS for --listen
  --pprof            serve Go's profiles at /debug/pprof, too, with the token
  --log-level LEVEL  debug, info, warn or error (default info)
  --log-format F     json or console (default json)

How versions follow each other:
  --deployment NAME, --build-id ID
                     be build ID of Temporal's worker deployment NAME; direct
                     new uploads to it: mediaferry setup --current NAME.ID
  --drain TIME       let transfers go on for TIME after SIGTERM (default 25s)
  --version          print version, commit and date

TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY and Temporal's other
variables choose the service. Exit status: 0 ended by a signal, 1 could not run,
2 misused.
`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

type options struct {
	config, host, listen string
	level, format        string
	bandwidth            *transfer.Bandwidth
	drain                time.Duration
	deployment, build    string
	pprof, behindProxy   bool
	version              bool
}

// errMisused marks what the caller has to put right on the command line or in
// the configuration.
var errMisused = errors.New("misused")

func run(args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, _ = fmt.Fprint(stdout, usage)
		return 0
	case err == nil && o.version:
		_, _ = fmt.Fprintln(stdout, wiring.Build("mediaferry-worker", version))
		return 0
	case err == nil:
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		err = work(ctx, o, stderr)
	}
	if err == nil {
		return 0
	}
	_, _ = fmt.Fprintf(stderr, "mediaferry-worker: %s\n", egress.Redact(err.Error()))
	var problems config.Problems
	if errors.Is(err, errMisused) || errors.As(err, &problems) {
		return 2
	}
	return 1
}

// flagsOf are the worker's flags, which write to o; limit is that of --bwlimit.
func flagsOf(o *options, host string) (flags *flag.FlagSet, limit *string) {
	flags = flag.NewFlagSet("mediaferry-worker", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // what is wrong is said once, by run
	flags.Usage = func() {}
	flags.StringVar(&o.config, "config", "", "")
	flags.StringVar(&o.host, "host", host, "")
	flags.StringVar(&o.listen, "listen", "127.0.0.1:9464", "")
	flags.StringVar(&o.level, "log-level", "info", "")
	flags.StringVar(&o.format, "log-format", "json", "")
	flags.DurationVar(&o.drain, "drain", 25*time.Second, "")
	flags.BoolVar(&o.pprof, "pprof", false, "")
	flags.BoolVar(&o.behindProxy, "behind-proxy", false, "")
	flags.StringVar(&o.deployment, "deployment", "", "")
	flags.StringVar(&o.build, "build-id", "", "")
	flags.BoolVar(&o.version, "version", false, "")
	return flags, flags.String("bwlimit", "", "")
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	host, err := os.Hostname()
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "mediaferry-worker: name of this host: %s; set --host\n", err)
	}
	flags, limit := flagsOf(&o, host)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, err
		}
		return o, fmt.Errorf("%w: %w; see mediaferry-worker --help", errMisused, err)
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%w: unexpected argument %q; see mediaferry-worker --help", errMisused, flags.Arg(0))
	}
	if o.listen != "" {
		if err := wiring.CheckListen(o.listen); err != nil {
			return o, fmt.Errorf("%w: --listen: %w", errMisused, err)
		}
	}
	switch {
	case (o.deployment == "") != (o.build == ""):
		return o, fmt.Errorf("%w: --deployment and --build-id belong together; give both or neither", errMisused)
	case strings.Contains(o.deployment, "."):
		return o, fmt.Errorf("%w: --deployment must not contain a dot, got %q: NAME.ID names a version", errMisused, o.deployment)
	}
	table, err := transfer.ParseTimetable(*limit)
	if err != nil {
		return o, fmt.Errorf("%w: --bwlimit: %w", errMisused, err)
	}
	o.bandwidth = transfer.NewBandwidth(table, time.Now)
	if o.host == "" {
		return o, fmt.Errorf("%w: --host is empty; give the name of this host", errMisused)
	}
	return o, nil
}

// dashboardOf reads who may steer the worker, from the configuration as it is at that time.
func dashboardOf(live *config.Live) func() (config.Dashboard, error) {
	return func() (config.Dashboard, error) {
		conf, err := live.Config()
		if err != nil {
			return config.Dashboard{}, err
		}
		return conf.Dashboard()
	}
}

// work runs the worker until ctx ends.
func work(ctx context.Context, o options, stderr io.Writer) error {
	log, level, err := logging.New(o.level, o.format, stderr)
	if err != nil {
		return fmt.Errorf("%w: %w", errMisused, err)
	}
	defer zap.RedirectStdLog(log)() // net/http would print there what a vendor sends unasked
	if !wiring.ServiceConfigured() {
		return fmt.Errorf("%w: no Temporal service is configured; set TEMPORAL_ADDRESS. To run without a service on one machine: mediaferry up", errMisused)
	}
	live, conf, err := configuration(o, log)
	if err != nil {
		return err
	}
	traces, err := tracing.Start(ctx, "mediaferry-worker", version, log)
	if err != nil {
		return fmt.Errorf("%w: %w", errMisused, err)
	}
	defer traces.Stop()
	metrics := wiring.NewMetrics(version, log)
	defer metrics.Close()
	keys, books, err := openBooks(ctx, live, conf, metrics, log)
	if err != nil {
		return err
	}
	defer func() { _ = books.Close() }() // the activities that wrote have ended
	roots, _, err := wiring.Roots(conf)
	if err != nil {
		return err
	}
	temporal, service, err := wiring.Connect(ctx, wiring.Connection{Keys: keys, Log: log, Metrics: metrics.SDK(), Traces: traces})
	if err != nil {
		return err
	}
	defer temporal.Close()
	books.Bind(service)
	health := &health{temporal: temporal, ledger: books}
	stop, address, err := serve(ctx, o, health, metrics, control{level: level, dashboard: dashboardOf(live)})
	if err != nil {
		return err
	}
	defer stop()
	worker, err := wiring.StartWorker(ctx, wiring.WorkerOptions{
		Temporal: temporal, Ledger: books, Config: live, Keys: keys, Log: log, Version: version,
		Host: o.host, Roots: roots, Uploads: true, Drain: o.drain, Bandwidth: o.bandwidth, Metrics: metrics,
		Deployment: o.deployment, Build: o.build,
	})
	if err != nil {
		return err
	}
	health.ready.Store(true)
	log.Info("ready", zap.String("host", o.host), zap.Stringers("roots", roots), zap.String("listen", address))
	<-ctx.Done()
	health.ready.Store(false)
	log.Info("stopping; transfers in progress can continue for a while", zap.Duration("drain", o.drain))
	worker.Stop()
	log.Info("stopped")
	return nil
}

// openBooks opens the ledger that the configuration names, once all is there that
// workers share.
func openBooks(ctx context.Context, live *config.Live, conf *config.Config, metrics *wiring.Metrics, log *zap.Logger) (codec.Keys, *ledger.Ledger, error) {
	keys, err := conf.EncryptionKeys(ctx, "", false)
	if err != nil {
		return keys, nil, fmt.Errorf("%w: %w", errMisused, err)
	}
	url, err := conf.Ledger()
	if err != nil {
		return keys, nil, err
	}
	if url == "" {
		return keys, nil, fmt.Errorf("%w: `ledger` is missing; set ledger: postgres://… in %s", errMisused, conf.Path)
	}
	place, err := conf.Results()
	if err != nil {
		return keys, nil, err
	}
	if place == "" {
		return keys, nil, fmt.Errorf("%w: `results` is missing; set results: to a shared folder, s3://… or oss://… in %s", errMisused, conf.Path)
	}
	books, err := ledger.Open(ctx, ledger.Options{URL: url, Sealer: codec.NewSealer(keys), Log: log, Observer: metrics.Observer(log), Notify: wiring.Wanted(live), Names: wiring.Named})
	if err != nil {
		return keys, nil, err
	}
	if err := books.CheckKey(ctx); errors.Is(err, codec.ErrUnknownKey) {
		return keys, nil, errors.Join(fmt.Errorf("%w: %w", errMisused, err), books.Close())
	}
	return keys, books, nil
}

// configuration finds the file and keeps an eye on it.
func configuration(o options, log *zap.Logger) (*config.Live, *config.Config, error) {
	path, searched, err := config.Find(o.config)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errMisused, err)
	}
	if path == "" {
		return nil, nil, fmt.Errorf("%w: found no configuration at %v", errMisused, searched)
	}
	if config.FromCurrentFolder(o.config, path) {
		log.Warn("using the configuration of the current folder, which neither --config nor "+config.FileEnv+" names", zap.String("config", path))
	}
	live := config.Watch(path, func(err error) {
		log.Error("the changed configuration is invalid; the previous one stays in use", zap.String("config", path), zap.Error(err))
	})
	conf, err := live.Config()
	if err != nil {
		return nil, nil, err
	}
	for _, warning := range conf.Warnings {
		log.Warn(warning.Error())
	}
	return live, conf, nil
}
