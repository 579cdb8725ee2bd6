package flow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// course is an item on its way, told by what happens to it.
type course struct {
	*testing.T
	flow.Flow
	s   *upload.Progress
	now time.Time
}

func begin(t *testing.T, policy upload.Policy) *course {
	return &course{t, flow.Flow{Policy: policy, Patience: time.Hour, Seed: "a"}, &upload.Progress{}, noon}
}

// does waits until the next thing may be done, and checks what it is.
func (c *course) does(want flow.Do) flow.Action {
	c.Helper()
	a := c.Next(c.s)
	require.Equal(c, want, a.Do)
	if a.At.After(c.now) {
		c.now = a.At
	}
	return a
}

func (c *course) prepared(id string) {
	c.does(flow.DoPrepare)
	c.Prepared(c.s, upload.Session{ID: id, Media: upload.Media{ID: "of " + id}})
}

func (c *course) sent(receipt upload.Receipt) {
	c.does(flow.DoSend)
	c.Sent(c.s, receipt, c.now)
}

func (c *course) fails(at upload.Step, e upload.Error) flow.Verdict {
	return c.Judge(c.s, at, &e, c.now)
}

func (c *course) polled(state upload.State, seen string) {
	c.s.Attempts.Poll++
	c.Polled(c.s, upload.Media{ID: "m", State: state, Seen: seen}, c.now)
}

func TestPrepareSendPoll(t *testing.T) {
	c := begin(t, overwrites)
	c.prepared("1")
	require.False(t, c.s.Idle, "from here on the bytes count as on their way")
	c.sent(upload.Receipt{BytesSent: 7})
	require.True(t, c.s.Idle)
	for range 3 {
		c.does(flow.DoPoll)
		c.polled(upload.StateProcessing, "404")
	}
	c.does(flow.DoPoll)
	c.polled(upload.StateReady, "200")
	c.does(flow.DoEnd)
	require.Nil(t, c.s.Cause)
	require.Equal(t, "m", c.s.Media.ID)
	require.Equal(t, int64(7), c.s.BytesSent)
}

func TestTheLastPollDecidesWhenTheTimeForProcessingIsOver(t *testing.T) {
	policy := overwrites
	policy.LastPollByName = true
	c := begin(t, policy)
	c.prepared("1")
	c.s.Session.FileName = "a.jpg"
	c.sent(upload.Receipt{})
	sent := c.now
	for {
		a := c.does(flow.DoPoll)
		c.polled(upload.StateProcessing, "404")
		if a.Last {
			require.True(t, a.ByName)
			break
		}
	}
	require.Equal(t, 10*time.Minute, c.now.Sub(sent))
	c.does(flow.DoEnd)
	require.Equal(t, upload.KindTimeout, c.s.Cause.Kind)
	require.Contains(t, c.s.Cause.Message, "the vendor did not process the file within 10m0s; its last status: 404")
}

func TestTimeInWhichTheVendorCouldNotBeAskedDoesNotCount(t *testing.T) {
	c := begin(t, overwrites)
	c.prepared("1")
	c.sent(upload.Receipt{})
	c.does(flow.DoPoll)
	c.fails(upload.StepPoll, failure(upload.KindUnavailable))
	c.now = c.now.Add(30 * time.Minute)
	c.polled(upload.StateProcessing, "404")
	a := c.does(flow.DoPoll)
	require.False(t, a.Last)
}

func TestAnOldSessionIsAskedBeforeAnotherIsOpened(t *testing.T) {
	for _, there := range []bool{true, false} {
		c := begin(t, overwrites)
		c.prepared("1")
		c.fails(upload.StepTransfer, failure(upload.KindUnavailable, maybe))
		c.fails(upload.StepTransfer, failure(upload.KindExpired))
		asked := c.now
		c.does(flow.DoPoll)
		if there {
			c.polled(upload.StateReady, "200")
			c.does(flow.DoEnd)
			require.Nil(t, c.s.Cause)
			continue
		}
		for c.Next(c.s).Do == flow.DoPoll {
			c.does(flow.DoPoll)
			c.polled(upload.StateProcessing, "404")
		}
		require.Equal(t, 2*time.Minute, c.now.Sub(asked))
		require.True(t, c.s.Expired)
		c.prepared("2")
		c.does(flow.DoSend)
	}
}

func TestStoredBytesAreSentAgainUntilTheVendorIsTold(t *testing.T) {
	c := begin(t, keyed)
	c.prepared("1")
	c.sent(upload.Receipt{Untold: true, Note: "untold"})
	c.sent(upload.Receipt{Untold: true, Note: "untold"})
	c.sent(upload.Receipt{Untold: true, Note: "untold"})
	c.does(flow.DoEnd)
	require.Nil(t, c.s.Cause)
	require.Equal(t, "of 1", c.s.Media.ID)
	require.Equal(t, []string{"untold"}, c.s.Notes)
}

