package enginehost

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/gofrs/flock"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/child"
)

// engine is one run of the engine's process together with what the host serves
// in front of it.
type engine struct {
	process  *child.Process
	front    *http.Server // nil where there is none
	address  Address
	patience time.Duration // for the process to end by itself
}

// stop ends the engine at once and surely. The front goes first, so that its port
// is free as soon as the engine's are.
func (e *engine) stop() {
	if e.front != nil {
		_ = e.front.Close()
	}
	e.process.End(e.patience)
}

// startEngine starts an engine on the folder, of which this process holds the
// lock, and announces it to the guests. named says that the ports of the options
// must be kept to.
func (m *Member) startEngine(ctx context.Context, named bool) (*engine, error) {
	binary, err := m.opts.binary()
	if err != nil {
		return nil, err
	}
	if err := m.awaitLastEngine(ctx); err != nil {
		return nil, err
	}
	m.unannounce(nil) // what a host that was killed has announced is out of date
	last, err := m.folder.read()
	if err != nil {
		last = record{}
	}
	before := time.Now()
	e, err := m.tryPorts(ctx, binary, last.Address, named)
	if err != nil {
		return nil, err
	}
	if err := m.folder.write(record{Address: e.address, Host: os.Getpid(), Ready: true}); err != nil {
		e.stop()
		return nil, err
	}
	m.log.Info("engine is ready", zap.String("temporal", e.address.Temporal), zap.String("front", e.address.Front),
		zap.Int("pid", e.address.PID), zap.Duration("took", time.Since(before)))
	return e, nil
}

// binary finds the program to run.
func (o Options) binary() (string, error) {
	path, err := o.Binary, error(nil)
	if path == "" {
		path, err = child.Beside("mediaferry-engine")
	} else {
		err = child.Check(path)
	}
	if err != nil {
		return "", fmt.Errorf("engine %w", err)
	}
	return path, nil
}

// awaitLastEngine waits until the engine before this one has let go of the
// folder. It ends by itself when it notices that its host is gone, and until then
// it has the ports that this one wants.
func (m *Member) awaitLastEngine(ctx context.Context) error {
	if _, err := os.Stat(m.folder.engineLock()); err != nil {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, m.opts.tempo.lock)
	defer cancel()
	lock := flock.New(m.folder.engineLock())
	_, err := lock.TryLockContext(limited, m.opts.tempo.poll/5)
	switch {
	case err == nil:
		return lock.Unlock()
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("an engine is running on %q, but the process that started it has ended; stop the engine", lock.Path())
	}
	return cannotUse(string(m.folder), err, os.Geteuid())
}

// tryPorts starts the engine on the best ports, and on others where somebody was
// faster to take one of those.
func (m *Member) tryPorts(ctx context.Context, binary string, last Address, named bool) (*engine, error) {
	wanted := wishes{temporal: portOf(last.Temporal), ui: portOf(last.Front)}
	if named {
		wanted.named(m.opts.Port, m.opts.UIPort)
	}
	const tries = 3
	for try := 1; ; try++ {
		e, err := m.tryEngine(ctx, binary, wanted)
		var told *child.StartError
		if !errors.As(err, &told) || told.Reason != reasonPort || try == tries {
			return e, err
		}
		wanted = wishes{ui: wanted.ui}
		if named {
			wanted.named(m.opts.Port, m.opts.UIPort)
		}
	}
}

func (m *Member) tryEngine(ctx context.Context, binary string, wanted wishes) (*engine, error) {
	port, err := wanted.port(ctx, m.opts.tempo)
	if err != nil {
		return nil, err
	}
	args := []string{"--data", string(m.folder), "--port", strconv.Itoa(port)}
	if m.opts.Retention != 0 {
		args = append(args, "--retention", m.opts.Retention.String())
	}
	for _, attribute := range m.opts.Attributes {
		args = append(args, "--search-attribute", attribute)
	}
	if m.opts.Front == nil {
		e := &engine{patience: m.opts.tempo.stop}
		e.process, e.address, err = m.spawn(ctx, binary, args)
		return e, err
	}
	return m.tryFronted(ctx, binary, args, wanted)
}

// tryFronted starts an engine with a web UI, and what is in front of it.
func (m *Member) tryFronted(ctx context.Context, binary string, args []string, wanted wishes) (*engine, error) {
	listener, err := wanted.listenUI(ctx, m.opts.tempo)
	if err != nil {
		return nil, err
	}
	uiPort, err := choose(ctx, 0, m.opts.tempo)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	args = append(args, "--ui-port", strconv.Itoa(uiPort), "--ui-path", m.opts.Front.UIPath, "--codec-endpoint", m.opts.Front.Codec)
	e := &engine{patience: m.opts.tempo.stop}
	if e.process, e.address, err = m.spawn(ctx, binary, args); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	if err := m.serveFront(e, listener, "http://"+onLoopback(uiPort)); err != nil {
		e.stop()
		return nil, errors.Join(err, listener.Close())
	}
	return e, nil
}

// reasonPort is the one reason of an engine on which a host can act.
const reasonPort = "port"

// spawn starts the engine and returns once it can serve.
func (m *Member) spawn(ctx context.Context, binary string, args []string) (*child.Process, Address, error) {
	var address Address
	p, err := child.Start(ctx, child.Command{
		Name: "engine", Binary: binary, Args: args, Env: m.folder.environment(),
		Log: m.folder.engineLog(), Patience: m.opts.tempo.start,
	}, &address)
	var log *child.LogError
	if errors.As(err, &log) {
		return nil, Address{}, cannotUse(string(m.folder), err, os.Geteuid())
	}
	return p, address, err
}

// serveFront serves the front before the web UI at ui.
func (m *Member) serveFront(e *engine, listener net.Listener, ui string) error {
	e.address.Front = "http://" + listener.Addr().String()
	pid := e.address.PID
	handler, err := m.opts.Front.Handler(e.address.Front, Backend{
		URL: ui, Token: m.token,
		Dial: func(ctx context.Context, _, address string) (net.Conn, error) { return dialProcess(ctx, address, pid) },
	})
	if err != nil {
		return fmt.Errorf("web UI: %w", err)
	}
	e.front = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	go func() {
		if err := e.front.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			m.log.Error("the web UI ended", zap.Error(err))
		}
	}()
	return nil
}
