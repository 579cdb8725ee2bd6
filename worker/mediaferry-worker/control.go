package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/pprof"
	"strings"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/guard"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/wiring"
)

// control is what changes the worker at run time: for whoever presents the token, on
// loopback or over TLS.
type control struct {
	level     zap.AtomicLevel
	dashboard func() (config.Dashboard, error) // as the configuration is now
}

// listening decides how the worker is served. Health and metrics tell no secret, so
// they may be served in plain on any address; then there is no control.
func (c control) listening(o options) (wiring.Listening, error) {
	d, err := c.dashboard()
	if err != nil {
		return wiring.Listening{}, err
	}
	return wiring.Serving(o.listen, d, o.behindProxy || d.Cert == "")
}

// plain reports whether what is served can be read on its way.
func plain(o options, d config.Dashboard) bool {
	return !guard.ListensOnLoopback(o.listen) && d.Cert == "" && !o.behindProxy
}

func (c control) handler(o options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/loglevel", func(w http.ResponseWriter, r *http.Request) { serveLevel(w, r, c.level) })
	mux.HandleFunc("GET /bwlimit", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(w, o.bandwidth.Table()) //nolint:gosec // times and rates that were read, not the text that was given
	})
	mux.HandleFunc("PUT /bwlimit", func(w http.ResponseWriter, r *http.Request) { setBandwidth(w, r, o.bandwidth) })
	if o.pprof {
		profiles(mux)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern == "" {
			mux.ServeHTTP(w, r) // it is not there, or takes another method
			return
		}
		if refusal := c.check(r, o); refusal != nil {
			refusal.Write(w)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// check refuses who may not change the worker.
func (c control) check(r *http.Request, o options) *guard.Refusal {
	d, err := c.dashboard()
	switch {
	case err != nil:
		return &guard.Refusal{Status: http.StatusServiceUnavailable, Text: err.Error()}
	case d.Token == "":
		return &guard.Refusal{Status: http.StatusForbidden, Text: "a worker is changed only with a token; set dashboard.token in its configuration"}
	case plain(o, d):
		return &guard.Refusal{Status: http.StatusForbidden, Text: "--listen " + o.listen + " is reached by other hosts, so the worker is changed only over TLS; set dashboard.tls in its configuration, or use --behind-proxy"}
	}
	return guard.Tokens{d.Token}.Check(r, "dashboard.token of the worker's configuration")
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
