package wiring

import (
	"strings"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Temporal shows the names of task queues to everybody, and those in which local sources
// are read name a host and a folder. So Temporal is given their digests: workflows, items
// and the ledger keep the names that upload.Root makes, and only what stands here
// translates.

// TaskQueues are the names by which Temporal knows a task queue: the first is the one in
// which activities are scheduled, and a worker polls all of them, one for each key, so
// that none is left alone while the key is replaced. A queue that names no place has its
// own name; that of a shared root is the same whatever its path.
func TaskQueues(keys codec.Keys, queue string) []string {
	queue = upload.QueueKey(queue)
	kind, place, local := strings.Cut(queue, "@")
	digests := keys.Digests([]byte("task queue\x00" + place))
	if !local || len(digests) == 0 {
		return []string{queue}
	}
	for i := range digests {
		digests[i] = kind + "@" + digests[i]
	}
	return digests
}

// queueNames gives Temporal the names of TaskQueues when workflows schedule activities.
type queueNames struct {
	interceptor.WorkerInterceptorBase
	keys codec.Keys
}

// InterceptWorkflow sees what workflows schedule.
func (q *queueNames) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &namingQueues{WorkflowInboundInterceptorBase: interceptor.WorkflowInboundInterceptorBase{Next: next}, keys: q.keys}
}

type namingQueues struct {
	interceptor.WorkflowInboundInterceptorBase
	keys codec.Keys
}

// Init puts the translation between the workflow and Temporal.
func (n *namingQueues) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	return n.Next.Init(&scheduling{WorkflowOutboundInterceptorBase: interceptor.WorkflowOutboundInterceptorBase{Next: outbound}, keys: n.keys})
}

type scheduling struct {
	interceptor.WorkflowOutboundInterceptorBase
	keys codec.Keys
}

// ExecuteActivity schedules an activity.
func (s *scheduling) ExecuteActivity(ctx workflow.Context, activity string, args ...any) workflow.Future {
	if queue := workflow.GetActivityOptions(ctx).TaskQueue; queue != "" {
		ctx = workflow.WithTaskQueue(ctx, TaskQueues(s.keys, queue)[0])
	}
	return s.Next.ExecuteActivity(ctx, activity, args...)
}
