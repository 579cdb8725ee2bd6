package contract

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/sandbox/closient"
	"github.com/mediaferry/mediaferry/internal/upload"
)

var closientSuite = suite{
	sample:   "mug.png",
	fields:   upload.Fields{"organization_id": closientOrganization, "gtin": closientGTIN, "title": "Front of package", "is_primary": true},
	usual:    requests{"list": 1, "post": 1},
	attempts: upload.Attempts{Prepare: 1, Transfer: 1},
	calls: []call{
		{name: "list", step: upload.StepPrepare, answers: answers(transport, throttling, []answer{
			{"400 BAD_REQUEST", "status=400", refused},
			{"401 UNAUTHORIZED", "status=401", denied},
			{"403 FORBIDDEN", "status=403", denied},
			{"404 NOT_FOUND", "status=404", refused},
			{"409 CONFLICT", "status=409", refused},
			{"422 VALIDATION_ERROR", "status=422", refused},
			{"500 INTERNAL_ERROR", "status=500", repeated},
			{"503", "status=503,retry-after=2", repeated},
			{"200 without data", "missing-field=data", repeatedOnce},
		})},
		{
			name: "post", step: upload.StepTransfer, looks: requests{"list": 2},
			answers: answers(throttling, []answer{
				{"400 BAD_REQUEST", "status=400", refused},
				{"401 UNAUTHORIZED", "status=401", denied},
				{"403 FORBIDDEN", "status=403", denied},
				{"404 NOT_FOUND", "status=404", refused},
				{"408 from a proxy", "status=408", repeatedSafely},
				{"409 CONFLICT", "status=409", refused},
				{"413 BAD_REQUEST", "status=413", refused},
				{"422 VALIDATION_ERROR", "status=422", refused},
				{"307 to another host", "status=307,location=http://localhost:9/", refused},
				{"a 302 page of a captive portal", "page=302", repeated},
				{"a 429 page of a proxy", "page=429", repeated},
				{"a 413 page from a proxy", "page=413", wrongSizeAfterALook},
				{"500 and no image", "status=500", repeated},
				{"502 and no image", "status=502", repeated},
				{"503 and no image", "status=503,retry-after=2", repeated},
				{"504 and no image", "status=504", repeated},
				{"a reset before the body", "reset-before", unsent},
				{"a reset during the body", "reset-in", repeated},
				{"500, answer lost after the image was made", "status=500,after", adopted},
				{"502, answer lost after the image was made", "status=502,after", adopted},
				{"503, answer lost after the image was made", "status=503,after", adopted},
				{"504, answer lost after the image was made", "status=504,after", adopted},
				{"a reset after the image was made", "reset-after", adopted},
				{"a closed connection after the image was made", "lost", adopted},
				{"201 cut short", "cut-answer", adopted},
				{"201 without a body", "empty-body", adopted},
				{"201 that is not JSON", "not-json", adopted},
				{"201 without an id", "missing-field=id", adopted},
			}),
		},
		{
			name: "image", step: upload.StepPoll, arrange: afterALostAnswer,
			usual: requests{"list": 2, "post": 1, "image": 1},
			answers: answers([]answer{
				{"403", "status=403", unnoticed},
				{"404", "status=404", unnoticed},
				{"429", "status=429", unnoticed},
				{"500", "status=500", unnoticed},
				{"a reset", "reset-after", unnoticed},
				{"a picture cut short", "cut-answer", unnoticed},
			}),
		},
		{
			name: "delete", step: upload.StepTransfer, arrange: afterADuplicate,
			usual: requests{"list": 2, "post": 1, "image": 2, "delete": 1},
			answers: answers([]answer{
				{"404", "status=404,after", unnoticed},
			}),
		},
	},
}

// wrongSizeAfterALook: as wrongSize, but a page may stand in the place of a success.
func wrongSizeAfterALook(p place) []example {
	return []example{
		{"once", 1, p.goesOn(p.own(1), p.call.looks)},
		{"always", 0, p.fails(upload.KindRejected, p.own(2), p.call.looks)},
	}
}

// The organization is the simulator's, the GTIN anybody's.
const (
	closientOrganization = "SandboxBrand2345678923"
	closientGTIN         = "12345678905"
)

// afterALostAnswer makes it necessary to find the image.
func afterALostAnswer(w *world) { w.fault("closient.post#1=lost") }

