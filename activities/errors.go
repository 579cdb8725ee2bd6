package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Types of failures that Temporal repeats by itself, besides the kinds of what was
// waited out.
const (
	typeProcessing = "processing" // the medium is not done
	typeWaiting    = "waiting"    // for an account, a batch or a serial key
	typeDraining   = "draining"   // the worker ends
)

// result is an error that nobody judges, as Temporal takes it: what waits comes back
// at its time, what the ledger refused comes back by itself, and everything else is
// final. Only this file makes Temporal's failures.
func result(ctx context.Context, err error) error {
	var waits *steps.Later
	var books *steps.LedgerError
	var ended *steps.Ended
	var newer *further
	switch {
	case err == nil:
		return nil
	case errors.Is(context.Cause(ctx), worker.ErrWorkerShutdown):
		return later(typeDraining, "the worker is stopping", time.Millisecond)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &ended):
		return temporal.NewApplicationErrorWithOptions(ended.Error(), upload.FailureEnded, temporal.ApplicationErrorOptions{
			NonRetryable: true, Category: temporal.ApplicationErrorCategoryBenign, Details: []any{ended.Result},
		})
	case errors.As(err, &newer):
		return failed(upload.Errorf(upload.KindInternal, upload.StepTransfer, "%w", newer), newer.progress)
	case errors.As(err, &waits):
		return rest(ctx, waits)
	case errors.As(err, &books):
		return temporal.NewApplicationErrorWithOptions(books.Error(), upload.FailureLedger, temporal.ApplicationErrorOptions{})
	}
	return failed(upload.AsError(err, ""))
}

// ledgerError is trouble with our own ledger as Temporal takes it.
func ledgerError(ctx context.Context, err error) error {
	return result(ctx, steps.FromLedger(ctx, err))
}

// failed is a failure that is final for Temporal: the workflow reads from its
// details what it was, and what follows.
func failed(e *upload.Error, more ...any) error {
	return temporal.NewApplicationErrorWithOptions(e.Error(), string(e.Kind), temporal.ApplicationErrorOptions{
		NonRetryable: true, Details: append([]any{e}, more...),
	})
}

// later is a failure that comes back after a while and counts as none. Its first detail,
// where there is one, is what failed: views read it.
func later(kind, message string, wait time.Duration, details ...any) error {
	return temporal.NewApplicationErrorWithOptions(message, kind, temporal.ApplicationErrorOptions{
		NextRetryDelay: max(wait, time.Millisecond), Category: temporal.ApplicationErrorCategoryBenign, Details: details,
	})
}

// restWaits is how often something that waits looks whether it may go on, where
// nobody knows when that will be.
var restWaits = upload.Schedule{Waits: []time.Duration{
	time.Second, time.Second, 2 * time.Second, 3 * time.Second, 5 * time.Second, 8 * time.Second,
}}

// rest comes back at the time that is named, or else at growing distances.
func rest(ctx context.Context, waits *steps.Later) error {
	after := waits.After
	if after <= 0 {
		after = restWaits.Wait(int(attempt(ctx)), seed(ctx))
	}
	return later(typeWaiting, waits.Why, after)
}

func attempt(ctx context.Context) int32 { return activity.GetInfo(ctx).Attempt }

// seed spreads the waits of different items.
func seed(ctx context.Context) string { return activity.GetInfo(ctx).WorkflowExecution.RunID }

// told is a failure as views need it.
func told(e *upload.Error) upload.Error {
	said := *e
	said.Receipt = nil
	return said
}
