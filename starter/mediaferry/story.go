package main

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
	"go.temporal.io/sdk/converter"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// story prints what happened in an upload's workflow, an event a line.
func (a *app) story(ctx context.Context, entry ledger.Entry, p printer) error {
	if entry.WorkflowID == "" {
		return nil
	}
	values := codec.DataConverter(a.keys)
	here := converter.WorkflowSerializationContext{WorkflowID: entry.WorkflowID}
	t := teller{
		converter: converter.WithDataConverterSerializationContext(values, here),
		failures:  converter.WithFailureConverterSerializationContext(codec.FailureConverter(values), here),
		names:     map[int64]string{}, done: "ready",
	}
	if withOthers(entry) {
		t.done = "its page is done"
	}
	events := a.temporal.GetWorkflowHistory(ctx, entry.WorkflowID, entry.RunID, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	rows := [][]string{}
	for events.HasNext() {
		event, err := events.Next()
		var gone *serviceerror.NotFound
		if errors.As(err, &gone) {
			a.say("temporal does not keep this workflow any more")
			return nil
		}
		if err != nil {
			return fmt.Errorf("history of %s: %w", entry.WorkflowID, err)
		}
		if t.start.IsZero() {
			t.start = event.GetEventTime().AsTime()
		}
		if text := t.tell(event); text != "" {
			rows = append(rows, []string{"  " + since(event.GetEventTime().AsTime().Sub(t.start)), text})
		}
	}
	if _, err := fmt.Fprintln(p.out); err != nil {
		return err
	}
	return p.table(rows)
}

func since(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("+%.2fs", d.Seconds())
	}
	return "+" + d.Round(time.Second).String()
}

// teller turns events into words. It remembers what was scheduled, since later
// events only give its number.
type teller struct {
	converter converter.DataConverter
	failures  converter.FailureConverter
	names     map[int64]string
	start     time.Time
	done      string // what the workflow's end means
}

func (t *teller) tell(e *historypb.HistoryEvent) string {
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
			return fmt.Sprintf("%s: came back %d times, last because %s", t.names[started.GetScheduledEventId()], started.GetAttempt()-1, t.cause(started.GetLastFailure()))
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
	return t.ending(e)
}

// told are the ways in which a person steers an upload, in words.
var told = map[string]string{
	upload.UpdateDecide: "a person decided",
	upload.UpdateMove:   "a person moves it to another host",
	upload.SignalPause:  "a person paused it",
	upload.SignalResume: "a person lets it go on",
}

// ending tells of what concerns the workflow as a whole.
func (t *teller) ending(e *historypb.HistoryEvent) string {
	switch e.GetEventType() {
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
		return told[e.GetWorkflowExecutionUpdateAcceptedEventAttributes().GetAcceptedRequest().GetInput().GetName()]
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED:
		if failure := e.GetWorkflowExecutionUpdateCompletedEventAttributes().GetOutcome().GetFailure(); failure != nil {
			return "it was refused: " + t.cause(failure)
		}
		return ""
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
		return told[e.GetWorkflowExecutionSignaledEventAttributes().GetSignalName()]
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
		return "cancellation was asked for"
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		return t.done
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		return "failed: " + t.cause(e.GetWorkflowExecutionFailedEventAttributes().GetFailure())
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
		return "canceled"
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
		return "terminated from outside"
	}
	return ""
}

// summary is what the workflow wrote about an event, or its plain name.
func (t *teller) summary(e *historypb.HistoryEvent, plain string) string {
	var text string
	payload := e.GetUserMetadata().GetSummary()
	if payload == nil || t.converter.FromPayload(payload, &text) != nil || text == "" {
		return plain
	}
	return text
}

// cause is the first sentence of a failure's chain that says something.
func (t *teller) cause(f *failurepb.Failure) string {
	if f == nil {
		return "unknown"
	}
	err := t.failures.FailureToError(f)
	text, _, _ := strings.Cut(err.Error(), " (type:")
	return text
}

// outcome adds what a step's result names: a session, a medium.
func (t *teller) outcome(result *commonpb.Payloads) string {
	var p upload.Progress
	if result == nil || t.converter.FromPayloads(result, &p) != nil {
		return ""
	}
	switch {
	case p.Media.Seen != "" && p.Attempts.Poll > 0:
		looks := "1 look"
		if p.Attempts.Poll > 1 {
			looks = fmt.Sprintf("%d looks", p.Attempts.Poll)
		}
		return fmt.Sprintf(", the vendor says %s after %s", p.Media.Seen, looks)
	case p.Next == upload.StepTransfer && p.Session.ID != "":
		return ", " + p.Session.ID
	case p.Media.ID != "":
		return ", " + p.Media.ID
	}
	return ""
}
