package following

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/opening"
)

// describing is a Temporal that knows one workflow.
type describing struct {
	client.Client
	described *workflowservice.DescribeWorkflowExecutionResponse
	err       error
}

func (d describing) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return d.described, d.err
}

func TestARowIsTakenFromAShardOnlyIfThatIsOrphaned(t *testing.T) {
	const running, terminated = enums.WORKFLOW_EXECUTION_STATUS_RUNNING, enums.WORKFLOW_EXECUTION_STATUS_TERMINATED
	shard := func(status enums.WorkflowExecutionStatus, closed time.Time, activity enums.PendingActivityState) *workflowservice.DescribeWorkflowExecutionResponse {
		d := &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Status: status}}
		if !closed.IsZero() {
			d.WorkflowExecutionInfo.CloseTime = timestamppb.New(closed)
		}
		if activity != 0 {
			d.PendingActivities = []*workflowpb.PendingActivityInfo{{State: activity}}
		}
		return d
	}
	const scheduled, started = enums.PENDING_ACTIVITY_STATE_SCHEDULED, enums.PENDING_ACTIVITY_STATE_STARTED
	for name, c := range map[string]struct {
		temporal describing
		worker   bool
		taken    bool
	}{
		"whose worker carries it":                  {describing{described: shard(running, time.Time{}, started)}, true, false},
		"that comes back soon":                     {describing{described: shard(running, time.Time{}, scheduled)}, true, false},
		"whose worker may only be out of sight":    {describing{described: shard(running, time.Time{}, started)}, false, false},
		"whose host is gone":                       {describing{described: shard(running, time.Time{}, scheduled)}, false, true},
		"that was ended a moment ago":              {describing{described: shard(terminated, time.Now(), 0)}, true, false},
		"that was ended":                           {describing{described: shard(terminated, time.Now().Add(-time.Hour), 0)}, true, true},
		"of which Temporal says nothing right now": {describing{err: errors.New("unavailable")}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			l := ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{})
			item := upload.Item{
				UploadID: "batch/spring/a", Batch: "spring", ID: "a", Line: 2, Account: "sitoo", Vendor: "sitoo",
				Source: "/media/a.jpg", Queue: upload.HostQueue("far", "/media"),
			}
			claim, err := l.Claim(t.Context(), ledger.ClaimRequest{
				Item: item, WorkflowID: "shard/spring/sitoo/2", RunID: "run", Way: upload.WayPacked, StartedAt: time.Now(),
			})
			require.NoError(t, err)
			require.Equal(t, ledger.Granted, claim.Outcome)
			if c.worker {
				require.NoError(t, l.Announce(t.Context(), ledger.Worker{ID: "w", Host: "far", Queues: []string{upload.ShardsQueue(item.Queue)}}))
			}
			entry, err := l.Get(t.Context(), item.UploadID)
			require.NoError(t, err)
			session := &opening.Session{Ledger: l, Temporal: c.temporal}
			u := NewUploads(session, opening.NewWorkers(session))
			require.NoError(t, u.freeOrphan(t.Context(), &Upload{item: item, entry: entry}))
			entry, err = l.Get(t.Context(), item.UploadID)
			require.NoError(t, err)
			require.Equal(t, c.taken, entry.RunID == "")
		})
	}
}
