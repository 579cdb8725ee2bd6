package following

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/mediaferry/mediaferry/internal/ledger"
)

const (
	// awayPause is how long a command waits before it asks Temporal again.
	awayPause = time.Second
	// stoppedLeast is the gap between two looks from which a command says that it did
	// not run meanwhile.
	stoppedLeast = 20 * time.Second
)

// passing reports whether an error says only that Temporal or the ledger could not be
// asked for now: a machine that slept, an engine that is taken over, a network that is
// away.
func passing(err error) bool {
	var away *serviceerror.Unavailable
	var late *serviceerror.DeadlineExceeded
	var busy *serviceerror.ResourceExhausted
	return ledger.Passing(err) || errors.Is(err, context.DeadlineExceeded) ||
		errors.As(err, &away) || errors.As(err, &late) || errors.As(err, &busy)
}

// endOf waits for the end of a run, however long Temporal cannot be asked.
func endOf(ctx context.Context, run client.WorkflowRun, result any) error {
	for {
		err := run.Get(ctx, result)
		if err == nil || ctx.Err() != nil || !passing(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(awayPause):
		}
	}
}

// gaps notices when a program did not run for a while, by a clock that counts sleep.
type gaps struct{ last time.Time }

// since is for how long the program did not run before now; 0 where it did.
func (g *gaps) since(now time.Time) time.Duration {
	now = now.Round(0)
	gap := now.Sub(g.last)
	if g.last.IsZero() || gap < stoppedLeast {
		gap = 0
	}
	g.last = now
	return gap
}
