package flow_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/upload"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// The kinds of vendors that there are, cut down to the facts that failures depend
// on.
var (
	overwrites = upload.Policy{Bytes: upload.BytesPut, Settle: upload.SettlePoll, SettleFor: 2 * time.Minute, Poll: pace}
	keyed      = upload.Policy{Bytes: upload.BytesForm, UntoldSends: 3, Variant: upload.Variant{Code: "InvalidArgument", Says: "callback", Field: "callback"}}
	looks      = upload.Policy{Bytes: upload.BytesForm, Find: upload.Find{By: upload.FindByPoll}, Settle: upload.SettleFind, Poll: pace, FailedSessions: 1, Unseen: []string{"uploading"}, UnseenSends: 3, UnseenFor: 2 * time.Minute}
	searches   = upload.Policy{Bytes: upload.BytesVendorForm, Find: upload.Find{By: upload.FindBySearch, Waits: []time.Duration{2 * time.Second, 5 * time.Second}}}
	parts      = upload.Policy{Bytes: upload.BytesParts, Complete: true, Poll: pace, FailedSessions: 1, LostSessions: 3}
	pace       = upload.Schedule{Waits: []time.Duration{5 * time.Second}, Deadline: 10 * time.Minute}
)

func failure(kind upload.Kind, change ...func(*upload.Error)) upload.Error {
	e := upload.Error{Kind: kind, Message: "said so", Arrived: upload.ArrivedNothing}
	for _, c := range change {
		c(&e)
	}
	return e
}

func maybe(e *upload.Error) { e.Arrived = upload.ArrivedMaybe }
func lost(e *upload.Error)  { e.Lost = true }

