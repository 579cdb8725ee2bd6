package opening

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

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
	Host   string   // the name for other hosts; empty: they do not reach the sandbox
	Faults []string // rules
}

// checkListen refuses an address that is invalid, or that other hosts reach although nobody
// said so: everybody knows the simulated accounts' credentials, and what was uploaded can be
// read with them.
func (o SandboxOptions) checkListen() error {
	if o.Listen != "" {
		if err := wiring.CheckListen(o.Listen); err != nil {
			return exit.Misused("--listen: %s", err)
		}
	}
	host, _, _ := net.SplitHostPort(o.Listen)
	everywhere := o.Listen != "" && (host == "" || net.ParseIP(host).IsUnspecified())
	switch {
	case o.Host != "" && !everywhere:
		return &exit.UsageError{
			Text: "--hostname is the name under which other hosts reach the sandbox, so it needs --listen with all addresses of this host",
			Hint: "for example --listen :8500 --hostname " + o.Host,
		}
	case o.Host != "" && (strings.ContainsAny(o.Host, "/:@ ") || guard.IsLoopback(o.Host)):
		return exit.Misused("--hostname must be the name or the IPv4 address of this host for others, got %q", o.Host)
	case o.Host == "" && o.Listen != "" && !guard.ListensOnLoopback(o.Listen):
		return &exit.UsageError{
			Text: fmt.Sprintf("--listen must be a loopback address, got %q: whoever reaches the sandbox can use its accounts", o.Listen),
			Hint: "use for example 127.0.0.1:8500; in a container on a network of its own, add --hostname NAME, as in docker-compose.yml",
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
	if err := o.checkListen(); err != nil {
		return nil, err
	}
	if err := s.OpenData(); err != nil {
		return nil, err
	}
	process, err := sandboxhost.Start(ctx, sandboxhost.Options{
		Data: s.Data, Listen: o.Listen, Host: o.Host, Faults: o.Faults, Log: s.Log,
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
