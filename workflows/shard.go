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

const (
	// shardBeat finds a worker that died with a shard. Each beat is an action, and
	// a shard may take long where a vendor is slow: twice the time of a transfer's.
	shardBeat = 10 * time.Second
	// shardTime bounds one attempt of carrying a shard. Rows that are done by then
	// are done; the next attempt goes on with the others.
	shardTime = 24 * time.Hour
)

// shardRun is one shard under way.
type shardRun struct {
	shard       upload.Shard
	inFlight    int
	unconfirmed map[string]bool // rows that wait for a person
	err         error
}

// shard carries the rows of one shard: those that can be packed in one activity,
// and then each of those that cannot, or got into trouble, in a workflow of its
// own.
func shard(ctx workflow.Context, in upload.Shard) error {
	p := &shardRun{shard: in, unconfirmed: map[string]bool{}}
	// A shard that waits says itself when it comes back, and these attempts count: a
	// worker that dies later would leave its rows alone for the longest pause there is.
	again := repeats()
	again.MaximumInterval = transferRetry
	carrying := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: upload.ShardsQueue(in.Route.Queue), StartToCloseTimeout: shardTime, HeartbeatTimeout: shardBeat,
		WaitForCancellation: true, RetryPolicy: again, Priority: shardPriority(in.Batch),
		Summary: fmt.Sprintf("send %d rows to %s", in.Rows, in.Route.Account),
	})
	var done upload.ShardDone
	if err := workflow.ExecuteActivity(carrying, upload.ActivityRunShard, in).Get(carrying, &done); err != nil || !done.Detached {
		return err
	}
	return p.detached(ctx)
}

// detached starts workflows for the rows that need their own, a few at a time.
func (p *shardRun) detached(ctx workflow.Context) error {
	workflow.Go(ctx, p.receive)
	query := upload.DetachedQuery{Shard: p.shard}
	for {
		var rows upload.DetachedRows
		asking := workflow.WithActivityOptions(ctx, waiting("read the detached rows"))
		if err := workflow.ExecuteActivity(asking, upload.ActivityDetachedRows, query).Get(asking, &rows); err != nil {
			return errors.Join(err, p.wait(ctx))
		}
		if len(rows.Items) == 0 && rows.Later && !p.shard.Canary {
			return errors.Join(p.last(ctx), p.wait(ctx))
		}
		if len(rows.Items) == 0 {
			return p.wait(ctx)
		}
		if err := p.start(ctx, rows); err != nil {
			return errors.Join(err, p.wait(ctx))
		}
		last := rows.Items[len(rows.Items)-1]
		query.After, query.AfterID = last.Line, last.UploadID
	}
}

// last starts rows that go last with their serial keys as soon as their turn comes: a row
// that waits for its source for hours keeps those of its own product only. It returns
// when nothing is under way: what is left then waits for rows of other shards.
func (p *shardRun) last(ctx workflow.Context) error {
	for {
		asking, stop := workflow.WithCancel(workflow.WithActivityOptions(ctx, waiting("wait for the turn of rows that go last")))
		next := workflow.ExecuteActivity(asking, upload.ActivityDetachedRows, upload.DetachedQuery{Shard: p.shard, Last: true})
		err := workflow.Await(ctx, func() bool { return next.IsReady() || p.inFlight == 0 })
		if err != nil || !next.IsReady() {
			stop()
			return err
		}
		var rows upload.DetachedRows
		if err := next.Get(asking, &rows); err != nil || len(rows.Items) == 0 {
			return err
		}
		if err := p.start(ctx, rows); err != nil {
			return err
		}
	}
}

// start gives rows workflows of their own, as many at once as may be under way.
func (p *shardRun) start(ctx workflow.Context, rows upload.DetachedRows) error {
	for _, item := range rows.Items {
		if err := workflow.Await(ctx, func() bool { return p.inFlight < max(rows.Width, 1) }); err != nil {
			return err
		}
		p.inFlight++
		workflow.GoNamed(ctx, item.UploadID, func(ctx workflow.Context) {
			defer func() { p.inFlight-- }()
			if err := p.send(ctx, item); err != nil && p.err == nil {
				p.err = err
			}
		})
	}
	return nil
}

// receive notes which rows wait for a person's decision: the shard does not.
func (p *shardRun) receive(ctx workflow.Context) {
	signals := workflow.GetSignalChannel(ctx, upload.SignalUnconfirmed)
	for {
		var uploadID string
		if !signals.Receive(ctx, &uploadID) {
			return
		}
		p.unconfirmed[uploadID] = true
	}
}

// send gives a row a workflow of its own and waits until that has ended, or waits
// for a person. The row's end is that workflow's to record, unless somebody ended
// it from outside.
func (p *shardRun) send(ctx workflow.Context, item upload.Item) error {
	child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: upload.WorkflowID(item.UploadID), TaskQueue: upload.TaskQueue,
		ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON, WaitForCancellation: true,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		Priority:              shardPriority(item.Batch),
		StaticSummary:         fmt.Sprintf("line %d of batch %s to %s", item.Line, item.Batch, item.Account),
		TypedSearchAttributes: attributed(ctx, visibility.OfUpload(item)),
	})
	running := workflow.ExecuteChildWorkflow(child, item.Vendor, item)
	free, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if err := workflow.Await(free, func() bool { return running.IsReady() || p.unconfirmed[item.UploadID] }); err != nil || !running.IsReady() {
		return err
	}
	err := running.Get(free, nil)
	var ended *temporal.ApplicationError
	var started *temporal.ChildWorkflowExecutionAlreadyStartedError
	if err == nil || temporal.IsCanceledError(err) || errors.As(err, &ended) && ended.HasDetails() || errors.As(err, &started) {
		return nil // it recorded its end, or will: the batch waits for that
	}
	return p.record(free, item, err)
}

// record puts down that a row's workflow was ended from outside.
func (p *shardRun) record(ctx workflow.Context, item upload.Item, err error) error {
	now := workflow.Now(ctx).UTC()
	result := upload.NewResult(item, upload.WayOwn, now)
	result.State, result.FinishedAt, result.WorkflowID = upload.StateFailed, &now, upload.Text(upload.WorkflowID(item.UploadID))
	result.Error = upload.FailureOf(upload.Errorf(upload.KindInternal, "", "the workflow was terminated outside of mediaferry: %s", err).
		WithHint("to run it again: mediaferry retry %s", upload.Argument(item.UploadID)))
	ctx = workflow.WithActivityOptions(ctx, books("record failed"))
	return workflow.ExecuteActivity(ctx, upload.ActivityRecord, upload.Record{
		Item: item, Result: result, RunID: workflow.GetInfo(ctx).WorkflowExecution.RunID,
	}).Get(ctx, nil)
}

// wait returns when no row is under way any more.
func (p *shardRun) wait(ctx workflow.Context) error {
	free, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if err := workflow.Await(free, func() bool { return p.inFlight == 0 }); err != nil {
		return err
	}
	return p.err
}