func TestASessionThatKeepsWhatWasRefusedAvoidsNothing(t *testing.T) {
	refusal := failure(upload.KindRejected, func(e *upload.Error) { e.Code, e.Message = "InvalidArgument", "callback" })
	c := begin(t, keyed)
	c.prepared("1")
	c.fails(upload.StepTransfer, refusal)
	c.does(flow.DoPrepare)
	require.Equal(t, "InvalidArgument", c.s.Variant)
	c.Prepared(c.s, upload.Session{Form: []upload.FormField{{Name: "callback"}}})
	c.does(flow.DoEnd)
	require.Equal(t, "InvalidArgument", c.s.Cause.Code)
}

func TestAFileThatIsNotNoticedIsSentAgain(t *testing.T) {
	c := begin(t, looks)
	c.prepared("1")
	for range 3 {
		c.sent(upload.Receipt{})
		for c.Next(c.s).Do == flow.DoPoll {
			c.does(flow.DoPoll)
			c.polled(upload.StateProcessing, "uploading")
		}
	}
	c.does(flow.DoEnd)
	require.Equal(t, upload.KindTimeout, c.s.Cause.Kind)
}

func TestAMediumThatFailsIsWorthOneMoreSession(t *testing.T) {
	c := begin(t, looks)
	for _, id := range []string{"1", "2"} {
		c.prepared(id)
		c.sent(upload.Receipt{})
		c.does(flow.DoPoll)
		c.polled(upload.StateFailed, "failed")
	}
	c.does(flow.DoEnd)
	require.Contains(t, c.s.Cause.Message, "2 failed twice")
}

func TestALostFormIsLookedForBeforeItIsSentAgain(t *testing.T) {
	c := begin(t, looks)
	c.prepared("1")
	c.fails(upload.StepTransfer, failure(upload.KindUnavailable, maybe))
	c.does(flow.DoFind)
	c.Found(c.s, upload.Settled{Clean: true}, c.now)
	c.does(flow.DoSend)
	c.fails(upload.StepTransfer, failure(upload.KindUnavailable, maybe))
	c.does(flow.DoFind)
	c.Found(c.s, upload.Settled{Arrived: true}, c.now)
	c.does(flow.DoPoll)
}

func TestALostPostIsSearchedForTwice(t *testing.T) {
	c := begin(t, searches)
	c.prepared("1")
	lostAt := c.now
	c.fails(upload.StepTransfer, failure(upload.KindUnavailable, maybe))
	c.does(flow.DoFind)
	require.Equal(t, 2*time.Second, c.now.Sub(lostAt))
	c.Found(c.s, upload.Settled{Clean: true}, c.now)
	c.does(flow.DoFind)
	require.Equal(t, 7*time.Second, c.now.Sub(lostAt))
	c.Found(c.s, upload.Settled{Clean: true}, c.now)
	c.does(flow.DoSend)
	c.fails(upload.StepTransfer, failure(upload.KindUnavailable, maybe))
	c.does(flow.DoFind)
	c.Found(c.s, upload.Settled{Doubt: "two images"}, c.now)
	c.does(flow.DoEnd)
	require.Equal(t, upload.KindUnconfirmed, c.s.Cause.Kind)
}

func TestACompletionIsMadeOnceMoreAndThenCostsItsSession(t *testing.T) {
	refusal := failure(upload.KindRejected, func(e *upload.Error) { e.Step = upload.StepComplete })
	c := begin(t, parts)
	c.prepared("1")
	c.does(flow.DoSendParts)
	c.SentParts(c.s, upload.Receipt{}, c.now)
	c.does(flow.DoComplete)
	c.fails(upload.StepComplete, refusal)
	c.does(flow.DoFind)
	c.Found(c.s, upload.Settled{Clean: true, Stored: []upload.StoredPart{{Number: 1, ETag: "e"}}}, c.now)
	c.does(flow.DoSendParts)
	require.NotEmpty(t, c.s.Stored)
	c.SentParts(c.s, upload.Receipt{}, c.now)
	c.does(flow.DoComplete)
	c.fails(upload.StepComplete, refusal)
	c.does(flow.DoFind)
	c.Found(c.s, upload.Settled{Clean: true}, c.now)
	c.does(flow.DoPrepare)
	require.Contains(t, c.s.Notes, "session 1 remains at the vendor")
}

func TestACompletionThatWasHeardIsPolledFor(t *testing.T) {
	c := begin(t, parts)
	c.prepared("1")
	c.SentParts(c.s, upload.Receipt{}, c.now)
	c.fails(upload.StepComplete, failure(upload.KindUnavailable, maybe, func(e *upload.Error) { e.Step = upload.StepComplete }))
	c.does(flow.DoFind)
	c.Found(c.s, upload.Settled{Arrived: true}, c.now)
	c.does(flow.DoPoll)
}
