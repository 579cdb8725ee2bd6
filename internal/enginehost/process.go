package enginehost

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// announcement is the line in which an engine says that it can serve, or why it
// cannot.
type announcement struct {
	Address
	Error  string `json:"error"`
	Reason string `json:"reason"`
}

// reasonPort is the one reason of an engine on which a host can act.
const reasonPort = "port"

// startError is why an engine did not start, in its own words.
type startError struct {
	text   string
	reason string
}

func (e *startError) Error() string { return "engine: " + e.text }

// process is the running engine.
type process struct {
	cmd    *exec.Cmd
	stdin  *os.File // the engine ends when this does, so nobody else may hold it
	log    string
	logEnd int64         // where the log ended before this process
	exited chan struct{} // closed when the process is gone and waited for
}

// spawn starts the engine and returns once it can serve. An engine that is not
// ready in time, or when ctx ends, is killed.
func spawn(ctx context.Context, binary string, f folder, args []string, t tempo) (*process, Address, error) {
	ready, tell, err := os.Pipe()
	if err != nil {
		return nil, Address{}, fmt.Errorf("start the engine: %w", err)
	}
	defer func() { _ = ready.Close() }()
	p, err := launch(binary, f, args, tell)
	_ = tell.Close() // the engine has its own; ready must end when that one does
	if err != nil {
		return nil, Address{}, err
	}
	address, err := p.awaitReady(ctx, ready, t.start)
	if err != nil {
		p.end(0)
		return nil, Address{}, err
	}
	return p, address, nil
}

// launch runs the binary in a process group of its own, where no Ctrl-C reaches
// it, with a log file for both outputs, so that it never keeps those of this
// process open.
func launch(binary string, f folder, args []string, tell *os.File) (*process, error) {
	log, err := openLog(f.engineLog())
	if err != nil {
		return nil, cannotUse(string(f), err, os.Geteuid())
	}
	defer func() { _ = log.Close() }()
	info, err := log.Stat()
	if err != nil {
		return nil, fmt.Errorf("start the engine: %w", err)
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start the engine: %w", err)
	}
	defer func() { _ = theirs.Close() }()
	cmd := exec.Command(binary, append(args, "--ready-fd", "3")...) //nolint:gosec // the engine beside this program
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs, log, log
	cmd.ExtraFiles = []*os.File{tell}
	cmd.Env = environment(f, os.Environ())
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		_ = ours.Close()
		return nil, fmt.Errorf("engine %q cannot be started: %w", binary, err)
	}
	p := &process{cmd: cmd, stdin: ours, log: f.engineLog(), logEnd: info.Size(), exited: make(chan struct{})}
	go func() {
		defer close(p.exited)
		_ = cmd.Wait() // the state of the process says it all
	}()
	return p, nil
}

// environment is what an engine needs of this process's environment, in which
// the vendors' secrets are.
func environment(f folder, all []string) []string {
	kept := []string{
		"HOME", "PATH", "TMPDIR", "TZ", "LANG", "GOMAXPROCS", "GOMEMLIMIT", "GOGC", "GODEBUG", "GOTRACEBACK", "GOCOVERDIR",
		"MEDIAFERRY_ENGINE_METRICS",
	}
	var env []string
	for _, entry := range all {
		if name, _, _ := strings.Cut(entry, "="); slices.Contains(kept, name) {
			env = append(env, entry)
		}
	}
	// A compaction needs as much room as the database, and /tmp is often small.
	return append(env, "SQLITE_TMPDIR="+f.engineDir())
}

func (p *process) awaitReady(ctx context.Context, ready *os.File, patience time.Duration) (Address, error) {
	type reply struct {
		line announcement
		err  error
	}
	replies := make(chan reply, 1)
	go func() {
		var r reply
		text, err := bufio.NewReader(ready).ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(text, &r.line)
		}
		r.err = err
		replies <- r
	}()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-ctx.Done():
		return Address{}, context.Cause(ctx)
	case <-late.C:
		return Address{}, fmt.Errorf("engine was not ready within %s; see %q", patience, p.log)
	case r := <-replies:
		switch {
		case r.err != nil:
			return Address{}, p.endedEarly()
		case r.line.Error != "":
			return Address{}, &startError{text: r.line.Error, reason: r.line.Reason}
		}
		return r.line.Address, nil
	}
}

// endedEarly is for an engine that closed its ready pipe without a word: it is
// ending, or it is no engine.
func (p *process) endedEarly() error {
	select {
	case <-p.exited:
		return p.causeOfEnd()
	case <-time.After(5 * time.Second):
		return errors.New("engine said nothing, and runs on")
	}
}

// causeOfEnd describes how the process ended, with the last that it logged. It is
// called after the end only.
func (p *process) causeOfEnd() error {
	how := p.cmd.ProcessState.String()
	if words := lastWords(p.log, p.logEnd); words != "" {
		return fmt.Errorf("engine ended (%s): %s; see %q", how, words, p.log)
	}
	return fmt.Errorf("engine ended (%s); see %q", how, p.log)
}

// end closes the engine's standard input, at which it ends, and kills it when it
// has not within patience. It returns when the process is gone.
func (p *process) end(patience time.Duration) {
	_ = p.stdin.Close()
	select {
	case <-p.exited:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}
