// Package commands holds the commands of the program, in a file each: their flags,
// their help, and what they do in which order. It refuses to do that by itself: it
// opens things by package opening, follows uploads by package following, and shows
// them by package output. It makes no request to a vendor: workers do.
package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/following"
	"github.com/mediaferry/mediaferry/starter/opening"
)

// given is what each command is given.
type given struct {
	*opening.Session

	manifests opening.Manifests
	sandbox   *opening.Sandbox
	workers   *opening.Workers
	uploads   following.Uploads
	batches   following.Batches
}

// Run runs one command line and returns its exit status. Results go to stdout,
// everything else to stderr. An interrupt ends the command, a second one at once.
func Run(version string, args []string, stdout, stderr io.Writer) int {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r := newRoot(version, stdout, stderr)
	ended := make(chan int, 1)
	go func() { ended <- r.run(ctx, args, stdout, stderr) }()
	return await(ended, signals, cancel)
}

// await returns the status of a command. The first signal interrupts it; after the second
// one it is no longer waited for.
func await(ended <-chan int, signals <-chan os.Signal, interrupt func()) int {
	for interrupted := false; ; interrupted = true {
		select {
		case status := <-ended:
			return status
		case <-signals:
			if interrupted {
				return exit.Interrupted
			}
			interrupt()
		}
	}
}

// parting says what becomes of the work after an interrupt.
func (g *given) parting() string {
	switch {
	case g.Work == "":
		return g.Parting
	case g.workers.Serves():
		return fmt.Sprintf("interrupted; run the command again to continue: %s does not go on without it", g.Work)
	}
	return fmt.Sprintf("interrupted; %s goes on without this command", g.Work)
}

// status is the exit status of a command that ended so, after it was said why.
func (r *rootCommand) status(ctx context.Context, path string, err error) int {
	switch {
	case err == nil:
		return exit.OK
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		if text := r.parting(); text != "" {
			r.Say("%s", text)
		}
		return exit.Interrupted
	}
	var items *exit.NotReadyError
	if errors.As(err, &items) {
		return exit.NotReady // each item has been printed
	}
	status, hint := exit.Failed, ""
	var misuse *exit.UsageError
	var problems config.Problems
	var system syscall.Errno
	switch {
	case errors.As(err, &misuse), !r.ran && !errors.As(err, &system): // what is not ours is cobra's, or that of an output
		status, hint = exit.Misuse, fmt.Sprintf("see: %s --help", path)
		if misuse != nil && misuse.Hint != "" {
			hint = misuse.Hint
		}
	case errors.As(err, &problems), errors.Is(err, config.ErrUnknownAccount):
		status = exit.Misuse
	}
	r.Say("%s", egress.Redact(err.Error()))
	r.Hint(hint)
	return status
}
