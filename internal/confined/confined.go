// Package confined runs what reads the files of strangers in a process of its own: this
// program once more, or another one in its place, with limits of memory, computing time
// and written bytes, and an empty environment. A file that a decoder cannot cope with
// costs that process and nothing else.
//
// It owns the process and its limits. It refuses to know what the process does.
package confined

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Limits are what a process may use.
type Limits struct {
	Memory int64         // bytes, beside what the program has when it begins; only Linux limits it
	CPU    time.Duration // of computing, in whole seconds
	File   int64         // bytes of a file that it writes; pipes do not count
}

// Command makes a hidden command of this program, and is called when the package begins
// that needs it. In the process that Run starts it does the work and ends the process;
// everywhere else it does nothing. A program that forgot to ask for its hidden commands
// would run itself once more for each file, and a test too: therefore no main does.
func Command(name string, limits Limits, work func() error) {
	if len(os.Args) != 2 || os.Args[1] != name {
		return
	}
	err := limit(limits)
	if err == nil {
		debug.SetMemoryLimit(limits.Memory * 3 / 4) // the garbage collector works harder before the system says no
		debug.SetTraceback("none")
		err = work()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:forbidigo // this process has no main of its own
	}
	os.Exit(0) //nolint:forbidigo // as above
}

// Call is one process.
type Call struct {
	Command string // as Command named it
	// Program takes the place of this program, with these arguments, if Command is "".
	Program   string
	Arguments []string
	Limits    Limits // of Program
	Time      time.Duration
	Stdin     io.Reader
	Stdout    io.Writer
	Files     []*os.File // the process has them as 3, 4, …
	Dir       string     // "": the root
}

// Error says how a process failed.
type Error struct {
	// Late says that it took longer than it may, Busy that it computed for longer, and
	// Memory that it said that its memory was not enough.
	Late, Busy, Memory bool
	Said               string // the end of what it wrote to its standard error, as one line
	err                error
}

func (e *Error) Error() string {
	if e.Said == "" {
		return e.err.Error()
	}
	return e.err.Error() + ": " + e.Said
}

func (e *Error) Unwrap() error { return e.err }

const (
	// replace is the hidden command that gives its place to another program.
	replace = "run-confined"
	// mostSaid is how much is kept of what a process writes to its standard error.
	mostSaid = 4 << 10
)

// Run runs a process to its end. An error is an *Error, unless the process could not be
// started or the context has ended.
func Run(ctx context.Context, c Call) error {
	within, cancel := context.WithTimeout(ctx, c.Time)
	defer cancel()
	program, err := self()
	if err != nil {
		return fmt.Errorf("start a process: %w", err)
	}
	child := exec.CommandContext(within, program) //nolint:gosec // this program itself
	child.Args = append([]string{"mediaferry"}, c.arguments()...)
	said := &tail{most: mostSaid}
	child.Env, child.Dir = []string{}, "/"
	if c.Dir != "" {
		child.Dir = c.Dir
	}
	child.Stdin, child.Stdout, child.Stderr, child.ExtraFiles = c.Stdin, c.Stdout, said, c.Files
	child.WaitDelay = time.Second
	err = child.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case within.Err() != nil:
		return &Error{Late: true, err: fmt.Errorf("it took longer than %s", c.Time)}
	case errors.As(err, &exit):
		status, _ := exit.Sys().(syscall.WaitStatus)
		busy := status.Signaled() && (status.Signal() == syscall.SIGXCPU || status.Signal() == syscall.SIGKILL)
		return &Error{Busy: busy, Memory: said.outOfMemory(), Said: said.text(), err: err}
	}
	return fmt.Errorf("run a process: %w", err)
}

func (c Call) arguments() []string {
	if c.Command != "" {
		return []string{c.Command}
	}
	l := c.Limits
	return append([]string{
		replace, strconv.FormatInt(l.Memory, 10), strconv.FormatInt(int64(l.CPU), 10), strconv.FormatInt(l.File, 10), c.Program,
	}, c.Arguments...)
}

func init() {
	const fixed = 6
	if len(os.Args) < fixed || os.Args[1] != replace {
		return
	}
	fmt.Fprintln(os.Stderr, become(os.Args[2:]))
	os.Exit(1) //nolint:forbidigo // this process has no main of its own
}

// become gives the process to another program. It returns only where that fails.
func become(args []string) error {
	var numbers [3]int64
	for i := range numbers {
		var err error
		if numbers[i], err = strconv.ParseInt(args[i], 10, 64); err != nil {
			return err
		}
	}
	l := Limits{Memory: numbers[0], CPU: time.Duration(numbers[1]), File: numbers[2]}
	if err := limitNext(l); err != nil {
		return err
	}
	program := args[len(numbers)]
	return syscall.Exec(program, append([]string{program}, args[len(numbers)+1:]...), []string{}) //nolint:gosec // the caller names the program
}

// tail keeps the end of what is written to it.
type tail struct {
	most int
	kept []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - t.most; over > 0 {
		t.kept = slices.Delete(t.kept, 0, over)
	}
	return len(p), nil
}

// outOfMemory reports whether a process of Go, or of C, complained of its memory.
func (t *tail) outOfMemory() bool {
	lower := bytes.ToLower(t.kept)
	return slices.ContainsFunc([]string{"out of memory", "cannot allocate memory", "bad_alloc", "memory allocation"}, func(words string) bool {
		return bytes.Contains(lower, []byte(words))
	})
}

// text is what was kept, as one line.
func (t *tail) text() string {
	words := strings.Fields(strings.ToValidUTF8(string(t.kept), "?"))
	text := strings.Join(words, " ")
	return strings.ToValidUTF8(text[max(0, len(text)-mostShown):], "")
}

// mostShown is how much of it is shown, in bytes.
const mostShown = 200
