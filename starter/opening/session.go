// Package opening opens what a command needs: the configuration, the keys, the
// ledger, the engine with a client of Temporal, the sandbox, and workers in this
// process where no other does the work. It closes all of that when the command
// ends. It refuses to start, watch or change an upload, and to print results.
package opening

import (
	"net/http"
	"os"
	"os/user"
	"sync/atomic"

	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/enginehost"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/logging"
	"github.com/mediaferry/mediaferry/internal/tracing"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/output"
)

// Flags are the flags that every command has.
type Flags struct{ Config, Data, LogLevel, LogFormat string }

// Session is what one run of a command has opened. A field is nil until the method
// that opens it has returned.
type Session struct {
	output.Console

	Flags   Flags
	Version string
	Parting string // what to say when interrupted
	// Work is what the command waits for, such as "the upload". When interrupted, it says
	// whether that goes on without the command, instead of Parting.
	Work string
	// Standing says that the command runs until it is interrupted, for others: what happens
	// to uploads and accounts is logged at its level. Other commands say it themselves.
	Standing bool

	Log      *zap.Logger
	Data     string // the data folder, absolute
	Live     *config.Live
	Config   *config.Config
	Keys     codec.Keys
	Locked   error // why the keys do not open the ledger; nil where they do
	Ledger   *ledger.Ledger
	Engine   *enginehost.Member // nil with a Temporal service
	Temporal client.Client
	// Metrics are told what this process does; nil: it serves none. They are set before
	// anything is opened.
	Metrics *wiring.Metrics
	// Traces are what this process exports; nil: nothing.
	Traces *tracing.Traces

	// Page makes what a browser is served beside Temporal's web UI, where this command
	// hosts the engine; nil: nothing.
	Page func() http.Handler
	// By is who decides what this command changes; "" for the person at the keyboard.
	By string
	// Lent says that another command opened everything and closes it. This one does no work
	// of workers.
	Lent bool

	opened  atomic.Pointer[opened]
	closers []func()
}

// opened is what a session has when it has opened everything.
type opened struct {
	data     string
	live     *config.Live
	keys     codec.Keys
	ledger   *ledger.Ledger
	engine   *enginehost.Member
	temporal client.Client
}

// lend lets other sessions use what this one has opened so far.
func (s *Session) lend() {
	s.opened.Store(&opened{s.Data, s.Live, s.Keys, s.Ledger, s.Engine, s.Temporal})
}

// Lend returns a session for another command, which uses what this one has opened and is
// done in the name of somebody else. ok is false while there is nothing to use.
func (s *Session) Lend(console output.Console, by string) (lent *Session, ok bool) {
	o := s.opened.Load()
	if o == nil {
		return nil, false
	}
	now, err := o.live.Config()
	if err != nil {
		return nil, false
	}
	return &Session{
		Console: console, Flags: s.Flags, Version: s.Version, Log: s.Log, Data: o.data, Live: o.live, Config: now, Keys: o.keys,
		Ledger: o.ledger, Engine: o.engine, Temporal: o.temporal, By: by, Lent: true, Traces: s.Traces,
	}, true
}

// Who is who decides what this command changes.
func (s *Session) Who() string {
	if s.By != "" {
		return s.By
	}
	return User()
}

// Begin reads the flags that every command has.
func (s *Session) Begin() error {
	if s.Lent {
		return nil
	}
	var err error
	if s.Log, _, err = logging.New(s.Flags.LogLevel, s.Flags.LogFormat, s.Err); err != nil {
		return exit.Misused("%s", err)
	}
	s.OnClose(zap.RedirectStdLog(s.Log)) // net/http would print there what a vendor sends unasked
	s.Data, err = config.DataDir(s.Flags.Data)
	return err
}

// PageAddress is the address of the web page that this process serves; "" where it
// serves none.
func (s *Session) PageAddress() string {
	if s.Engine == nil || s.Page == nil {
		return ""
	}
	return s.Engine.Address().Front
}

// Close closes what the command opened, the last first.
func (s *Session) Close() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		s.closers[i]()
	}
	s.closers = nil
}

// OnClose has f called when the command ends.
func (s *Session) OnClose(f func()) { s.closers = append(s.closers, f) }

// User is the person at the keyboard, for records.
func User() string {
	name := os.Getenv("USER")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return name
}
