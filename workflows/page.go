package workflows

import (
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
)

const (
	// pageBeat finds a worker that died with a page. Each beat is an action, and
	// a page may take long where a vendor is slow: twice the time of a transfer's.
	pageBeat = 10 * time.Second
	// pageTime bounds one attempt of carrying a page. Rows that are done by then
	// are done; the next attempt goes on with the others.
	pageTime = 24 * time.Hour
)

// pageRun is one page under way.
type pageRun struct {
	page        upload.Page
	inFlight    int
	unconfirmed map[string]bool // rows that wait for a person
	err         error
}

// page carries the rows of one page: those that can be packed in one activity,
// and then each of those that cannot, or got into trouble, in a workflow of its
// own.
func page(ctx workflow.Context, in upload.Page) error {
	p := &pageRun{page: in, unconfirmed: map[string]bool{}}
	carrying := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: upload.PagesQueue(in.Route.Queue), StartToCloseTimeout: pageTime, HeartbeatTimeout: pageBeat,
		WaitForCancellation: true, RetryPolicy: repeats(), Priority: pagePriority(in.Batch),
		Summary: fmt.Sprintf("carry %d rows to %s", in.Rows, in.Route.Account),
	})
	var carried upload.Carried
	if err := workflow.ExecuteActivity(carrying, upload.ActivityCarryPage, in).Get(carrying, &carried); err != nil || !carried.Alone {
		return err
	}
	return p.alone(ctx)
}

// alone starts workflows for the rows that need their own, a few at a time.
func (p *pageRun) alone(ctx workflow.Context) error {
	workflow.Go(ctx, p.hear)
	query := upload.AloneQuery{Page: p.page}
	for {
		var rows upload.AloneRows
		asking := workflow.WithActivityOptions(ctx, waiting("rows that travel alone"))
		if err := workflow.ExecuteActivity(asking, upload.ActivityAloneRows, query).Get(asking, &rows); err != nil {
			return errors.Join(err, p.wait(ctx))
		}
		if len(rows.Items) == 0 {
			return p.wait(ctx)
		}
		for _, item := range rows.Items {
			if err := workflow.Await(ctx, func() bool { return p.inFlight < max(rows.Width, 1) }); err != nil {
				return errors.Join(err, p.wait(ctx))
			}
			query.After, query.AfterID = item.Line, item.UploadID
			p.inFlight++
			workflow.GoNamed(ctx, item.UploadID, func(ctx workflow.Context) {
				defer func() { p.inFlight-- }()
				if err := p.send(ctx, item); err != nil && p.err == nil {
					p.err = err
				}
			})
		}
	}
}

// hear notes which rows wait for a person's decision: the page does not.
func (p *pageRun) hear(ctx workflow.Context) {
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
func (p *pageRun) send(ctx workflow.Context, item upload.Item) error {
	child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: item.UploadID, TaskQueue: upload.TaskQueue,
		ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON, WaitForCancellation: true,
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		Priority:              pagePriority(item.Batch),
		StaticSummary:         upload.DisplaySource(item.Source) + " to " + item.Account,
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
		return nil // it recorded its end, or will
	}
	return p.record(free, item, err)
}

// record puts down that a row's workflow was ended from outside.
func (p *pageRun) record(ctx workflow.Context, item upload.Item, err error) error {
	now := workflow.Now(ctx).UTC()
	result := upload.NewResult(item, upload.WayOwn, now)
	result.State, result.FinishedAt, result.WorkflowID = upload.StateFailed, &now, upload.Text(item.UploadID)
	result.Error = upload.FailureOf(upload.Errorf(upload.KindInternal, "", "its workflow was ended from outside: %s", err).
		WithHint("mediaferry retry %s", item.UploadID))
	ctx = workflow.WithActivityOptions(ctx, books("record failed"))
	return workflow.ExecuteActivity(ctx, upload.ActivityRecord, upload.Record{
		Item: item, Result: result, RunID: workflow.GetInfo(ctx).WorkflowExecution.RunID,
	}).Get(ctx, nil)
}

// wait returns when no row is under way any more.
func (p *pageRun) wait(ctx workflow.Context) error {
	free, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if err := workflow.Await(free, func() bool { return p.inFlight == 0 }); err != nil {
		return err
	}
	return p.err
}
