package wiring

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/enginehost"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/visibility"
)

// engineWith returns a client of a new engine whose namespace has some attributes.
func engineWith(t *testing.T, attributes []string) client.Client {
	text, err := codec.GenerateKey()
	require.NoError(t, err)
	keys, err := codec.ParseKeys(text)
	require.NoError(t, err)
	engine, err := enginehost.Join(t.Context(), enginehost.Options{Data: t.TempDir(), Binary: engineBinary(t), Attributes: attributes})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	c, _, err := Connect(t.Context(), Connection{Engine: engine, Keys: keys, Log: zap.NewNop()})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// begin starts a workflow that nobody carries.
func begin(t *testing.T, c client.Client) client.WorkflowRun {
	item := upload.Item{UploadID: "batch/spring/a", Batch: "spring", ID: "a", Account: "shop", Vendor: "trustana", Source: "/secret.jpg"}
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: item.UploadID, TaskQueue: upload.TaskQueue, StaticSummary: "upload to shop",
	}, item.Vendor, item)
	require.NoError(t, err)
	return run
}

func TestAnUploadIsFoundByItsSearchAttributes(t *testing.T) {
	c := engineWith(t, visibility.Declared())
	missing, err := MissingAttributes(t.Context(), c, client.DefaultNamespace)
	require.NoError(t, err)
	require.Empty(t, missing)
	run := begin(t, c)
	require.Eventually(t, func() bool {
		found, err := c.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
			Query: "MediaferryAccount='shop' AND MediaferryVendor='trustana' AND MediaferryBatch='spring' AND MediaferryState='waiting'",
		})
		return err == nil && len(found.GetExecutions()) == 1
	}, 20*time.Second, 50*time.Millisecond)
	described, err := c.DescribeWorkflowExecution(t.Context(), run.GetID(), "")
	require.NoError(t, err)
	require.JSONEq(t, `"upload to shop"`, string(described.GetExecutionConfig().GetUserMetadata().GetSummary().GetData()), "summaries are readable")
	history := c.GetWorkflowHistory(t.Context(), run.GetID(), run.GetRunID(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	event, err := history.Next()
	require.NoError(t, err)
	require.NotContains(t, event.String(), "secret.jpg")
}

func TestAnUploadStartsWhereTheNamespaceHasNoSearchAttributes(t *testing.T) {
	for name, attributes := range map[string][]string{"none": nil, "some": visibility.Declared()[:3]} {
		t.Run(name, func(t *testing.T) {
			c := engineWith(t, attributes)
			missing, err := MissingAttributes(t.Context(), c, client.DefaultNamespace)
			require.NoError(t, err)
			require.Len(t, missing, 7-len(attributes))
			begin(t, c)
		})
	}
}

func TestAScheduleStartsWithSearchAttributes(t *testing.T) {
	c := engineWith(t, visibility.Declared())
	handle, err := c.ScheduleClient().Create(t.Context(), client.ScheduleOptions{
		ID: "nightly", Spec: client.ScheduleSpec{CronExpressions: []string{"0 3 * * *"}},
		Action: &client.ScheduleWorkflowAction{ID: "nightly", Workflow: upload.WorkflowScheduled, TaskQueue: upload.TaskQueue},
	})
	require.NoError(t, err)
	require.NoError(t, handle.Trigger(t.Context(), client.ScheduleTriggerOptions{}))
	require.Eventually(t, func() bool {
		found, err := c.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: "MediaferryState='loading'"})
		return err == nil && len(found.GetExecutions()) == 1
	}, 20*time.Second, 50*time.Millisecond)
}
