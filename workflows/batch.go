package workflows

import (
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/visibility"
)

// Batches are the workflows of batches, by their types. A batch has routes, each
// fed by a workflow of its own with shards of rows, each shard carried by a
// workflow of its own: no history grows with the manifest, and none holds a row
// that was packed.
func Batches() map[string]any {
	return map[string]any{
		upload.WorkflowBatch:      batch,
		upload.WorkflowDispatcher: dispatch,
		upload.WorkflowShard:      shard,
		upload.WorkflowScheduled:  scheduled,
	}
}

// batch runs until the ledger has no row of the batch left that waits or is under
// way. Whoever has rows retried meanwhile sends SignalMore.
func batch(ctx workflow.Context, in upload.BatchRun) (upload.BatchEnd, error) {
	more := workflow.GetSignalChannel(ctx, upload.SignalMore)
	var before int64 // rows that waited in the round before
	for round := 1; ; round++ {
		drain(more)
		var plan upload.BatchPlan
		err := routesOf(ctx, in.Batch, &plan)
		if err == nil && plan.Waiting() > 0 && plan.Waiting() == before {
			err = workflow.Sleep(ctx, idleRest)
		}
		before = plan.Waiting()
		if err == nil && plan.Waiting() > 0 {
			workflow.SetCurrentDetails(ctx, fmt.Sprintf("round %d: %d rows are waiting, on %d routes", round, plan.Waiting(), len(plan.Routes)))
			if err = dispatchRoutes(ctx, in.Batch, round, plan); err == nil {
				continue
			}
		}
		if err != nil && ctx.Err() == nil {
			return upload.BatchEnd{}, err
		}
		end, err := finish(ctx, upload.Finish{Batch: in.Batch, Canceled: ctx.Err() != nil})
		switch {
		case err != nil:
			return end, err
		case ctx.Err() != nil && end.More:
			continue // canceled a moment too late: the next round ends what waits
		case ctx.Err() != nil:
			return end, temporal.NewCanceledError(end)
		case !end.More && more.Len() == 0:
			workflow.SetCurrentDetails(ctx, fmt.Sprintf("**%s**", end.State))
			return end, nil
		}
	}
}

// idleRest is how long a batch waits after a round that changed nothing: a row may wait
// in a workflow of its own that no shard began.
const idleRest = 10 * time.Second

// drain forgets signals that only say what is about to be looked at.
func drain(signals workflow.ReceiveChannel) {
	for signals.ReceiveAsync(nil) { // all are the same
	}
}

func routesOf(ctx workflow.Context, id string, plan *upload.BatchPlan) error {
	ctx = workflow.WithActivityOptions(ctx, books("read what is left to do"))
	return workflow.ExecuteActivity(ctx, upload.ActivityRoutes, id).Get(ctx, plan)
}

// dispatchRoutes dispatches all routes at once and waits for all: one that fails does not
// keep the others from their rows.
func dispatchRoutes(ctx workflow.Context, id string, round int, plan upload.BatchPlan) error {
	var dispatchers []workflow.ChildWorkflowFuture
	var ids []string
	for i, route := range plan.Routes {
		if route.Waiting == 0 {
			continue
		}
		name := upload.WorkflowID(fmt.Sprintf("dispatcher/%s/%d.%d", id, round, i+1))
		ids = append(ids, name)
		child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
			WorkflowID: name, TaskQueue: upload.TaskQueue,
			ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL, WaitForCancellation: true,
			Priority: shardPriority(id), StaticSummary: fmt.Sprintf("%d rows of batch %s to %s", route.Waiting, id, route.Account),
			TypedSearchAttributes: attributed(ctx, visibility.OfRoute(id, route.Route)),
		})
		dispatchers = append(dispatchers, workflow.ExecuteChildWorkflow(child, upload.WorkflowDispatcher, upload.Dispatch{
			Batch: id, Route: route.Route, Rows: route.Waiting, Canary: plan.Canary,
		}))
	}
	var all error
	for i, f := range dispatchers {
		if err := childEnd(ctx, ids[i], f.Get(ctx, nil)); !endedOutside(ctx, err) { // else the next round finds its rows
			all = errors.Join(all, err)
		}
	}
	return all
}

// finish waits until no row is under way, ends those that never began where the
// batch was canceled, and has the report written.
func finish(ctx workflow.Context, in upload.Finish) (end upload.BatchEnd, err error) {
	free, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	options := books("finish the batch")
	options.StartToCloseTimeout, options.HeartbeatTimeout = readTime, shardBeat
	free = workflow.WithActivityOptions(free, options)
	err = workflow.ExecuteActivity(free, upload.ActivityFinishBatch, in).Get(free, &end)
	if err == nil && end.State.Ended() && !end.More {
		err = relist(ctx, visibility.State.ValueSet(string(end.State)))
	}
	return end, err
}

// shardPriority puts shards behind single uploads, and lets batches take turns.
func shardPriority(id string) temporal.Priority {
	key := upload.WorkflowID(id) // ASCII, so that no cut is within a character
	return temporal.Priority{PriorityKey: 4, FairnessKey: key[:min(len(key), 64)]}
}

// scheduled makes a batch of what is new in a manifest or a folder, and runs it.
func scheduled(ctx workflow.Context, in upload.Scheduled) (upload.BatchEnd, error) {
	options := books("read the manifest")
	options.TaskQueue = upload.ShardsQueue(in.Queue)
	options.StartToCloseTimeout, options.HeartbeatTimeout = readTime, shardBeat
	loading := workflow.WithActivityOptions(ctx, options)
	var run upload.BatchRun
	if err := workflow.ExecuteActivity(loading, upload.ActivityLoadBatch, in).Get(loading, &run); err != nil || run.Batch == "" {
		return upload.BatchEnd{}, err
	}
	child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: upload.BatchWorkflowID(run.Batch), TaskQueue: upload.TaskQueue,
		ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON, WaitForCancellation: true,
		StaticSummary: "batch " + run.Batch, TypedSearchAttributes: attributed(ctx, visibility.OfBatch(run.Batch)),
	})
	var end upload.BatchEnd
	err := workflow.ExecuteChildWorkflow(child, upload.WorkflowBatch, run).Get(child, &end)
	if err == nil {
		err = relist(ctx, visibility.Batch.ValueSet(run.Batch), visibility.State.ValueSet(string(end.State)))
	}
	return end, childEnd(ctx, upload.BatchWorkflowID(run.Batch), err)
}
