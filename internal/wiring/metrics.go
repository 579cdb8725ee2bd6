package wiring

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/uber-go/tally/v4"
	tallyprom "github.com/uber-go/tally/v4/prometheus"
	"go.temporal.io/sdk/client"
	sdktally "go.temporal.io/sdk/contrib/tally"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/guard"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/metrics"
	"github.com/mediaferry/mediaferry/internal/waits"
)

// sdkBuckets are those of the Temporal SDK's latencies, in seconds: from a poll that finds
// a task to a workflow of an hour.
var sdkBuckets = []float64{.01, .1, 1, 10, 60, 600, 3600}

// Metrics are ours, the Temporal SDK's and those of the process, for Prometheus.
type Metrics struct {
	http.Handler
	*metrics.Metrics
	scope  tally.Scope
	closer io.Closer
	served sync.Once
}

// NewMetrics returns Metrics that start empty. version is the program's.
func NewMetrics(version string, log *zap.Logger) *Metrics {
	ours := metrics.New(version, recorded("vcs.revision"))
	registry := ours.Registry()
	reporter := tallyprom.NewReporter(tallyprom.Options{
		Registerer:              registry,
		DefaultTimerType:        tallyprom.HistogramTimerType, // summaries cannot be added up over a fleet
		DefaultHistogramBuckets: sdkBuckets,
		OnRegisterError:         func(err error) { log.Warn("could not register a metric", zap.Error(err)) },
	})
	scope, closer := tally.NewRootScope(tally.ScopeOptions{
		CachedReporter:         reporter,
		Separator:              tallyprom.DefaultSeparator,
		SanitizeOptions:        &sdktally.PrometheusSanitizeOptions,
		OmitCardinalityMetrics: true, // of tally itself
	}, time.Second)
	return &Metrics{
		Handler: promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, ErrorLog: zap.NewStdLog(log)}), Metrics: ours,
		scope: sdktally.NewPrometheusNamingScope(scope), closer: closer,
	}
}

// SDK is what a Temporal client reports to; nil where there are no metrics.
func (m *Metrics) SDK() client.MetricsHandler {
	if m == nil {
		return nil
	}
	return sdktally.NewMetricsHandler(m.scope)
}

// Close reports what is left.
func (m *Metrics) Close() { _ = m.closer.Close() }

// Ours are the metrics that are not the SDK's; nil where there are none.
func (m *Metrics) Ours() *metrics.Metrics {
	if m == nil {
		return nil
	}
	return m.Metrics
}

// Observer counts and logs what a ledger was told; m may be nil.
func (m *Metrics) Observer(log *zap.Logger) ledger.Observer { return watcher{m.Ours(), log} }

// serveLedger adds what the ledger knows, and what a worker may send.
func (m *Metrics) serveLedger(o WorkerOptions) {
	books := metrics.Books{
		Ledger: o.Ledger, Accounts: configured(o.Config), Now: time.Now,
		Workers: func(ctx context.Context) (waits.Workers, error) { return LiveWorkers(ctx, o.Ledger) },
	}
	m.served.Do(func() { // a process may have several workers of one ledger
		m.Serve(books.Read, o.Bandwidth.Now, o.Keys.IDs())
	})
}

// configured lists the accounts of the configuration as it is now.
func configured(live *config.Live) func() []string {
	return func() []string {
		now, err := live.Config()
		if err != nil { // whoever uses an account is told
			return nil
		}
		return now.AccountNames()
	}
}

// workersSought is within what time a worker was alive that is still remembered.
const workersSought = 24 * time.Hour

// LiveWorkers are the workers that live, and when the last one was heard of.
func LiveWorkers(ctx context.Context, l *ledger.Ledger) (waits.Workers, error) {
	found := waits.Workers{Queues: map[string]bool{}}
	alive, err := l.Workers(ctx, WorkerAge)
	for _, w := range alive {
		for _, queue := range w.Queues {
			found.Queues[queue] = true
		}
	}
	if found.Uploads = Carried(alive); err != nil || found.Uploads {
		return found, err
	}
	recent, err := l.Workers(ctx, workersSought)
	for _, w := range recent {
		if w.SeenAt.After(found.Seen) {
			found.Seen = w.SeenAt
		}
	}
	return found, err
}

// ListenMetrics serves health and metrics at an address, without a token, until stop is
// called.
func ListenMetrics(ctx context.Context, address string, m *Metrics) (stop func(), at string, err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, "", err
	}
	server := HTTPServer(MetricsHandler(address, http.NewServeMux(), m))
	go func() { _ = server.Serve(listener) }() // it ends with stop
	return func() { _ = server.Close() }, listener.Addr().String(), nil
}

// MetricsHandler serves health and metrics, which tell no secret: in plain and on any
// address, to whoever does not ask as a page of somebody else.
func MetricsHandler(address string, mux *http.ServeMux, m *Metrics) http.Handler {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.Handle("GET /metrics", m)
	return guard.Handler(mux, guard.Names{AnyHost: !guard.ListensOnLoopback(address)}, nil)
}
