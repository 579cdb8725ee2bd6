// Package sandbox simulates the vendors and the storage behind them on one loopback
// port: an S3 gateway that checks signatures, an Alibaba OSS, rate limits,
// processing, and faults by rule. Each vendor is a folder of its own and a line in
// the registry.
//
// It is built from the vendors' contracts alone and shares no code, type or
// constant with the rest of the program, so that a client that has a field name
// wrong fails against it. Where a contract is silent it follows the numbered
// assumptions; each vendor's folder has them in one block.
//
// It refuses to be kind: what a right client would not send is refused where the
// vendor would refuse it, and is listed among the violations in any case. It
// holds no real credentials and is made for the loopback, or for a network of
// containers that nobody else reaches.
package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/sandbox/oss"
	"github.com/mediaferry/mediaferry/internal/sandbox/s3"
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
)

// ErrInUse is that another process has the folder.
var ErrInUse = errors.New("in use by another sandbox")

// Sandbox is the running simulation. All its methods may be called at any time
// from any goroutine.
type Sandbox struct {
	opts     Options
	w        *simulate.World
	lock     *flock.Flock
	addr     string // where it listens
	settings atomic.Pointer[Settings]
	settle   sync.Mutex // serialises changes of the settings

	vendors []simulate.Vendor
	storage *s3.Storage
	s3      *s3.Sources
	oss     *oss.Sources
	hosts   []simulate.Host // the vendors and the stores of sources
	headers []string        // that carry credentials
	router  *simulate.Router

	server  *http.Server
	gate    *gate // requests under way
	kill    context.CancelFunc
	served  chan struct{}
	closing sync.Once
	closed  error
}

// Start opens the folder, binds the address and serves until ctx ends or Close is
// called. The answers of all vendors are ready when it returns.
//
// It prints nothing and leaves the process's working folder alone. Two sandboxes
// cannot share a folder, but a process may run many of them.
func Start(ctx context.Context, opts Options) (*Sandbox, error) {
	s := &Sandbox{opts: opts, vendors: vendors(), gate: newGate(), served: make(chan struct{})}
	s.w = &simulate.World{
		Discard: opts.Discard, Direct: opts.DirectStorage, SkipSHA256: opts.SkipSHA256, Configured: s.inForce,
		Log: opts.Logger, Faults: &simulate.FaultSet{}, Jobs: simulate.NewJobs(),
	}
	if s.w.Log == nil {
		s.w.Log = zap.NewNop()
	}
	settings := DefaultSettings()
	if opts.Settings != nil {
		settings = opts.Settings.Copy()
	}
	s.settings.Store(&settings)
	s.w.Life, s.kill = context.WithCancel(context.WithoutCancel(ctx))
	if err := s.open(ctx); err != nil {
		s.kill()
		s.tidy()
		return nil, fmt.Errorf("start the sandbox: %w", err)
	}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	return s, nil
}

// open does what can fail, in the order in which it has to be undone.
func (s *Sandbox) open(ctx context.Context) error {
	if err := s.openDir(); err != nil {
		return err
	}
	for _, text := range s.opts.Faults {
		if err := s.AddFaultText(text); err != nil {
			return err
		}
	}
	if err := s.w.Remember(s.opts.LogLimit, firstCredentials(s.vendors)); err != nil {
		return err
	}
	listener, err := s.listen(ctx)
	if err != nil {
		return err
	}
	if err := s.build(ctx); err != nil {
		_ = listener.Close()
		return err
	}
	s.serve(listener)
	return nil
}

func (s *Sandbox) openDir() error {
	dir := s.opts.Dir
	if dir == "" {
		made, err := os.MkdirTemp("", "mediaferry-sandbox-")
		if err != nil {
			return err
		}
		dir = made
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	s.w.Dir = dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	s.lock = flock.New(filepath.Join(dir, "lock"))
	ok, err := s.lock.TryLock()
	if err != nil {
		return fmt.Errorf("lock the folder %q: %w", dir, err)
	}
	if !ok {
		s.lock = nil
		return fmt.Errorf("the folder %q is %w; stop that sandbox or choose another folder", dir, ErrInUse)
	}
	if err := os.RemoveAll(filepath.Join(dir, "tmp")); err != nil { // bodies that a kill cut off
		return err
	}
	for _, sub := range []string{"s3", "files", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sandbox) listen(ctx context.Context) (net.Listener, error) {
	address := s.opts.Listen
	if address == "" {
		address = "127.0.0.1:0"
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen at %q: %w", address, err)
	}
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if ip := net.ParseIP(host); ip.IsUnspecified() {
		host = "127.0.0.1" // everywhere is no place to send somebody to
	}
	host = cmp.Or(s.opts.Host, host)
	s.w.Base = "http://" + net.JoinHostPort(host, port)
	s.w.StorageURL = "http://" + net.JoinHostPort(cmp.Or(s.opts.StorageHost, host), port)
	s.addr = l.Addr().String()
	return l, nil
}

// build makes the stores, opens the vendors, and lets them pick up what was in
// progress when the last process ended.
func (s *Sandbox) build(ctx context.Context) error {
	s.w.OpenFiles()
	var err error
	if s.storage, err = s3.NewStorage(ctx, s.w, s.vendors); err != nil {
		return err
	}
	s.s3, s.oss = &s3.Sources{Storage: s.storage}, &oss.Sources{}
	s.hosts = hostsOf(s.vendors, s.s3, s.oss)
	s.headers = credentialHeaders(s.vendors)
	if err := s.oss.Open(s.w); err != nil {
		return err
	}
	for _, v := range s.vendors {
		if err := v.Open(s.w); err != nil {
			return err
		}
	}
	s.w.Opened()
	for _, v := range s.vendors {
		v.Resume()
	}
	s.router = simulate.NewRouter(s.storage.Route)
	for _, h := range s.hosts {
		s.router.Add(h)
	}
	return s.w.Journal.Err()
}

func (s *Sandbox) serve(l net.Listener) {
	control := s.control()
	s.server = &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !s.gate.enter() {
				return
			}
			defer s.gate.leave()
			if strings.HasPrefix(r.URL.Path, controlPrefix) {
				control.ServeHTTP(w, r)
				return
			}
			s.answer(w, r)
		}),
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          zap.NewStdLog(s.w.Log),
		BaseContext:       func(net.Listener) context.Context { return s.w.Life },
	}
	go func() {
		defer close(s.served)
		if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.w.Log.Error("sandbox stopped serving", zap.Error(err))
		}
	}()
}

