// Package enginehost finds, starts, shares and takes over the engine of a data
// folder: the program mediaferry-engine, which is used where no other Temporal
// service is configured.
//
// It owns who of several processes on one data folder hosts the engine, the life
// of the engine's process, its log, and the files host.lock, engine.json and
// engine.log of the folder. It knows nothing of workflows and links nothing of
// the server, which is a program of its own; and it stops no engine that another
// process hosts.
//
// One process, the host, holds a lock on the folder and has the engine as a
// child. The others are guests: they use the engine and wait for the lock. The
// kernel frees the lock however the host ends, the engine ends with the host, and
// the guest that gets the lock starts the next engine on the same files and,
// where it can, on the same ports. Connections made with Member.Dial find it
// wherever it is.
//
// It needs a Unix: it relies on file locks and inherited descriptors.
package enginehost

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/guard"
	"github.com/mediaferry/mediaferry/internal/trust"
)

// Options say which engine is wanted, and how to host it where nobody does.
type Options struct {
	// Data is the data folder. It is made, for its owner alone, where it is
	// missing.
	Data string
	// Binary is the path of mediaferry-engine; empty: beside the running
	// program.
	Binary string
	// Port and UIPort are where Temporal and the front listen if this process
	// is the first to host the engine; a port that is taken is then an error. 0
	// means the ports of the last time where they are free, and free ones
	// otherwise. A takeover keeps the ports that the guests know.
	Port, UIPort int
	// Retention is how long Temporal keeps what has ended, at least 24 hours. 0
	// means what is set already, and 30 days in a new folder.
	Retention time.Duration
	// Attributes are the search attributes that the namespace is to have, each as NAME=TYPE.
	Attributes []string
	// Front serves people and their browsers. Without it there is no web UI.
	Front *Front
	// Log is told what happens to the engine. It may be nil.
	Log *zap.Logger

	tempo tempo
}

// Front is what the host serves on loopback in front of the engine's web UI, which
// knows no passwords.
type Front struct {
	// Handler answers all requests. It is made for each engine, with the URL under
	// which the front is reached.
	Handler func(url string, ui Backend) (http.Handler, error)
	// UIPath is the path under which the handler serves the web UI, such as
	// "/temporal", and Codec is where the web UI has payloads decoded.
	UIPath, Codec string
}

// Backend is the engine's own web UI, which forwards to Temporal whatever
// Authorization header it is sent.
type Backend struct {
	URL   string // on loopback
	Token string // the data folder's
	// Dial connects to the web UI, and to nothing else that listens at its address.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// tempo is how long things are waited for. Its zero value stands for the defaults.
type tempo struct {
	poll     time.Duration // between two looks at the lock and at the address
	join     time.Duration // for a host's engine to answer
	lock     time.Duration // for the engine before this one to be gone
	start    time.Duration // for an engine to be ready
	stop     time.Duration // for an engine to end before it is killed
	port     time.Duration // for a remembered port to become free
	steady   time.Duration // after which an engine's end counts as the first again
	restarts []time.Duration
	answers  func(context.Context, Address) error
}

func (t tempo) orDefault() tempo {
	if t.poll != 0 {
		return t
	}
	return tempo{
		poll:    100 * time.Millisecond,
		join:    2 * time.Minute,
		lock:    15 * time.Second,
		start:   2 * time.Minute,
		stop:    3 * time.Second,
		port:    2 * time.Second,
		steady:  time.Minute,
		answers: answers,
		// Half a minute in all: long enough for a disk that somebody is just
		// clearing, short enough for a command that somebody watches.
		restarts: []time.Duration{0, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second},
	}
}

// Member is this process's part in the engine of a data folder. Its methods may
// be called from several goroutines.
type Member struct {
	folder folder
	opts   Options
	log    *zap.Logger
	token  string
	lock   *flock.Flock // held exactly while this process is the host
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	address Address
	changed chan struct{} // closed when address changes
	hosting bool
	err     error
}

// Join returns when an engine answers on the data folder: one that runs already,
// or one that this process starts and from then on hosts. ctx bounds the joining
// alone; the membership lasts until Close, or until Done says that the engine is
// lost. An engine that cannot be started is one error, which says why in the
// engine's own words.
func Join(ctx context.Context, opts Options) (*Member, error) {
	m, err := newMember(opts)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, m.opts.tempo.join, m.tooLate())
	defer cancel()
	first, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	life, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	go m.live(life, first)
	return m, nil
}

func newMember(opts Options) (*Member, error) {
	if opts.Data == "" {
		return nil, errors.New("the data folder is missing")
	}
	data, err := filepath.Abs(opts.Data)
	if err != nil {
		return nil, fmt.Errorf("data folder %q: %w", opts.Data, err)
	}
	if _, err := trust.Folder(data); err != nil {
		return nil, cannotUse(data, err, os.Geteuid())
	}
	token, err := guard.MakeToken(data)
	if err != nil {
		return nil, cannotUse(data, err, os.Geteuid())
	}
	egress.Hide(token)
	if opts.Log == nil {
		opts.Log = zap.NewNop()
	}
	opts.tempo = opts.tempo.orDefault()
	f := folder(data)
	return &Member{
		folder:  f,
		token:   token,
		opts:    opts,
		log:     opts.Log.With(zap.String("data", data)),
		lock:    flock.New(f.hostLock()),
		done:    make(chan struct{}),
		changed: make(chan struct{}),
	}, nil
}

// Address is where the engine is now. It changes when another process takes over
// and cannot have the same ports.
func (m *Member) Address() Address {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.address
}

// Hosting reports whether the engine is a child of this process.
func (m *Member) Hosting() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.hosting
}

// Done is closed when the membership is over: after Close, or when the engine has
// ended by itself and could not be brought back. Err tells the two apart.
func (m *Member) Done() <-chan struct{} { return m.done }

// Err is why the engine is lost. It is nil as long as Done is open, and after a
// Close.
func (m *Member) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.err
}

// Close ends the membership, and with it the engine where this process hosts it:
// when Close returns, that engine is gone and the next host may start. The work in
// it goes on with the next engine on the folder. Close may be called again.
func (m *Member) Close() error {
	m.cancel()
	<-m.done
	return nil
}

// Token is the data folder's, which the engine asks for. It is sent over connections
// made with Dial alone.
func (m *Member) Token() string { return m.token }

// Dial connects to the engine where it is now, and waits for it while there is
// none, until ctx ends or the engine is lost. It is a dialer for gRPC; the
// address that gRPC gives is not looked at, so that a client outlives takeovers. A
// program that has taken the port of an engine that is gone is not connected to: it
// would be sent the token.
func (m *Member) Dial(ctx context.Context, _ string) (net.Conn, error) {
	for {
		address, changed := m.current()
		conn, err := dialProcess(ctx, address.Temporal, address.PID)
		if err == nil {
			return conn, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-m.done:
			return nil, errors.Join(m.Err(), net.ErrClosed)
		case <-changed:
		case <-time.After(m.opts.tempo.poll):
		}
	}
}

func (m *Member) current() (Address, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.address, m.changed
}

// publish makes address the current one, and wakes those who wait for a change.
func (m *Member) publish(address Address, hosting bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hosting = hosting
	if address != m.address {
		m.address = address
		close(m.changed)
		m.changed = make(chan struct{})
	}
}

func (m *Member) setErr(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hosting = false
	m.err = err
}
