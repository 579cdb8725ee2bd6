package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/transfer"
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
func serve(ctx context.Context, o options, h *health, metrics *wiring.Metrics, level zap.AtomicLevel) (stop func(), address string, err error) {
	if o.listen == "" {
		return func() {}, "", nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return nil, "", fmt.Errorf("--listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := h.check(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintln(w, "ready")
	})
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("/loglevel", func(w http.ResponseWriter, r *http.Request) { serveLevel(w, r, level) })
	mux.HandleFunc("GET /bwlimit", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(w, o.bandwidth.Table()) //nolint:gosec // times and rates that were read, not the text that was given
	})
	mux.HandleFunc("PUT /bwlimit", func(w http.ResponseWriter, r *http.Request) { setBandwidth(w, r, o.bandwidth) })
	if o.pprof {
		profiles(mux)
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // it ends with stop
	return func() { _ = server.Close() }, listener.Addr().String(), nil
}

// profiles serves what the run time knows of the process. It costs while it is
// asked for, and tells of code, not of uploads; so it is there on request only.
func profiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}

// serveLevel tells the log's level, or changes it. What it is sent is taken for what
// it is: curl calls everything a form.
func serveLevel(w http.ResponseWriter, r *http.Request, level zap.AtomicLevel) {
	text, err := io.ReadAll(io.LimitReader(r.Body, 4<<10))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(text))
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		r.Header.Set("Content-Type", "application/json")
	}
	level.ServeHTTP(w, r)
}

// setBandwidth changes the bandwidth to what the request's body says.
func setBandwidth(w http.ResponseWriter, r *http.Request, bandwidth *transfer.Bandwidth) {
	text, err := io.ReadAll(io.LimitReader(r.Body, 4<<10))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	table, err := transfer.ParseTimetable(strings.TrimSpace(string(text)))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	bandwidth.Set(table)
	_, _ = fmt.Fprintln(w, table)
}
