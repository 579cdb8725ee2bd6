// Package child runs one program as a child of this process, which it outlives
// in no case.
//
// It owns what every such child needs: the pipe whose end ends it, the descriptor
// on which it says in one line of JSON that it can serve or why it cannot, a
// process group where no Ctrl-C reaches it, an environment without secrets, and
// its log. It does not know what the program does, and it restarts nothing.
package child

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Command is what to run.
type Command struct {
	// Name is what messages call the child.
	Name string
	// Binary is the path of the program, and Args what it is called with. A
	// --ready-fd is added to them.
	Binary string
	Args   []string
	// Env is added to the environment that Environment gives.
	Env []string
	// Log is the path of the file that takes both outputs, so that the child never
	// keeps those of this process open.
	Log string
	// Patience is how long the child may take until it is ready.
	Patience time.Duration
}

// StartError is why a child did not start, in its own words.
type StartError struct {
	Name   string // that of the command
	Text   string
	Reason string // for programs; "" where there is nothing that a program could do
}

func (e *StartError) Error() string { return e.Name + ": " + e.Text }

// LogError is a log that cannot be written to.
type LogError struct{ Err error }

func (e *LogError) Error() string { return e.Err.Error() }
func (e *LogError) Unwrap() error { return e.Err }

// Process is a child that runs, or has run.
type Process struct {
	name   string
	cmd    *exec.Cmd
	stdin  *os.File // the child ends when this does, so nobody else may hold it
	log    string
	logEnd int64         // where the log ended before this process
	exited chan struct{} // closed when the process is gone and waited for
}

// Start runs the command and returns once it can serve; its ready line is then in
// ready, which is a pointer. A child that is not ready in time, or when ctx ends,
// is killed. The error is a *StartError where the child itself says why it does
// not serve, and a *LogError where its log cannot be opened.
func Start(ctx context.Context, c Command, ready any) (*Process, error) {
	read, tell, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start the %s: %w", c.Name, err)
	}
	defer func() { _ = read.Close() }()
	p, err := launch(c, tell)
	_ = tell.Close() // the child has its own; read must end when that one does
	if err != nil {
		return nil, err
	}
	if err := p.awaitReady(ctx, read, c.Patience, ready); err != nil {
		p.End(0)
		return nil, err
	}
	return p, nil
}

func launch(c Command, tell *os.File) (*Process, error) {
	log, err := openLog(c.Log)
	if err != nil {
		return nil, &LogError{Err: err}
	}
	defer func() { _ = log.Close() }()
	info, err := log.Stat()
	if err != nil {
		return nil, fmt.Errorf("start the %s: %w", c.Name, err)
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start the %s: %w", c.Name, err)
	}
	defer func() { _ = theirs.Close() }()
	cmd := exec.Command(c.Binary, append(slices.Clone(c.Args), "--ready-fd", "3")...) //nolint:gosec // the program beside this one
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, log, log
	cmd.ExtraFiles = []*os.File{tell}
	cmd.Env = append(Environment(), c.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		_ = ours.Close()
		return nil, fmt.Errorf("%s %q cannot be started: %w", c.Name, c.Binary, err)
	}
	p := &Process{name: c.Name, cmd: cmd, stdin: ours, log: c.Log, logEnd: info.Size(), exited: make(chan struct{})}
	go func() {
		defer close(p.exited)
		_ = cmd.Wait() // the state of the process says it all
	}()
	return p, nil
}

// Environment is what a child may have of this process's environment, in which
// the vendors' secrets are.
func Environment() []string {
	kept := []string{
		"HOME", "PATH", "TMPDIR", "TZ", "LANG", "GOMAXPROCS", "GOMEMLIMIT", "GOGC", "GODEBUG", "GOTRACEBACK", "GOCOVERDIR",
		"MEDIAFERRY_ENGINE_METRICS",
	}
	var env []string
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); slices.Contains(kept, name) {
			env = append(env, entry)
		}
	}
	return env
}

// Beside is the path of a program in the folder of the running one, symbolic
// links followed. It is an error if there is none.
func Beside(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find %s: %w", name, err)
	}
	if target, err := filepath.EvalSymlinks(self); err == nil {
		self = target
	}
	path := filepath.Join(filepath.Dir(self), name)
	return path, Check(path)
}

// Check reports why the program at path cannot be run.
func Check(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		err = errors.New("it is a folder")
	}
	if err != nil {
		return fmt.Errorf("%q cannot be started: %w; build it with \"make build\"", path, err)
	}
	return nil
}

func (p *Process) awaitReady(ctx context.Context, ready *os.File, patience time.Duration, line any) error {
	type reply struct {
		text []byte
		err  error
	}
	replies := make(chan reply, 1)
	go func() {
		text, err := bufio.NewReader(ready).ReadBytes('\n')
		replies <- reply{text, err}
	}()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-late.C:
		return fmt.Errorf("%s was not ready within %s; see %q", p.name, patience, p.log)
	case r := <-replies:
		if r.err != nil {
			return p.endedEarly()
		}
		return p.read(r.text, line)
	}
}

// read takes the ready line apart: a failure, or what the caller wants to know.
func (p *Process) read(text []byte, line any) error {
	var failure struct{ Error, Reason string }
	if json.Unmarshal(text, &failure) != nil {
		return p.endedEarly()
	}
	if failure.Error != "" {
		return &StartError{Name: p.name, Text: failure.Error, Reason: failure.Reason}
	}
	if err := json.Unmarshal(text, line); err != nil {
		return fmt.Errorf("start the %s: read its first line: %w", p.name, err)
	}
	return nil
}

// endedEarly is for a child that closed its ready descriptor without a word: it is
// ending, or it is another program.
func (p *Process) endedEarly() error {
	select {
	case <-p.exited:
		return p.Cause()
	case <-time.After(5 * time.Second):
		return fmt.Errorf("%s is running but did not report that it is ready", p.name)
	}
}

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Cause describes how the process ended, with the last that it logged. It is
// called after the end only.
func (p *Process) Cause() error {
	how := p.cmd.ProcessState.String()
	if words := lastWords(p.log, p.logEnd); words != "" {
		return fmt.Errorf("%s ended (%s): %s; see %q", p.name, how, words, p.log)
	}
	return fmt.Errorf("%s ended (%s); see %q", p.name, how, p.log)
}

// End closes the child's standard input, at which it ends, and kills it when it
// has not within patience. It returns when the process is gone.
func (p *Process) End(patience time.Duration) {
	_ = p.stdin.Close()
	select {
	case <-p.exited:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}
