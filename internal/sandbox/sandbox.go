// Package sandbox simulates the five vendors (Trustana, Trustoo, Sitoo, Closient,
// TruVideo) and the storage behind them on one loopback port: an S3 gateway that
// checks signatures, an Alibaba OSS, rate limits, processing, and faults by rule.
//
// It is built from the vendors' contracts alone and shares no code, type or
// constant with the rest of the program, so that a client that has a field name
// wrong fails against it. Where a contract is silent it follows the numbered
// assumptions; each vendor's file has them in one block.
//
// It refuses to be kind: what a right client would not send is refused where the
// vendor would refuse it, and is listed among the violations in any case. It
// holds no real credentials and is not made for any network but the loopback.
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
)

// ErrInUse is that another process has the folder.
var ErrInUse = errors.New("in use by another sandbox")

// Sandbox is the running simulation. All its methods may be called at any time
// from any goroutine.
type Sandbox struct {
	opts     Options
	log      *zap.Logger
	dir      string
	lock     *flock.Flock
	addr     string // where it listens
	base     string // http://host:port of the vendors
	storage  string // http://host:port of their storage
	settings atomic.Pointer[Settings]
	settle   sync.Mutex // serialises changes of the settings

	journal  *journal
	clock    *clock
	book     *book
	faults   *faultSet
	creds    *credentialBook
	identity identity
	jobs     *jobs
	store    store
	landed   sync.Map // landing to checksum, until the request's log entry has it
	files    *fileStore
	router   *router
	vendors  []vendor

	trustana *trustana
	trustoo  *trustoo
	sitoo    *sitoo
	closient *closient
	truvideo *truvideo
	oss      *oss
	s3       *s3Source

	server  *http.Server
	gate    *gate // requests under way
	life    context.Context
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
	s := &Sandbox{opts: opts, log: opts.Logger, faults: &faultSet{}, gate: newGate(), served: make(chan struct{})}
	if s.log == nil {
		s.log = zap.NewNop()
	}
	settings := DefaultSettings()
	if opts.Settings != nil {
		settings = *opts.Settings
	}
	s.settings.Store(&settings)
	s.life, s.kill = context.WithCancel(context.WithoutCancel(ctx))
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
	mem, err := s.remember()
	if err != nil {
		return err
	}
	listener, err := s.listen(ctx)
	if err != nil {
		return err
	}
	if err := s.build(ctx, mem); err != nil {
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
	s.dir = dir
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
		return fmt.Errorf("the folder %q is %w; end that one, or choose another folder", dir, ErrInUse)
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

// remember opens the journal and restores what stands above the vendors.
func (s *Sandbox) remember() (*memory, error) {
	j, mem, err := openJournal(filepath.Join(s.dir, "journal.jsonl"))
	if err != nil {
		return nil, err
	}
	s.journal = j
	s.clock = &clock{journal: j}
	if err := s.clock.restore(mem.values[kindClock]); err != nil {
		return nil, err
	}
	if s.identity, err = loadIdentity(j, mem); err != nil {
		return nil, err
	}
	if s.creds, err = loadCredentials(j, mem); err != nil {
		return nil, err
	}
	s.book, err = newBook(s.opts.LogLimit, j, mem)
	return mem, err
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
	s.base = "http://" + net.JoinHostPort(host, port)
	s.storage = "http://" + net.JoinHostPort(cmp.Or(s.opts.StorageHost, host), port)
	s.addr = l.Addr().String()
	return l, nil
}

// build makes the stores and the vendors, and lets them pick up what was in
// progress when the last process ended.
func (s *Sandbox) build(ctx context.Context, mem *memory) error {
	s.jobs = newJobs()
	s.files = &fileStore{dir: filepath.Join(s.dir, "files"), tmp: filepath.Join(s.dir, "tmp"), discard: s.opts.Discard, sha256: !s.opts.SkipSHA256}
	var err error
	if s.opts.Discard {
		s.store, err = newDiscardStore(s, mem)
	} else {
		s.store, err = newS3Store(ctx, s)
	}
	if err != nil {
		return err
	}
	if err := s.buildVendors(mem); err != nil {
		return err
	}
	s.router = &router{byHead: map[string][]route{}, bucket: s.bucketRoute}
	for _, v := range s.vendors {
		s.router.add(v)
	}
	return s.journal.err()
}

func (s *Sandbox) buildVendors(mem *memory) error {
	var errs [6]error
	s.trustana, errs[0] = newTrustana(s, mem)
	s.oss, errs[1] = newOSS(s, mem)
	s.trustoo, errs[2] = newTrustoo(s, mem)
	s.sitoo, errs[3] = newSitoo(s, mem)
	s.closient, errs[4] = newClosient(s, mem)
	s.truvideo, errs[5] = newTruVideo(s, mem)
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	s.s3 = &s3Source{s: s}
	s.vendors = []vendor{s.trustana, s.trustoo, s.sitoo, s.closient, s.truvideo, s.s3, s.oss}
	s.trustana.resume()
	s.sitoo.resume()
	s.truvideo.resume()
	return nil
}

func (s *Sandbox) serve(l net.Listener) {
	control := s.controlMux()
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
		ErrorLog:          zap.NewStdLog(s.log),
		BaseContext:       func(net.Listener) context.Context { return s.life },
	}
	go func() {
		defer close(s.served)
		if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("sandbox stopped serving", zap.Error(err))
		}
	}()
}