// afterADuplicate makes the image appear twice, and asks for one only.
func afterADuplicate(w *world) {
	afterALostAnswer(w)
	w.settings["cleanup_duplicates"] = "true"
	w.before[upload.ActivityFind] = func(n int) {
		if n == 1 {
			w.putImage("Front of package", w.sample())
		}
	}
}

func TestClosient(t *testing.T) {
	another := func(w *world) []byte { return append(w.sample(), 0) } // bytes that nobody would take for ours
	tell(t, "closient", []story{
		{
			name: "post got no answer, and the image is there twice",
			arrange: func(w *world) {
				afterADuplicate(w)
				w.settings["cleanup_duplicates"] = "false"
			},
			want: want{state: upload.StateReady, requests: requests{"list": 2, "post": 1, "image": 2}, media: 2},
			check: func(w *world, _ upload.Item, ended end) {
				for _, m := range w.visible() {
					if m.MediaID != string(ended.result.MediaID) {
						require.Contains(w.t, ended.result.Note, m.MediaID)
					}
				}
			},
		},
		{
			name:    "post got no answer, the image is there twice, and one of them is deleted",
			arrange: afterADuplicate,
			want:    want{state: upload.StateReady, requests: requests{"list": 2, "post": 1, "image": 2, "delete": 1}, media: 1},
			check: func(w *world, _ upload.Item, ended end) {
				require.Contains(w.t, ended.result.Note, "deleted")
			},
		},
		{
			name: "delete is refused by the account's rights, and again allowed", arrange: afterADuplicate,
			faults: []string{"closient.delete#1=status=403"},
			want:   want{state: upload.StateReady, requests: requests{"list": 3, "post": 1, "image": 4, "delete": 2}, media: 1, pauses: 1},
		},
		{
			name: "delete got no answer: it is asked for once more, and is gone", arrange: afterADuplicate,
			faults: []string{"closient.delete#1=lost"},
			want:   want{state: upload.StateReady, requests: requests{"list": 3, "post": 1, "image": 3, "delete": 1}, media: 1},
		},
		{
			name: "delete is refused for good: the image is found all the same", arrange: afterADuplicate,
			faults: []string{"closient.delete=status=409"},
			want:   want{state: upload.StateReady, requests: requests{"list": 2, "post": 1, "image": 2, "delete": 1}, media: 2},
			check: func(w *world, _ upload.Item, ended end) {
				require.Contains(w.t, ended.result.Note, "did not delete")
			},
		},
		{
			name: "post got a 500, and somebody else's image appeared: it is not ours", faults: []string{"closient.post#1=status=500"},
			arrange: func(w *world) {
				w.before[upload.ActivityFind] = func(n int) {
					if n == 1 {
						w.putImage("Front of package", another(w))
					}
				}
			},
			want: want{state: upload.StateReady, requests: requests{"list": 3, "post": 2, "image": 2}, media: 2},
		},
		{
			name: "post got no answer, and somebody else's image appeared: ours is adopted", faults: []string{"closient.post#1=lost"},
			arrange: func(w *world) {
				w.before[upload.ActivityFind] = func(int) { w.putImage("Front of package", another(w)) }
			},
			want: want{state: upload.StateReady, requests: requests{"list": 2, "post": 1, "image": 2}, media: 2},
		},
		{
			name: "post got no answer, and images with other titles, or from before, are not even looked at", faults: []string{"closient.post#1=lost"},
			arrange: func(w *world) {
				w.putImage("Front of package", w.sample())
				w.before[upload.ActivityFind] = func(int) { w.putImage("Back of package", w.sample()) }
			},
			want: want{state: upload.StateReady, requests: requests{"list": 2, "post": 1, "image": 1}, media: 3},
		},
		{
			name: "post of a large image breaks off within the body", faults: []string{"closient.post#1=reset-in=100000"},
			item: func(w *world) upload.Item { return w.itemOf("a", ".png", append(w.sample(), make([]byte, 9<<20)...)) },
			want: want{state: upload.StateReady, requests: requests{"list": 3, "post": 2}, media: 1},
		},
		{
			name: "post of a large image is refused before it is read", faults: []string{"closient.post#1=status=413,undrained"},
			item: func(w *world) upload.Item { return w.itemOf("a", ".png", append(w.sample(), make([]byte, 9<<20)...)) },
			want: want{state: upload.StateFailed, kind: upload.KindRejected, step: upload.StepTransfer, requests: closientSuite.usual},
		},
		{
			name: "post got no answer, and listing pauses the account", faults: []string{"closient.post#1=lost", "closient.list#2=status=401"},
			want: want{state: upload.StateReady, requests: requests{"list": 3, "post": 1, "image": 1}, media: 1, pauses: 1},
		},
		{
			name: "post got no answer, and listing is throttled for an hour", faults: []string{"closient.post#1=lost", "closient.list#2=status=429,retry-after=3600"},
			want: want{state: upload.StateReady, requests: requests{"list": 3, "post": 1, "image": 1}, media: 1},
			check: func(w *world, _ upload.Item, _ end) {
				require.GreaterOrEqual(w.t, w.took(), time.Hour)
			},
		},
		{
			name: "list is of several pages",
			arrange: func(w *world) {
				for range 101 {
					w.putImage("another", []byte("GIF89a"))
				}
			},
			want: want{state: upload.StateReady, requests: requests{"list": 2, "post": 1}, media: 102},
		},
		{
			name:     "the window is used up: what remains is obeyed before anything is refused",
			settings: func(s *sandbox.Settings) { sandbox.In[closient.Settings](s).PerMinute = 1 },
			want:     want{state: upload.StateReady, requests: closientSuite.usual, attempts: &closientSuite.attempts, media: 1},
			check: func(w *world, _ upload.Item, _ end) {
				require.GreaterOrEqual(w.t, w.took(), time.Minute)
			},
		},
		{
			name: "the vendor's day is used up by others",
			settings: func(s *sandbox.Settings) {
				sandbox.In[closient.Settings](s).PerDay, sandbox.In[closient.Settings](s).Envelope = 1, "b"
			},
			arrange: func(w *world) { w.lookElsewhere() },
			want:    want{state: upload.StateReady, requests: requests{"list": some, "post": 1}, attempts: &closientSuite.attempts, media: 1},
			check: func(w *world, _ upload.Item, _ end) {
				require.GreaterOrEqual(w.t, w.took(), 24*time.Hour)
			},
		},
		{
			name: "the account rests: what is not called is not counted for the day",
			arrange: func(w *world) {
				require.NoError(w.t, w.ledger.Rest(w.t.Context(), "closient", time.Hour, "its window is used up"))
			},
			want: want{state: upload.StateReady, requests: closientSuite.usual, attempts: &closientSuite.attempts, media: 1},
			check: func(w *world, _ upload.Item, _ end) {
				require.GreaterOrEqual(w.t, w.took(), time.Hour)
				left, _, err := w.ledger.Count(w.t.Context(), ledger.Counter{
					Account: "closient", Name: "requests/86400", Window: 24 * time.Hour, Limit: 10_000, N: 10_000 - 2,
				})
				require.NoError(w.t, err)
				require.True(w.t, left, "more than the two calls are counted")
			},
		},
		{
			name: "our own count of the day is used up",
			arrange: func(w *world) {
				ok, _, err := w.ledger.Count(w.t.Context(), ledger.Counter{Account: "closient", Name: "requests/86400", Window: 24 * time.Hour, Limit: 10_000, N: 10_000})
				require.NoError(w.t, err)
				require.True(w.t, ok)
			},
			want: want{state: upload.StateReady, requests: closientSuite.usual, attempts: &closientSuite.attempts, media: 1},
			check: func(w *world, _ upload.Item, _ end) {
				require.GreaterOrEqual(w.t, w.took(), 24*time.Hour)
			},
		},
		{
			name: "422 in the words of RFC 9457", settings: func(s *sandbox.Settings) { sandbox.In[closient.Settings](s).Envelope = "b" },
			faults: []string{"closient.post=status=422,code=bad_image,message=no image that we know"},
			want:   want{state: upload.StateFailed, kind: upload.KindRejected, requests: closientSuite.usual},
			check: func(w *world, _ upload.Item, ended end) {
				require.Contains(w.t, ended.result.Error.Message, "no image that we know")
			},
		},
	})
}

