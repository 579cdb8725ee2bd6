// Package history owns the words for a workflow's history: it reads the events that
// Temporal keeps, and turns each into a line for people. It refuses to print them, and
// to interpret them: what became of an upload is in the ledger.
package history

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// ErrNotKept says that Temporal does not keep a workflow's history any more.
var ErrNotKept = errors.New("temporal has deleted the history of this workflow")

// Reader reads histories of workflows.
type Reader struct {
	Temporal client.Client
	Keys     codec.Keys
}

// Run names the run of a workflow, and says what its end means for the upload that
// is asked about.
type Run struct{ WorkflowID, RunID, Done string }

// Read returns a line for each event that says something: when it was, from the
// workflow's start, and what. It fails with ErrNotKept where Temporal has forgotten
// the workflow.
func (r Reader) Read(ctx context.Context, run Run) ([][]string, error) {
	t := r.translator(run)
	events := r.Temporal.GetWorkflowHistory(ctx, run.WorkflowID, run.RunID, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	var lines [][]string
	for events.HasNext() {
		event, err := events.Next()
		var gone *serviceerror.NotFound
		if errors.As(err, &gone) {
			return nil, ErrNotKept
		}
		if err != nil {
			return nil, fmt.Errorf("history of %s: %w", run.WorkflowID, err)
		}
		if t.start.IsZero() {
			t.start = event.GetEventTime().AsTime()
		}
		if text := t.line(event); text != "" {
			lines = append(lines, []string{"  " + since(event.GetEventTime().AsTime().Sub(t.start)), text})
		}
	}
	return lines, nil
}

// Waits is why the activity that a workflow waits for has to be made again; "" where it
// is made for the first time.
func (r Reader) Waits(ctx context.Context, workflowID, runID string) (string, error) {
	described, err := r.Temporal.DescribeWorkflowExecution(ctx, workflowID, runID)
	if err != nil {
		return "", err
	}
	t := r.translator(Run{WorkflowID: workflowID})
	for _, pending := range described.GetPendingActivities() {
		if failure := pending.GetLastFailure(); failure != nil {
			return t.cause(failure), nil
		}
	}
	return "", nil
}

// Pending is what an activity of a workflow waits for that is made again after it
// failed; nil where none does.
func (r Reader) Pending(ctx context.Context, workflowID, runID string) (*upload.Wait, error) {
	described, err := r.Temporal.DescribeWorkflowExecution(ctx, workflowID, runID)
	if err != nil {
		return nil, err
	}
	t := r.translator(Run{WorkflowID: workflowID})
	for _, one := range described.GetPendingActivities() {
		last, failed := t.failure(one.GetLastFailure())
		if !failed {
			continue
		}
		wait := &upload.Wait{Step: last.Step, Last: last, Tries: int(one.GetAttempt()) - 1}
		if next := one.GetNextAttemptScheduleTime(); next != nil {
			wait.Next = next.AsTime()
		}
		var past upload.Heartbeat // which knows since when
		if t.converter.FromPayloads(one.GetHeartbeatDetails(), &past) == nil {
			wait.Since = past.Away
		}
		if wait.Since.IsZero() && one.GetLastAttemptCompleteTime() != nil {
			wait.Since = one.GetLastAttemptCompleteTime().AsTime()
		}
		return wait, nil
	}
	return nil, nil //nolint:nilnil // nothing is made again
}

// failure is what an activity failed with; false where it only came back, or its worker
// was lost.
func (t *translator) failure(f *failurepb.Failure) (e upload.Error, failed bool) {
	if f == nil {
		return e, false
	}
	var said *temporal.ApplicationError
	if !errors.As(t.failures.FailureToError(f), &said) {
		return e, false
	}
	if said.Type() == upload.FailureLedger {
		return upload.Error{Kind: upload.KindUnavailable, Peer: upload.PeerLedger, Message: said.Message()}, true
	}
	if !said.HasDetails() || said.Details(&e) != nil {
		return e, false
	}
	return e, e.Kind != ""
}

func (r Reader) translator(run Run) translator {
	values := codec.DataConverter(r.Keys)
	here := converter.WorkflowSerializationContext{WorkflowID: run.WorkflowID}
	return translator{
		converter: converter.WithDataConverterSerializationContext(values, here),
		failures:  converter.WithFailureConverterSerializationContext(codec.FailureConverter(values), here),
		names:     map[int64]string{}, done: run.Done,
	}
}

func since(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("+%.2fs", d.Seconds())
	}
	return "+" + d.Round(time.Second).String()
}

// translator turns events into words. It remembers what was scheduled, since later
// events only give its number.
type translator struct {
	converter converter.DataConverter
	failures  converter.FailureConverter
	names     map[int64]string
	start     time.Time
	done      string // what the workflow's end means
}

