// Package sandboxhost runs the simulated vendors for a data folder: the program
// mediaferry-engine, called as "mediaferry-engine sandbox", as a child of this
// process.
//
// It owns the folder sandbox of the data folder, where the vendors were reached
// the last time, sandbox.log and the accounts in sandbox.yaml. What it knows of a
// running sandbox it learns over the sandbox's control API. It links nothing of
// the simulators and names no vendor.
package sandboxhost

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/child"
	"github.com/mediaferry/mediaferry/internal/guard"
)

// ConfigFile is the name of the file with the sandbox's accounts in a data folder.
const ConfigFile = "sandbox.yaml"

// Folder is where the sandbox of a data folder keeps what its vendors received.
func Folder(data string) string { return filepath.Join(data, "sandbox") }

// addressFile remembers where the sandbox was.
const addressFile = "address"

const (
	startPatience = 2 * time.Minute // for the sandbox to be ready
	stopPatience  = 3 * time.Second // for it to end before it is killed
)

// reasons of a child that does not start.
const (
	reasonPort  = "port"  // the address is taken
	reasonFault = "fault" // a fault rule is wrong
)

// Options say which sandbox is wanted.
type Options struct {
	// Data is the data folder. It is made where it is missing.
	Data string
	// Binary is the path of mediaferry-engine; empty: beside the running program.
	Binary string
	// Listen is the loopback address; empty: that of the last time where it is
	// free, so that URLs that were handed out stay good, or a free port. With a Host it is
	// all addresses of this machine: ":8500".
	Listen string
	// Host is the name under which other hosts reach the sandbox; empty: they do not.
	Host string
	// Faults are rules as the sandbox reads them.
	Faults []string
	// Moved is told when the address of the last time is taken, and the sandbox
	// gets another one. It may be nil.
	Moved func(last string)
	// Log is told what goes wrong and does not matter. It may be nil.
	Log *zap.Logger
}

// FaultError is a fault rule that the sandbox does not take, in its own words.
type FaultError struct{ text string }

func (e *FaultError) Error() string { return e.text }

// Sandbox is a running sandbox. Its methods may be called from several goroutines.
type Sandbox struct {
	process *child.Process
	at      address
	config  string
	token   string // of the data folder, which the control API asks for
	client  http.Client
	closing chan struct{}
	done    chan struct{}
	err     error // written before done is closed
}

// address is what the child says when it is ready.
type address struct {
	URL    string `json:"url"`    // of the vendors
	Listen string `json:"listen"` // host:port that it is bound to
}

// Start starts the sandbox of a data folder, and writes its accounts to the file
// ConfigFile there. ctx bounds the start alone; the sandbox runs until Close. The
// error is a *FaultError if a rule is wrong.
func Start(ctx context.Context, o Options) (*Sandbox, error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if err := os.MkdirAll(o.Data, 0o700); err != nil { // the sandbox makes its own below
		return nil, fmt.Errorf("data folder: %w", err)
	}
	token, err := guard.MakeToken(o.Data)
	if err != nil {
		return nil, err
	}
	s := &Sandbox{
		token:  token,
		config: filepath.Join(o.Data, ConfigFile), closing: make(chan struct{}), done: make(chan struct{}),
		client: http.Client{Transport: &http.Transport{}}, // no proxy stands before loopback
	}
	if err := s.launch(ctx, o); err != nil {
		return nil, err
	}
	go s.watch()
	if o.Host == "" {
		if err := writeFile(filepath.Join(Folder(o.Data), addressFile), []byte(s.at.Listen)); err != nil {
			o.Log.Warn("could not save the sandbox's address", zap.Error(err))
		}
	}
	if err := s.writeConfig(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// launch runs the child where it was the last time, if it can be there.
func (s *Sandbox) launch(ctx context.Context, o Options) error {
	listen := o.Listen
	if listen == "" {
		if last, err := os.ReadFile(filepath.Join(Folder(o.Data), addressFile)); err == nil {
			listen = string(last)
		}
	}
	err := s.spawn(ctx, o, listen)
	var told *child.StartError
	if errors.As(err, &told) && told.Reason == reasonPort && o.Listen == "" {
		if o.Moved != nil {
			o.Moved(listen)
		}
		err = s.spawn(ctx, o, "")
	}
	if errors.As(err, &told) && told.Reason == reasonFault {
		return &FaultError{text: told.Text}
	}
	return err
}

func (s *Sandbox) spawn(ctx context.Context, o Options, listen string) error {
	binary, err := o.Binary, error(nil)
	if binary == "" {
		binary, err = child.Beside("mediaferry-engine")
	} else {
		err = child.Check(binary)
	}
	if err != nil {
		return fmt.Errorf("sandbox %w", err)
	}
	args := []string{"sandbox", "--dir", Folder(o.Data), "--data", o.Data}
	if listen != "" {
		args = append(args, "--listen", listen)
	}
	if o.Host != "" {
		args = append(args, "--host", o.Host)
	}
	for _, rule := range o.Faults {
		args = append(args, "--fault", rule)
	}
	s.process, err = child.Start(ctx, child.Command{
		Name: "sandbox", Binary: binary, Args: args, Log: filepath.Join(o.Data, "sandbox.log"), Patience: startPatience,
	}, &s.at)
	var log *child.LogError
	if errors.As(err, &log) {
		return fmt.Errorf("data folder: %w", log.Err)
	}
	return err
}

// watch notes why a sandbox has ended that nobody closed.
func (s *Sandbox) watch() {
	defer close(s.done)
	<-s.process.Exited()
	select {
	case <-s.closing:
	default:
		s.err = s.process.Cause()
	}
}

// URL is the address of the vendors, without a slash at the end.
func (s *Sandbox) URL() string { return s.at.URL }

// control is the address of the control API: on this host, where the vendors may have
// another name.
func (s *Sandbox) control() string {
	_, port, err := net.SplitHostPort(s.at.Listen)
	if err != nil {
		return s.at.URL
	}
	return "http://" + net.JoinHostPort("127.0.0.1", port)
}

// Config is the path of the file with an account at each vendor.
func (s *Sandbox) Config() string { return s.config }

// Done is closed when the sandbox has ended: after Close, or by itself.
func (s *Sandbox) Done() <-chan struct{} { return s.done }

// Err is why the sandbox ended by itself. It is nil as long as it runs, and after
// Close.
func (s *Sandbox) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// Close ends the sandbox and returns when it is gone. What its vendors received
// stays in the folder. It is called once.
func (s *Sandbox) Close() {
	close(s.closing)
	s.process.End(stopPatience)
	<-s.done
}

// writeFile replaces a file as a whole, for its owner alone.
func writeFile(path string, content []byte) error {
	draft := path + ".new"
	if err := os.WriteFile(draft, content, 0o600); err != nil {
		return err
	}
	return os.Rename(draft, path)
}
