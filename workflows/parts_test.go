package workflows

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// sendsOf answers for parts: trouble gives the failure of the n-th send of a
// part, from 1; nil acknowledges it.
func sendsOf(trouble func(part, n int) error) (answer, map[int]int) {
	sends := map[int]int{}
	return answer{value: func(in any) (any, error) {
		number := in.(upload.SendPart).Part.Number
		sends[number]++
		if err := trouble(number, sends[number]); err != nil {
			return nil, err
		}
		return partSent.value.(func(any) any)(in), nil
	}}, sends
}

func slow() error {
	return fails(upload.Error{Kind: upload.KindUnavailable, Status: 503, Code: upload.CodeSlowDown, Message: "slow down"})
}

func cut() error {
	return fails(upload.Error{Kind: upload.KindUnavailable, Code: upload.CodeReset, Message: "reset", Arrived: upload.ArrivedSome})
}

func spentURL() error {
	return fails(upload.Error{Kind: upload.KindExpired, Code: upload.CodeSpent, Message: "too soon", Arrived: upload.ArrivedNothing})
}

// signs hands out fresh URLs for whatever is asked for.
func signs(w *world, life time.Duration) answer {
	return answer{value: func(in any) any {
		var urls []upload.PartURL
		for _, n := range in.(upload.SignParts).Parts {
			urls = append(urls, upload.PartURL{Number: n, URL: fmt.Sprintf("https://s3/again/%d", n), ExpiresAt: w.env.Now().Add(life), Life: life})
		}
		return urls
	}}
}

func TestAStoreThatAsksToSlowDownCostsNoTry(t *testing.T) {
	w := video(t, 12).on(upload.ActivityPoll, ready("media-s1"))
	narrowest := 0
	sending, sends := sendsOf(func(part, n int) error {
		if part == 1 && n == 2 {
			w.at(0, func() { narrowest = w.look().Width })
		}
		if n <= 4 && part <= 3 {
			return slow()
		}
		return nil
	})
	result, err := w.on(upload.ActivitySendPart, sending).run()
	require.NoError(t, err)
	require.Equal(t, 12, result.Attempts.Transfer)
	require.Equal(t, 1, narrowest, "two at first, one after they were slowed down")
	require.Equal(t, 5, sends[1])
	require.Equal(t, 1, sends[12])
}

func TestAStoreThatSlowsEverythingDownForEverIsGivenUp(t *testing.T) {
	sending, sends := sendsOf(func(int, int) error { return slow() })
	w := video(t, 1).on(upload.ActivitySendPart, sending).on(upload.ActivityInspect, seen(upload.StateProcessing, "PARTIAL"))
	result, err := w.run()
	require.Error(t, err)
	require.Equal(t, upload.KindUnavailable, result.Error.Kind)
	require.GreaterOrEqual(t, w.took(), patience)
	require.Greater(t, sends[1], 2)
	require.Equal(t, 1, result.Attempts.Transfer, "to be asked to slow down is no attempt")
}

func TestRetriesAreCountedByTheirCause(t *testing.T) {
	sending, _ := sendsOf(func(part, n int) error {
		switch {
		case n > 1:
			return nil
		case part == 1:
			return slow()
		case part == 2:
			return ranOut().err
		case part == 3:
			return fails(upload.Error{Kind: upload.KindCorrupt, Message: "another ETag"})
		}
		return nil
	})
	w := video(t, 5).on(upload.ActivitySendPart, sending).on(upload.ActivityPoll, ready("media-s1"))
	w.on(upload.ActivitySignParts, signs(w, time.Hour))
	var status upload.Status
	w.on(upload.ActivityComplete, answer{do: func() { w.at(0, func() { status = w.look() }) }})
	_, err := w.run()
	require.NoError(t, err)
	require.Equal(t, map[string]int{upload.CodeSlowDown: 1, "expired": 1, "corrupt": 1}, status.Retries)
	require.Equal(t, 5, status.PartsDone)
	require.EqualValues(t, 10, status.PartSize)
}

func TestWhatTheLineCostIsToldWithThePart(t *testing.T) {
	w := video(t, 2).on(upload.ActivityPoll, ready("media-s1")).on(upload.ActivitySendPart, answer{value: func(in any) any {
		part := partSent.value.(func(any) any)(in).(upload.Part)
		part.Wasted, part.Retries = 7, map[string]int{upload.CodeOffline: 2, upload.CodeReset: 1}
		return part
	}})
	var completed upload.Complete
	w.on(upload.ActivityComplete, answer{value: func(in any) any { completed = in.(upload.Complete); return nil }})
	var status upload.Status
	w.at(time.Second, func() { status = w.look() })
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, map[string]int{upload.CodeOffline: 4, upload.CodeReset: 2}, status.Retries)
	require.EqualValues(t, 34, result.BytesSent)
	require.Equal(t, 2, result.Attempts.Transfer, "the line's trouble is no attempt")
	require.Nil(t, completed.Parts[0].Retries)
}