func TestClosientsLimitsAreLearnedFromItsAnswers(t *testing.T) {
	minute, day := upload.Quota{Window: time.Minute, Limit: 120}, upload.Quota{Window: 24 * time.Hour, Limit: 700}
	for name, c := range map[string]struct {
		settings closient.Settings
		told     []upload.Quota
		rate     float64
		daily    int64
	}{
		"of both windows":         {closient.Settings{PerMinute: 120, PerDay: 700}, []upload.Quota{minute, day}, 2, 700},
		"higher than documented":  {closient.Settings{PerMinute: 1200, PerDay: 70_000}, []upload.Quota{{Window: time.Minute, Limit: 1200}, {Window: 24 * time.Hour, Limit: 70_000}}, 20, 70_000},
		"of the minute alone":     {closient.Settings{PerMinute: 120}, []upload.Quota{minute}, 2, 10_000},
		"of the day alone":        {closient.Settings{PerDay: 700}, []upload.Quota{day}, 5, 700},
		"in the form of a draft":  {closient.Settings{PerDay: 700, Policy: `"default";q=120;w=60, "daily";q=700;w=86400`}, []upload.Quota{minute, day}, 2, 700},
		"in a form of its own":    {closient.Settings{PerDay: 700, Policy: "a lot"}, nil, 5, 10_000},
		"as what is documented":   {closient.Settings{PerMinute: 300, PerDay: 10_000}, []upload.Quota{{Window: time.Minute, Limit: 300}, {Window: 24 * time.Hour, Limit: 10_000}}, 5, 10_000},
		"in no header, so not":    {closient.Settings{}, nil, 5, 10_000},
		"of the minute, in parts": {closient.Settings{PerMinute: 120, Policy: `120;w=60, nonsense`}, []upload.Quota{minute}, 2, 10_000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "closient", func(s *sandbox.Settings) {
				set := sandbox.In[closient.Settings](s)
				set.PerMinute, set.PerDay, set.Policy = c.settings.PerMinute, c.settings.PerDay, c.settings.Policy
			})
			require.Equal(t, upload.StateReady, w.run(w.item("a")).result.State)
			said, err := w.ledger.Quotas(t.Context(), "closient")
			require.NoError(t, err)
			require.Equal(t, c.told, said.Told)
			account, err := w.Account("closient")
			require.NoError(t, err)
			account, err = w.steps.Limited(t.Context(), account)
			require.NoError(t, err)
			require.InDelta(t, c.rate, account.Rate, 1e-9)
			require.Equal(t, c.daily, account.Quotas[0].Limit)
			used, _, err := w.ledger.Counted(t.Context(), ledger.RequestsIn("closient", account.Quotas[0]))
			require.NoError(t, err)
			require.EqualValues(t, 2, used, "what was counted before still counts")
		})
	}
}

