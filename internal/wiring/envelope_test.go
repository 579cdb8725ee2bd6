package wiring

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	querypb "go.temporal.io/api/query/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/enginehost"
)

const envelopeQueue = "envelopes"

// engineBinary is the engine as it was built, or the end of the test.
func engineBinary(t *testing.T) string {
	t.Helper()
	path := os.Getenv("MEDIAFERRY_ENGINE")
	if path == "" {
		path = filepath.Join("..", "..", "bin", "mediaferry-engine")
	}
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" || os.Getenv("MEDIAFERRY_NO_SKIP") == "1" {
			t.Fatalf("no engine to test with: %v", err)
		}
		t.Skipf("no engine to test with, run make build or set MEDIAFERRY_ENGINE: %v", err)
	}
	path, err := filepath.Abs(path)
	require.NoError(t, err)
	return path
}

// world is an engine with a worker, and with somebody who may write to Temporal and
// has no key.
type world struct {
	t       *testing.T
	keys    codec.Keys
	client  client.Client
	service workflowservice.WorkflowServiceClient // the one without key
	space   string
	asked   chan []byte // tokens of activities that wait for an answer from outside
}

func newWorld(t *testing.T) *world {
	t.Helper()
	text, err := codec.GenerateKey()
	require.NoError(t, err)
	keys, err := codec.ParseKeys(text)
	require.NoError(t, err)
	engine, err := enginehost.Join(t.Context(), enginehost.Options{Data: t.TempDir(), Binary: engineBinary(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	c, _, err := Connect(t.Context(), Connection{Engine: engine, Keys: keys, Log: zap.NewNop()})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	w := &world{t: t, keys: keys, client: c, service: c.WorkflowService(), space: engine.Address().Namespace, asked: make(chan []byte, 1)}
	sdk := worker.New(c, envelopeQueue, worker.Options{})
	sdk.RegisterWorkflow(parent)
	sdk.RegisterWorkflow(child)
	sdk.RegisterWorkflow(waiting)
	sdk.RegisterWorkflow(says)
	sdk.RegisterActivity(w)
	require.NoError(t, sdk.Start())
	t.Cleanup(sdk.Stop)
	return w
}

// parent takes every way that a payload can take.
func parent(ctx workflow.Context, text string, again bool) (string, error) {
	if again {
		return "", workflow.NewContinueAsNewError(ctx, parent, text+"again ", false)
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, HeartbeatTimeout: time.Minute})
	var said, failed, heard string
	if err := workflow.ExecuteActivity(ctx, "Beat", text).Get(ctx, &said); err != nil {
		return "", err
	}
	err := workflow.ExecuteActivity(ctx, "Fail", "why ").Get(ctx, nil)
	var application *temporal.ApplicationError
	if !errors.As(err, &application) || application.Details(&failed) != nil {
		return "", err
	}
	f := workflow.ExecuteChildWorkflow(workflow.WithWorkflowID(ctx, "child"), child, "child ")
	workflow.GetSignalChannel(ctx, "word").Receive(ctx, &heard)
	var came string
	if err := f.Get(ctx, &came); err != nil {
		return "", err
	}
	return said + failed + heard + came, nil
}

func child(ctx workflow.Context, text string) (string, error) {
	up := workflow.GetInfo(ctx).ParentWorkflowExecution
	return text, workflow.SignalExternalWorkflow(ctx, up.ID, up.RunID, "word", "signal ").Get(ctx, nil)
}

// waiting is steered, until it is canceled.
func waiting(ctx workflow.Context, text string) error {
	word := text
	if err := workflow.SetQueryHandler(ctx, "word", func(tail string) (string, error) { return word + tail, nil }); err != nil {
		return err
	}
	if err := workflow.SetUpdateHandler(ctx, "say", func(_ workflow.Context, text string) (string, error) {
		word = text
		return word, nil
	}); err != nil {
		return err
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			workflow.GetSignalChannel(ctx, "word").Receive(ctx, &word)
		}
	})
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, WaitForCancellation: false})
	var answer string
	err := workflow.ExecuteActivity(ctx, "Ask").Get(ctx, &answer)
	if temporal.IsCanceledError(err) {
		return temporal.NewCanceledError(word)
	}
	return err
}

