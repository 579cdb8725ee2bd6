package contract

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/samples"
	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/sandbox/truvideo"
	"github.com/mediaferry/mediaferry/internal/upload"
)

var truvideoSuite = suite{
	sample:   "clip.mp4",
	fields:   upload.Fields{"title": "Hello: World!", "tags": map[string]any{"brand": "Jeep"}, "isLibrary": true},
	usual:    requests{"login": 1, "start": 1, "part": 1, "complete": 1, "status": 1},
	attempts: upload.Attempts{Prepare: 1, Transfer: 1, Complete: 1, Poll: 1},
	calls: []call{
		{name: "login", step: upload.StepPrepare, answers: answers(transport, throttling, []answer{
			{"400", "status=400", deniedSecond},
			{"401", "status=401", deniedSecond},
			{"403", "status=403", deniedSecond},
			{"500", "status=500", repeated},
			{"404", "status=404", denied},
			{"503", "status=503", repeated},
			{"200 without an accessToken", "missing-field=accessToken", repeatedOnce},
		})},
		{name: "start", step: upload.StepPrepare, answers: answers(transport, throttling, []answer{
			{"400", "status=400", refused},
			{"401", "status=401", loggedInAgain},
			{"403", "status=403", denied},
			{"404", "status=404", refused},
			{"500", "status=500", repeated},
			{"503", "status=503,retry-after=2", repeated},
			{"201 without an uploadId", "missing-field=uploadId", repeatedOnce},
			{"201 without a mediaId", "missing-field=mediaId", repeatedOnce},
		})},
		{
			name: "parts", step: upload.StepTransfer, arrange: withoutAURL,
			usual: requests{"login": 1, "start": 1, "parts": 1, "part": 1, "complete": 1, "status": 1},
			answers: answers(meaningOf(repeatedUnderneath, cuts), garbage, throttling, []answer{
				{"400", "status=400", sessionLost},
				{"401", "status=401", loggedInAgain},
				{"403", "status=403", denied},
				{"404", "status=404", sessionLost},
				{"405", "status=405", sessionLost},
				{"409", "status=409", refused},
				{"500", "status=500", repeated},
				{"503", "status=503", repeated},
				{"200 without the part", "missing-url", lookedAndLost},
				{"a 404 page from a proxy", "page=404", repeated},
				{"a 413 page from a proxy", "page=413", wrongSize},
			}),
		},
		{
			name: "part", step: upload.StepTransfer, renews: "parts", last: requests{"status": 1},
			answers: answers(s3Store, bodies, meaningOf(repeated, landed), []answer{
				{"403 AccessDenied for a request that has expired", "expired", renewed},
				{"404 NoSuchUpload", "status=404,code=NoSuchUpload", sessionLost},
				{"an ETag for other bytes", "wrong-etag", believedAndFailed},
			}),
		},
		{
			name: "complete", step: upload.StepComplete, looks: requests{"status": 1},
			answers: answers(throttling, []answer{
				{"400", "status=400", completedOnceMore},
				{"401", "status=401", lookedAndCompleted},
				{"403", "status=403", denied},
				{"404", "status=404", completedOnceMore},
				{"500", "status=500", repeated},
				{"502", "status=502", repeated},
				{"503", "status=503,retry-after=2", repeated},
				{"504", "status=504", repeated},
				{"a reset before the request is read", "reset-before", unsent},
				{"400 although the call was carried out", "status=400,after", foundAtOnce},
				{"500 although the call was carried out", "status=500,after", foundAtOnce},
				{"a reset although the call was carried out", "reset-after", foundAtOnce},
				{"an answer lost although the call was carried out", "lost", foundAtOnce},
				{"202 cut short", "cut-answer", foundAtOnce},
				{"202 without a body", "empty-body", unnoticed},
				{"202 that is not JSON", "not-json", foundAtOnce},
				{"a page with status 200", "page=200", repeated},
				{"a page with status 413", "page=413", refusedByAPage},
				{"202 without a status", "missing-field=status", unnoticed},
			}),
		},
		{name: "status", step: upload.StepPoll, media: 1, answers: answers(
			meaningOf(unanswered, answers(cuts, garbage)), strangers, throttling, []answer{
				{"401", "status=401", loggedInAgain},
				{"403", "status=403", denied},
				{"409", "status=409", refused},
				{"500", "status=500", unanswered},
				{"503", "status=503,retry-after=3", unanswered},
				{"200 without a status", "missing-field=status", repeatedOnce},
			},
		)},
	},
	unused: map[string]string{"file": "nobody fetches what was sent"},
}