func TestPartsThatTheLineCutGoOnWhileOthersGetThrough(t *testing.T) {
	sending, sends := sendsOf(func(part, n int) error {
		if part == 1 && n <= 3 {
			return cut()
		}
		return nil
	})
	w := video(t, 30).on(upload.ActivitySendPart, sending).on(upload.ActivityPoll, ready("media-s1"))
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, 4, sends[1])
	require.Equal(t, 30, result.Attempts.Transfer)
}

func TestALineThatCutsEverythingIsGivenUpWhenPatienceIsOver(t *testing.T) {
	sending, sends := sendsOf(func(int, int) error { return cut() })
	w := video(t, 1).on(upload.ActivitySendPart, sending).on(upload.ActivityInspect, seen(upload.StateProcessing, "PARTIAL"))
	result, err := w.run()
	require.Error(t, err)
	require.Equal(t, upload.KindUnavailable, result.Error.Kind)
	require.GreaterOrEqual(t, w.took(), patience)
	require.Greater(t, sends[1], 8)
	require.Equal(t, 1, result.Attempts.Transfer, "the activity has repeated it by itself")
}

func TestANightsWorthOfRenewalsIsNoReasonToGiveUp(t *testing.T) {
	sending, sends := sendsOf(func(_, n int) error {
		if n <= 2 {
			return ranOut().err
		}
		return nil
	})
	w := video(t, 60).on(upload.ActivitySendPart, sending).on(upload.ActivityPoll, ready("media-s1"))
	w.on(upload.ActivitySignParts, signs(w, 20*time.Minute))
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, 1, result.Attempts.Prepare, "one session only")
	for part, n := range sends {
		require.Equal(t, 3, n, "part %d", part)
	}
}

func TestAURLThatRanOutBeforeItWasTriedCostsNothingAndIsTriedInTheEnd(t *testing.T) {
	var forced []int
	w := video(t, 3).on(upload.ActivityPoll, ready("media-s1"))
	sends := map[int]int{}
	w.on(upload.ActivitySendPart, answer{value: func(in any) (any, error) {
		part := in.(upload.SendPart).Part
		if sends[part.Number]++; part.Number == 2 && !part.ExpiresAt.IsZero() || part.Number == 2 && sends[2] == 1 {
			return nil, spentURL()
		}
		if part.Number == 2 {
			forced = append(forced, sends[2])
		}
		return partSent.value.(func(any) any)(in), nil
	}})
	w.on(upload.ActivitySignParts, signs(w, 5*time.Second))
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, 3, result.Attempts.Transfer)
	require.Equal(t, []int{earlyMost + 1}, forced)
}

func TestURLsOfSecondsAreAskedForWhenTheyAreNeeded(t *testing.T) {
	w := video(t, 6).on(upload.ActivitySendPart, partSent).on(upload.ActivityPoll, ready("media-s1"))
	w.answers[upload.ActivityPrepare] = []answer{{value: func(in any) any {
		s := session("s1").value.(func(any) any)(in).(upload.Session)
		for i := range s.Parts {
			s.Parts[i].ExpiresAt, s.Parts[i].Life = w.start.Add(5*time.Second), 5*time.Second
		}
		return s
	}, do: w.signal(upload.SignalPause)}}
	w.at(time.Minute, w.signal(upload.SignalResume)) // by then none of the first is any good
	var late []int
	w.on(upload.ActivitySignParts, answer{value: func(in any) any {
		asked := in.(upload.SignParts)
		late = append(late, asked.Open)
		return signs(w, 5*time.Second).value.(func(any) any)(in)
	}})
	w.answers[upload.ActivitySendPart] = []answer{{value: func(in any) any {
		require.True(t, in.(upload.SendPart).Part.ExpiresAt.After(w.start.Add(time.Minute)), "never on a URL that has expired")
		return partSent.value.(func(any) any)(in)
	}}}
	result, err := w.run()
	require.NoError(t, err)
	require.Len(t, late, 6)
	require.Equal(t, 6, result.Attempts.Transfer)
}

