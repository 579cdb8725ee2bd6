package workflows

import (
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
)

const (
	// feedWidth is how many pages of one route are under way at once: enough that
	// the end of one is not waited for, and that a fleet has something to share.
	feedWidth = 4
	// feedPages is after how many pages a feed begins a new history.
	feedPages = 100
)

// feeder keeps a few pages of one route under way.
type feeder struct {
	in       upload.Feed
	inFlight int
	started  int
	err      error // what the first page failed with that did
}

// feed carries a route's rows a page at a time, in the order of the manifest. The
// canary comes first, and alone.
func feed(ctx workflow.Context, in upload.Feed) error {
	f := &feeder{in: in}
	if in.Canary > 0 {
		if err := f.canary(ctx); err != nil {
			return err
		}
	}
	for f.started < feedPages {
		size := f.in.PageSize()
		pages, err := f.cut(ctx, size, size, size, size)
		if err == nil && len(pages) > 0 {
			err = f.send(ctx, pages)
		}
		if err != nil || len(pages) == 0 {
			return errors.Join(err, f.wait(ctx))
		}
	}
	if err := f.wait(ctx); err != nil {
		return err
	}
	return workflow.NewContinueAsNewError(ctx, upload.WorkflowFeed, f.in)
}

// canary sends the first rows and waits until a person has seen how they ended.
func (f *feeder) canary(ctx workflow.Context) error {
	pages, err := f.cut(ctx, f.in.Canary)
	if err != nil {
		return err
	}
	if err := errors.Join(f.send(ctx, pages), f.wait(ctx)); err != nil {
		return err
	}
	workflow.SetCurrentDetails(ctx, "waits for a person to look at the canary")
	waiting := workflow.WithActivityOptions(ctx, waiting("wait for a person to look at the canary"))
	err = workflow.ExecuteActivity(waiting, upload.ActivityAwaitCanary, f.in.Batch, f.in.Route).Get(waiting, nil)
	f.in.Canary = 0
	return err
}

func (f *feeder) cut(ctx workflow.Context, sizes ...int) (pages []upload.Page, err error) {
	ctx = workflow.WithActivityOptions(ctx, books("the next pages"))
	err = workflow.ExecuteActivity(ctx, upload.ActivityCutPages, upload.Cut{
		Batch: f.in.Batch, Route: f.in.Route, After: f.in.After, Sizes: sizes,
	}).Get(ctx, &pages)
	return pages, err
}

// send starts pages as others end.
func (f *feeder) send(ctx workflow.Context, pages []upload.Page) error {
	for _, p := range pages {
		if err := workflow.Await(ctx, func() bool { return f.inFlight < feedWidth }); err != nil {
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

func (f *feeder) carry(ctx workflow.Context, p upload.Page) error {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: fmt.Sprintf("page/%s/%s/%d", p.Batch, p.Route.Account, p.First), TaskQueue: upload.TaskQueue,
		ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL, WaitForCancellation: true,
		Priority:      pagePriority(p.Batch),
		StaticSummary: fmt.Sprintf("%d rows of batch %s to %s, lines %d to %d", p.Rows, p.Batch, p.Route.Account, p.First, p.Last),
	})
	err := workflow.ExecuteChildWorkflow(ctx, upload.WorkflowPage, p).Get(ctx, nil)
	if endedOutside(ctx, err) {
		return nil // the batch takes its rows back, and sends them with other pages
	}
	return err
}

// endedOutside reports whether somebody ended a child in Temporal that this workflow
// wants to go on.
func endedOutside(ctx workflow.Context, err error) bool {
	var terminated *temporal.TerminatedError
	return err != nil && ctx.Err() == nil && (temporal.IsCanceledError(err) || errors.As(err, &terminated))
}

// wait returns when no page is under way, also after the batch was canceled: its
// pages end by themselves then.
func (f *feeder) wait(ctx workflow.Context) error {
	free, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if err := workflow.Await(free, func() bool { return f.inFlight == 0 }); err != nil {
		return err
	}
	return f.err
}
