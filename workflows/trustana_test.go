package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestTrustanaGoesThroughItsSteps(t *testing.T) {
	w := newWorld(t, "trustana").
		on(upload.ActivityPrepare, session("u1")).
		on(upload.ActivityTransfer, sent).
		on(upload.ActivityPoll, append(processing(3, 5*time.Second), ready("IM1"))...)
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, []string{"Claim", "Prepare", "Transfer", "Poll", "Poll", "Poll", "Poll", "Record"}, w.asked)
	require.Equal(t, upload.StateReady, result.State)
	require.EqualValues(t, "IM1", result.MediaID)
	require.EqualValues(t, 100, result.BytesSent)
	require.Equal(t, upload.Attempts{Prepare: 1, Transfer: 1, Poll: 1}, result.Attempts)
	require.Equal(t, 20*time.Second, w.took(), "the first look after 5 s, three more each 5 s later")
}

func TestTrustanaPreparesAgainWhenTheURLRanOut(t *testing.T) {
	w := newWorld(t, "trustana").
		on(upload.ActivityPrepare, session("u1"), session("u2")).
		on(upload.ActivityTransfer, ranOut(), sent).
		on(upload.ActivityPoll, ready("IM1"))
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, []string{"Claim", "Prepare", "Transfer", "Prepare", "Transfer", "Poll", "Record"}, w.asked)
	require.Equal(t, 2, result.Attempts.Prepare)
}

func TestASessionThatRanOutBeforeItWasTriedIsTriedInTheEnd(t *testing.T) {
	for vendor, steps := range map[string][]string{"trustana": {"Poll", "Record"}, "sitoo": {"Poll", "Record"}, "trustoo": {"Record"}} {
		t.Run(vendor, func(t *testing.T) {
			var w *world
			w = newWorld(t, vendor).
				on(upload.ActivityPrepare, answer{value: func(any) any {
					return upload.Session{Method: upload.MethodPut, ID: "u", ExpiresAt: w.env.Now().Add(time.Second), Life: time.Hour}
				}}).
				on(upload.ActivityTransfer, answer{value: func(in any) (any, error) {
					if in.(upload.Transfer).Session.ExpiresAt.IsZero() {
						return upload.Receipt{BytesSent: 100}, nil
					}
					return nil, spentURL()
				}}).
				on(upload.ActivityPoll, ready("IM1"))
			result, err := w.run()
			require.NoError(t, err)
			require.Equal(t, append([]string{"Claim", "Prepare", "Transfer", "Prepare", "Transfer", "Prepare", "Transfer"}, steps...), w.asked)
			require.Equal(t, upload.StateReady, result.State)
		})
	}
}

func TestTrustanaAsksForTheOldSessionBeforeANewOneThatCouldMakeADuplicate(t *testing.T) {
	w := newWorld(t, "trustana").
		on(upload.ActivityPrepare, session("u1")).
		on(upload.ActivityTransfer, unavailable(upload.ArrivedMaybe), ranOut()).
		on(upload.ActivityPoll, ready("IM1"))
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, []string{"Claim", "Prepare", "Transfer", "Transfer", "Poll", "Record"}, w.asked)
	require.EqualValues(t, "IM1", result.MediaID)
}

func TestTrustanaOpensANewSessionWhenTheOldOneStaysUnknownForTwoMinutes(t *testing.T) {
	w := newWorld(t, "trustana").
		on(upload.ActivityPrepare, session("u1"), session("u2")).
		on(upload.ActivityTransfer, unavailable(upload.ArrivedMaybe), ranOut(), sent)
	for _, a := range append(processing(4, 30*time.Second), seen(upload.StateProcessing, "404"), ready("IM2")) {
		w.on(upload.ActivityPoll, a)
	}
	result, err := w.run()
	require.NoError(t, err)
	require.EqualValues(t, "IM2", result.MediaID)
	require.Equal(t, 2, result.Attempts.Prepare)
	require.GreaterOrEqual(t, w.took(), 2*time.Minute)
}

func TestTrustanaEndsInTimeoutAfterOneLastLookByName(t *testing.T) {
	var last upload.Poll
	w := newWorld(t, "trustana").
		on(upload.ActivityPrepare, session("u1")).
		on(upload.ActivityTransfer, sent).
		on(upload.ActivityPoll, answer{value: func(in any) (any, error) {
			if last = in.(upload.Poll); last.Once {
				return upload.Polled{Media: upload.Media{State: upload.StateProcessing, Seen: "404"}}, nil
			}
			return nil, processing(1, 30*time.Second)[0].err
		}})
	result, err := w.run()
	require.Error(t, err)
	require.Equal(t, upload.KindTimeout, result.Error.Kind)
	require.Equal(t, "not processed within 10m0s, last seen: 404", result.Error.Message)
	require.True(t, last.Once && last.ByName)
}