// answer takes one request through routing, faults and its handler. The log has
// it before the client has its answer, so that a test finds it there.
func (s *Sandbox) answer(w http.ResponseWriter, r *http.Request) {
	c := s.newCall(w, r)
	c.route, c.path = s.router.find(r)
	c.log.Vendor, c.log.Call = c.route.vendor, c.route.call
	c.guard()
	c.choose()
	a := c.perform()
	if a.cut == cutNot && a.status >= 300 {
		c.drain()
	}
	if err := s.journal.err(); err != nil {
		s.log.Error("sandbox cannot remember", zap.Error(err))
		a = newAnswer(http.StatusInternalServerError)
		a.body = []byte("the sandbox cannot remember what it says: " + err.Error())
	}
	c.log.Status, c.log.BytesIn, c.log.Answered = a.status, c.body.n, time.Now().UTC()
	s.book.add(c.log)
	c.send(a)
}

// guard looks for what no storage host may ever see.
func (c *call) guard() {
	z := c.route.zone
	c.log.Storage = z == zoneStore || z == zonePublic
	c.log.Credentials = credentialsIn(c.r.Header)
	if !c.log.Storage {
		return
	}
	for _, name := range c.log.Credentials {
		c.violation("credentials-at-storage", "header %s came to a storage host", name)
	}
}

// URL is the address of the sandbox, without a slash at the end.
func (s *Sandbox) URL() string { return s.base }

// Addr is the address that the sandbox is bound to, to be given as Listen to the
// next start on the same folder.
func (s *Sandbox) Addr() string { return s.addr }

// Settings returns the settings in force.
func (s *Sandbox) Settings() Settings { return *s.settings.Load() }

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
func (s *Sandbox) Advance(d time.Duration) { s.clock.add(d) }

// Skew puts the vendors' clocks off by d, as seen in the Date header, in times
// within answers, and when time stamps in requests are judged.
func (s *Sandbox) Skew(d time.Duration) { s.clock.setSkew(d) }

// Reset forgets all media, sessions, requests, violations and faults, and sets the
// clock right. Credentials, signing keys, settings and source objects stay.
func (s *Sandbox) Reset() {
	s.faults.clear()
	s.jobs.wait()
	for _, v := range s.vendors {
		v.reset()
	}
	s.store.reset()
	s.book.reset()
	s.clock.reset()
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
	if s.jobs != nil {
		s.jobs.wait()
	}
	if s.store != nil {
		s.store.close()
	}
	if s.journal != nil {
		s.closed = errors.Join(s.closed, s.journal.close())
	}
	if s.lock != nil {
		s.closed = errors.Join(s.closed, s.lock.Unlock())
	}
	if s.opts.Dir == "" && s.dir != "" {
		s.closed = errors.Join(s.closed, os.RemoveAll(s.dir))
	}
}
