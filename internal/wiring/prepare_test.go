package wiring

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/enginehost"
	"github.com/mediaferry/mediaferry/internal/guard"
)

// serviceOfEngine has the environment name a new engine as a Temporal service.
func serviceOfEngine(t *testing.T, namespace string) Connection {
	data := t.TempDir()
	engine, err := enginehost.Join(t.Context(), enginehost.Options{Data: data, Binary: engineBinary(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	token, err := os.ReadFile(guard.TokenFile(data))
	require.NoError(t, err)
	t.Setenv("TEMPORAL_ADDRESS", engine.Address().Temporal)
	t.Setenv("TEMPORAL_NAMESPACE", namespace)
	t.Setenv("TEMPORAL_API_KEY", strings.TrimSpace(string(token)))
	t.Setenv("TEMPORAL_TLS", "false")
	return Connection{Log: zap.NewNop()}
}

func prepare(t *testing.T, c Connection, p Preparation) map[string]Outcome {
	all, err := Prepare(t.Context(), c, p)
	require.NoError(t, err)
	outcomes := map[string]Outcome{}
	for _, one := range all {
		t.Logf("%+v", one)
		outcomes[one.What] = one.Outcome
	}
	return outcomes
}

func TestSetupPreparesANamespaceAndCanBeRepeated(t *testing.T) {
	c := serviceOfEngine(t, "shop")
	week := Preparation{Retention: 7 * 24 * time.Hour}
	dry := week
	dry.DryRun = true
	require.Equal(t, map[string]Outcome{"namespace": OutcomePlanned, "search attributes": OutcomePlanned}, prepare(t, c, dry))
	require.Equal(t, map[string]Outcome{"namespace": OutcomeMade, "search attributes": OutcomeMade}, prepare(t, c, week))
	kept := map[string]Outcome{"namespace": OutcomeKept, "retention": OutcomeKept, "search attributes": OutcomeKept}
	require.Equal(t, kept, prepare(t, c, week))
	require.Equal(t, kept, prepare(t, c, Preparation{}))
	kept["retention"] = OutcomePlanned
	require.Equal(t, kept, prepare(t, c, Preparation{Retention: 240 * time.Hour, DryRun: true}))
	kept["retention"] = OutcomeMade
	require.Equal(t, kept, prepare(t, c, Preparation{Retention: 240 * time.Hour}))
}

func TestSetupSaysThatANamespaceHasNoRoom(t *testing.T) {
	c := serviceOfEngine(t, "default")
	taken := map[string]enums.IndexedValueType{}
	for _, name := range []string{"A", "B", "C", "D", "E", "F", "G"} {
		taken["Other"+name] = enums.INDEXED_VALUE_TYPE_KEYWORD
	}
	options, err := c.options(t.Context())
	require.NoError(t, err)
	temporal, err := client.DialContext(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	_, err = temporal.OperatorService().AddSearchAttributes(t.Context(), &operatorservice.AddSearchAttributesRequest{Namespace: "default", SearchAttributes: taken})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		all, err := attributesOf(t.Context(), temporal, "default")
		return err == nil && len(all) == len(taken)
	}, time.Minute, 50*time.Millisecond)
	require.Equal(t, OutcomeOptional, prepare(t, c, Preparation{})["search attributes"])
}

// pinned runs until it is released, and tells the build that carries it.
func pinned(ctx workflow.Context) (string, error) {
	workflow.GetSignalChannel(ctx, "release").Receive(ctx, nil)
	return workflow.GetInfo(ctx).GetCurrentBuildID(), nil
}

// build starts a worker of a version.
func build(t *testing.T, c client.Client, id string) {
	sdk := worker.New(c, "versioned", WorkerOptions{Deployment: "mediaferry", Build: id}.versioned(worker.Options{}))
	sdk.RegisterWorkflow(pinned)
	require.NoError(t, sdk.Start())
	t.Cleanup(sdk.Stop)
}

func TestAnUploadEndsOnTheVersionThatBeganIt(t *testing.T) {
	c := serviceOfEngine(t, "default")
	done, err := MakeCurrent(t.Context(), c, "mediaferry", "v1")
	require.NoError(t, err)
	require.Equal(t, OutcomeFailed, done.Outcome)
	require.Contains(t, done.Hint, "--build-id v1")

	options, err := c.options(t.Context())
	require.NoError(t, err)
	temporal, err := client.DialContext(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	current := func(id string) {
		build(t, temporal, id)
		require.EventuallyWithT(t, func(t *assert.CollectT) {
			done, err := MakeCurrent(context.Background(), c, "mediaferry", id)
			require.NoError(t, err)
			require.Equal(t, OutcomeMade, done.Outcome, done.Detail)
		}, time.Minute, 200*time.Millisecond)
	}
	start := func(id string) client.WorkflowRun {
		run, err := temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: "versioned"}, pinned)
		require.NoError(t, err)
		return run
	}
	began := func(run client.WorkflowRun) func() bool {
		return func() bool {
			described, err := temporal.DescribeWorkflowExecution(t.Context(), run.GetID(), run.GetRunID())
			return err == nil && described.GetWorkflowExecutionInfo().GetVersioningInfo().GetDeploymentVersion() != nil
		}
	}
	current("v1")
	first := start("first")
	require.Eventually(t, began(first), time.Minute, 50*time.Millisecond)
	current("v2")
	second := start("second")
	for run, want := range map[client.WorkflowRun]string{first: "v1", second: "v2"} {
		require.NoError(t, temporal.SignalWorkflow(t.Context(), run.GetID(), run.GetRunID(), "release", nil))
		var got string
		require.NoError(t, run.Get(t.Context(), &got))
		require.Equal(t, want, got)
	}
	done, err = MakeCurrent(t.Context(), c, "mediaferry", "v2")
	require.NoError(t, err)
	require.Equal(t, OutcomeKept, done.Outcome)
}