// lookElsewhere uses the account's key once, as another program would.
func (w *world) lookElsewhere() { w.elsewhere(http.MethodGet, "") }

// elsewhere makes a call about the product's images, as another program would.
func (w *world) elsewhere(method, below string) (status int) {
	account, err := w.Account("closient")
	require.NoError(w.t, err)
	ask, err := http.NewRequestWithContext(w.t.Context(), method,
		account.BaseURL+"/trade-items/"+closientOrganization+"/"+closientGTIN+"/images"+below, nil)
	require.NoError(w.t, err)
	ask.Header.Set("X-Api-Key", account.Settings["api_key"])
	answer, err := http.DefaultClient.Do(ask)
	require.NoError(w.t, err)
	require.NoError(w.t, answer.Body.Close())
	return answer.StatusCode
}

func TestClosientIsUnconfirmedUntilAPersonDecides(t *testing.T) {
	doubt := func(w *world) {
		w.fault("closient.post#1=lost", "closient.image=status=404")
		w.before[upload.ActivityFind] = func(int) { w.putImage("Front of package", []byte("GIF89a")) }
	}
	silence := func(w *world) { w.fault("closient.post#1=lost", "closient.list#2+=status=503") }
	garbled := func(w *world) { w.fault("closient.post#1=lost", "closient.list#2+=missing-field=data") }
	for _, c := range []struct {
		name    string
		arrange func(*world)
		verdict upload.Verdict
		posts   int
		state   upload.State
		kind    upload.Kind
		says    string
	}{
		{"several candidates that cannot be told apart, decided ready", doubt, upload.VerdictReady, 1, upload.StateReady, "", "2 new images"},
		{"several candidates that cannot be told apart, decided retry", doubt, upload.VerdictRetry, 2, upload.StateReady, "", "2 new images"},
		{"several candidates that cannot be told apart, decided fail", doubt, upload.VerdictFail, 1, upload.StateFailed, upload.KindUnconfirmed, "2 new images"},
		{"no list to be had, decided ready", silence, upload.VerdictReady, 1, upload.StateReady, "", "answered 503"},
		{"no list to be had, decided retry", silence, upload.VerdictRetry, 2, upload.StateReady, "", "answered 503"},
		{"no list to be had, decided fail", silence, upload.VerdictFail, 1, upload.StateFailed, upload.KindUnconfirmed, "answered 503"},
		{"a list without its data, decided fail", garbled, upload.VerdictFail, 1, upload.StateFailed, upload.KindUnconfirmed, "without data"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "closient", nil)
			c.arrange(w)
			item := w.item("a")
			var waiting upload.Status
			w.before[upload.ActivityRecord] = func(n int) {
				if n > 1 {
					return
				}
				w.env.RegisterDelayedCallback(func() {
					waiting = w.status(item.UploadID)
					w.sandbox.ClearFaults()
					w.decide(item.UploadID, c.verdict)
				}, time.Hour)
			}
			ended := w.run(item)
			require.Equal(t, upload.StateUnconfirmed, waiting.Result.State)
			require.Equal(t, upload.KindUnconfirmed, waiting.Result.Error.Kind)
			require.Contains(t, waiting.Result.Error.Message, c.says)
			require.Contains(t, waiting.Waiting, "decision")
			require.Equal(t, c.state, ended.result.State)
			if c.kind != "" {
				require.Equal(t, c.kind, ended.result.Error.Kind)
			}
			require.Contains(t, ended.result.Note, "somebody decided "+string(c.verdict)+" because I looked")
			posts := 0
			for _, r := range w.sandbox.Requests("closient") {
				if r.Call == "post" {
					posts++
				}
			}
			require.Equal(t, c.posts, posts)
			require.Empty(t, w.sandbox.Ledger().Violations)
			w.verifyBooks(item, ended)
			w.verifySecrets(ended)
		})
	}
}

