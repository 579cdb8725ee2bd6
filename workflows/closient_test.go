package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"github.com/mediaferry/mediaferry/internal/upload"
)

func posted(id string) answer {
	return answer{value: upload.Receipt{BytesSent: 100, SHA256: "aa", CRC64: "1", Media: &upload.Media{ID: id, State: upload.StateReady}}}
}

func settled(s upload.Settled) answer { return answer{value: s} }

func TestClosientEntersItsLaneListsAndPostsOnce(t *testing.T) {
	w := newWorld(t, "closient").
		on(upload.ActivityPrepare, session("")).
		on(upload.ActivityTransfer, posted("img1"))
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, []string{"Claim", "AcquireSerial", "Prepare", "Transfer", "ReleaseSerial", "Record"}, w.asked)
	require.EqualValues(t, "img1", result.MediaID)
}

func TestClosientAdoptsTheImageOfALostAnswer(t *testing.T) {
	w := newWorld(t, "closient").
		on(upload.ActivityPrepare, session("")).
		on(upload.ActivityTransfer, unavailable(upload.ArrivedMaybe)).
		on(upload.ActivityFind, settled(upload.Settled{Media: &upload.Media{ID: "img1"}, Note: "one more"}))
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, []string{"Claim", "AcquireSerial", "Prepare", "Transfer", "Find", "ReleaseSerial", "Record"}, w.asked)
	require.EqualValues(t, "img1", result.MediaID)
	require.Contains(t, result.Note, "one more")
}

func TestClosientSendsAgainOnlyAfterTwoSearchesFoundNothing(t *testing.T) {
	w := newWorld(t, "closient").
		on(upload.ActivityPrepare, session("")).
		on(upload.ActivityTransfer, unavailable(upload.ArrivedMaybe), posted("img2")).
		on(upload.ActivityFind, settled(upload.Settled{Clean: true}))
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, []string{"Claim", "AcquireSerial", "Prepare", "Transfer", "Find", "Find", "Transfer", "ReleaseSerial", "Record"}, w.asked)
	require.GreaterOrEqual(t, w.took(), 7*time.Second)
	require.EqualValues(t, "img2", result.MediaID)
}

// A worker that dies in the attempt after one that was throttled may have sent it.
func TestClosientLooksForWhatWasThrottledFirstAndLostWithItsWorkerThen(t *testing.T) {
	w := newWorld(t, "closient").
		on(upload.ActivityPrepare, session("")).
		on(upload.ActivityTransfer, throttled(), died(), posted("img2")).
		on(upload.ActivityFind, settled(upload.Settled{Media: &upload.Media{ID: "img1"}}))
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, []string{"Claim", "AcquireSerial", "Prepare", "Transfer", "Transfer", "Find", "ReleaseSerial", "Record"}, w.asked)
	require.EqualValues(t, "img1", result.MediaID)
}

func TestClosientResendsAtOnceWhatNeverLeft(t *testing.T) {
	w := newWorld(t, "closient").
		on(upload.ActivityPrepare, session("")).
		on(upload.ActivityTransfer, unavailable(upload.ArrivedNothing), posted("img1"))
	_, err := w.run()
	require.NoError(t, err)
	require.Equal(t, []string{"Claim", "AcquireSerial", "Prepare", "Transfer", "Transfer", "ReleaseSerial", "Record"}, w.asked)
}

func TestClosientIsUnconfirmedWhereNothingCanBeFoundOut(t *testing.T) {
	for name, search := range map[string]answer{
		"the candidates cannot be told apart": settled(upload.Settled{Doubt: "two of them"}),
		"the list cannot be had":              unavailable(upload.ArrivedNothing),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "closient").
				on(upload.ActivityPrepare, session("")).
				on(upload.ActivityTransfer, unavailable(upload.ArrivedMaybe), posted("img9")).
				on(upload.ActivityFind, search)
			w.decide(2*patience, upload.Decision{Verdict: upload.VerdictRetry, Because: "not there", By: "ann"})
			result, err := w.run()
			require.NoError(t, err)
			require.Equal(t, upload.StateUnconfirmed, w.recorded[0].State)
			require.Equal(t, upload.KindUnconfirmed, w.recorded[0].Error.Kind)
			require.Equal(t, upload.StateReady, result.State)
			require.EqualValues(t, "img9", result.MediaID)
			require.Contains(t, result.Note, "ann decided retry")
		})
	}
}

func TestAPersonDecides(t *testing.T) {
	for verdict, want := range map[upload.Verdict]upload.State{
		upload.VerdictReady: upload.StateReady,
		upload.VerdictFail:  upload.StateFailed,
	} {
		w := newWorld(t, "closient").
			on(upload.ActivityPrepare, session("")).
			on(upload.ActivityTransfer, unavailable(upload.ArrivedMaybe)).
			on(upload.ActivityFind, settled(upload.Settled{Doubt: "two of them"}))
		w.decide(time.Hour, upload.Decision{Verdict: verdict, Because: "looked", By: "ann"})
		result, _ := w.run()
		require.Equal(t, want, result.State)
		require.GreaterOrEqual(t, w.took(), time.Hour)
	}
}

func TestADecisionIsRefusedThatCannotBe(t *testing.T) {
	w := newWorld(t, "closient").
		on(upload.ActivityPrepare, session("")).
		on(upload.ActivityTransfer, posted("img1"))
	var refused error
	w.env.RegisterDelayedCallback(func() {
		w.env.UpdateWorkflow(upload.UpdateDecide, "d", &testsuite.TestUpdateCallback{
			OnAccept: func() {}, OnReject: func(err error) { refused = err }, OnComplete: func(any, error) {},
		}, upload.Decision{Verdict: upload.VerdictReady, Because: "x"})
	}, 0)
	_, err := w.run()
	require.NoError(t, err)
	require.ErrorContains(t, refused, "only for an unconfirmed upload")
}

// decide makes a decision at a time on the virtual clock.
func (w *world) decide(after time.Duration, d upload.Decision) {
	w.env.RegisterDelayedCallback(func() {
		w.env.UpdateWorkflow(upload.UpdateDecide, "decision", &testsuite.TestUpdateCallback{
			OnAccept: func() {}, OnReject: func(err error) { require.NoError(w.t, err) }, OnComplete: func(any, error) {},
		}, d)
	}, after)
}