// withoutAURL makes every session lack its first URL.
func withoutAURL(w *world) { w.fault("truvideo.start=missing-url") }

// believedAndFailed: an ETag that differs twice is believed, and passed on; where
// it was wrong all the same, the vendor fails to join the parts, in a second
// session too.
func believedAndFailed(p place) []example {
	always := p.fails(upload.KindRejected, requests{"start": 1, "part": 4, "complete": 2, "status": 2})
	always.step = upload.StepPoll
	return []example{{"once", 1, p.goesOn(p.own(1))}, {"always", 0, always}}
}

// completedOnceMore: it is not repeated before a look; one that says that it was
// not heard makes it worth one more, and after that only another session helps, or
// a third.
func completedOnceMore(p place) []example {
	again := requests{"start": 1, "part": 1}
	return []example{
		{"once", 1, p.goesOn(p.own(1), p.call.looks)},
		{"twice", 2, p.goesOn(p.own(2), p.call.looks.times(2), again)},
		{"always", 0, p.fails(upload.KindRejected, p.own(6), p.call.looks.times(6), again.times(2))},
	}
}

// refusedByAPage: it is looked at before it is repeated once, and again before the
// upload is given up. No byte is sent again, and no other session is opened.
func refusedByAPage(p place) []example {
	return []example{
		{"once", 1, p.goesOn(p.own(1), p.call.looks)},
		{"always", 0, p.fails(upload.KindRejected, p.own(2), p.call.looks.times(2))},
	}
}

// lookedAndCompleted: with a new token the session is looked at first.
func lookedAndCompleted(p place) []example {
	again := requests{"login": 1}
	once := p.goesOn(p.own(1), p.call.looks, again)
	twice := p.goesOn(p.own(2), p.call.looks, again.times(2))
	twice.pauses = 1
	return []example{{"once", 1, once}, {"twice", 2, twice}}
}

// longFilm is two parts.
func longFilm(w *world) upload.Item {
	var film bytes.Buffer
	require.NoError(w.t, samples.GrowMP4(&film, w.sample(), 11<<20))
	return w.itemOf("a", ".mp4", film.Bytes())
}

