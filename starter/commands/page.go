package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/internal/tracing"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/dashboard"
	"github.com/mediaferry/mediaferry/starter/exit"
	"github.com/mediaferry/mediaferry/starter/following"
	"github.com/mediaferry/mediaferry/starter/opening"
	"github.com/mediaferry/mediaferry/starter/output"
)

// page makes the operators' page of a command. person names who operates it where only one
// person can; "" where the sessions are those of several.
// temporal says that Temporal's web UI is behind the same front.
func (g *given) page(person string, temporal bool) http.Handler {
	return dashboard.New(dashboard.Options{
		Lend: func(console output.Console) (*opening.Session, bool) { return g.Lend(console, "") },
		Run:  g.runLent, Inbox: g.inbox, Person: person, NoTemporal: !temporal, Version: g.Version, Log: g.Log,
	})
}

// inbox is the folder for what is dropped on the page: in the first of the folders that
// workers read, which is a shared one if there is any, or in the home of whoever runs this,
// where everything visible is read.
// Below the data folder nothing is.
func (g *given) inbox() (string, error) {
	const name = "mediaferry-dropped"
	now, err := g.Live.Config()
	if err != nil {
		return "", err
	}
	roots, given, err := wiring.Roots(now)
	switch {
	case err != nil:
		return "", err
	case len(roots) > 0:
		return filepath.Join(roots[0].Path, name), nil
	case given:
		return "", errors.New("no worker reads local files: sources.local_roots and sources.shared_roots are empty. Name a folder there, and start workers on this host")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("there is no folder for what is dropped: %w", err)
	}
	return filepath.Join(home, name), nil
}

// together is what a command says and what it prints, in the order in which it does.
type together struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// mostSaid is how much of it is kept.
const mostSaid = 64 << 10

func (t *together) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := mostSaid - t.text.Len(); room > 0 {
		t.text.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (t *together) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

var errStarting = errors.New("mediaferry is starting; try again in a moment")

// runLent runs a command with what this one has opened, in the name of somebody on the
// page.
func (g *given) runLent(ctx context.Context, by string, args []string) dashboard.Outcome {
	var out together
	lent, ok := g.Lend(output.Console{Out: &out, Err: &out}, by)
	if !ok {
		return dashboard.Outcome{Status: exit.Failed, Text: errStarting.Error()}
	}
	r := newRootOf(lent)
	defer r.Close()
	status := r.run(ctx, args, &out, &out)
	return dashboard.Outcome{Status: status, Text: out.String()}
}

// newRootOf is the root command of a session.
func newRootOf(session *opening.Session) *rootCommand {
	workers := opening.NewWorkers(session)
	return &rootCommand{given: &given{
		Session: session, manifests: opening.NewManifests(session), sandbox: opening.NewSandbox(session), workers: workers,
		uploads: following.NewUploads(session, workers), batches: following.NewBatches(session, workers),
	}}
}

// begin begins a command whose line was understood: its log and, where the environment asks
// for them, its traces.
func (r *rootCommand) begin(cmd *cobra.Command) error {
	if err := r.Begin(); err != nil {
		return err
	}
	if !r.Lent {
		if err := r.trace(cmd.Context()); err != nil {
			return err
		}
	}
	ctx, end := r.Traces.Command(cmd.Context(), cmd.CommandPath())
	cmd.SetContext(ctx)
	r.ended = end
	return nil
}

// trace begins to export traces, where the environment asks for them.
func (r *rootCommand) trace(ctx context.Context) error {
	traces, err := tracing.Start(ctx, "mediaferry", r.Version, r.Log)
	if err != nil {
		return &exit.UsageError{Text: err.Error(), Hint: "correct OpenTelemetry's variables, or set OTEL_SDK_DISABLED=true"}
	}
	r.Traces = traces
	r.OnClose(traces.Stop)
	return nil
}

// run runs one command line and returns its exit status.
func (r *rootCommand) run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := r.command()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	command, err := root.ExecuteContextC(ctx)
	if r.ended != nil {
		r.ended(err)
	}
	status := r.status(ctx, command.CommandPath(), err)
	r.Close() // which may take a while: a worker ends its calls
	return status
}
