// Package activities is where Temporal meets the steps of an upload: each activity
// makes one step, or carries one shard of a batch, and turns what came of it into
// what Temporal is to do. A step that has to wait comes back by Temporal's own
// retry, at its time and without an event; a step that is done has saved its
// progress before it returns.
//
// It decides nothing about an upload: package flow does. It makes no call itself:
// package steps does. It keeps nothing of an upload between two activities.
package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"github.com/mediaferry/mediaferry/internal/shard"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Activities are the activities of uploads and batches. All fields must be set that
// do not say otherwise; it is safe for concurrent use.
type Activities struct {
	*steps.Steps
	// Report writes the report of a batch to where results go, and returns the
	// places.
	Report func(ctx context.Context, batch string) ([]string, error)
	// Finish lets the workflow of a batch that has ended write its reports anew;
	// nil: they stay as they are.
	Finish func(ctx context.Context, batch string) error
	// Load makes a batch of what is new in a manifest, and returns its name; ""
	// where nothing is.
	Load func(ctx context.Context, in upload.Scheduled) (batch string, err error)

	shards shard.Carriers
}

// Register registers what any worker can do.
func (a *Activities) Register(w worker.ActivityRegistry) {
	a.RegisterReading(w)
	register(w, map[string]any{
		upload.ActivityPrepare:       a.Prepare,
		upload.ActivityFind:          a.Find,
		upload.ActivitySignParts:     a.SignParts,
		upload.ActivityInspect:       a.Inspect,
		upload.ActivityComplete:      a.Complete,
		upload.ActivityPoll:          a.Poll,
		upload.ActivityRecord:        a.Record,
		upload.ActivityAwaitRun:      a.AwaitRun,
		upload.ActivityAcquireSerial: a.AcquireSerial,
		upload.ActivityReleaseSerial: a.ReleaseSerial,
		upload.ActivityMarkPaused:    a.MarkPaused,
		upload.ActivityVerify:        a.Verify,
	})
}

// RegisterReading registers what reads sources. On a host's own queue it is all
// that is asked for.
func (a *Activities) RegisterReading(w worker.ActivityRegistry) {
	register(w, map[string]any{
		upload.ActivityClaim:    a.Claim,
		upload.ActivityTransfer: a.Transfer,
		upload.ActivitySendPart: a.SendPart,
		upload.ActivityDigest:   a.Digest,
		upload.ActivityHere:     a.Here,
		upload.ActivityProve:    a.Prove,
	})
}

func register(w worker.ActivityRegistry, all map[string]any) {
	for name, f := range all {
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
	return steps.Every(ctx, beatEvery, func() bool {
		activity.RecordHeartbeat(ctx, progress())
		return true
	})
}

// alive is a beat that tells nothing.
func alive(ctx context.Context) (stop func()) {
	past := before(ctx) // which a beat without it would forget
	return beat(ctx, func() any { return past })
}

// run is the run of the workflow that an activity works for.
func run(ctx context.Context) steps.Run {
	info := activity.GetInfo(ctx)
	return steps.Run{WorkflowID: info.WorkflowExecution.ID, ID: info.WorkflowExecution.RunID, Started: info.ScheduledTime}
}
