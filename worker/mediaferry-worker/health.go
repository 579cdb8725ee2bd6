package main

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/wiring"
)

// checkTime bounds a look at what the worker depends on.
const checkTime = 3 * time.Second

// health answers whether the process lives, and whether it can work.
type health struct {
	temporal client.Client
	ledger   *ledger.Ledger
	ready    atomic.Bool
}

// check says what is in the way of working; nil for nothing.
func (h *health) check(ctx context.Context) error {
	if !h.ready.Load() {
		return fmt.Errorf("worker starts or stops")
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	if _, err := h.temporal.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return fmt.Errorf("temporal: %w", err)
	}
	return h.ledger.Health(ctx)
}

// serve serves health, metrics, the log level and the bandwidth; with an empty address nothing.
func serve(ctx context.Context, o options, h *health, metrics *wiring.Metrics, c control) (stop func(), address string, err error) {
	if o.listen == "" {
		return func() {}, "", nil
	}
	listening, err := c.listening(o)
	if err != nil {
		return nil, "", err
	}
	listener, err := listening.Listen(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("--listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := h.check(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintln(w, "ready")
	})
	mux.Handle("/", c.handler(o))
	server := wiring.HTTPServer(wiring.MetricsHandler(o.listen, mux, metrics))
	server.ReadTimeout = 0                     // a profile takes as long as it is asked for
	go func() { _ = server.Serve(listener) }() // it ends with stop
	return func() { _ = server.Close() }, listener.Addr().String(), nil
}