// TestAFailureMeansWhatItsTableSays is the one table of what failures mean: for
// whom, at which step, what, and what follows.
func TestAFailureMeansWhatItsTableSays(t *testing.T) {
	const day = 24 * time.Hour
	away := func(since time.Duration) func(*upload.Progress) {
		return func(s *upload.Progress) {
			s.Tally.Away = map[string]time.Time{"prepare 0": noon.Add(-since), "transfer 0": noon.Add(-since), "poll 0": noon.Add(-since), "find 0": noon.Add(-since), "complete 0": noon.Add(-since)}
		}
	}
	tried := func(n int) func(*upload.Progress) {
		return func(s *upload.Progress) { s.Tally.Tries = map[string]int{"transfer 0": n} }
	}
	arrived := func(s *upload.Progress) { s.Arrived = true }
	for _, c := range []struct {
		name   string
		policy upload.Policy
		before func(*upload.Progress)
		at     upload.Step
		e      upload.Error
		then   flow.Then
		next   flow.Do     // where the progress has moved
		ends   upload.Kind // where that is the end; "": ready
	}{
		{"a call that was throttled is made again", overwrites, nil, upload.StepPrepare, failure(upload.KindThrottled), flow.Repeat, "", ""},
		{"a denied account is held", overwrites, nil, upload.StepPoll, failure(upload.KindDenied), flow.Hold, "", ""},
		{"an outage is waited out", overwrites, away(day - time.Minute), upload.StepPrepare, failure(upload.KindUnavailable), flow.Repeat, "", ""},
		{"until patience is over", overwrites, away(day), upload.StepPrepare, failure(upload.KindUnavailable), flow.GoOn, flow.DoEnd, upload.KindUnavailable},
		{"an outage while polling is waited out beyond the time for processing", overwrites, away(11 * time.Minute), upload.StepPoll, failure(upload.KindUnavailable), flow.Repeat, "", ""},
		{"what the vendor refused is final", overwrites, nil, upload.StepPrepare, failure(upload.KindRejected), flow.GoOn, flow.DoEnd, upload.KindRejected},
		{"a source that changed is final", overwrites, nil, upload.StepTransfer, failure(upload.KindMissing), flow.GoOn, flow.DoEnd, upload.KindMissing},
		{"what nobody understood is final", overwrites, nil, upload.StepTransfer, failure(upload.KindInternal), flow.GoOn, flow.DoEnd, upload.KindInternal},
		{"damaged bytes are sent again", overwrites, tried(6), upload.StepTransfer, failure(upload.KindCorrupt), flow.Repeat, "", ""},
		{"as long as there are tries", overwrites, tried(7), upload.StepTransfer, failure(upload.KindCorrupt), flow.GoOn, flow.DoEnd, upload.KindCorrupt},
		{"a damaged medium at the vendor is final", overwrites, nil, upload.StepPoll, failure(upload.KindCorrupt), flow.GoOn, flow.DoEnd, upload.KindCorrupt},
		{"a session that ran out is replaced", overwrites, nil, upload.StepTransfer, failure(upload.KindExpired), flow.GoOn, flow.DoPrepare, ""},
		{"eight of them are enough", overwrites, tried(7), upload.StepTransfer, failure(upload.KindExpired), flow.GoOn, flow.DoEnd, upload.KindExpired},
		{"one whose bytes may have arrived is asked first", overwrites, arrived, upload.StepTransfer, failure(upload.KindExpired), flow.GoOn, flow.DoPoll, ""},
		{"a lost answer is no reason to ask where bytes are overwritten", overwrites, nil, upload.StepTransfer, failure(upload.KindUnavailable, maybe), flow.Repeat, "", ""},
		{"but it is when patience is over", overwrites, away(day), upload.StepTransfer, failure(upload.KindUnavailable, maybe), flow.GoOn, flow.DoPoll, ""},

		{"an object that is stored stays, whatever becomes of sending it again", keyed, func(s *upload.Progress) { s.Tally.Sends = 1 }, upload.StepTransfer, failure(upload.KindRejected), flow.GoOn, flow.DoEnd, ""},
		{"a refused callback has another form asked for", keyed, nil, upload.StepTransfer, failure(upload.KindRejected, func(e *upload.Error) { e.Code, e.Message = "InvalidArgument", "the Callback is no JSON" }), flow.GoOn, flow.DoPrepare, ""},
		{"once", keyed, func(s *upload.Progress) { s.Variant = "InvalidArgument" }, upload.StepTransfer, failure(upload.KindRejected, func(e *upload.Error) { e.Code, e.Message = "InvalidArgument", "the Callback is no JSON" }), flow.GoOn, flow.DoEnd, upload.KindRejected},

		{"a lost answer is looked for before the form is sent again", looks, nil, upload.StepTransfer, failure(upload.KindUnavailable, maybe), flow.GoOn, flow.DoFind, ""},
		{"a form that was not sent is sent again", looks, nil, upload.StepTransfer, failure(upload.KindUnavailable), flow.Repeat, "", ""},
		{"a form that ran out after a lost answer is looked for", looks, arrived, upload.StepTransfer, failure(upload.KindExpired), flow.GoOn, flow.DoFind, ""},
		{"a lost file has another asked for", looks, nil, upload.StepPoll, failure(upload.KindExpired, lost), flow.GoOn, flow.DoPrepare, ""},
		{"and is not looked for a second time", looks, nil, upload.StepFind, failure(upload.KindExpired, lost), flow.GoOn, flow.DoPrepare, ""},
		{"an outage while looking is waited out", looks, nil, upload.StepFind, failure(upload.KindUnavailable), flow.Repeat, "", ""},

		{"a POST without an answer is searched for", searches, nil, upload.StepTransfer, failure(upload.KindUnavailable, maybe), flow.GoOn, flow.DoFind, ""},
		{"an answer that says nothing is taken for none", searches, nil, upload.StepTransfer, failure(upload.KindUnavailable, func(e *upload.Error) { e.Arrived = "" }), flow.GoOn, flow.DoFind, ""},
		{"a search that is refused leaves it unconfirmed", searches, nil, upload.StepFind, failure(upload.KindRejected), flow.GoOn, flow.DoEnd, upload.KindUnconfirmed},
		{"and so does one that nobody answers for a day", searches, away(day), upload.StepFind, failure(upload.KindUnavailable), flow.GoOn, flow.DoEnd, upload.KindUnconfirmed},

		{"a start without an answer may leave a session behind", parts, nil, upload.StepPrepare, failure(upload.KindUnavailable, maybe), flow.Repeat, "", ""},
		{"which is no reason to give up before patience is over", parts, func(s *upload.Progress) {
			away(time.Hour)(s)
			s.Tally.Misses = map[string]int{"prepare 0": 60}
		}, upload.StepPrepare, failure(upload.KindUnavailable, maybe), flow.Repeat, "", ""},
		{"a completion without an answer is looked for", parts, nil, upload.StepComplete, failure(upload.KindUnavailable, maybe), flow.GoOn, flow.DoFind, ""},
		{"a completion that was refused is looked for", parts, nil, upload.StepComplete, failure(upload.KindRejected), flow.GoOn, flow.DoFind, ""},
		{"a session that is gone is replaced", parts, nil, upload.StepTransfer, failure(upload.KindExpired, lost), flow.GoOn, flow.DoPrepare, ""},
		{"three sessions are enough", parts, func(s *upload.Progress) { s.Tally.Lost = 2 }, upload.StepComplete, failure(upload.KindExpired, lost), flow.GoOn, flow.DoEnd, upload.KindExpired},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := flow.Flow{Policy: c.policy, Patience: day, Seed: "upload/a/1"}
			s := &upload.Progress{Session: upload.Session{ID: "1"}, Next: c.at, SentAt: noon.Add(-time.Minute)}
			if c.before != nil {
				c.before(s)
			}
			e := c.e
			verdict := f.Judge(s, c.at, &e, noon)
			require.Equal(t, c.then, verdict.Then)
			if c.then != flow.GoOn {
				require.Equal(t, c.at, s.Next, "the step stays the same")
				return
			}
			require.Equal(t, c.next, f.Next(s).Do)
			if c.next != flow.DoEnd {
				return
			}
			if c.ends == "" {
				require.Nil(t, s.Cause)
				return
			}
			require.Equal(t, c.ends, s.Cause.Kind)
		})
	}
}

