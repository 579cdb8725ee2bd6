package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/mediaferry/mediaferry/internal/guard"
	"github.com/mediaferry/mediaferry/internal/sandbox"
)

// predecessorPatience is how long a new sandbox waits for the folder and the
// address of the one before it, which ends as soon as it notices that its parent
// is gone.
const predecessorPatience = 2 * time.Second

// reasonFault is that a fault rule is wrong.
const reasonFault reason = "fault"

// sandboxSettings are what the command line says.
type sandboxSettings struct {
	dir, listen string
	host        string // in URLs, where other hosts reach the sandbox; "" where they do not
	data        string // the folder with the token of the control API
	faults      []string
	readyFD     int
}

// sandboxAnnouncement is the one line that the parent of a sandbox reads from the
// ready descriptor.
type sandboxAnnouncement struct {
	URL    string `json:"url,omitempty"`
	Listen string `json:"listen,omitempty"`

	Error  string `json:"error,omitempty"`
	Reason reason `json:"reason,omitempty"`
}

// runSandbox simulates the vendors until the parent is gone.
func runSandbox(args []string, stderr io.Writer) int {
	s, err := parseSandbox(args)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "mediaferry-engine: %v\nTry mediaferry-engine -h\n", err)
		return exitMisuse
	}
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	syscall.Umask(0o077) // what the vendors received is for its owner alone
	ready := os.NewFile(uintptr(s.readyFD), "ready")
	if err := checkChild(os.Stdin, ready); err != nil {
		_, _ = fmt.Fprintf(stderr, "mediaferry-engine: %v\nmediaferry starts this program; try \"mediaferry sandbox\"\n", err)
		return exitMisuse
	}
	syscall.CloseOnExec(s.readyFD)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	gone := parentGone(os.Stdin)
	go func() {
		<-gone
		cancel()
	}()
	logger := newLogger(os.Stderr, zapcore.WarnLevel, make(chan error, 1)) // the vendors answer errors while the disk is full
	box, err := startSandbox(ctx, s, logger)
	line := sandboxAnnouncement{}
	if err != nil {
		line.Error = err.Error()
		var f *failure
		if errors.As(err, &f) {
			line.Reason = f.reason
		}
	} else {
		line.URL, line.Listen = box.URL(), box.Addr()
	}
	if err := errors.Join(err, announce(ready, line)); err != nil {
		logger.Error("sandbox could not start", zap.Error(err))
		return exitFailed
	}
	<-gone
	_ = box.Close() // the process ends
	return exitOK
}

func parseSandbox(args []string) (sandboxSettings, error) {
	var s sandboxSettings
	set := flag.NewFlagSet("mediaferry-engine sandbox", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.StringVar(&s.dir, "dir", "", "")
	set.StringVar(&s.listen, "listen", "", "")
	set.StringVar(&s.host, "host", "", "")
	set.StringVar(&s.data, "data", "", "")
	set.IntVar(&s.readyFD, "ready-fd", 3, "")
	set.Func("fault", "", func(rule string) error {
		s.faults = append(s.faults, rule)
		return nil
	})
	if err := set.Parse(args); err != nil {
		return s, err
	}
	if set.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q", set.Arg(0))
	}
	if s.dir == "" {
		return s, errors.New("--dir is missing")
	}
	if s.data == "" {
		return s, errors.New("--data is missing")
	}
	if s.host == "" && s.listen != "" && !guard.ListensOnLoopback(s.listen) {
		return s, fmt.Errorf("--listen %s is reached by other hosts, so it needs --host", s.listen)
	}
	return s, nil
}

// startSandbox checks the faults before it touches anything.
func startSandbox(ctx context.Context, s sandboxSettings, logger *zap.Logger) (*sandbox.Sandbox, error) {
	for _, rule := range s.faults {
		if _, err := sandbox.ParseRule(rule); err != nil {
			return nil, failed(reasonFault, "--fault %q: %s", rule, err)
		}
	}
	token, err := guard.ReadToken(s.data)
	if err != nil {
		return nil, err
	}
	options := sandbox.Options{Dir: s.dir, Listen: s.listen, Host: s.host, Token: token, Faults: s.faults, Logger: logger}
	for deadline := time.Now().Add(predecessorPatience); ; {
		box, err := sandbox.Start(ctx, options)
		taken := errors.Is(err, syscall.EADDRINUSE)
		switch {
		case !taken && !errors.Is(err, sandbox.ErrInUse):
			return box, err
		case time.Now().After(deadline) && taken:
			return nil, failed(reasonPort, "%w", err)
		case time.Now().After(deadline):
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
