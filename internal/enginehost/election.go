package enginehost

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/child"
)

// enter makes this process the host, or finds the engine of the one that is. It
// returns the engine that it started, or nil for a guest.
func (m *Member) enter(ctx context.Context) (*engine, error) {
	for {
		won, err := m.lock.TryLock()
		if err != nil {
			return nil, cannotUse(string(m.folder), err, os.Geteuid())
		}
		if won {
			return m.becomeHost(ctx)
		}
		if err := m.folder.checkOwner(os.Geteuid()); err != nil {
			return nil, err
		}
		if m.findHost(ctx) {
			return nil, nil
		}
		if err := m.pause(ctx, m.opts.tempo.poll); err != nil {
			return nil, m.notFound(err)
		}
	}
}

// becomeHost starts the first engine of this host. There is no second try: a
// person waits, and can act on the error.
func (m *Member) becomeHost(ctx context.Context) (*engine, error) {
	e, err := m.startEngine(ctx, true)
	if err != nil {
		_ = m.lock.Unlock() // closing the file cannot keep the lock
		return nil, err
	}
	m.publish(e.address, true)
	return e, nil
}

// findHost reports whether the engine of another host answers. What engine.json
// says is not believed without the answer.
func (m *Member) findHost(ctx context.Context) bool {
	found, err := m.folder.read()
	if err != nil || !found.Ready || m.opts.tempo.answers(ctx, found.Address) != nil {
		return false
	}
	if m.opts.Port != 0 && portOf(found.Temporal) != m.opts.Port || m.opts.UIPort != 0 && portOf(found.Front) != m.opts.UIPort {
		m.log.Warn("the engine is already running, on other ports than you asked for",
			zap.Int("host_pid", found.Host), zap.String("temporal", found.Temporal), zap.String("front", found.Front))
	}
	m.publish(found.Address, false)
	return true
}

func (m *Member) tooLate() error {
	return fmt.Errorf("no engine answered within %s: %w", m.opts.tempo.join, context.DeadlineExceeded)
}

// notFound says what is known of the host that has not come up with an engine.
func (m *Member) notFound(err error) error {
	found, readErr := m.folder.read()
	if readErr != nil || found.Host == 0 {
		return fmt.Errorf("waiting for the engine of %q: %w", m.folder, err)
	}
	if found.Error != "" {
		return fmt.Errorf("waiting for the engine of %q in process %d: %w (the process says: %s)", m.folder, found.Host, err, found.Error)
	}
	return fmt.Errorf("waiting for the engine of %q in process %d: %w", m.folder, found.Host, err)
}

// live is the membership after the joining: that of a guest until this process
// gets the lock, and then that of the host.
func (m *Member) live(ctx context.Context, e *engine) {
	defer close(m.done)
	if e == nil {
		if err := m.follow(ctx); err != nil {
			m.end(ctx, err)
			return
		}
	}
	m.end(ctx, m.host(ctx, e))
}

// end frees the lock for the next host, as the last thing that this one does. The
// error is the caller's to act on, by Done and Err.
func (m *Member) end(ctx context.Context, err error) {
	if ctx.Err() != nil {
		err = nil // closed, and whatever went wrong then is of no interest
	}
	m.setErr(err)
	_ = m.lock.Unlock()
}

// follow keeps a guest's address up to date, and returns without an error when
// the guest has become the host.
func (m *Member) follow(ctx context.Context) error {
	for {
		won, err := m.lock.TryLock()
		if err != nil {
			return cannotUse(string(m.folder), err, os.Geteuid())
		}
		if won {
			m.log.Info("the process that hosted the engine has ended; taking over")
			return nil
		}
		if found, err := m.folder.read(); err == nil && found.Ready {
			m.publish(found.Address, false)
		}
		if err := m.pause(ctx, m.opts.tempo.poll); err != nil {
			return err
		}
	}
}

// host keeps an engine running until ctx ends. e is nil where the first one is
// still to be started. An engine that ends by itself is replaced, at first at
// once and then after growing pauses; the end of the pauses is the end.
func (m *Member) host(ctx context.Context, e *engine) error {
	var failures int
	var why error
	for {
		if e == nil {
			var err error
			if e, err = m.revive(ctx, &failures, why); err != nil {
				return err
			}
		}
		started := time.Now()
		m.publish(e.address, true)
		why = m.watch(ctx, e)
		e.stop()
		m.unannounce(why)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Since(started) >= m.opts.tempo.steady {
			failures = 0
		}
		m.log.Error("the engine ended unexpectedly; starting another one", zap.Error(why))
		e = nil
	}
}

// watch returns when the engine has ended, or ctx has.
func (m *Member) watch(ctx context.Context, e *engine) error {
	trim := time.NewTicker(time.Minute)
	defer trim.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-e.process.Exited():
			return e.process.Cause()
		case <-trim.C:
			if err := child.TrimLog(m.folder.engineLog()); err != nil {
				m.log.Warn("could not trim the engine's log", zap.Error(err))
			}
		}
	}
}

// revive starts an engine where one has ended, for the reason why, or where
// another host has. Each call uses up at least one of the pauses, so that an
// engine that starts and ends in turns is given up as well.
func (m *Member) revive(ctx context.Context, failures *int, why error) (*engine, error) {
	for *failures < len(m.opts.tempo.restarts) {
		wait := m.opts.tempo.restarts[*failures]
		*failures++
		if err := m.pause(ctx, wait); err != nil {
			return nil, err
		}
		e, err := m.startEngine(ctx, false)
		if err == nil {
			return e, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		m.unannounce(err)
		if left := len(m.opts.tempo.restarts) - *failures; left > 0 {
			level := zap.WarnLevel
			if why != nil && why.Error() == err.Error() {
				level = zap.InfoLevel // it is known already
			}
			m.log.Log(level, "the engine did not start; trying again", zap.Int("tries_left", left), zap.Error(err))
		}
		why = err
	}
	return nil, fmt.Errorf("could not keep the engine of %q running: %w", m.folder, why)
}

// unannounce tells guests that this host has no engine, and why, but keeps the
// ports of the last one for the next.
func (m *Member) unannounce(why error) {
	last, err := m.folder.read()
	if err != nil {
		last = record{} // none yet, or none that can be read
	}
	last.Host, last.Ready, last.PID, last.Error = os.Getpid(), false, 0, ""
	if why != nil && !errors.Is(why, context.Canceled) {
		last.Error = why.Error()
	}
	// Where it cannot be written, guests find out by asking the engine.
	if err := m.folder.write(last); err != nil {
		m.log.Debug("could not update the address of the engine", zap.Error(err))
	}
}

func (m *Member) pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