// decide is what a person makes of an unconfirmed upload.
func (w *world) decide(uploadID string, verdict upload.Verdict) {
	decision := upload.Decision{Verdict: verdict, Because: "I looked", By: "somebody"}
	require.NoError(w.t, w.env.UpdateWorkflowByID(uploadID, upload.UpdateDecide, "decision", &testsuite.TestUpdateCallback{
		OnAccept: func() {}, OnReject: func(err error) { require.NoError(w.t, err) }, OnComplete: func(any, error) {},
	}, decision))
}

func TestClosientTakesOneImageOfAProductAtATimeAndThePrimaryLast(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "closient", nil)
	w.fault("closient.post#2=lost") // so that one of them takes its time within the lane
	var items []upload.Item
	for _, id := range []string{"a", "b", "c"} {
		item := w.item(id)
		item.Fields["title"], item.Fields["is_primary"] = id, id == "a"
		items = append(items, item)
	}
	items[2].Fields["gtin"] = "000" + closientGTIN // the same product, written in another way
	var open, most int
	w.env.SetOnActivityCompletedListener(func(info *activity.Info, _ converter.EncodedValue, err error) {
		switch {
		case info.ActivityType.Name == upload.ActivityAcquireSerial && err == nil:
			open++
			most = max(most, open)
		case info.ActivityType.Name == upload.ActivityReleaseSerial:
			open--
		}
	})
	ends := w.drive(func(_ workflow.Context, do func(upload.Item) workflow.ChildWorkflowFuture) {
		for _, item := range items {
			do(item)
		}
	})
	for i, ended := range ends {
		require.Equal(t, upload.StateReady, ended.result.State, items[i].ID)
	}
	require.Equal(t, 1, most, "in the product's lane at a time")
	require.Len(t, w.visible(), 3)
	w.verifyRequests(requests{"list": 4, "post": 3, "image": 1}, "")
	require.Equal(t, "a", w.lastPosted(), "the primary comes after the product's others")
}

// lastPosted is the title of the image that was made last.
func (w *world) lastPosted() string {
	media := w.visible()
	slices.SortFunc(media, func(a, b sandbox.Medium) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return fmt.Sprint(media[len(media)-1].Fields["title"])
}