func says(_ workflow.Context, text string) (string, error) { return text, nil }

// Beat fails after a heartbeat, and knows of it the next time.
func (w *world) Beat(ctx context.Context, text string) (string, error) {
	if !activity.HasHeartbeatDetails(ctx) {
		activity.RecordHeartbeat(ctx, "beat ")
		return "", errors.New("once more")
	}
	var before string
	return text + before, activity.GetHeartbeatDetails(ctx, &before)
}

// Fail fails with details.
func (w *world) Fail(_ context.Context, text string) error {
	return temporal.NewApplicationErrorWithOptions("no", "refused", temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{text}})
}

// Ask is answered from outside.
func (w *world) Ask(ctx context.Context) (string, error) {
	w.asked <- activity.GetInfo(ctx).TaskToken
	return "", activity.ErrResultPending
}

func (w *world) start(id string, flow any, args ...any) client.WorkflowRun {
	w.t.Helper()
	run, err := w.client.ExecuteWorkflow(w.t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: envelopeQueue}, flow, args...)
	require.NoError(w.t, err)
	return run
}

// plant starts a workflow with an input that somebody without key has.
func (w *world) plant(id, flow string, input *commonpb.Payloads) client.WorkflowRun {
	w.t.Helper()
	_, err := w.service.StartWorkflowExecution(w.t.Context(), &workflowservice.StartWorkflowExecutionRequest{
		Namespace: w.space, WorkflowId: id, WorkflowType: &commonpb.WorkflowType{Name: flow}, Input: input,
		TaskQueue: &taskqueuepb.TaskQueue{Name: envelopeQueue}, RequestId: id,
	})
	require.NoError(w.t, err)
	return w.client.GetWorkflow(w.t.Context(), id, "")
}

// event is the first event of a kind in a history.
func (w *world) event(id string, kind enums.EventType) *historypb.HistoryEvent {
	w.t.Helper()
	events := w.client.GetWorkflowHistory(w.t.Context(), id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(w.t, err)
		if event.GetEventType() == kind {
			return event
		}
	}
	require.Fail(w.t, "no such event", "%s in %s", kind, id)
	return nil
}

func (w *world) input(id string) *commonpb.Payloads {
	w.t.Helper()
	return w.event(id, enums.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED).GetWorkflowExecutionStartedEventAttributes().GetInput()
}

// refused waiting for a workflow's failure, which does not lie about its cause.
func (w *world) refused(run client.WorkflowRun, words ...string) {
	w.t.Helper()
	err := run.Get(w.t.Context(), nil)
	var failed *temporal.ApplicationError
	require.ErrorAs(w.t, err, &failed)
	require.Equal(w.t, "payload-refused", failed.Type(), "it is readable in Temporal, without a key")
	for _, word := range words {
		require.ErrorContains(w.t, err, word)
	}
}

