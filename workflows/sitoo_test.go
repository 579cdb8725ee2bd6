package workflows

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestSitooWaitsUntilTheFileIsReady(t *testing.T) {
	w := newWorld(t, "sitoo").
		on(upload.ActivityPrepare, session("f1")).
		on(upload.ActivityTransfer, sent).
		on(upload.ActivityPoll, append(processing(2), ready("f1"))...)
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, upload.StateReady, result.State)
	require.EqualValues(t, "f1", result.MediaID)
}

func TestSitooTakesAnotherFileOnceWhenProcessingFailed(t *testing.T) {
	w := newWorld(t, "sitoo").
		on(upload.ActivityPrepare, session("f1"), session("f2")).
		on(upload.ActivityTransfer, sent).
		on(upload.ActivityPoll, seen(upload.StateFailed, "failed"), ready("f2"))
	result, err := w.run()
	require.NoError(t, err)
	require.EqualValues(t, "f2", result.MediaID)

	w = newWorld(t, "sitoo").
		on(upload.ActivityPrepare, session("f1"), session("f2")).
		on(upload.ActivityTransfer, sent).
		on(upload.ActivityPoll, seen(upload.StateFailed, "failed"))
	result, err = w.run()
	require.ErrorContains(t, err, "failed twice")
	require.Equal(t, upload.KindRejected, result.Error.Kind)
	require.Equal(t, 2, result.Attempts.Prepare)
}

func TestSitooLooksBeforeItSendsAFormAgain(t *testing.T) {
	w := newWorld(t, "sitoo").
		on(upload.ActivityPrepare, session("f1")).
		on(upload.ActivityTransfer, unavailable(upload.ArrivedMaybe)).
		on(upload.ActivityFind, seen(upload.StateProcessing, "uploaded")).
		on(upload.ActivityPoll, ready("f1"))
	w.on(upload.ActivityDigest, answer{value: upload.Digest{SHA256: "aa", CRC64: "1"}})
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, []string{"Claim", "Prepare", "Transfer", "Find", "Poll", "Record"}, w.asked, "the bytes are sent once")
	require.EqualValues(t, "f1", result.MediaID)

	w = newWorld(t, "sitoo").
		on(upload.ActivityPrepare, session("f1")).
		on(upload.ActivityTransfer, unavailable(upload.ArrivedMaybe), sent).
		on(upload.ActivityFind, seen(upload.StateProcessing, "uploading")).
		on(upload.ActivityPoll, ready("f1"))
	_, err = w.run()
	require.NoError(t, err)
	require.Equal(t, []string{"Claim", "Prepare", "Transfer", "Find", "Transfer", "Poll", "Record"}, w.asked)
}

// A worker that dies with a form may have sent it.
func TestSitooLooksForAFormThatWasLostWithItsWorker(t *testing.T) {
	w := newWorld(t, "sitoo").
		on(upload.ActivityPrepare, session("f1")).
		on(upload.ActivityTransfer, died(), sent).
		on(upload.ActivityFind, seen(upload.StateProcessing, "uploaded")).
		on(upload.ActivityPoll, ready("f1"))
	_, err := w.run()
	require.NoError(t, err)
	require.Equal(t, []string{"Claim", "Prepare", "Transfer", "Find", "Poll", "Record"}, w.asked)
}

func TestSitooSendsAgainWhatItDoesNotNotice(t *testing.T) {
	var w *world
	w = newWorld(t, "sitoo").
		on(upload.ActivityPrepare, session("f1")).
		on(upload.ActivityTransfer, sent).
		on(upload.ActivityPoll, answer{value: func(any) any {
			if w.times(upload.ActivityTransfer) < 2 {
				return seen(upload.StateProcessing, "uploading").value
			}
			return ready("f1").value
		}})
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, 2, result.Attempts.Transfer)
	require.Equal(t, 1, result.Attempts.Prepare)
	require.GreaterOrEqual(t, w.took(), w.claimed.Terms.Policy.UnseenFor)

	w = newWorld(t, "sitoo").
		on(upload.ActivityPrepare, session("f1")).
		on(upload.ActivityTransfer, sent).
		on(upload.ActivityPoll, seen(upload.StateProcessing, "uploading"))
	result, err = w.run()
	require.Error(t, err)
	require.Equal(t, upload.KindTimeout, result.Error.Kind)
	require.Equal(t, 3, result.Attempts.Transfer)
}

