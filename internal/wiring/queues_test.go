package wiring

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/worker/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func someKeys(t *testing.T) codec.Keys {
	t.Helper()
	text, err := codec.GenerateKey()
	require.NoError(t, err)
	keys, err := codec.ParseKeys(text)
	require.NoError(t, err)
	return keys
}

func TestTemporalIsNotToldWhereSourcesAreRead(t *testing.T) {
	old, current := someKeys(t), someKeys(t)
	queue := upload.HostQueue("studio", "/srv/media")
	for _, of := range []string{queue, upload.ShardsQueue(queue)} {
		named := TaskQueues(old, of)
		require.Len(t, named, 1)
		require.Regexp(t, "^mediaferry(-shards)?@[0-9a-f]{32}$", named[0])
		require.NotEqual(t, named, TaskQueues(old, of+"2"))
		replaced := TaskQueues(current.With(old), of)
		require.Len(t, replaced, 2)
		require.Equal(t, named[0], replaced[1], "what was scheduled with the old key is still taken")
		require.Equal(t, TaskQueues(current, of)[0], replaced[0])
	}
	require.Equal(t, []string{upload.TaskQueue}, TaskQueues(current.With(old), upload.TaskQueue))
	require.Equal(t, []string{upload.ShardsQueue(upload.TaskQueue)}, TaskQueues(old, upload.ShardsQueue(upload.TaskQueue)))
}

func TestTheHostIsNotToldToTemporal(t *testing.T) {
	sticky := func() *taskqueue.TaskQueue {
		return &taskqueue.TaskQueue{Name: "studio:id", Kind: enums.TASK_QUEUE_KIND_STICKY, NormalName: "mediaferry"}
	}
	host := func() *worker.WorkerHeartbeat {
		return &worker.WorkerHeartbeat{HostInfo: &worker.WorkerHostInfo{HostName: "studio"}}
	}
	for name, request := range map[string]interface{ String() string }{
		"a poll":      &workflowservice.PollWorkflowTaskQueueRequest{TaskQueue: sticky()},
		"an answer":   &workflowservice.RespondWorkflowTaskCompletedRequest{StickyAttributes: &taskqueue.StickyExecutionAttributes{WorkerTaskQueue: sticky()}},
		"a farewell":  &workflowservice.ShutdownWorkerRequest{StickyTaskQueue: "studio:id", WorkerHeartbeat: host()},
		"a heartbeat": &workflowservice.RecordWorkerHeartbeatRequest{WorkerHeartbeat: []*worker.WorkerHeartbeat{host(), {}}},
		"nothing":     &workflowservice.RespondWorkflowTaskCompletedRequest{},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // a call is repeated with the same request
				called := false
				err := withoutHost(t.Context(), "", request, nil, nil, func(_ context.Context, _ string, sent, _ any, _ *grpc.ClientConn, _ ...grpc.CallOption) error {
					called = true
					require.Same(t, request, sent)
					return nil
				})
				require.NoError(t, err)
				require.True(t, called)
				require.NotContains(t, request.String(), "studio")
			}
		})
	}
	poll := &workflowservice.PollWorkflowTaskQueueRequest{TaskQueue: sticky()}
	anonymous(poll.TaskQueue)
	require.Equal(t, "id", poll.GetTaskQueue().GetName(), "polls and answers name the same queue")
	normal := &taskqueue.TaskQueue{Name: "mediaferry:x", Kind: enums.TASK_QUEUE_KIND_NORMAL}
	anonymous(normal)
	require.Equal(t, "mediaferry:x", normal.GetName())
}