func TestPayloadsArriveWhereTheyBelong(t *testing.T) {
	w := newWorld(t)
	var all string
	require.NoError(t, w.start("parent", parent, "text ", true).Get(t.Context(), &all))
	require.Equal(t, "text again beat why signal child ", all)

	run := w.start("steered", waiting, "input ")
	<-w.asked
	word := func() (word string) {
		answer, err := w.client.QueryWorkflow(t.Context(), "steered", "", "word", "tail")
		require.NoError(t, err)
		require.NoError(t, answer.Get(&word))
		return word
	}
	require.Equal(t, "input tail", word())
	require.NoError(t, w.client.SignalWorkflow(t.Context(), "steered", "", "word", "signal "))
	require.Equal(t, "signal tail", word())
	handle, err := w.client.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: "steered", UpdateName: "say", Args: []any{"update "}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	require.NoError(t, err)
	var answer string
	require.NoError(t, handle.Get(t.Context(), &answer))
	require.Equal(t, "update ", answer)
	require.Equal(t, "update tail", word())

	require.NoError(t, w.client.CancelWorkflow(t.Context(), "steered", ""))
	var canceled *temporal.CanceledError
	require.ErrorAs(t, run.Get(t.Context(), nil), &canceled)
	require.NoError(t, canceled.Details(&answer))
	require.Equal(t, "update ", answer, "what a canceled workflow ends with")

	input, err := codec.ScheduleInput(w.keys, "scheduled", "by schedule")
	require.NoError(t, err)
	schedule, err := w.client.ScheduleClient().Create(t.Context(), client.ScheduleOptions{ID: "schedule", Action: &client.ScheduleWorkflowAction{
		ID: "scheduled", Workflow: "says", Args: input, TaskQueue: envelopeQueue,
	}, TriggerImmediately: true})
	require.NoError(t, err)
	var id string
	require.Eventually(t, func() bool {
		described, err := schedule.Describe(t.Context())
		require.NoError(t, err)
		for _, one := range described.Info.RecentActions {
			id = one.StartWorkflowResult.WorkflowID
		}
		return id != ""
	}, time.Minute, 50*time.Millisecond)
	require.NoError(t, w.client.GetWorkflow(t.Context(), id, "").Get(t.Context(), &answer))
	require.Equal(t, "by schedule", answer)
	w.refused(w.plant("scheduled-too", "says", w.input(id)), `made for the schedule of "scheduled"`, `not for workflow "scheduled-too"`)
}

func TestWhoHasNoKeyCannotUsePayloadsOfOthers(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.start("victim", says, "secret").Get(t.Context(), nil))
	w.refused(w.plant("thief", "says", w.input("victim")), `made for workflow "victim"`, `not for workflow "thief"`, "find out who can write to Temporal")
	renamed := w.input("victim")
	renamed.Payloads[0].Metadata["workflow-id"] = []byte("forger")
	w.refused(w.plant("forger", "says", renamed), "failed authentication")
	bare, err := converter.GetDefaultDataConverter().ToPayloads("mine")
	require.NoError(t, err)
	w.refused(w.plant("bare", "says", bare), "unencrypted payload", "find out who else can write to Temporal")

	run := w.start("steered", waiting, "input ")
	token := <-w.asked
	stolen := w.input("victim")
	execution := &commonpb.WorkflowExecution{WorkflowId: "steered"}
	_, err = w.service.SignalWorkflowExecution(t.Context(), &workflowservice.SignalWorkflowExecutionRequest{
		Namespace: w.space, WorkflowExecution: execution, SignalName: "word", Input: stolen,
	})
	require.NoError(t, err)
	updated, err := w.service.UpdateWorkflowExecution(t.Context(), &workflowservice.UpdateWorkflowExecutionRequest{
		Namespace: w.space, WorkflowExecution: execution,
		WaitPolicy: &updatepb.WaitPolicy{LifecycleStage: enums.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED},
		Request:    &updatepb.Request{Meta: &updatepb.Meta{UpdateId: "u"}, Input: &updatepb.Input{Name: "say", Args: stolen}},
	})
	require.NoError(t, err)
	require.NotNil(t, updated.GetOutcome().GetFailure())
	_, err = w.service.QueryWorkflow(t.Context(), &workflowservice.QueryWorkflowRequest{
		Namespace: w.space, Execution: execution, Query: &querypb.WorkflowQuery{QueryType: "word", QueryArgs: stolen},
	})
	require.ErrorContains(t, err, "failed authentication for this workflow")
	answer, err := w.client.QueryWorkflow(t.Context(), "steered", "", "word", "tail")
	require.NoError(t, err)
	var word string
	require.NoError(t, answer.Get(&word))
	require.Equal(t, "input tail", word, "neither signal nor update was heard")

	_, err = w.service.RespondActivityTaskCompleted(t.Context(), &workflowservice.RespondActivityTaskCompletedRequest{
		Namespace: w.space, TaskToken: token, Result: stolen,
	})
	require.NoError(t, err)
	w.refused(run, `made for workflow "victim"`, `not for workflow "steered"`)
}
