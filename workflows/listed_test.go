package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/visibility"
)

// lists returns a world whose workflow has search attributes, and what it changes them to.
func lists(t *testing.T, vendor string) (*world, *[]string) {
	w := newWorld(t, vendor)
	require.NoError(t, w.env.SetTypedSearchAttributesOnStart(visibility.OfUpload(w.item)))
	var states []string
	w.env.OnUpsertTypedSearchAttributes(anything).Run(func(args mock.Arguments) {
		changed := args.Get(0).(temporal.SearchAttributes)
		state, _ := changed.GetKeyword(visibility.State)
		if kind, ok := changed.GetKeyword(visibility.Kind); ok {
			state += " " + kind
		}
		if who, ok := changed.GetKeyword(visibility.WaitsFor); ok {
			state += " for " + who
		}
		states = append(states, state)
	}).Return(nil)
	return w, &states
}

func TestAnUploadChangesItsSearchAttributesAtMostThreeTimes(t *testing.T) {
	t.Run("ready", func(t *testing.T) {
		w, states := lists(t, "trustana")
		w.on(upload.ActivityPrepare, session("s"))
		w.on(upload.ActivityTransfer, sent)
		w.on(upload.ActivityPoll, ready("m"))
		w.execute("trustana", w.item)
		require.NoError(t, w.env.GetWorkflowError())
		require.Equal(t, []string{"transferring", "ready"}, *states)
	})
	for verdict, want := range map[upload.Verdict][]string{
		upload.VerdictReady: {"transferring", "unconfirmed unconfirmed for person", "ready"},
		upload.VerdictFail:  {"transferring", "unconfirmed unconfirmed for person", "failed unconfirmed"},
		upload.VerdictRetry: {"transferring", "unconfirmed unconfirmed for person", "ready"},
	} {
		t.Run("unconfirmed, then "+string(verdict), func(t *testing.T) {
			w, states := lists(t, "closient")
			w.on(upload.ActivityPrepare, session(""))
			w.on(upload.ActivityTransfer, unavailable(upload.ArrivedMaybe), posted("img9"))
			w.on(upload.ActivityFind, settled(upload.Settled{Doubt: "two of them"}))
			w.decide(time.Hour, upload.Decision{Verdict: verdict, Because: "looked", By: "ann"})
			w.execute("closient", w.item)
			require.Equal(t, want, *states)
		})
	}
	t.Run("where the namespace does not know them", func(t *testing.T) {
		w := newWorld(t, "trustana")
		w.on(upload.ActivityPrepare, session("s"))
		w.on(upload.ActivityTransfer, sent)
		w.on(upload.ActivityPoll, ready("m"))
		w.execute("trustana", w.item) // a change would have no answer here
		require.NoError(t, w.env.GetWorkflowError())
	})
}
