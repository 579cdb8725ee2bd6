package wiring

import (
	"context"
	"strings"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/worker/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
)

// withoutHost keeps the name of this host from Temporal, whose histories tell it to
// everybody: the SDK puts it before the ID of each sticky queue, the queue in which a
// worker gets the next tasks of the workflows that it has in memory, and that name cannot
// be set.
func withoutHost(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, call grpc.UnaryInvoker, options ...grpc.CallOption) error { //nolint:revive // the signature is gRPC's
	switch request := request.(type) {
	case *workflowservice.PollWorkflowTaskQueueRequest:
		anonymous(request.GetTaskQueue())
	case *workflowservice.RespondWorkflowTaskCompletedRequest:
		anonymous(request.GetStickyAttributes().GetWorkerTaskQueue())
	case *workflowservice.ShutdownWorkerRequest:
		request.StickyTaskQueue = withoutFirst(request.GetStickyTaskQueue())
		unnamed(request.GetWorkerHeartbeat())
	case *workflowservice.RecordWorkerHeartbeatRequest:
		unnamed(request.GetWorkerHeartbeat()...)
	}
	return call(ctx, method, request, reply, conn, options...)
}

// anonymous renames a queue if it is a sticky one.
func anonymous(queue *taskqueue.TaskQueue) {
	if queue.GetKind() == enums.TASK_QUEUE_KIND_STICKY {
		queue.Name = withoutFirst(queue.GetName())
	}
}

// unnamed leaves the host out of what a worker says of itself.
func unnamed(workers ...*worker.WorkerHeartbeat) {
	for _, w := range workers {
		if w.GetHostInfo() != nil {
			w.HostInfo.HostName = ""
		}
	}
}

// withoutFirst is a name without the host before its first colon. It may be repeated.
func withoutFirst(name string) string {
	if _, id, found := strings.Cut(name, ":"); found {
		return id
	}
	return name
}