// answer takes one request through routing, faults and its handler. The log has
// it before the client has its answer, so that a test finds it there.
func (s *Sandbox) answer(w http.ResponseWriter, r *http.Request) {
	c := simulate.NewCall(s.w, w, r)
	c.Route, c.Path = s.router.Find(r)
	c.Log.Vendor, c.Log.Call = c.Route.Vendor, c.Route.Call
	c.Guard(s.headers)
	c.Choose()
	a := c.Perform()
	if a.Cut == simulate.CutNot && a.Status >= 300 {
		c.Drain()
	}
	if err := s.w.Journal.Err(); err != nil {
		s.w.Log.Error("the sandbox cannot save its state", zap.Error(err))
		a = simulate.NewAnswer(http.StatusInternalServerError)
		a.Body = []byte("the sandbox cannot save its state: " + err.Error())
	}
	c.Log.Status, c.Log.BytesIn, c.Log.Answered = a.Status, c.Body.Count, time.Now().UTC()
	s.w.Book.Add(c.Log)
	c.Send(a)
}

// URL is the address of the sandbox, without a slash at the end.
func (s *Sandbox) URL() string { return s.w.Base }

// Addr is the address that the sandbox is bound to, to be given as Listen to the
// next start on the same folder.
func (s *Sandbox) Addr() string { return s.addr }

// Dir is the folder of the sandbox, to be given to the next start that is to go on
// where this one stops.
func (s *Sandbox) Dir() string { return s.w.Dir }

// Settings returns a copy of the settings in force.
func (s *Sandbox) Settings() Settings { return s.inForce().Copy() }

// inForce are the settings that the vendors read; nobody changes them.
func (s *Sandbox) inForce() Settings { return *s.settings.Load() }

// Configure changes settings; what change leaves alone stays.
func (s *Sandbox) Configure(change func(*Settings)) {
	s.settle.Lock()
	defer s.settle.Unlock()
	now := s.Settings()
	change(&now)
	s.settings.Store(&now)
}

// Advance lets time go by for all that the vendors have handed out or begun:
// grants, tokens, sessions, limits, processing. The clocks that vendors show, and
// by which they judge time stamps in requests, stay right.
func (s *Sandbox) Advance(d time.Duration) { s.w.Clock.Add(d) }

// Skew puts the vendors' clocks off by d, as seen in the Date header, in times
// within answers, and when time stamps in requests are judged.
func (s *Sandbox) Skew(d time.Duration) { s.w.Clock.SetSkew(d) }

// Reset forgets all media, sessions, requests, violations and faults, and sets the
// clock right. Credentials, signing keys, settings and source objects stay.
func (s *Sandbox) Reset() {
	s.w.Faults.Clear()
	s.w.Jobs.Wait()
	for _, v := range s.vendors {
		v.Reset()
	}
	s.storage.Reset()
	s.w.Book.Reset()
	s.w.Clock.Reset()
}

// Close ends the sandbox and cuts requests that are under way. The folder stays,
// unless it was a temporary one. It may be called more than once.
func (s *Sandbox) Close() error {
	s.closing.Do(func() {
		s.kill()
		s.closed = s.server.Close()
		<-s.served
		s.gate.close()
		s.tidy()
	})
	return s.closed
}

// tidy releases what open acquired, as far as it came.
func (s *Sandbox) tidy() {
	s.w.Jobs.Wait()
	if s.storage != nil {
		s.storage.Close()
	}
	if s.w.Journal != nil {
		s.closed = errors.Join(s.closed, s.w.Journal.Close())
	}
	if s.lock != nil {
		s.closed = errors.Join(s.closed, s.lock.Unlock())
	}
	if s.opts.Dir == "" && s.w.Dir != "" {
		s.closed = errors.Join(s.closed, os.RemoveAll(s.w.Dir))
	}
}