func TestAFailureWorthOneTryHasItsOtherKindTheSecondTime(t *testing.T) {
	f := flow.Flow{Policy: overwrites, Patience: time.Hour, Seed: "a"}
	s := &upload.Progress{}
	for _, then := range []flow.Then{flow.Repeat, flow.GoOn} {
		e := failure(upload.KindUnavailable, func(e *upload.Error) { e.Status, e.Then = 409, upload.KindRejected })
		require.Equal(t, then, f.Judge(s, upload.StepPrepare, &e, noon).Then)
	}
	require.Equal(t, upload.KindRejected, s.Cause.Kind)
}

func TestWhoIsThrottledWaitsAsLongAsHeWasAskedTo(t *testing.T) {
	f := flow.Flow{Policy: overwrites, Patience: time.Hour, Seed: "a"}
	s := &upload.Progress{Attempts: upload.Attempts{Prepare: 1}}
	e := failure(upload.KindThrottled, func(e *upload.Error) { e.RetryAfter = 40 * time.Second })
	require.GreaterOrEqual(t, f.Judge(s, upload.StepPrepare, &e, noon).After, 40*time.Second)
	require.Zero(t, s.Attempts.Prepare, "it counts as no attempt")
}

func TestAStrangeRefusalIsTriedForTenMinutes(t *testing.T) {
	f := flow.Flow{Policy: overwrites, Patience: 24 * time.Hour, Seed: "a"}
	s := &upload.Progress{Next: upload.StepPrepare}
	for _, c := range []struct {
		after time.Duration
		then  flow.Then
	}{{0, flow.Repeat}, {time.Minute, flow.Repeat}, {9 * time.Minute, flow.Repeat}, {10 * time.Minute, flow.GoOn}} {
		e := failure(upload.KindUnavailable, func(e *upload.Error) { e.Status, e.Strange, e.Then = 404, true, upload.KindRejected })
		require.Equal(t, c.then, f.Judge(s, upload.StepPrepare, &e, noon.Add(c.after)).Then)
	}
	require.Equal(t, upload.KindRejected, s.Cause.Kind)

	away := failure(upload.KindUnavailable)
	s = &upload.Progress{Next: upload.StepPrepare}
	f.Judge(s, upload.StepPrepare, &away, noon)
	e := failure(upload.KindUnavailable, func(e *upload.Error) { e.Strange, e.Then = true, upload.KindDenied })
	require.Equal(t, flow.Repeat, f.Judge(s, upload.StepPrepare, &e, noon.Add(time.Hour)).Then, "the outage before does not count")
	f.Judge(s, upload.StepPrepare, &away, noon.Add(65*time.Minute))
	require.Equal(t, flow.Repeat, f.Judge(s, upload.StepPrepare, &e, noon.Add(75*time.Minute)).Then, "nor does what came before one that was not strange")

	past := &upload.Heartbeat{Away: noon.Add(-time.Hour)}
	require.Equal(t, flow.Repeat, f.Aside(&e, past, 3, noon).Then, "the outage before does not count here either")
	require.Equal(t, flow.Repeat, f.Aside(&e, past, 4, noon.Add(9*time.Minute)).Then)
	require.Equal(t, flow.Hold, f.Aside(&e, past, 9, noon.Add(10*time.Minute)).Then)
	require.Equal(t, upload.KindDenied, e.Kind)
}