func TestAnUploadSaysForWhomItWaitsWhenNoWorkerOfItsHostIsThere(t *testing.T) {
	absent := answer{err: temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil)}
	w := video(t, 4)
	w.item.Source, w.item.Queue = "/films/a.mp4", upload.HostQueue("laptop", "/films")
	var status upload.Status
	w.on(upload.ActivitySendPart, absent, absent, partSent).on(upload.ActivityPoll, ready("media-s1")).
		on(upload.ActivityHere, answer{do: func() { w.at(0, func() { status = w.look() }) }}).
		on(upload.ActivityDigest, answer{value: upload.Digest{SHA256: "feed", CRC64: "0"}})
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, "a worker on host laptop that can read /films", status.Waiting)
	require.Equal(t, 4, result.Attempts.Transfer, "waiting is no attempt")
	require.Zero(t, w.times(upload.ActivitySignParts), "its URLs are good still")
}

func TestWhatIsKnownBeforeTheFirstByte(t *testing.T) {
	w := video(t, 4).on(upload.ActivitySendPart, partSent).on(upload.ActivityPoll, ready("media-s1"))
	w.claimed.Terms.Rate = 2
	var status upload.Status
	prepared := session("s1")
	prepared.do = func() { w.at(0, func() { status = w.look() }) }
	w.answers[upload.ActivityPrepare] = []answer{prepared}
	_, err := w.run()
	require.NoError(t, err)
	require.Equal(t, 4, status.Parts)
	require.EqualValues(t, 10, status.PartSize)
	require.InDelta(t, 20, status.LeftSeconds, 0.001)
}

func TestACanceledUploadEndsWhatIsInFlight(t *testing.T) {
	w := video(t, 8).on(upload.ActivitySendPart, answer{err: slow(), do: func() {}})
	w.at(200*time.Millisecond, w.env.CancelWorkflow)
	result, err := w.run()
	require.Error(t, err)
	require.Equal(t, upload.StateCanceled, result.State)
	require.Less(t, w.took(), time.Second, "pauses before another try end, too")
	require.Equal(t, []string{"Record"}, w.asked[len(w.asked)-1:])
}

// unsigned is a vendor that hands out no URL for a part.
var unsigned = answer{err: fails(upload.Error{Kind: upload.KindExpired, Lost: true, Code: upload.CodeUnsigned, Message: "no URL for part 2"})}

func TestAPartWhoseAnswerWasLostIsHeldAgainstWhatTheVendorHas(t *testing.T) {
	var adopted []upload.SendPart
	answers := func(in any) (any, error) {
		part := in.(upload.SendPart)
		switch {
		case part.Stored != "":
			adopted = append(adopted, part)
		case part.Part.Number == 2:
			return nil, ranOut().err
		}
		return partSent.value.(func(any) any)(in), nil
	}
	stored := answer{value: upload.Media{Seen: "PARTIAL", State: upload.StateProcessing, Stored: []upload.StoredPart{{Number: 2, ETag: "e2"}}}}
	w := video(t, 4).on(upload.ActivitySendPart, answer{value: answers}).on(upload.ActivitySignParts, unsigned).
		on(upload.ActivityInspect, stored).on(upload.ActivityPoll, ready("media-s1"))
	result, err := w.run()
	require.NoError(t, err)
	require.Len(t, adopted, 1)
	require.Equal(t, "e2", adopted[0].Stored)
	require.Equal(t, 1, result.Attempts.Prepare, "no other session")
	require.EqualValues(t, 30, result.BytesSent, "what is adopted is not sent")

	w = video(t, 4).on(upload.ActivitySendPart, answer{value: answers}).on(upload.ActivitySignParts, unsigned).
		on(upload.ActivityInspect, seen(upload.StateProcessing, "PARTIAL"))
	result, err = w.run()
	require.Error(t, err)
	require.Equal(t, 3, result.Attempts.Prepare, "without its word, another session, as often as that is allowed")
}

func TestAnUploadCanBeCanceledWhileItsChecksumsAreMade(t *testing.T) {
	w := video(t, 2).on(upload.ActivitySendPart, partSent)
	w.item.Queue = upload.HostQueue("here", "/srv")
	w.claimed.Progress.Content.SHA256, w.claimed.Progress.Content.CRC64 = "", ""
	w.on(upload.ActivityPoll, processing(1)...)
	w.on(upload.ActivityDigest, answer{err: comesBack("waiting", time.Hour)})
	w.at(time.Minute, w.env.CancelWorkflow)
	result, err := w.run()
	require.True(t, temporal.IsCanceledError(err), "%v", err)
	require.Equal(t, upload.StateCanceled, result.State)
	require.Equal(t, 1, w.times(upload.ActivityDigest))
}
