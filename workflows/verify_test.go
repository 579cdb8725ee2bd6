package workflows

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestAVerificationReturnsWhatTheVendorHas(t *testing.T) {
	found := upload.Unverified(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), nil)
	found.Outcome = upload.OutcomeSame
	calls := 0
	v, err := verified(t, func(id string) (upload.Verification, error) {
		require.Equal(t, "upload/sitoo/a", id)
		if calls++; calls < 20 { // what may pass comes back
			return upload.Verification{}, temporal.NewApplicationErrorWithOptions("down", "unavailable", temporal.ApplicationErrorOptions{NextRetryDelay: time.Minute})
		}
		return found, nil
	})
	require.NoError(t, err)
	require.Equal(t, found, v)
}

func TestAVerificationThatFailsSaysWhy(t *testing.T) {
	refused := &upload.Error{Kind: upload.KindRejected, Step: upload.StepPoll, Message: "media answered 400", Status: 400}
	v, err := verified(t, func(string) (upload.Verification, error) {
		return upload.Verification{}, temporal.NewApplicationErrorWithOptions("x", "rejected", temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{refused}})
	})
	require.NoError(t, err)
	require.Equal(t, upload.OutcomeUnknown, v.Outcome)
	require.Equal(t, upload.FailureOf(refused), v.Error)

	_, err = verified(t, func(string) (upload.Verification, error) { return upload.Verification{}, temporal.NewCanceledError() })
	require.Error(t, err, "one that was canceled has no result")
}

func verified(t *testing.T, answer func(string) (upload.Verification, error)) (v upload.Verification, err error) {
	t.Helper()
	suite := testsuite.WorkflowTestSuite{}
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&asService{}}})
	for name, flow := range Verifications() {
		env.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: name})
	}
	env.RegisterActivityWithOptions(answer, activity.RegisterOptions{Name: upload.ActivityVerify})
	env.ExecuteWorkflow(upload.WorkflowVerify, "upload/sitoo/a")
	if !env.IsWorkflowCompleted() {
		return v, errors.New("the workflow has not ended")
	}
	if err := env.GetWorkflowError(); err != nil {
		return v, err
	}
	return v, env.GetWorkflowResult(&v)
}
