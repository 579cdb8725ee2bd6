package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Types of failures that Temporal repeats by itself, besides throttled.
const (
	typeProcessing = "processing" // the medium is not done
	typeWaiting    = "waiting"    // for an account or a serial key
	typeLedger     = "ledger"     // the ledger is out of reach
	typeDraining   = "draining"   // the worker ends
)

// result turns an error into what Temporal is to do with it. This is the only
// place that makes Temporal's failures.
//
// Throttled comes back when it was told to, not before, and counts as no attempt.
// Everything else that somebody understood is final for Temporal: the workflow
// decides by its kind. What nobody understood is internal.
func result(ctx context.Context, step upload.Step, err error) error {
	var made *temporal.ApplicationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &made):
		return made
	case errors.Is(context.Cause(ctx), worker.ErrWorkerShutdown):
		return later(typeDraining, "the worker ends", time.Millisecond)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	e := upload.AsError(err, step)
	if e.Step == "" {
		e.Step = step
	}
	e.Message = egress.Redact(e.Message)
	if back := offline(ctx, step, e); back != nil {
		return back
	}
	if e.Kind == upload.KindThrottled {
		return later(string(e.Kind), e.Error(), patience(e.RetryAfter, seed(ctx), int(attempt(ctx))))
	}
	return temporal.NewApplicationErrorWithOptions(e.Error(), string(e.Kind), temporal.ApplicationErrorOptions{
		NonRetryable: true, Details: []any{e},
	})
}

// patience is how long one who was throttled waits before the attempt after the
// n-th: at least as long as was asked, and where nothing was, longer each time.
func patience(asked time.Duration, seed string, n int) time.Duration {
	if asked > 0 {
		return upload.Spread(max(asked, time.Second), seed, n)
	}
	return max(upload.Backoff(n+1, seed), time.Second)
}

// later is a failure that comes back after a while and counts as none.
func later(kind, message string, wait time.Duration, details ...any) error {
	return temporal.NewApplicationErrorWithOptions(message, kind, temporal.ApplicationErrorOptions{
		NextRetryDelay: wait, Category: temporal.ApplicationErrorCategoryBenign, Details: details,
	})
}

// ledgerError is trouble with our own books: it is no fault of the item's, so
// the step comes back until they answer.
func ledgerError(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return temporal.NewApplicationErrorWithOptions("ledger: "+egress.Redact(err.Error()), typeLedger, temporal.ApplicationErrorOptions{})
}

func attempt(ctx context.Context) int32 { return activity.GetInfo(ctx).Attempt }

// seed spreads the waits of different items.
func seed(ctx context.Context) string { return activity.GetInfo(ctx).WorkflowExecution.RunID }
