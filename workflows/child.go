package workflows

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// childEnd is how a child ended. One that runs already, as after a reset of its parent,
// is waited for: what it came to is in the ledger.
func childEnd(ctx workflow.Context, workflowID string, err error) error {
	var started *temporal.ChildWorkflowExecutionAlreadyStartedError
	if !errors.As(err, &started) {
		return err
	}
	ctx = workflow.WithActivityOptions(ctx, waiting("wait for "+workflowID+", which runs already"))
	return workflow.ExecuteActivity(ctx, upload.ActivityAwaitRun, workflowID).Get(ctx, nil)
}

// endedOutside reports whether somebody ended a child in Temporal that this workflow
// wants to go on.
func endedOutside(ctx workflow.Context, err error) bool {
	var terminated *temporal.TerminatedError
	return err != nil && ctx.Err() == nil && (temporal.IsCanceledError(err) || errors.As(err, &terminated))
}
