package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Verifications are the workflows that only ask vendors, by their types.
func Verifications() map[string]any { return map[string]any{upload.WorkflowVerify: verify} }

// verify has a worker ask the vendor again for the medium of an upload that is ready.
// A failure is part of its result: the workflow itself has done what it was to do.
func verify(ctx workflow.Context, uploadID string) (upload.Verification, error) {
	at := workflow.Now(ctx)
	var v upload.Verification
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, verifying()), upload.ActivityVerify, uploadID).Get(ctx, &v)
	if e, _ := failureOf(err); e != nil {
		return upload.Unverified(at, upload.FailureOf(e)), nil
	}
	return v, err
}

// verifying are the options of a call that may read a whole medium.
func verifying() workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue: upload.TaskQueue, StartToCloseTimeout: verifyTime, HeartbeatTimeout: controlBeat,
		RetryPolicy: repeats(), Summary: "ask the vendor about the finished medium",
	}
}
