package opening

import (
	"context"
	"errors"
	"fmt"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/sandboxhost"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
)

// SandboxOptions are what a sandbox is started with.
type SandboxOptions struct {
	Listen string   // an address on loopback; empty: that of the last time, or a free port
	Faults []string // rules
}

// checkListen refuses an address that is none, or that others reach: whoever does gets
// the accounts' credentials, and what was uploaded.
func checkListen(listen string) error {
	if listen == "" {
		return nil
	}
	if err := wiring.CheckListen(listen); err != nil {
		return exit.Misused("--listen: %s", err)
	}
	if !wiring.Loopback(listen) {
		return &exit.UsageError{
			Text: fmt.Sprintf("--listen: %q is not on loopback, and the sandbox asks nobody who they are", listen),
			Hint: "want such as 127.0.0.1:8500; containers share its network, as in docker-compose.yml",
		}
	}
	return nil
}

// SandboxLost is closed when the sandbox of this process has ended by itself, and
// never where there is none.
func (s *Session) SandboxLost() <-chan struct{} {
	if s.Sandbox == nil {
		return nil
	}
	return s.Sandbox.Done()
}

// OpenSandbox starts the sandbox of the data folder, where it was before if it
// was, and writes its accounts beside it. Where no configuration is named, they
// are used.
func (s *Session) OpenSandbox(ctx context.Context, o SandboxOptions) (*sandboxhost.Sandbox, error) {
	if err := checkListen(o.Listen); err != nil {
		return nil, err
	}
	box, err := sandboxhost.Start(ctx, sandboxhost.Options{
		Data: s.Data, Listen: o.Listen, Faults: o.Faults, Log: s.Log,
		Moved: func(last string) {
			s.Say("%s is in use, so the sandbox gets another address; URLs that it handed out before are void", last)
		},
	})
	var fault *sandboxhost.FaultError
	switch {
	case errors.As(err, &fault):
		return nil, exit.Misused("%s", err)
	case err != nil:
		return nil, err
	}
	s.OnClose(box.Close)
	s.Sandbox = box
	if config.Named(s.Flags.Config) == "" {
		s.Flags.Config = box.Config()
	}
	return box, nil
}
