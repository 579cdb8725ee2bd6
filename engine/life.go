package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/guard"
)

const (
	// lockPatience is how long a new engine waits for the one before it, which
	// ends as soon as it notices that its parent is gone.
	lockPatience = 15 * time.Second
	// startPatience bounds everything between the lock and the first answer.
	startPatience = 90 * time.Second
)

// announcement is the one line that the parent reads from the ready descriptor.
type announcement struct {
	Temporal  string `json:"temporal,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	UI        string `json:"ui,omitempty"`
	PID       int    `json:"pid,omitempty"`

	Error  string `json:"error,omitempty"`
	Reason reason `json:"reason,omitempty"` // for programs; Error is for people
}

// reason tells the failures apart on which the parent can act.
type reason string

const (
	reasonPort    reason = "port"    // a port is taken
	reasonLocked  reason = "locked"  // another engine has the folder
	reasonDisk    reason = "disk"    // full, or nearly
	reasonVersion reason = "version" // the databases are of another version
)

// failure is an error with a reason.
type failure struct {
	reason reason
	err    error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func failed(why reason, format string, args ...any) error {
	return &failure{reason: why, err: fmt.Errorf(format, args...)}
}

// live runs the engine until its parent is gone. The start happens beside the
// watch, so that a parent's death ends it at any moment; whatever is still going
// on then is cut off by the exit of the process, which the databases are made for.
func live(s settings, stderr io.Writer) int {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	syscall.Umask(0o077) // the databases are for their owner alone
	ready := os.NewFile(uintptr(s.readyFD), "ready")
	if err := checkChild(os.Stdin, ready); err != nil {
		_, _ = fmt.Fprintf(stderr, "mediaferry-engine: %v\nmediaferry starts this program; try \"mediaferry up\"\n", err)
		return exitMisuse
	}
	syscall.CloseOnExec(s.readyFD)
	gone := parentGone(os.Stdin)
	full := make(chan error, 1)
	logger := newLogger(os.Stderr, s.level, full)
	started := make(chan error, 1)
	lock := flock.New(filepath.Join(s.data, "engine", "lock"))
	defer runtime.KeepAlive(lock) // the lock would go with the last reference to it
	go func() { started <- startAndAnnounce(s, lock, logger, ready) }()
	for {
		select {
		case <-gone:
			return exitOK
		case err := <-started:
			if err != nil {
				logger.Error("the engine could not start", zap.Error(err))
				return exitFailed
			}
			started = nil
		case err := <-full:
			// Every write fails from here on, and the server takes some of these
			// failures for answers of the database. A parent sees the end of this
			// process and can say why the next one does not start.
			logger.Error("the engine is stopping because it cannot write", zap.Error(err))
			if started != nil {
				_ = announce(ready, announcement{Error: diskFull(s.data).Error(), Reason: reasonDisk})
			}
			return exitFailed
		}
	}
}

// checkChild refuses to run without the two pipes that tie the process to its
// parent: without them nothing would end it.
func checkChild(stdin, ready *os.File) error {
	info, err := stdin.Stat()
	if err != nil || info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket) == 0 {
		return errors.New("standard input is not a pipe from a parent process")
	}
	if ready == nil {
		return errors.New("the descriptor of --ready-fd is not open")
	}
	info, err = ready.Stat()
	if err != nil || info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket) == 0 {
		return errors.New("the descriptor of --ready-fd is not a pipe from a parent process")
	}
	return nil
}

// parentGone is closed when the other end of stdin is, which the kernel sees to
// however the parent dies.
func parentGone(stdin io.Reader) <-chan struct{} {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = io.Copy(io.Discard, stdin) // an error ends the watch as the end does
	}()
	return gone
}

// startAndAnnounce starts the engine and tells the parent how that went.
func startAndAnnounce(s settings, lock *flock.Flock, logger *zap.Logger, ready io.WriteCloser) error {
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	line, err := start(ctx, s, lock, logger)
	if err != nil {
		line = announcement{Error: err.Error()}
		var f *failure
		if errors.As(err, &f) {
			line.Reason = f.reason
		}
	}
	return errors.Join(err, announce(ready, line))
}

func announce(ready io.WriteCloser, line any) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	if _, err := ready.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("report to the parent process: %w", err)
	}
	return ready.Close()
}

// start brings everything up in order, each step on the one before: the folder,
// the lock, the databases, the server, the UI.
func start(ctx context.Context, s settings, lock *flock.Flock, logger *zap.Logger) (announcement, error) {
	dir := filepath.Dir(lock.Path())
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return announcement{}, fmt.Errorf("data folder %q cannot be used: %w", s.data, err)
	}
	if err := waitForLock(ctx, lock, lockPatience); err != nil {
		return announcement{}, err
	}
	if err := checkSpace(dir); err != nil {
		return announcement{}, err
	}
	var err error
	if s.token, err = guard.ReadToken(s.data); err != nil {
		return announcement{}, err
	}
	stores, err := openStores(dir)
	if err != nil {
		return announcement{}, explain(err, dir)
	}
	if err := createNamespace(stores, s.namespace, s.retention, s.listed); err != nil {
		return announcement{}, explain(err, dir)
	}
	address, err := startServer(ctx, s, stores, logger)
	if err != nil {
		return announcement{}, explain(err, dir)
	}
	ui, err := startUI(ctx, s, address)
	if err != nil {
		return announcement{}, err
	}
	return announcement{Temporal: address, Namespace: s.namespace, UI: ui, PID: os.Getpid()}, nil
}

// waitForLock takes the folder for this process, until the process ends. SQLite
// holds its files exclusively, and a second engine would fail with a far worse
// message.
func waitForLock(ctx context.Context, lock *flock.Flock, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := lock.TryLockContext(ctx, 20*time.Millisecond)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return failed(reasonLocked, "another engine has held %q for %s; stop that process", lock.Path(), patience)
	}
	return fmt.Errorf("lock %q: %w", lock.Path(), err)
}
