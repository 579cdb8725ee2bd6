package following

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// AwaitDecided waits until rows that were decided have ended, or wait for a person.
func (u Uploads) AwaitDecided(ctx context.Context, rows []ledger.Entry) error {
	for _, row := range rows {
		for {
			over, err := u.decided(ctx, row)
			if err != nil {
				return err
			}
			if over {
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-u.session.EngineLost():
				return u.session.EngineGone()
			case <-time.After(pollEvery):
			}
		}
	}
	return nil
}

// decided reports whether there is nothing left to wait for after a decision on a row.
// Its workflow is asked, and not the ledger alone: the workflow does more after the
// result is saved.
func (u Uploads) decided(ctx context.Context, row ledger.Entry) (bool, error) {
	described, err := u.session.Temporal.DescribeWorkflowExecution(ctx, row.WorkflowID, row.RunID)
	var gone *serviceerror.NotFound
	switch {
	case errors.As(err, &gone):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("cannot inspect workflow %s: %w", row.WorkflowID, err)
	case described.GetWorkflowExecutionInfo().GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING:
		return true, nil
	}
	now, err := u.session.Ledger.Get(ctx, row.Result.UploadID)
	switch {
	case err != nil:
		return false, err
	case now.Result.State == upload.StateUnconfirmed:
		return !now.UpdatedAt.Equal(row.UpdatedAt), nil
	case now.Result.State.Ended():
		return false, nil // its workflow is about to end, too
	}
	account, err := u.session.Ledger.Account(ctx, row.Result.To)
	return account.Paused, err
}