func page(status int, then upload.Kind) func(*upload.Error) {
	return func(e *upload.Error) { e.Status, e.Strange, e.Then = status, true, then }
}

func TestTenMinutesOfAStrangeRefusalOutliveASession(t *testing.T) {
	f := flow.Flow{Policy: keyed, Patience: 24 * time.Hour, Seed: "a"}
	s := &upload.Progress{Next: upload.StepTransfer}
	for _, c := range []struct {
		after time.Duration
		e     upload.Error
		next  upload.Step
	}{
		{0, failure(upload.KindUnavailable, page(403, upload.KindRejected)), upload.StepTransfer},
		{5 * time.Minute, failure(upload.KindExpired, func(e *upload.Error) { e.Code = upload.CodeSpent }), upload.StepPrepare},
		{6 * time.Minute, failure(upload.KindUnavailable, page(403, upload.KindRejected)), upload.StepTransfer},
		{9 * time.Minute, failure(upload.KindExpired, func(e *upload.Error) { e.Code = upload.CodeQueued }), upload.StepPrepare},
		{9 * time.Minute, failure(upload.KindDenied, func(e *upload.Error) { e.Paused = true }), upload.StepTransfer},
		{10 * time.Minute, failure(upload.KindUnavailable, page(403, upload.KindRejected)), upload.StepEnd},
	} {
		s.Next = upload.StepTransfer
		f.Judge(s, upload.StepTransfer, &c.e, noon.Add(c.after))
		require.Equal(t, c.next, s.Next, c.after)
		if c.next == upload.StepPrepare {
			f.Prepared(s, upload.Session{ID: "2"})
		}
	}
	require.Equal(t, upload.KindRejected, s.Cause.Kind)
}

func TestAPageAboutTheSizeOfTheRequestIsFinalTheSecondTime(t *testing.T) {
	for _, status := range []int{413, 431} {
		f := flow.Flow{Policy: overwrites, Patience: 24 * time.Hour, Seed: "a"}
		s := &upload.Progress{Next: upload.StepTransfer}
		for _, then := range []flow.Then{flow.Repeat, flow.GoOn} {
			e := failure(upload.KindUnavailable, page(status, upload.KindRejected))
			require.Equal(t, then, f.Judge(s, upload.StepTransfer, &e, noon).Then)
		}
		require.Equal(t, upload.KindRejected, s.Cause.Kind)

		past := &upload.Heartbeat{}
		e := failure(upload.KindUnavailable, page(status, upload.KindRejected))
		require.Equal(t, flow.Repeat, f.Aside(&e, past, 1, noon).Then)
		e = failure(upload.KindUnavailable, page(status, upload.KindRejected))
		require.Equal(t, flow.GoOn, f.Aside(&e, past, 2, noon).Then)
		require.Equal(t, upload.KindRejected, e.Kind)
	}
}

func TestTwoAnswersThatLackDifferentFieldsAreTwoFailures(t *testing.T) {
	f := flow.Flow{Policy: overwrites, Patience: time.Hour, Seed: "a"}
	s := &upload.Progress{}
	for _, c := range []struct {
		lacks string
		then  flow.Then
	}{{"login without accessToken", flow.Repeat}, {"start without uploadId", flow.Repeat}, {"start without uploadId", flow.GoOn}} {
		e := failure(upload.KindUnavailable, func(e *upload.Error) { e.Status, e.Then, e.Lacks = 200, upload.KindRejected, c.lacks })
		require.Equal(t, c.then, f.Judge(s, upload.StepPrepare, &e, noon).Then)
	}
	require.Equal(t, upload.KindRejected, s.Cause.Kind)
}

