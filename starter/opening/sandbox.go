package opening

import (
	"context"
	"errors"
	"fmt"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/guard"
	"github.com/mediaferry/mediaferry/internal/sandboxhost"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
)

// Sandbox is the sandbox that a command runs, if it runs one.
type Sandbox struct {
	session *Session
	process *sandboxhost.Sandbox // nil where this process runs none
}

// NewSandbox returns the sandbox of a command, which does not run yet.
func NewSandbox(s *Session) *Sandbox { return &Sandbox{session: s} }

// SandboxOptions are what a sandbox is started with.
type SandboxOptions struct {
	Listen string   // an address on loopback; empty: that of the last time, or a free port
	Faults []string // rules
}

// checkListen refuses an address that is invalid, or that other hosts reach: they would
// get the accounts' credentials, and what was uploaded.
func checkListen(listen string) error {
	if listen == "" {
		return nil
	}
	if err := wiring.CheckListen(listen); err != nil {
		return exit.Misused("--listen: %s", err)
	}
	if !guard.ListensOnLoopback(listen) {
		return &exit.UsageError{
			Text: fmt.Sprintf("--listen must be a loopback address, got %q: the sandbox does not authenticate anyone", listen),
			Hint: "use for example 127.0.0.1:8500; a container can share the sandbox's network, as in docker-compose.yml",
		}
	}
	return nil
}

// Lost is closed when the sandbox of this process has ended by itself, and never
// where there is none.
func (b *Sandbox) Lost() <-chan struct{} {
	if b.process == nil {
		return nil
	}
	return b.process.Done()
}

// Err is why the sandbox has ended. It may be called once Lost is closed.
func (b *Sandbox) Err() error { return b.process.Err() }

// Start starts the sandbox of the data folder, where it was before if it
// was, and writes its accounts beside it. Where no configuration is named, they
// are used.
func (b *Sandbox) Start(ctx context.Context, o SandboxOptions) (*sandboxhost.Sandbox, error) {
	s := b.session
	if err := checkListen(o.Listen); err != nil {
		return nil, err
	}
	if err := s.OpenData(); err != nil {
		return nil, err
	}
	process, err := sandboxhost.Start(ctx, sandboxhost.Options{
		Data: s.Data, Listen: o.Listen, Faults: o.Faults, Log: s.Log,
		Moved: func(last string) {
			s.Say("%s is in use, so the sandbox listens on another address; URLs that it issued earlier are no longer valid", last)
		},
	})
	var fault *sandboxhost.FaultError
	switch {
	case errors.As(err, &fault):
		return nil, exit.Misused("%s", err)
	case err != nil:
		return nil, err
	}
	s.OnClose(process.Close)
	b.process = process
	if config.Named(s.Flags.Config) == "" {
		s.Flags.Config = process.Config()
	}
	return process, nil
}