func TestSitooAsksForANewFileWhenTheOldOneIsLost(t *testing.T) {
	gone := answer{err: fails(upload.Error{Kind: upload.KindExpired, Lost: true, Status: 404, Message: "404"})}
	w := newWorld(t, "sitoo").
		on(upload.ActivityPrepare, session("f1"), session("f2")).
		on(upload.ActivityTransfer, sent).
		on(upload.ActivityPoll, gone, ready("f2"))
	result, err := w.run()
	require.NoError(t, err)
	require.EqualValues(t, "f2", result.MediaID)
}

func TestSitooAsksOnceOnlyForAFileThatIsLost(t *testing.T) {
	gone := answer{err: fails(upload.Error{Kind: upload.KindExpired, Step: upload.StepPoll, Lost: true, Status: 404, Message: "404"})}
	w := newWorld(t, "sitoo").
		on(upload.ActivityPrepare, session("f1"), session("f2")).
		on(upload.ActivityTransfer, unavailable(upload.ArrivedMaybe), sent).
		on(upload.ActivityFind, gone).
		on(upload.ActivityPoll, ready("f2"))
	result, err := w.run()
	require.NoError(t, err)
	require.EqualValues(t, "f2", result.MediaID)
	require.Equal(t, []string{"Claim", "Prepare", "Transfer", "Find", "Prepare", "Transfer", "Poll", "Record"}, w.asked)
}

func TestSitooAsksForAFormWhoseAnswerWasLostUntilPatienceIsOver(t *testing.T) {
	trouble := answer{err: fails(upload.Error{Kind: upload.KindUnavailable, Step: upload.StepPoll, Status: 503, Message: "503"})}
	w := newWorld(t, "sitoo").
		on(upload.ActivityPrepare, session("f1")).
		on(upload.ActivityTransfer, unavailable(upload.ArrivedMaybe), sent).
		on(upload.ActivityFind, append(slices.Repeat([]answer{trouble}, 12), seen(upload.StateProcessing, "uploading"))...).
		on(upload.ActivityPoll, ready("f1"))
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, 2, result.Attempts.Transfer)
	require.Equal(t, 14, result.Attempts.Poll)

	w = newWorld(t, "sitoo").
		on(upload.ActivityPrepare, session("f1")).
		on(upload.ActivityTransfer, unavailable(upload.ArrivedMaybe)).
		on(upload.ActivityFind, trouble)
	result, err = w.run()
	require.Error(t, err)
	require.Equal(t, upload.KindUnavailable, result.Error.Kind)
	require.Equal(t, 1, result.Attempts.Transfer, "nothing is sent again before a look")
	require.GreaterOrEqual(t, w.took(), patience)
	require.Less(t, result.Attempts.Poll, int(w.took()/(5*time.Second)), "it is asked no faster than at the vendor's pace")
}

func TestAFormThatRanOutAfterItsBytesArrivedNeedsNoOther(t *testing.T) {
	w := newWorld(t, "sitoo").
		on(upload.ActivityPrepare, session("f1")).
		on(upload.ActivityTransfer, unavailable(upload.ArrivedMaybe), ranOut()).
		on(upload.ActivityFind, seen(upload.StateProcessing, "uploading"), seen(upload.StateProcessing, "uploaded")).
		on(upload.ActivityPoll, ready("f1"))
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, 1, result.Attempts.Prepare)
	require.EqualValues(t, "f1", result.MediaID)
}

func TestASearchThatWasThrottledIsNoAttempt(t *testing.T) {
	w := newWorld(t, "sitoo").
		on(upload.ActivityPrepare, session("f1")).
		on(upload.ActivityTransfer, unavailable(upload.ArrivedMaybe)).
		on(upload.ActivityFind, throttled(), throttled(), seen(upload.StateProcessing, "uploaded")).
		on(upload.ActivityPoll, throttled(), ready("f1"))
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, 2, result.Attempts.Poll, "one search and one poll")
}
