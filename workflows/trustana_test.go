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
		on(upload.ActivityPoll, append(processing(3), ready("IM1"))...)
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, []string{"Claim", "Prepare", "Transfer", "Poll", "Poll", "Poll", "Poll", "Record"}, w.asked)
	require.Equal(t, upload.StateReady, result.State)
	require.EqualValues(t, "IM1", result.MediaID)
	require.EqualValues(t, 100, result.BytesSent)
	require.Equal(t, upload.Attempts{Prepare: 1, Transfer: 1, Poll: 4}, result.Attempts)
	var pace time.Duration
	for n := range 4 {
		pace += w.claimed.Terms.Policy.Poll.Wait(n+1, w.item.UploadID)
	}
	require.Equal(t, pace, w.took(), "it waits before each poll as long as the vendor's pace says, and for nothing else")
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
					if in.(upload.Advance).Progress.Tally.Early < earlyMost {
						return nil, spentURL()
					}
					return upload.Receipt{BytesSent: 100}, nil
				}}).
				on(upload.ActivityPoll, ready("IM1"))
			result, err := w.run()
			require.NoError(t, err)
			require.Equal(t, append([]string{"Claim", "Prepare", "Transfer", "Prepare", "Transfer", "Prepare", "Transfer"}, steps...), w.asked)
			require.Equal(t, upload.StateReady, result.State)
			require.Equal(t, 1, result.Attempts.Transfer, "what was not tried is no attempt")
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
		on(upload.ActivityTransfer, unavailable(upload.ArrivedMaybe), ranOut(), sent).
		on(upload.ActivityPoll, answer{value: func(in any) any {
			if in.(upload.Poll).Session.ID == "u1" {
				return seen(upload.StateProcessing, "404").value
			}
			return ready("IM2").value
		}})
	result, err := w.run()
	require.NoError(t, err)
	require.EqualValues(t, "IM2", result.MediaID)
	require.Equal(t, 2, result.Attempts.Prepare)
	require.GreaterOrEqual(t, w.took(), 2*time.Minute)
}

func TestTrustanaEndsInTimeoutAfterOneLastLookByName(t *testing.T) {
	var polls []upload.Poll
	w := newWorld(t, "trustana").
		on(upload.ActivityPrepare, session("u1")).
		on(upload.ActivityTransfer, sent).
		on(upload.ActivityPoll, answer{value: func(in any) any {
			polls = append(polls, in.(upload.Poll))
			return seen(upload.StateProcessing, "404").value
		}})
	result, err := w.run()
	require.Error(t, err)
	require.Equal(t, upload.KindTimeout, result.Error.Kind)
	require.Equal(t, "the vendor did not process the file within 10m0s; its last status: 404", result.Error.Message)
	for i, poll := range polls {
		require.Equal(t, i == len(polls)-1, poll.ByName, "the last one alone")
	}
	require.Equal(t, 10*time.Minute, w.took(), "it is made when the time for processing is over")
}

func TestAnUnavailableStepIsRepeatedUntilPatienceIsOver(t *testing.T) {
	for step, w := range map[upload.Step]*world{
		upload.StepPrepare: newWorld(t, "trustana").on(upload.ActivityPrepare, unavailable(upload.ArrivedNothing)),
		upload.StepTransfer: newWorld(t, "trustana").
			on(upload.ActivityPrepare, session("u1")).
			on(upload.ActivityTransfer, unavailable(upload.ArrivedSome)),
		upload.StepPoll: newWorld(t, "trustana").
			on(upload.ActivityPrepare, session("u1")).
			on(upload.ActivityTransfer, sent).
			on(upload.ActivityPoll, unavailable(upload.ArrivedNothing)),
	} {
		t.Run(string(step), func(t *testing.T) {
			result, err := w.run()
			require.Error(t, err)
			require.Equal(t, upload.StateFailed, result.State)
			require.Equal(t, upload.KindUnavailable, result.Error.Kind)
			require.Equal(t, step, result.Error.Step)
			require.GreaterOrEqual(t, w.took(), patience)
			require.Less(t, w.took(), patience+5*time.Minute)
		})
	}
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
	paused := answer{err: fails(upload.Error{Kind: upload.KindDenied, Paused: true, Message: "account trustana is paused"})}
	w := newWorld(t, "trustana").
		on(upload.ActivityPrepare, denied, paused, paused, session("u1")).
		on(upload.ActivityTransfer, sent).
		on(upload.ActivityPoll, denied, ready("IM1"))
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, []string{"Claim", "Prepare", "Prepare", "Prepare", "Prepare", "Transfer", "Poll", "Poll", "Record"}, w.asked)
	require.Equal(t, []string{"prepare answered 401", "prepare answered 401"}, w.denials, "it is paused once for each denial")
	require.Equal(t, upload.Attempts{Prepare: 1, Transfer: 1, Poll: 1}, result.Attempts, "what was denied is no attempt")
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
	note := func(in any) any {
		lenient = append(lenient, in.(upload.Advance).Progress.Lenient)
		return sent.value
	}
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
		on(upload.ActivityPoll, processing(1)...)
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
