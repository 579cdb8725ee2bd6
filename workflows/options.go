package workflows

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Every timeout of an upload, with its reason.
const (
	// controlTime bounds one control call: half a minute for the call itself,
	// twice for one that is repeated after a login, and the wait for a permit.
	controlTime = 90 * time.Second
	// controlBeat finds a worker that died in a control call. Nearly all calls are
	// shorter than its first heartbeat, so it costs nothing.
	controlBeat = 5 * time.Second

	// transferBeat finds a worker that died while it sent, and brings it the
	// word that the upload is canceled: within four fifths of this.
	transferBeat = 4 * time.Second
	// transferRetry is the longest pause after a worker that died: another one,
	// or the same, is usually there by then.
	transferRetry = 4 * time.Second
	// hostWait is how long a call waits for a worker of its source's host before
	// the upload says for whom it waits. It grows with each time, because workers
	// may be there and have much to do.
	hostWait = 30 * time.Second
	// digestWait is how long the checksum of a whole source waits for a worker:
	// the medium is ready without it.
	digestWait = 10 * time.Minute
	// transferTime is a bound because Temporal wants one. A send that moves goes on for
	// as long as it takes; the activity itself gives up one that does not.
	transferTime = 30 * 24 * time.Hour
	// verifyTime bounds asking the vendor about a finished medium and reading it.
	verifyTime = 15 * time.Minute

	// readTime bounds reading a whole source through.
	readTime = 24 * time.Hour

	// recordTime bounds a write to the ledger.
	recordTime = 30 * time.Second
)

// repeats is Temporal's own retry policy of all activities. It repeats what waits (an
// outage, a limit, a paused account, a serial key that is held, a medium that is still
// processed: each says itself when to come back), a ledger out of reach, and a worker
// that died. What the judge has decided comes back as final.
func repeats() *temporal.RetryPolicy {
	return &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second}
}

// control are the options of a control call that may be repeated.
func control(summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue: upload.TaskQueue, StartToCloseTimeout: controlTime, HeartbeatTimeout: controlBeat,
		RetryPolicy: repeats(), Summary: summary,
	}
}

// books are the options of what only the ledger takes part in.
func books(summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue: upload.TaskQueue, StartToCloseTimeout: recordTime, RetryPolicy: repeats(), Summary: summary,
	}
}

// waiting are the options of what comes back until something has changed. It is
// given up with the upload only.
func waiting(summary string) workflow.ActivityOptions { return books(summary) }

// reading are the options of what reads the source, where the source is.
func (r *run) reading(summary string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue: r.queue(), StartToCloseTimeout: readTime, HeartbeatTimeout: transferBeat,
		RetryPolicy: repeats(), Summary: summary,
	}
}

// sending are the options of a send that must have started before
// expires, where that is not zero: until then it may wait in the queue.
func (r *run) sending(ctx workflow.Context, summary string, expires time.Time) workflow.ActivityOptions {
	options := workflow.ActivityOptions{
		TaskQueue: r.queue(), HeartbeatTimeout: transferBeat,
		StartToCloseTimeout: transferTime,
		WaitForCancellation: true, RetryPolicy: repeats(), Summary: summary,
	}
	options.RetryPolicy.MaximumInterval = transferRetry
	if !expires.IsZero() {
		options.ScheduleToStartTimeout = max(expires.Sub(workflow.Now(ctx)), time.Second)
	}
	if r.item.Queue != "" {
		r.hostPatience = max(r.hostPatience, hostWait)
		if options.ScheduleToStartTimeout == 0 || r.hostPatience < options.ScheduleToStartTimeout {
			options.ScheduleToStartTimeout = r.hostPatience
		}
	}
	return options
}

// wait lets the next call wait longer for a worker of its host.
func (r *run) wait() { r.hostPatience = min(max(r.hostPatience, hostWait)*4, readTime) }

// queue is where the source can be read.
func (r *run) queue() string {
	if r.item.Queue != "" {
		return r.item.Queue
	}
	return upload.TaskQueue
}

// queuedTooLong reports whether an activity never started.
func queuedTooLong(kind enumspb.TimeoutType) bool {
	return kind == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START
}