func TestNoByteIsSentAgainBecauseACompletionIsRefusedByAPage(t *testing.T) {
	f := flow.Flow{Policy: parts, Patience: 24 * time.Hour, Seed: "a"}
	complete := func(s *upload.Progress, after time.Duration) {
		e := failure(upload.KindUnavailable, page(413, upload.KindRejected))
		e.Step = upload.StepComplete
		f.Judge(s, upload.StepComplete, &e, noon.Add(after))
	}
	nothing := upload.Settled{Clean: true, Stored: []upload.StoredPart{{Number: 1}}}

	s := &upload.Progress{Next: upload.StepComplete, Session: upload.Session{ID: "1"}}
	complete(s, 0)
	require.Equal(t, upload.StepFind, s.Next, "a page does not say that nothing was done")
	f.Found(s, nothing, noon)
	require.Equal(t, upload.StepComplete, s.Next)
	complete(s, time.Second)
	require.Equal(t, upload.StepFind, s.Next, "it is looked at before it is given up")
	f.Found(s, nothing, noon.Add(2*time.Second))
	require.Equal(t, flow.DoEnd, f.Next(s).Do)
	require.Equal(t, upload.KindRejected, s.Cause.Kind)

	s = &upload.Progress{Next: upload.StepComplete, Session: upload.Session{ID: "1"}}
	complete(s, 0)
	f.Found(s, nothing, noon)
	complete(s, time.Second)
	f.Found(s, upload.Settled{Arrived: true}, noon.Add(2*time.Second))
	require.Equal(t, upload.StepPoll, s.Next, "it was heard all the same")
	require.False(t, s.Over)
}

func TestPatienceWithACallBeginsWhenItBeginsToFail(t *testing.T) {
	f := flow.Flow{Policy: overwrites, Patience: time.Hour, Seed: "a"}
	past := &upload.Heartbeat{}
	away, busy := failure(upload.KindUnavailable), failure(upload.KindThrottled)
	for _, c := range []struct {
		e     upload.Error
		after time.Duration
		then  flow.Then
	}{
		{away, 0, flow.Repeat},
		{away, 59 * time.Minute, flow.Repeat},
		{busy, time.Hour, flow.Repeat}, // an answer: patience begins anew
		{away, 2 * time.Hour, flow.Repeat},
		{away, 3 * time.Hour, flow.GoOn},
	} {
		require.Equal(t, c.then, f.Aside(&c.e, past, 1, noon.Add(c.after)).Then, c.after)
	}
}

func TestProgressSaysWhatTheNextCallWaitsFor(t *testing.T) {
	f := flow.Flow{Policy: overwrites, Patience: time.Hour, Seed: "a"}
	s := &upload.Progress{Next: upload.StepPrepare, Attempts: upload.Attempts{Prepare: 2}}
	away, denied := failure(upload.KindUnavailable), failure(upload.KindDenied)
	verdict := f.Judge(s, upload.StepPrepare, &away, noon)
	require.Equal(t, &upload.Wait{Step: upload.StepPrepare, Last: away, Since: noon, Next: noon.Add(verdict.After), Tries: 1}, s.Waiting)

	later := noon.Add(time.Minute)
	f.Judge(s, upload.StepPrepare, &denied, later)
	require.Equal(t, &upload.Wait{Step: upload.StepPrepare, Last: denied, Since: noon, Tries: 2}, s.Waiting, "a person decides when it goes on")

	paused := failure(upload.KindDenied, func(e *upload.Error) { e.Paused = true })
	f.Judge(s, upload.StepPrepare, &paused, later.Add(time.Minute))
	require.Equal(t, denied, s.Waiting.Last, "no call was made since")
	require.Equal(t, 2, s.Waiting.Tries)
	require.Equal(t, 1, s.Attempts.Prepare, "the call that was denied does not count, and no other was made")

	f.Prepared(s, upload.Session{ID: "1"})
	require.Nil(t, s.Waiting, "the vendor has answered")
}