func TestTruVideo(t *testing.T) {
	slowly := func(s *sandbox.Settings) { sandbox.In[truvideo.Settings](s).Processing = sandbox.Duration(time.Minute) }
	oneURL := func(s *sandbox.Settings) { sandbox.In[truvideo.Settings](s).InitialURLs = 1 }
	long := truvideoSuite.usual.plus(requests{"part": 1})
	eachOnce := func(w *world, _ upload.Item, ended end) {
		for _, part := range w.visible()[0].Parts {
			require.Equal(w.t, 1, part.Received, "part %d", part.Number)
		}
	}
	tell(t, "truvideo", []story{
		{name: "part by part", item: longFilm, want: want{state: upload.StateReady, requests: long, media: 1}, check: eachOnce},
		{
			name: "part that fails is sent again, and no other", item: longFilm, faults: []string{`truvideo.part#1*2@"partNumber=2"=status=503,code=SlowDown`},
			want: want{state: upload.StateReady, requests: long.plus(requests{"part": 2}), media: 1}, check: eachOnce,
		},
		{
			name: "part whose URL has expired gets another, and no other part", item: longFilm, faults: []string{`truvideo.part#1@"partNumber=2"=expired`},
			want: want{state: upload.StateReady, requests: long.plus(requests{"part": 1, "parts": 1}), media: 1}, check: eachOnce,
		},
		{
			name: "part got no answer, its URL expired, and the vendor has no other for what is stored: it is what was sent", item: longFilm,
			faults: []string{`truvideo.part#1@"partNumber=2"=reset-after`, `truvideo.part#2@"partNumber=2"=expired`},
			want:   want{state: upload.StateReady, requests: long.plus(requests{"part": 1, "parts": 1, "status": 1}), media: 1}, check: eachOnce,
		},
		{
			name: "part has no URL at first", item: longFilm, settings: oneURL,
			want: want{state: upload.StateReady, requests: long.plus(requests{"parts": 1}), media: 1}, check: eachOnce,
		},
		{
			name: "part has no URL at first, and the vendor hands out none", item: longFilm,
			settings: func(s *sandbox.Settings) {
				sandbox.In[truvideo.Settings](s).InitialURLs, sandbox.In[truvideo.Settings](s).PartsStatus = 1, 405
			},
			want: want{
				state: upload.StateFailed, kind: upload.KindExpired, step: upload.StepTransfer,
				requests: requests{"login": 1, "start": 3, "part": perhaps, "parts": 3},
			},
		},
		{
			name: "part has a wrong ETag twice: it is believed, and what comes of it is the vendor's word", faults: []string{"truvideo.part#1*2=wrong-etag"},
			want: want{state: upload.StateReady, requests: truvideoSuite.usual.plus(requests{"start": 1, "part": 2, "complete": 1, "status": 1}), media: 1},
		},
		{
			name: "part comes to a session that storage has given up",
			arrange: func(w *world) {
				w.before[upload.ActivitySendPart] = func(n int) {
					if n == 1 {
						require.NoError(w.t, sandbox.Of[*truvideo.Vendor](w.sandbox).Abort(w.sandbox.Ledger().Of("truvideo")[0].UploadID))
					}
				}
			},
			want: want{state: upload.StateReady, requests: truvideoSuite.usual.plus(requests{"start": 1, "part": 1}), media: 1},
		},
		{
			name: "part fails for good in a session that is gone", faults: []string{"truvideo.part#1*8=status=503,code=SlowDown"},
			arrange: func(w *world) {
				w.before[upload.ActivitySendPart] = func(n int) {
					if n == 8 {
						w.sandbox.Advance(25 * time.Hour)
					}
				}
			},
			want: want{state: upload.StateReady, requests: requests{"login": some, "start": 2, "part": some, "parts": some, "complete": 1, "status": some}, media: 1},
		},
		{
			name: "complete was heard, and the session is PENDING_COMPLETE", settings: slowly, faults: []string{"truvideo.complete=lost"},
			want: want{state: upload.StateReady, requests: truvideoSuite.usual.plus(requests{"status": some}), media: 1},
			check: func(w *world, _ upload.Item, _ end) {
				require.Equal(w.t, 1, w.visible()[0].Completes)
			},
		},
		{
			name: "complete was heard, and the session is COMPLETED", faults: []string{"truvideo.complete=lost"},
			want: want{state: upload.StateReady, requests: truvideoSuite.usual.plus(requests{"status": 1}), media: 1},
		},
		{
			name: "complete was not heard, and the session is PARTIAL", faults: []string{"truvideo.complete#1=status=504"},
			want: want{state: upload.StateReady, requests: truvideoSuite.usual.plus(requests{"complete": 1, "status": 1}), media: 1},
		},
		{
			name: "complete was heard, and the session is FAILED", faults: []string{"truvideo.part#1=failed=cannot be joined", "truvideo.complete#1=lost"},
			want: want{state: upload.StateReady, requests: requests{"login": 1, "start": 2, "part": 2, "complete": 2, "status": 3}, media: 1},
		},
		{
			name: "complete got no answer, and nobody says what became of it", faults: []string{"truvideo.complete#1=lost", "truvideo.status=status=503"},
			want: want{state: upload.StateFailed, kind: upload.KindUnavailable, requests: truvideoSuite.usual.plus(requests{"status": some}), media: 1},
		},
		{
			name: "complete is refused once, and the vendor lists all parts: no part is sent again", item: longFilm, faults: []string{"truvideo.complete#1=status=400"},
			want: want{state: upload.StateReady, requests: long.plus(requests{"complete": 1, "status": 1}), media: 1}, check: eachOnce,
		},
		{
			name: "complete is refused once, and the vendor does not list a part: that part is sent again", item: longFilm, faults: []string{"truvideo.complete#1=status=400"},
			arrange: func(w *world) {
				w.before[upload.ActivityComplete] = func(n int) {
					if n == 1 {
						require.True(w.t, sandbox.Of[*truvideo.Vendor](w.sandbox).ForgetPart(w.sandbox.Ledger().Of("truvideo")[0].UploadID, 2))
					}
				}
			},
			want: want{state: upload.StateReady, requests: long.plus(requests{"part": 1, "complete": 1, "status": 1}), media: 1},
		},
		{
			name: "complete is refused twice, and was heard the second time", faults: []string{"truvideo.complete#1=status=400", "truvideo.complete#2=status=400,after"},
			want: want{state: upload.StateReady, requests: truvideoSuite.usual.plus(requests{"complete": 1, "status": 2}), media: 1},
		},
		{
			name: "complete got no answer, and is refused then", faults: []string{"truvideo.complete#1=status=500", "truvideo.complete#2=status=400"},
			want: want{state: upload.StateReady, requests: truvideoSuite.usual.plus(requests{"complete": 2, "status": 2}), media: 1},
		},
		{
			name: "complete got no answer twice, and each look has trouble of its own", faults: []string{"truvideo.complete#1*2=status=504", "truvideo.status#1*3=status=503", "truvideo.status#5*3=status=503"},
			want: want{state: upload.StateReady, requests: truvideoSuite.usual.plus(requests{"complete": 2, "status": 8}), media: 1},
		},
		{
			name: "status says FAILED once: another session", faults: []string{"truvideo.part#1=failed"},
			want: want{state: upload.StateReady, requests: requests{"login": 1, "start": 2, "part": 2, "complete": 2, "status": 2}, media: 1},
			check: func(w *world, _ upload.Item, ended end) {
				require.Contains(w.t, ended.result.Note, "remains at the vendor")
			},
		},
		{
			name: "status says FAILED twice, and why", faults: []string{"truvideo.part=failed=codec of another planet"},
			want: want{
				state: upload.StateFailed, kind: upload.KindRejected, step: upload.StepPoll,
				requests: requests{"login": 1, "start": 2, "part": 2, "complete": 2, "status": 2},
			},
			check: func(w *world, _ upload.Item, ended end) {
				require.Contains(w.t, ended.result.Error.Message, "codec of another planet")
			},
		},
		{
			name: "status says PENDING_COMPLETE for ever", faults: []string{"truvideo.complete=stuck"},
			want: want{state: upload.StateFailed, kind: upload.KindTimeout, step: upload.StepPoll, requests: truvideoSuite.usual.plus(requests{"status": some})},
			check: func(w *world, _ upload.Item, ended end) {
				require.Contains(w.t, ended.result.Error.Message, "the vendor did not process the file within 15m0s; its last status: PENDING_COMPLETE")
				require.GreaterOrEqual(w.t, w.took(), 15*time.Minute)
			},
		},
		{
			name: "status says 400 of a session that has come to nothing", faults: []string{"truvideo.complete#1=stuck", "truvideo.status#1=status=400"},
			want: want{state: upload.StateReady, requests: requests{"login": 1, "start": 2, "part": 2, "complete": 2, "status": 2}, media: 1},
		},
		{
			name: "status says 404 of a session that has come to nothing", faults: []string{"truvideo.complete#1=stuck", "truvideo.status#1=status=404"},
			want: want{state: upload.StateReady, requests: requests{"login": 1, "start": 2, "part": 2, "complete": 2, "status": 2}, media: 1},
		},
		{
			name: "status says 400 of every session", faults: []string{"truvideo.complete=stuck", "truvideo.status=status=400"},
			want: want{
				state: upload.StateFailed, kind: upload.KindExpired, step: upload.StepPoll,
				requests: requests{"login": 1, "start": 3, "part": 3, "complete": 3, "status": 3},
			},
		},
		{
			name: "status is asked with a new token, where the old one ran out",
			settings: func(s *sandbox.Settings) {
				slowly(s)
				sandbox.In[truvideo.Settings](s).TokenLife = sandbox.Duration(20 * time.Second)
			},
			want: want{state: upload.StateReady, requests: truvideoSuite.usual.plus(requests{"login": some, "status": some}), media: 1},
		},
		{
			name: "login hands out a token that is dead on arrival", faults: []string{"truvideo.login#1=expired"},
			want: want{state: upload.StateReady, requests: truvideoSuite.usual.plus(requests{"login": 1, "start": 1}), media: 1},
		},
		{
			name: "login is repeated with the vendor's time, where the clocks differ", arrange: func(w *world) { w.sandbox.Skew(-45 * time.Minute) },
			want: want{state: upload.StateReady, requests: truvideoSuite.usual.plus(requests{"login": 1}), media: 1},
		},
		{
			name: "login hands out a token under a Date that is two days off", faults: []string{"truvideo.login=clock-skew=48h"},
			want: want{state: upload.StateReady, requests: truvideoSuite.usual, media: 1},
		},
		{
			name: "login is refused where status needs a new token: the account stops, and the session goes on", faults: []string{"truvideo.status#1=status=401", "truvideo.login#2*2=status=400"},
			want: want{state: upload.StateReady, requests: truvideoSuite.usual.plus(requests{"status": 1, "login": 3}), media: 1, pauses: 1},
		},
		{
			name: "login is not found where status needs a new token", faults: []string{"truvideo.status#1=status=401", "truvideo.login#2=status=404"},
			want: want{state: upload.StateReady, requests: truvideoSuite.usual.plus(requests{"status": 1, "login": 2}), media: 1, pauses: 1},
		},
		{
			name: "login is in trouble where status needs a new token", faults: []string{"truvideo.status#1=status=401", "truvideo.login#2=status=503", "truvideo.login#3=reset-after"},
			want: want{state: upload.StateReady, requests: truvideoSuite.usual.plus(requests{"status": 1, "login": 3}), media: 1},
		},
		{
			name: "login is refused where parts needs a new token", arrange: withoutAURL, faults: []string{"truvideo.parts#1=status=401", "truvideo.login#2*2=status=400"},
			want: want{state: upload.StateReady, requests: truvideoSuite.usual.plus(requests{"parts": 2, "login": 3}), media: 1, pauses: 1},
		},
		{
			name: "login is refused where the look after complete needs a new token", faults: []string{"truvideo.complete#1=status=401", "truvideo.login#2*2=status=400"},
			want: want{state: upload.StateReady, requests: truvideoSuite.usual.plus(requests{"complete": 1, "status": 1, "login": 3}), media: 1, pauses: 1},
		},
		{
			name:   "login is not found where the look after a complete that was heard needs a new token",
			faults: []string{"truvideo.complete#1=status=400,after", "truvideo.status#1=status=401", "truvideo.login#2=status=404"},
			want:   want{state: upload.StateReady, requests: truvideoSuite.usual.plus(requests{"status": 2, "login": 2}), media: 1, pauses: 1},
		},
		{
			name:   "login is in trouble where the look after a complete that was heard needs a new token",
			faults: []string{"truvideo.complete#1=status=400,after", "truvideo.status#1=status=401", "truvideo.login#2*2=status=500"},
			want:   want{state: upload.StateReady, requests: truvideoSuite.usual.plus(requests{"status": 2, "login": 3}), media: 1},
		},
		{
			name: "complete spells the ETag's key as the account says", arrange: func(w *world) { w.settings["etag_key"] = "etag" },
			want: want{state: upload.StateReady, requests: truvideoSuite.usual, media: 1},
		},
	})
}

func TestTruVideosTokenIsShared(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "truvideo", nil)
	items := []upload.Item{w.item("a"), w.item("b"), w.item("c")}
	w.fault("truvideo.complete#1*3=status=401") // the token is refused to all of them at once
	ends := w.drive(func(_ workflow.Context, do func(upload.Item) workflow.ChildWorkflowFuture) {
		for _, item := range items {
			do(item)
		}
	})
	for _, ended := range ends {
		require.Equal(t, upload.StateReady, ended.result.State)
	}
	require.Len(t, w.visible(), 3)
	logins := 0
	for _, r := range w.sandbox.Requests("truvideo") {
		if r.Call == "login" {
			logins++
		}
	}
	require.LessOrEqual(t, logins, 4, "one for all at first, and one for each refusal at most")
}
