package history

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/temporal"
)

func TestARetryIsNamedWithItsCause(t *testing.T) {
	silent := &failurepb.Failure{
		Message:     "activity Heartbeat timeout",
		FailureInfo: &failurepb.Failure_TimeoutFailureInfo{TimeoutFailureInfo: &failurepb.TimeoutFailureInfo{TimeoutType: enums.TIMEOUT_TYPE_HEARTBEAT}},
	}
	answered := &failurepb.Failure{
		Message:     "the vendor answered 503",
		FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: "unavailable"}},
	}
	for name, c := range map[string]struct {
		attempt int32
		failure *failurepb.Failure
		line    string
	}{
		"the first attempt":          {1, nil, ""},
		"a worker that died":         {3, silent, "transfer: retried twice, last failure: the worker stopped responding"},
		"an outage":                  {2, answered, "transfer: retried once, last failure: the vendor answered 503"},
		"an outage that takes hours": {12, answered, "transfer: retried 11 times, last failure: the vendor answered 503"},
	} {
		t.Run(name, func(t *testing.T) {
			tr := translator{failures: temporal.GetDefaultFailureConverter(), names: map[int64]string{5: "transfer"}}
			require.Equal(t, c.line, tr.line(&historypb.HistoryEvent{
				EventType: enums.EVENT_TYPE_ACTIVITY_TASK_STARTED,
				Attributes: &historypb.HistoryEvent_ActivityTaskStartedEventAttributes{ActivityTaskStartedEventAttributes: &historypb.ActivityTaskStartedEventAttributes{
					ScheduledEventId: 5, Attempt: c.attempt, LastFailure: c.failure,
				}},
			}))
		})
	}
}