func TestARunThatCannotContinueAnEarlierSessionSaysThatItStartsOver(t *testing.T) {
	f := flow.Flow{Policy: parts, Patience: time.Hour, Seed: "a"}
	was := failure(upload.KindUnavailable)
	was.Step = upload.StepTransfer
	s := &upload.Progress{}
	f.Restart(s, upload.Progress{Session: upload.Session{ID: "66d9", Method: upload.MethodMultipart}, Next: upload.StepEnd, Cause: &was}, noon)
	require.Equal(t, []string{"continued with session 66d9 of an earlier run"}, s.Notes)

	gone := failure(upload.KindExpired, lost)
	f.PartsFailed(s, &gone)
	require.Equal(t, flow.DoPrepare, f.Next(s).Do)
	require.Equal(t, "started over, because session 66d9 of an earlier run could not be continued", s.Notes[0])
	for _, note := range s.Notes {
		require.NotContains(t, note, "continued with")
	}
}

func TestAnotherRunTakesOverWhatIsOpenAndNothingElse(t *testing.T) {
	open := upload.Session{ID: "1", Method: upload.MethodPut}
	end := func(step upload.Step, change ...func(*upload.Error)) upload.Progress {
		e := failure(upload.KindUnavailable, change...)
		e.Step = step
		return upload.Progress{Session: open, Next: upload.StepEnd, Cause: &e, Idle: true}
	}
	late := end(upload.StepPoll, func(e *upload.Error) { e.Kind = upload.KindTimeout })
	for name, c := range map[string]struct {
		policy upload.Policy
		was    upload.Progress
		next   flow.Do
		id     string
	}{
		"parts that failed go on":                     {parts, end(upload.StepTransfer), flow.DoSendParts, "1"},
		"and those whose completion did":              {parts, end(upload.StepComplete), flow.DoSendParts, "1"},
		"not where the session is lost":               {parts, end(upload.StepTransfer, lost), flow.DoPrepare, ""},
		"nor where the vendor failed with them":       {parts, end(upload.StepPoll), flow.DoPrepare, ""},
		"parts that were cut off go on":               {parts, upload.Progress{Session: open, Next: upload.StepTransfer}, flow.DoSendParts, "1"},
		"a completion that was cut off is looked for": {parts, upload.Progress{Session: open, Next: upload.StepComplete}, flow.DoFind, "1"},
		"a POST that was cut off is searched for":     {searches, upload.Progress{Session: open, Next: upload.StepTransfer}, flow.DoFind, "1"},
		"a search that was cut off is made again":     {searches, upload.Progress{Session: open, Next: upload.StepFind, Idle: true}, flow.DoFind, "1"},
		"a POST that failed is not":                   {searches, end(upload.StepTransfer), flow.DoPrepare, ""},
		"a PUT that was cut off is sent again":        {overwrites, upload.Progress{Session: open, Next: upload.StepTransfer}, flow.DoSend, "1"},
		"one that was answered begins anew":           {overwrites, upload.Progress{Session: open, Next: upload.StepTransfer, Idle: true}, flow.DoPrepare, ""},
		"one that was polled is polled on":            {overwrites, upload.Progress{Session: open, Next: upload.StepPoll, Idle: true}, flow.DoPoll, "1"},
		"one that was not processed is looked for":    {overwrites, late, flow.DoPoll, "1"},
		"where the vendor can tell":                   {upload.Policy{Bytes: upload.BytesPut}, late, flow.DoPrepare, ""},
		"and one that has no session":                 {overwrites, upload.Progress{}, flow.DoPrepare, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := flow.Flow{Policy: c.policy, Patience: time.Hour, Seed: "a"}
			c.was.Version, c.was.Attempts.Prepare, c.was.Tally.Lost = 7, 3, 2
			s := &upload.Progress{Version: 7}
			f.Restart(s, c.was, noon)
			require.Equal(t, c.next, f.Next(s).Do)
			require.Equal(t, c.id, s.Session.ID)
			require.Equal(t, int64(7), s.Version)
			require.Zero(t, s.Attempts.Prepare, "the run counts its own")
			require.Zero(t, s.Tally.Lost)
		})
	}
}
