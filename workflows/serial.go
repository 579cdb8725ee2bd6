package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// acquireSerial waits until no other item with the same serial key is under way, and
// returns what lets the next one in, however this one ends. An item without a serial
// key waits for nobody.
func (r *run) acquireSerial(ctx workflow.Context) (release func(), err error) {
	if r.terms.SerialKey == "" {
		return func() {}, nil
	}
	r.await(ctx, "other items with the same serial key")
	in := r.serial(ctx)
	waiting := workflow.WithActivityOptions(ctx, waiting("wait for other items of the same product"))
	err = workflow.ExecuteActivity(waiting, upload.ActivityAcquireSerial, in).Get(waiting, nil)
	r.await(ctx, "")
	return func() { r.releaseSerial(ctx, in) }, err
}

func (r *run) releaseSerial(ctx workflow.Context, in upload.SerialRequest) {
	free, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	free = workflow.WithActivityOptions(free, books("release the serial key"))
	if err := workflow.ExecuteActivity(free, upload.ActivityReleaseSerial, in).Get(free, nil); err != nil {
		r.note("could not release the serial key: " + err.Error())
	}
}

func (r *run) serial(ctx workflow.Context) upload.SerialRequest {
	return upload.SerialRequest{
		Key: r.terms.SerialKey, Last: r.terms.Last,
		UploadID: r.item.UploadID, RunID: workflow.GetInfo(ctx).WorkflowExecution.RunID,
	}
}