func TestAnUnavailableStepIsTriedSixTimesAndATransferEight(t *testing.T) {
	w := newWorld(t, "trustana").on(upload.ActivityPrepare, unavailable(upload.ArrivedNothing))
	result, err := w.run()
	require.Error(t, err)
	require.Equal(t, upload.StateFailed, result.State)
	require.Equal(t, upload.KindUnavailable, result.Error.Kind)
	require.Equal(t, 6, result.Attempts.Prepare)

	w = newWorld(t, "trustana").
		on(upload.ActivityPrepare, session("u1")).
		on(upload.ActivityTransfer, unavailable(upload.ArrivedSome))
	result, err = w.run()
	require.Error(t, err)
	require.Equal(t, 8, result.Attempts.Transfer)
}

func TestAWaitThatTheVendorAsksForIsKept(t *testing.T) {
	w := newWorld(t, "trustana").
		on(upload.ActivityPrepare, answer{err: fails(upload.Error{Kind: upload.KindUnavailable, Message: "503", RetryAfter: 90 * time.Second})}, session("u1")).
		on(upload.ActivityTransfer, sent).
		on(upload.ActivityPoll, ready("IM1"))
	_, err := w.run()
	require.NoError(t, err)
	require.GreaterOrEqual(t, w.took(), 90*time.Second)
}

func TestADeniedAccountIsPausedAndTheStepRepeatedWhenItGoesOn(t *testing.T) {
	denied := answer{err: fails(upload.Error{Kind: upload.KindDenied, Status: 401, Message: "prepare answered 401"})}
	w := newWorld(t, "trustana").
		on(upload.ActivityPrepare, denied, session("u1")).
		on(upload.ActivityTransfer, sent).
		on(upload.ActivityPoll, denied, ready("IM1"))
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, []string{
		"Claim", "Prepare", "PauseAccount", "AwaitAccount", "Prepare", "Transfer",
		"Poll", "PauseAccount", "AwaitAccount", "Poll", "Record",
	}, w.asked)
	require.False(t, result.Paused)
	require.Nil(t, result.Error)
}

func TestAFailureWorthOneMoreTryIsFinalTheSecondTime(t *testing.T) {
	once := answer{err: fails(upload.Error{Kind: upload.KindUnavailable, Then: upload.KindRejected, Status: 409, Message: "409"})}
	w := newWorld(t, "trustana").on(upload.ActivityPrepare, once)
	result, err := w.run()
	require.Error(t, err)
	require.Equal(t, upload.KindRejected, result.Error.Kind)
	require.Equal(t, 2, result.Attempts.Prepare)
}

func TestACorruptSendIsRepeatedAndThenTheETagIsNotInsistedOn(t *testing.T) {
	var lenient []bool
	corrupt := fails(upload.Error{Kind: upload.KindCorrupt, Message: "ETag"})
	note := func(in any) any { lenient = append(lenient, in.(upload.Transfer).Lenient); return sent.value }
	w := newWorld(t, "trustana").
		on(upload.ActivityPrepare, session("u1")).
		on(upload.ActivityTransfer, answer{value: note, err: corrupt}, answer{value: note}).
		on(upload.ActivityPoll, ready("IM1"))
	_, err := w.run()
	require.NoError(t, err)
	require.Equal(t, []bool{false, true}, lenient)
}

func TestACanceledUploadIsRecordedAndNamesWhatItLeaves(t *testing.T) {
	w := newWorld(t, "trustana").
		on(upload.ActivityPrepare, session("u1")).
		on(upload.ActivityTransfer, sent).
		on(upload.ActivityPoll, processing(1, 30*time.Second)...)
	w.env.RegisterDelayedCallback(w.env.CancelWorkflow, time.Minute)
	result, err := w.run()
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Equal(t, upload.StateCanceled, result.State)
	require.Contains(t, result.Note, "u1")
}

func TestAKnownItemIsReturnedAndNotRecordedAgain(t *testing.T) {
	w := newWorld(t, "trustana")
	known := upload.Result{UploadID: "upload/trustana/x", State: upload.StateReady, MediaID: "IM9"}
	w.claimed.Known = &known
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, known.MediaID, result.MediaID)
	require.Equal(t, []string{"Claim"}, w.asked)
}

func TestARefusedClaimFailsWithoutTouchingTheRecord(t *testing.T) {
	w := newWorld(t, "trustana")
	w.claimed.Refused = &upload.Error{Kind: upload.KindInvalid, Message: "ready already"}
	_, err := w.run()
	require.ErrorContains(t, err, "ready already")
	require.Equal(t, []string{"Claim"}, w.asked)
}
