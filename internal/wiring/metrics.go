package wiring

import (
	"io"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/uber-go/tally/v4"
	tallyprom "github.com/uber-go/tally/v4/prometheus"
	"go.temporal.io/sdk/client"
	sdktally "go.temporal.io/sdk/contrib/tally"
	"go.uber.org/zap"
)

// Metrics are the Temporal SDK's own metrics and those of the process, for
// Prometheus.
type Metrics struct {
	http.Handler
	scope  tally.Scope
	closer io.Closer
}

// NewMetrics returns Metrics that start empty.
func NewMetrics(log *zap.Logger) *Metrics {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reporter := tallyprom.NewReporter(tallyprom.Options{
		Registerer:      registry,
		OnRegisterError: func(err error) { log.Warn("could not register a metric", zap.Error(err)) },
	})
	scope, closer := tally.NewRootScope(tally.ScopeOptions{
		CachedReporter:  reporter,
		Separator:       tallyprom.DefaultSeparator,
		SanitizeOptions: &sdktally.PrometheusSanitizeOptions,
	}, time.Second)
	return &Metrics{
		Handler: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
		scope:   sdktally.NewPrometheusNamingScope(scope), closer: closer,
	}
}

// SDK is what a Temporal client reports to.
func (m *Metrics) SDK() client.MetricsHandler { return sdktally.NewMetricsHandler(m.scope) }

// Close reports what is left.
func (m *Metrics) Close() { _ = m.closer.Close() }
