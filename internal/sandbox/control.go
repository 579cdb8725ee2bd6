package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/guard"
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// controlPrefix begins the paths that belong to no vendor.
const controlPrefix = "/_sandbox/"

// controlLimit bounds the body of a request to the control API.
const controlLimit = 64 << 20

// control is the control API for those who may use it: with the token of the options,
// where there is one, and never a page of another site. Where other hosts reach the
// sandbox, they reach no control: they would send the token in plain. Whether the sandbox
// lives is told to everybody.
func (s *Sandbox) control() http.Handler {
	return guard.Handler(s.controlMux(), guard.Names{Hosts: []string{s.opts.Host}}, func(r *http.Request) *guard.Refusal {
		if r.URL.Path == controlPrefix+"health" {
			return nil
		}
		if s.opts.Host != "" && !guard.IsLoopback(guard.HostName(r.RemoteAddr)) {
			return &guard.Refusal{Status: http.StatusForbidden, Text: "the control API answers on the sandbox's own host alone; send the request there, to 127.0.0.1"}
		}
		if s.opts.Token == "" {
			return nil
		}
		return guard.Tokens{s.opts.Token}.Check(r, "in the file token of the data folder")
	})
}

// controlMux is the control API: what the methods of Sandbox do, over HTTP.
func (s *Sandbox) controlMux() *http.ServeMux {
	m := http.NewServeMux()
	handle := func(pattern string, f func(*http.Request) (any, error)) {
		m.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { reply(w, r, f) })
	}
	handle("GET "+controlPrefix+"{$}", func(*http.Request) (any, error) { return s.index(), nil })
	handle("GET "+controlPrefix+"health", func(*http.Request) (any, error) {
		return map[string]string{"status": "ok"}, s.w.Journal.Err()
	})
	handle("GET "+controlPrefix+"ledger", func(*http.Request) (any, error) { return s.Ledger(), nil })
	handle("GET "+controlPrefix+"requests", func(r *http.Request) (any, error) {
		return s.Requests(r.URL.Query().Get("vendor")), nil
	})
	handle("GET "+controlPrefix+"faults", func(*http.Request) (any, error) { return s.w.Faults.List(), nil })
	handle("POST "+controlPrefix+"faults", s.controlFaults)
	handle("DELETE "+controlPrefix+"faults", func(*http.Request) (any, error) {
		s.ClearFaults()
		return simulate.Done(), nil
	})
	handle("GET "+controlPrefix+"clock", func(*http.Request) (any, error) { return s.clockState(), nil })
	handle("POST "+controlPrefix+"clock", s.controlClock)
	handle("GET "+controlPrefix+"options", func(*http.Request) (any, error) { return s.Settings(), nil })
	handle("POST "+controlPrefix+"options", s.controlOptions)
	handle("GET "+controlPrefix+"credentials", func(*http.Request) (any, error) { return s.Credentials(), nil })
	handle("POST "+controlPrefix+"credentials", s.controlCredentials)
	handle("POST "+controlPrefix+"put", s.controlPut)
	handle("GET "+controlPrefix+"sources", func(*http.Request) (any, error) {
		return map[string]Source{"s3": s.S3(), "oss": s.OSS()}, nil
	})
	handle("POST "+controlPrefix+"reset", func(*http.Request) (any, error) {
		s.Reset()
		return simulate.Done(), nil
	})
	m.HandleFunc("GET "+controlPrefix+"config", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(s.Config())
	})
	return m
}

// index says what there is.
func (s *Sandbox) index() map[string]any {
	var puts []string
	calls := map[string][]string{}
	for _, h := range s.hosts {
		puts = append(puts, h.Puts()...)
		for _, t := range h.Targets() {
			calls[h.Name()] = append(calls[h.Name()], t.Call)
		}
	}
	return map[string]any{
		"GET": []string{"health", "config", "ledger", "requests?vendor=", "faults", "clock", "options", "credentials", "sources"},
		"POST": []string{
			`faults: "rule", a list of them, or {"vendor":…,"call":…,"what":…}`, `clock: {"advance":"15m","skew":"20m"}`,
			`options: any part of what GET returns`, `credentials: {"vendor":…,"name":…,"state":…}, {…,"values":{…}} or {"vendor":…,"rotate":true}`,
			"put: " + strings.Join(puts, ", "),
			"reset",
		},
		"DELETE": []string{"faults"}, "calls": calls,
	}
}

