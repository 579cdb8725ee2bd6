package e2e

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/proto"
)

// stranger is a client without our keys, as anybody has who can reach Temporal.
func stranger(t *testing.T, at upLine) client.Client {
	t.Helper()
	c, err := client.DialContext(t.Context(), at.strangers(t))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// strangers are the options of a client without our keys.
func (at upLine) strangers(t *testing.T) client.Options {
	t.Helper()
	// A name of its own: the SDK's would have this host's in the histories of what the
	// client terminates, and there a test looks for such names.
	options := client.Options{HostPort: at.Temporal, Namespace: at.Namespace, Identity: "mediaferry-astranger0"}
	if token := at.token(t); token != "" {
		options.Credentials, options.ConnectionOptions.TLSDisabled = client.NewAPIKeyStaticCredentials(token), true
	}
	return options
}

// history reads a workflow's latest run, as far as it is; none where there is no
// such workflow yet.
func history(t *testing.T, c client.Client, id string) *historypb.History {
	t.Helper()
	h := &historypb.History{}
	events := c.GetWorkflowHistory(t.Context(), id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		var unknown *serviceerror.NotFound
		if errors.As(err, &unknown) {
			return h
		}
		require.NoError(t, err)
		h.Events = append(h.Events, event)
	}
	return h
}

// completed counts the activities of a type that have ended well.
func completed(h *historypb.History, activity string) int {
	scheduled := map[int64]bool{}
	n := 0
	for _, e := range h.Events {
		if a := e.GetActivityTaskScheduledEventAttributes(); a.GetActivityType().GetName() == activity {
			scheduled[e.GetEventId()] = true
		}
		if a := e.GetActivityTaskCompletedEventAttributes(); a != nil && scheduled[a.GetScheduledEventId()] {
			n++
		}
	}
	return n
}

// describe is what Temporal tells of a workflow besides its history.
func describe(t *testing.T, c client.Client, id string) proto.Message {
	t.Helper()
	found, err := c.DescribeWorkflowExecution(t.Context(), id, "")
	require.NoError(t, err)
	return found
}
