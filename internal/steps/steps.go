// Package steps makes one step of an upload to the outside world: it resolves the
// account, takes a permit, opens the source, calls the vendor or its store, and
// classifies the answer. Both drivers use it, for single items and for rows of a
// shard.
//
// It decides nothing about an upload (package flow does), repeats nothing, and
// knows nothing of Temporal: what cannot be done now comes back as Later, trouble
// with our own ledger as LedgerError, and everything else as *upload.Error.
package steps

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/metrics"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// Accounts resolves accounts, with their credentials as they are now: a changed
// configuration counts from the next call on.
type Accounts interface {
	// Account returns an account. An error is for the operator: it names the
	// accounts that there are, or the settings that are missing.
	Account(name string) (spec.Account, error)
	// KeyFingerprint tells one set of credentials from another, and nothing
	// about them.
	KeyFingerprint(spec.Account) string
}

// Steps makes steps. All fields must be set that do not say otherwise; it is safe
// for concurrent use, and is not copied.
type Steps struct {
	Accounts Accounts
	Ledger   *ledger.Ledger
	Sources  *sources.Sources
	Egress   *egress.Egress
	// Running reports whether a run of a workflow is still open. It is asked for runs
	// of the ledger's own Temporal service only.
	Running func(ctx context.Context, workflowID, runID string) (bool, error)
	// Bandwidth limits what is sent, all transfers together; nil: no limit.
	Bandwidth *transfer.Bandwidth
	// Owner names this process where it holds a lease.
	Owner string
	// Metrics are told what was done; nil: nothing is counted.
	Metrics *metrics.Metrics
	Log     *zap.Logger
	Now     func() time.Time
	// Wait replaces a timer for what is waited for within a step, where Now is no
	// clock that runs by itself; nil: a timer.
	Wait func(ctx context.Context, d time.Duration) error

	rates   rates // at which accounts take bytes
	limits  limits
	flights flights
	tokens  tokenCache
	keys    keyCache
	quotas  quotaCache
	outages outages
}

// Run is the workflow run on whose behalf a step is made.
type Run struct {
	WorkflowID, ID string
	Started        time.Time
}

// Later says that a step cannot be made now, which is no fault of the item's and
// counts as no attempt: come back after a while.
type Later struct {
	Why   string // in words
	After time.Duration
}

func (l *Later) Error() string { return l.Why }

// LedgerError is trouble with our own ledger. It is no fault of the item's, so the
// step comes back until the ledger answers.
type LedgerError struct{ err error }

func (e *LedgerError) Error() string { return "ledger: " + egress.Redact(e.err.Error()) }
func (e *LedgerError) Unwrap() error { return e.err }

// FromLedger is a ledger's error as a step returns it: nil for nil, and the
// context's own error where that has ended.
func FromLedger(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return &LedgerError{err}
}

// Failure is an error as the judge takes it; nil where it is for nobody to judge:
// success, Later, OutOfOrder, Ended, trouble with the ledger, and a context that has
// ended.
func Failure(ctx context.Context, err error, at upload.Step) *upload.Error {
	var later *Later
	var books *LedgerError
	var ended *Ended
	var out *OutOfOrder
	if err == nil || ctx.Err() != nil || errors.As(err, &later) || errors.As(err, &out) || errors.As(err, &books) || errors.As(err, &ended) {
		return nil
	}
	e := upload.AsError(err, at)
	if e.Step == "" {
		e.Step = at
	}
	e.Message, e.Hint = egress.Redact(e.Message), egress.Redact(e.Hint)
	e.MakePlain()
	return e
}

// FlowOf is the way of an item at an account of a vendor.
func (s *Steps) FlowOf(ctx context.Context, spec *spec.Spec, account spec.Account, item upload.Item) flow.Flow {
	return flow.Flow{Policy: spec.Policy, Patience: s.Patience(ctx, account, item), Seed: item.UploadID}
}

// Every calls do at an interval until that returns false, ctx ends, or stop is called,
// after which no call is under way.
func Every(ctx context.Context, interval time.Duration, do func() (more bool)) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if !do() {
				return
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// Pause waits within a step.
func (s *Steps) Pause(ctx context.Context, wait time.Duration) error {
	switch {
	case wait <= 0:
		return ctx.Err()
	case s.Wait != nil:
		return s.Wait(ctx, wait)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