func (t *translator) line(e *historypb.HistoryEvent) string {
	switch e.GetEventType() {
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
		return "started"
	case enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		scheduled := e.GetActivityTaskScheduledEventAttributes()
		t.names[e.GetEventId()] = t.summary(e, scheduled.GetActivityType().GetName())
		return ""
	case enums.EVENT_TYPE_ACTIVITY_TASK_STARTED:
		started := e.GetActivityTaskStartedEventAttributes()
		if started.GetAttempt() > 1 && started.GetLastFailure() != nil {
			return fmt.Sprintf("%s: retried %s, last failure: %s", t.names[started.GetScheduledEventId()], times(started.GetAttempt()-1), t.cause(started.GetLastFailure()))
		}
		return ""
	case enums.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
		completed := e.GetActivityTaskCompletedEventAttributes()
		return t.names[completed.GetScheduledEventId()] + ": done" + t.outcome(completed.GetResult())
	case enums.EVENT_TYPE_ACTIVITY_TASK_FAILED:
		failed := e.GetActivityTaskFailedEventAttributes()
		return t.names[failed.GetScheduledEventId()] + ": " + t.cause(failed.GetFailure())
	case enums.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
		timedOut := e.GetActivityTaskTimedOutEventAttributes()
		return t.names[timedOut.GetScheduledEventId()] + ": " + t.cause(timedOut.GetFailure())
	case enums.EVENT_TYPE_ACTIVITY_TASK_CANCELED:
		return t.names[e.GetActivityTaskCanceledEventAttributes().GetScheduledEventId()] + ": canceled"
	case enums.EVENT_TYPE_TIMER_STARTED:
		timer := e.GetTimerStartedEventAttributes()
		return fmt.Sprintf("waits %s: %s", timer.GetStartToFireTimeout().AsDuration().Round(time.Millisecond), t.summary(e, "timer"))
	}
	return t.wholeWorkflow(e)
}

// commands are the ways in which a person controls an upload, in words.
var commands = map[string]string{
	upload.UpdateDecide: "a person decided",
	upload.UpdateMove:   "a person moved it to another host",
	upload.SignalPause:  "a person paused it",
	upload.SignalResume: "a person resumed it",
}

// wholeWorkflow is the line for an event that concerns the whole workflow.
func (t *translator) wholeWorkflow(e *historypb.HistoryEvent) string {
	switch e.GetEventType() {
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
		return commands[e.GetWorkflowExecutionUpdateAcceptedEventAttributes().GetAcceptedRequest().GetInput().GetName()]
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED:
		if failure := e.GetWorkflowExecutionUpdateCompletedEventAttributes().GetOutcome().GetFailure(); failure != nil {
			return "it was refused: " + t.cause(failure)
		}
		return ""
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
		return commands[e.GetWorkflowExecutionSignaledEventAttributes().GetSignalName()]
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
		return "cancellation was requested"
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		return t.done
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		return "failed: " + t.cause(e.GetWorkflowExecutionFailedEventAttributes().GetFailure())
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
		return "canceled"
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
		return "terminated outside of mediaferry"
	}
	return ""
}

// summary is what the workflow wrote about an event, or its plain name.
func (t *translator) summary(e *historypb.HistoryEvent, plain string) string {
	var text string
	payload := e.GetUserMetadata().GetSummary()
	if payload == nil || converter.GetDefaultDataConverter().FromPayload(payload, &text) != nil || text == "" {
		return plain
	}
	return text
}

// cause is the first sentence of a failure's chain that says something.
func (t *translator) cause(f *failurepb.Failure) string {
	if f == nil {
		return "unknown"
	}
	if f.GetTimeoutFailureInfo().GetTimeoutType() == enums.TIMEOUT_TYPE_HEARTBEAT {
		return "the worker stopped responding"
	}
	err := t.failures.FailureToError(f)
	text, _, _ := strings.Cut(err.Error(), " (type:")
	return text
}

// times is how often something was repeated.
func times(n int32) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

// outcome adds what a step's result names: a session, a medium.
func (t *translator) outcome(result *commonpb.Payloads) string {
	var p upload.Progress
	if result == nil || t.converter.FromPayloads(result, &p) != nil {
		return ""
	}
	switch {
	case p.Media.Seen != "" && p.Attempts.Poll > 0:
		polls := "1 poll"
		if p.Attempts.Poll > 1 {
			polls = fmt.Sprintf("%d polls", p.Attempts.Poll)
		}
		return fmt.Sprintf(", the vendor answered %s after %s", p.Media.Seen, polls)
	case p.Next == upload.StepTransfer && p.Session.ID != "":
		return ", " + p.Session.ID
	case p.Media.ID != "":
		return ", " + p.Media.ID
	}
	return ""
}