// reply writes what f gives, or says what was wrong with the request.
func reply(w http.ResponseWriter, r *http.Request, f func(*http.Request) (any, error)) {
	v, err := f(r)
	status := http.StatusOK
	if err != nil {
		status, v = http.StatusBadRequest, map[string]string{"error": err.Error()}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // who asked is gone if this fails
}

// decode reads a JSON body and takes no field that v lacks.
func decode(r *http.Request, v any) error {
	dec := json.NewDecoder(io.LimitReader(r.Body, controlLimit))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("read the JSON body: %w", err)
	}
	return nil
}

// controlFaults takes a rule as text or as an object, or a list of either; all of
// a list or none.
func (s *Sandbox) controlFaults(r *http.Request) (any, error) {
	var raw json.RawMessage
	if err := decode(r, &raw); err != nil {
		return nil, err
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	rules := make([]Rule, 0, len(list))
	for _, item := range list {
		rule, err := readRule(item)
		if err != nil {
			return nil, err
		}
		if err := s.acceptable(rule); err != nil {
			return nil, err
		}
		rules = append(rules, rule)
	}
	for _, rule := range rules {
		s.w.Faults.Add(rule)
	}
	return s.w.Faults.List(), nil
}

func readRule(raw json.RawMessage) (Rule, error) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return ParseRule(text)
	}
	var rule Rule
	if err := json.Unmarshal(raw, &rule); err != nil {
		return rule, fmt.Errorf("read a fault: a rule must be text or an object: %w", err)
	}
	return rule, nil
}

func (s *Sandbox) clockState() map[string]any {
	advance, skew := s.w.Clock.Offsets()
	return map[string]any{"advance": advance.String(), "skew": skew.String(), "wall": s.w.Clock.Wall().Format(time.RFC3339Nano)}
}

// controlClock adds to the advance and sets the skew.
func (s *Sandbox) controlClock(r *http.Request) (any, error) {
	var in struct {
		Advance *Duration `json:"advance"`
		Skew    *Duration `json:"skew"`
	}
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if in.Advance == nil && in.Skew == nil {
		return nil, errors.New(`use "advance" or "skew", for example {"advance":"15m"}`)
	}
	if in.Advance != nil {
		s.Advance(time.Duration(*in.Advance))
	}
	if in.Skew != nil {
		s.Skew(time.Duration(*in.Skew))
	}
	return s.clockState(), nil
}

// controlOptions changes the settings that the body names.
func (s *Sandbox) controlOptions(r *http.Request) (any, error) {
	var err error
	s.Configure(func(now *Settings) {
		changed := *now
		if err = decode(r, &changed); err == nil {
			*now = changed
		}
	})
	return s.Settings(), err
}

func (s *Sandbox) controlCredentials(r *http.Request) (any, error) {
	var in struct {
		Credential
		Rotate bool `json:"rotate"`
	}
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	if in.Rotate {
		return s.RotateCredential(in.Vendor)
	}
	if len(in.Values) > 0 {
		return simulate.Done(), s.AddCredential(in.Credential)
	}
	if in.Name == "" {
		in.Name = "default"
	}
	return simulate.Done(), s.SetCredential(in.Vendor, in.Name, in.State)
}

// controlPut makes facts at a host that no client of ours has caused.
func (s *Sandbox) controlPut(r *http.Request) (any, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, controlLimit))
	if err != nil {
		return nil, fmt.Errorf("read the JSON body: %w", err)
	}
	var in struct {
		Vendor string `json:"vendor"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, fmt.Errorf("read the JSON body: %w", err)
	}
	for _, h := range s.hosts {
		if h.Name() != in.Vendor {
			continue
		}
		v, err := h.Put(r.Context(), body)
		if !errors.Is(err, simulate.ErrNotPut) {
			return v, err
		}
	}
	return nil, fmt.Errorf("PUT is not possible at %q; GET %s lists the possible paths", in.Vendor, controlPrefix)
}
