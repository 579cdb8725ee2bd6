package workflows

import (
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/visibility"
)

const (
	// dispatchWidth is how many shards of one route are under way at once: enough that
	// the end of one is not waited for, and that a fleet has something to share.
	dispatchWidth = 4
	// dispatchShards is after how many shards a dispatcher begins a new history.
	dispatchShards = 100
)

// dispatcher keeps a few shards of one route under way.
type dispatcher struct {
	in       upload.Dispatch
	inFlight int
	started  int
	before   int   // how many were when this pass over the route began
	err      error // what the first shard failed with that did
}

// dispatch carries a route's rows a shard at a time, in the order of the manifest. The
// canary comes first, and alone. Rows that go last with their serial keys have a pass of
// their own when all others have ended, so that they need not wait for other routes.
func dispatch(ctx workflow.Context, in upload.Dispatch) error {
	f := &dispatcher{in: in}
	if in.Canary > 0 {
		if err := f.canary(ctx); err != nil {
			return err
		}
	}
	for f.started < dispatchShards {
		size := f.in.ShardSize()
		cut, err := f.cut(ctx, size, size, size, size)
		if err == nil && len(cut.Shards) > 0 {
			err = f.send(ctx, cut.Shards)
		}
		if err == nil && len(cut.Shards) > 0 {
			continue
		}
		if err = errors.Join(err, f.wait(ctx)); err != nil || !cut.Later || f.started == f.before {
			return err
		}
		f.in.After, f.before = 0, f.started
	}
	if err := f.wait(ctx); err != nil {
		return err
	}
	// A batch may take days: the next history is the current version's, not this one's.
	return workflow.NewContinueAsNewErrorWithOptions(ctx, workflow.ContinueAsNewErrorOptions{
		InitialVersioningBehavior: workflow.ContinueAsNewVersioningBehaviorAutoUpgrade,
	}, upload.WorkflowDispatcher, f.in)
}

// canary sends the first rows and waits until a person has seen how they ended.
func (f *dispatcher) canary(ctx workflow.Context) error {
	cut, err := f.cut(ctx, f.in.Canary)
	if err != nil {
		return err
	}
	for i := range cut.Shards {
		cut.Shards[i].Canary = true
	}
	if err := errors.Join(f.send(ctx, cut.Shards), f.wait(ctx)); err != nil {
		return err
	}
	workflow.SetCurrentDetails(ctx, "waiting for a person to check the canary")
	waiting := workflow.WithActivityOptions(ctx, waiting("wait for a person to check the canary"))
	err = workflow.ExecuteActivity(waiting, upload.ActivityAwaitCanary, f.in.Batch, f.in.Route).Get(waiting, nil)
	f.in.Canary = 0
	return err
}

func (f *dispatcher) cut(ctx workflow.Context, sizes ...int) (cut upload.ShardsCut, err error) {
	ctx = workflow.WithActivityOptions(ctx, books("cut the next shards"))
	err = workflow.ExecuteActivity(ctx, upload.ActivityCutShards, upload.Cut{
		Batch: f.in.Batch, Route: f.in.Route, After: f.in.After, Sizes: sizes,
	}).Get(ctx, &cut)
	return cut, err
}

// send starts shards as others end.
func (f *dispatcher) send(ctx workflow.Context, shards []upload.Shard) error {
	for _, p := range shards {
		if err := workflow.Await(ctx, func() bool { return f.inFlight < dispatchWidth }); err != nil {
			return err
		}
		f.in.After = p.Last
		f.inFlight++
		f.started++
		workflow.GoNamed(ctx, fmt.Sprintf("lines %d to %d", p.First, p.Last), func(ctx workflow.Context) {
			defer func() { f.inFlight-- }()
			if err := f.carry(ctx, p); err != nil && f.err == nil {
				f.err = err
			}
		})
	}
	return nil
}

func (f *dispatcher) carry(ctx workflow.Context, p upload.Shard) error {
	id := upload.WorkflowID(fmt.Sprintf("shard/%s/%s/%d", p.Batch, p.Route.Account, p.First))
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: id, TaskQueue: upload.TaskQueue,
		ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL, WaitForCancellation: true,
		Priority: shardPriority(p.Batch), TypedSearchAttributes: attributed(ctx, visibility.OfRoute(p.Batch, p.Route)),
		StaticSummary: fmt.Sprintf("%d rows of batch %s to %s, lines %d to %d", p.Rows, p.Batch, p.Route.Account, p.First, p.Last),
	})
	err := childEnd(ctx, id, workflow.ExecuteChildWorkflow(ctx, upload.WorkflowShard, p).Get(ctx, nil))
	if endedOutside(ctx, err) {
		return nil // the batch takes its rows back, and sends them with other shards
	}
	return err
}

// wait returns when no shard is under way, also after the batch was canceled: its
// shards end by themselves then.
func (f *dispatcher) wait(ctx workflow.Context) error {
	free, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if err := workflow.Await(free, func() bool { return f.inFlight == 0 }); err != nil {
		return err
	}
	return f.err
}
