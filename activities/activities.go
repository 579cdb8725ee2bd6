// Package activities is the durable edge: each activity does one thing to the
// outside world and gives one classified answer, so that workflows can decide
// without knowing how it was done. Here credentials are resolved, permits are
// taken, the ledger is written, and a failure becomes what Temporal repeats or
// hands back.
//
// It decides nothing about an upload and keeps nothing of one between two
// activities.
package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// Accounts resolves accounts, with their credentials as they are now: a changed
// configuration counts from the next call on.
type Accounts interface {
	// Account returns an account. An error is for the operator: it names the
	// accounts that there are, or the settings that are missing.
	Account(name string) (vendors.Account, error)
	// KeyFingerprint tells one set of credentials from another, and nothing
	// about them.
	KeyFingerprint(vendors.Account) string
}

// Activities does what uploads need done. All fields must be set that do not say
// otherwise; it is safe for concurrent use.
type Activities struct {
	Accounts Accounts
	Ledger   *ledger.Ledger
	Sources  *sources.Sources
	Egress   *egress.Egress
	rates    rates // at which accounts take bytes
	// Running reports whether a run of a workflow is still open. It is asked for runs
	// of the ledger's own Temporal service only.
	Running func(ctx context.Context, workflowID, runID string) (bool, error)
	// Bandwidth limits what is sent, all transfers together; nil: no limit.
	Bandwidth *transfer.Bandwidth
	// Report writes the report of a batch to where results go, and returns the
	// places.
	Report func(ctx context.Context, batch string) ([]string, error)
	// Finish lets the workflow of a batch that has ended write its reports anew;
	// nil: they stay as they are.
	Finish func(ctx context.Context, batch string) error
	// Load makes a batch of what is new in a manifest, and returns its name; ""
	// where nothing is.
	Load func(ctx context.Context, in upload.Scheduled) (batch string, err error)
	// Owner names this process where it holds a lease.
	Owner string
	Log   *zap.Logger
	Now   func() time.Time
	// Wait replaces a timer for what is waited for within an activity, where Now
	// is no clock that runs by itself; nil: a timer.
	Wait func(ctx context.Context, d time.Duration) error

	tokens  tokenCache
	keys    keyCache
	gates   gates
	leases  leases
	batches batchLimits
}

// Register registers what any worker can do.
func (a *Activities) Register(w worker.ActivityRegistry) {
	a.RegisterReading(w)
	for name, f := range map[string]any{
		upload.ActivityPrepare:       a.Prepare,
		upload.ActivitySignParts:     a.SignParts,
		upload.ActivityComplete:      a.Complete,
		upload.ActivityPoll:          a.Poll,
		upload.ActivitySettle:        a.Settle,
		upload.ActivityRecord:        a.Record,
		upload.ActivityPauseAccount:  a.PauseAccount,
		upload.ActivityAwaitAccount:  a.AwaitAccount,
		upload.ActivityAcquireSerial: a.AcquireSerial,
		upload.ActivityReleaseSerial: a.ReleaseSerial,
		upload.ActivityMarkPaused:    a.MarkPaused,
	} {
		w.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
}

// RegisterReading registers what reads sources. On a host's own queue it is all
// that is asked for.
func (a *Activities) RegisterReading(w worker.ActivityRegistry) {
	for name, f := range map[string]any{
		upload.ActivityClaim:    a.Claim,
		upload.ActivityTransfer: a.Transfer,
		upload.ActivitySendPart: a.SendPart,
		upload.ActivityDigest:   a.Digest,
		upload.ActivityHere:     a.Here,
		upload.ActivityProve:    a.Prove,
	} {
		w.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
}

// Here says that a worker of this queue lives.
func (a *Activities) Here(context.Context) error { return nil }

// beatEvery is how often a long activity tells that it lives. The SDK sends as
// many of these as the heartbeat timeout needs.
const beatEvery = time.Second

// beat tells, from one second on, how far an activity is. The returned function
// ends it: no beat comes after that.
func beat(ctx context.Context, progress func() any) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(beatEvery)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-ticker.C:
				activity.RecordHeartbeat(ctx, progress())
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// run is the run of the workflow that an activity works for.
func run(ctx context.Context) (workflowID, runID string, started time.Time) {
	info := activity.GetInfo(ctx)
	return info.WorkflowExecution.ID, info.WorkflowExecution.RunID, info.ScheduledTime
}
