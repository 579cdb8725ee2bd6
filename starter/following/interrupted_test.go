package following

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

// asked is a run whose end is asked for; each time the next answer is given.
type asked struct {
	client.WorkflowRun
	answers []error
}

func (a *asked) Get(context.Context, any) error {
	answer := a.answers[0]
	a.answers = a.answers[1:]
	return answer
}

func TestTheEndOfARunIsWaitedForThroughOutages(t *testing.T) {
	failed := errors.New("the workflow failed")
	run := &asked{answers: []error{context.DeadlineExceeded, serviceerror.NewUnavailable("the engine is gone"), failed}}
	require.Equal(t, failed, endOf(t.Context(), run, nil))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, endOf(ctx, &asked{answers: []error{context.DeadlineExceeded}}, nil), context.DeadlineExceeded, "unless the command ends")
}

func TestWhatPassesIsNoEnd(t *testing.T) {
	require.True(t, passing(fmt.Errorf("asked: %w", serviceerror.NewDeadlineExceeded("late"))))
	require.True(t, passing(serviceerror.NewResourceExhausted(0, "busy")))
	require.False(t, passing(serviceerror.NewNotFound("no such workflow")))
	require.False(t, passing(serviceerror.NewPermissionDenied("no", "")))
	require.False(t, passing(nil))
}

func TestAProgramThatDidNotRunIsNoticed(t *testing.T) {
	var g gaps
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	require.Zero(t, g.since(now), "it has just begun")
	require.Zero(t, g.since(now.Add(time.Second)))
	require.Equal(t, 2*time.Minute, g.since(now.Add(2*time.Minute+time.Second)))
	require.Zero(t, g.since(now.Add(time.Minute)), "a clock that is set back")
	require.Zero(t, g.since(now.Add(time.Minute+time.Second)))
}
