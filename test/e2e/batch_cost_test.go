package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// bill is what workflows cost Temporal.
type bill struct {
	workflows, events int
	largest           int // events of one history
	actions           map[string]int
	beats             int // heartbeats that may have reached the server, at most
}

// total is all that is billed, heartbeats at their most.
func (b bill) total() (n int) {
	for _, count := range b.actions {
		n += count
	}
	return n + b.beats
}

func (b bill) String() string {
	words := make([]string, 0, len(b.actions))
	for _, name := range slices.Sorted(maps.Keys(b.actions)) {
		words = append(words, fmt.Sprintf("%d %s", b.actions[name], name))
	}
	return fmt.Sprintf("%d workflows, %d events, %d in the longest history; %d actions: %s, at most %d heartbeats",
		b.workflows, b.events, b.largest, b.total(), strings.Join(words, ", "), b.beats)
}

// packed are the workflows of a batch that carry its packed rows; alone are those
// of rows that travel on their own.
func billOf(t *testing.T, c client.Client, batch string) (packed, alone bill) {
	t.Helper()
	packed, alone = bill{actions: map[string]int{}}, bill{actions: map[string]int{}}
	for _, run := range runs(t, c) {
		switch {
		case run[0] == "batch/"+batch, strings.HasPrefix(run[0], "dispatcher/"+batch+"/"), strings.HasPrefix(run[0], "shard/"+batch+"/"):
			packed.add(t, c, run)
		case strings.HasPrefix(run[0], "batch/"+batch+"/"):
			alone.add(t, c, run)
		}
	}
	return packed, alone
}

// runs are all runs of all workflows, each as its workflow's ID and its own.
func runs(t *testing.T, c client.Client) (all [][2]string) {
	t.Helper()
	var next []byte
	for {
		page, err := c.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{PageSize: 1000, NextPageToken: next})
		require.NoError(t, err)
		for _, one := range page.GetExecutions() {
			all = append(all, [2]string{one.GetExecution().GetWorkflowId(), one.GetExecution().GetRunId()})
		}
		if next = page.GetNextPageToken(); len(next) == 0 {
			return all
		}
	}
}

func (b *bill) add(t *testing.T, c client.Client, run [2]string) {
	t.Helper()
	events := c.GetWorkflowHistory(t.Context(), run[0], run[1], false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	scheduled := map[int64]*historypb.HistoryEvent{}
	n := 0
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(t, err)
		n++
		b.count(e, scheduled)
	}
	b.workflows++
	b.events += n
	b.largest = max(b.largest, n)
}

// count adds what an event was billed as, by Temporal's published rules: a start,
// a child twice with its start, an activity and each repetition of it, a timer, a
// signal, an update, a change of search attributes, a marker.
//
// Heartbeats leave no events. There are at most as many as the SDK lets through
// in the time that the activity took: one in 0.8 of the heartbeat timeout.
func (b *bill) count(e *historypb.HistoryEvent, scheduled map[int64]*historypb.HistoryEvent) {
	switch e.GetEventType() {
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
		b.actions["starts"]++
	case enums.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
		b.actions["children"]++
	case enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		b.actions["activities"]++
		scheduled[e.GetEventId()] = e
	case enums.EVENT_TYPE_ACTIVITY_TASK_STARTED:
		b.actions["repetitions"] += int(e.GetActivityTaskStartedEventAttributes().GetAttempt()) - 1
	case enums.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
		b.beat(e, scheduled[e.GetActivityTaskCompletedEventAttributes().GetScheduledEventId()])
	case enums.EVENT_TYPE_ACTIVITY_TASK_FAILED:
		b.beat(e, scheduled[e.GetActivityTaskFailedEventAttributes().GetScheduledEventId()])
	case enums.EVENT_TYPE_ACTIVITY_TASK_CANCELED:
		b.beat(e, scheduled[e.GetActivityTaskCanceledEventAttributes().GetScheduledEventId()])
	case enums.EVENT_TYPE_TIMER_STARTED:
		b.actions["timers"]++
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
		b.actions["signals"]++
	case enums.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
		b.actions["updates"]++
	case enums.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
		b.actions["upserts"]++
	case enums.EVENT_TYPE_MARKER_RECORDED:
		b.actions["markers"]++
	}
}

func (b *bill) beat(ended, scheduled *historypb.HistoryEvent) {
	every := scheduled.GetActivityTaskScheduledEventAttributes().GetHeartbeatTimeout().AsDuration() * 8 / 10
	if every <= 0 {
		return
	}
	took := ended.GetEventTime().AsTime().Sub(scheduled.GetEventTime().AsTime())
	b.beats += int((took + every - time.Nanosecond) / every)
}
