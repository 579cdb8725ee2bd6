package activities

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// attemptAfter runs one attempt of an activity that is left something by those
// before, and returns what it leaves behind.
func attemptAfter(t *testing.T, before *upload.Heartbeat, do func(context.Context) error) (*upload.Heartbeat, error) {
	t.Helper()
	suite := testsuite.WorkflowTestSuite{}
	env := suite.NewTestActivityEnvironment()
	if before != nil {
		env.SetHeartbeatDetails(*before)
	}
	var left *upload.Heartbeat
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		left = new(upload.Heartbeat)
		require.NoError(t, details.Get(left))
	})
	env.RegisterActivityWithOptions(do, activity.RegisterOptions{Name: "attempt"})
	_, err := env.ExecuteActivity("attempt")
	return left, err
}

func trouble(code string, arrived upload.Arrival, sent int64) error {
	e := upload.Errorf(upload.KindUnavailable, upload.StepTransfer, "trouble")
	e.Code, e.Arrived = code, arrived
	if sent > 0 {
		e.Receipt = &upload.Receipt{BytesSent: sent}
	}
	return e
}

func TestASendThatTheLineFailedComesBackAndCountsForNothing(t *testing.T) {
	acts := &Activities{}
	for name, c := range map[string]struct {
		before   *upload.Heartbeat
		err      error
		harmless bool
		again    bool
		left     upload.Heartbeat
	}{
		"there is no way": {
			err: trouble(upload.CodeOffline, upload.ArrivedNothing, 0), again: true,
			left: upload.Heartbeat{Retries: map[string]int{"offline": 1}},
		},
		"there has been no way for a night": {
			before: &upload.Heartbeat{Retries: map[string]int{"offline": 5000}},
			err:    trouble(upload.CodeOffline, upload.ArrivedNothing, 0), again: true,
			left: upload.Heartbeat{Retries: map[string]int{"offline": 5001}},
		},
		"it was cut in the middle": {
			before: &upload.Heartbeat{Sent: 4, Wasted: 10, Cuts: 1, Retries: map[string]int{"reset": 1}},
			err:    trouble(upload.CodeReset, upload.ArrivedSome, 5), again: true,
			left: upload.Heartbeat{Wasted: 19, Cuts: 2, Retries: map[string]int{"reset": 2}},
		},
		"it was cut too often": {
			before: &upload.Heartbeat{Cuts: lineTries - 1}, err: trouble(upload.CodeReset, upload.ArrivedSome, 5),
		},
		"it was cut after the last byte, which may do harm": {err: trouble(upload.CodeReset, upload.ArrivedMaybe, 5)},
		"it was cut after the last byte, which does none": {
			err: trouble(upload.CodeReset, upload.ArrivedMaybe, 5), harmless: true, again: true,
			left: upload.Heartbeat{Wasted: 5, Cuts: 1, Retries: map[string]int{"reset": 1}},
		},
		"the store refused":       {err: trouble("SlowDown", upload.ArrivedNothing, 0), harmless: true},
		"nobody understands what": {err: errors.New("what"), harmless: true},
		"it went well":            {harmless: true},
	} {
		t.Run(name, func(t *testing.T) {
			left, err := attemptAfter(t, c.before, func(ctx context.Context) error {
				p := past(ctx)
				return acts.afresh(ctx, &p, c.err, c.harmless)
			})
			if !c.again {
				require.NoError(t, err)
				require.Nil(t, left)
				return
			}
			var made *temporal.ApplicationError
			require.ErrorAs(t, err, &made)
			require.False(t, made.NonRetryable())
			require.Equal(t, temporal.ApplicationErrorCategoryBenign, made.Category())
			require.LessOrEqual(t, made.NextRetryDelay(), 30*time.Second)
			require.GreaterOrEqual(t, made.NextRetryDelay(), leastWait)
			require.Equal(t, &c.left, left)
		})
	}
}

func TestACallThatCouldNotBeMadeComesBackButNotTheFirst(t *testing.T) {
	for step, again := range map[upload.Step]bool{
		upload.StepClaim: false, upload.StepPrepare: false, upload.StepTransfer: true, upload.StepComplete: true, upload.StepPoll: true,
	} {
		_, err := attemptAfter(t, nil, func(ctx context.Context) error {
			return result(ctx, step, trouble(upload.CodeOffline, upload.ArrivedNothing, 0))
		})
		var made *temporal.ApplicationError
		require.ErrorAs(t, err, &made)
		require.Equal(t, !again, made.NonRetryable(), step)
	}
}

func TestARateIsThatOfAllSendsTogether(t *testing.T) {
	now := time.Unix(0, 0)
	clock := func() time.Time { return now }
	var r rates
	require.Zero(t, r.of("a"))
	first, second := r.begin("a", clock), r.begin("a", clock)
	now = now.Add(10 * time.Second)
	first(100)
	second(100)
	require.InDelta(t, 20, r.of("a"), 0.01)
	require.Zero(t, r.of("b"))
	now = now.Add(time.Hour) // nobody sends: that says nothing
	third := r.begin("a", clock)
	now = now.Add(10 * time.Second)
	third(400)
	require.InDelta(t, 40, r.of("a"), 0.01)
	fourth := r.begin("a", clock)
	now = now.Add(time.Second)
	fourth(0)
	require.InDelta(t, 40, r.of("a"), 0.01, "what failed at once says nothing either")
}
