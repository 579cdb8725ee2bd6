package contract

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/sandbox/sitoo"
	"github.com/mediaferry/mediaferry/internal/upload"
)

var sitooSuite = suite{
	sample:   "sneaker.jpg",
	fields:   upload.Fields{"entity_id": "1RT823V93|SKU-001|DAMAGED|51076f94-b531-483c-884b-35ad67afa113"},
	usual:    requests{"upload-url": 1, "post": 1, "get": 1},
	attempts: upload.Attempts{Prepare: 1, Transfer: 1, Poll: 1},
	calls: []call{
		{name: "upload-url", step: upload.StepPrepare, answers: answers(transport, throttling, []answer{
			{"400", "status=400", refused},
			{"401", "status=401", denied},
			{"403", "status=403", denied},
			{"404", "status=404", refused},
			{"409", "status=409", repeatedOnce},
			{"500", "status=500", repeated},
			{"503", "status=503", repeated},
			{"200 without a file_id", "missing-field=file_id", repeatedOnce},
			{"200 without an upload_url", "missing-field=upload_url", repeatedOnce},
			{"200 without fields", "missing-field=fields", repeatedOnce},
			{"200 without a key", "missing-field=fields.key", repeatedOnce},
			{"200 without an expiry", "missing-field=upload_expires_at", unnoticed},
		})},
		{
			name: "post", step: upload.StepTransfer, renews: "upload-url", looks: requests{"get": 1},
			answers: answers(s3Store, wrongETag, bodies, meaningOf(foundAtOnce, landed), []answer{
				{"403 AccessDenied for a policy that expired", "expired", renewed},
			}),
		},
		{name: "get", step: upload.StepPoll, media: 1, answers: answers(
			meaningOf(unanswered, answers(cuts, garbage)), strangers, throttling, []answer{
				{"400", "status=400", refused},
				{"401", "status=401", denied},
				{"403", "status=403", denied},
				{"404 within ten seconds", "status=404", briefly},
				{"409", "status=409", repeatedOnce},
				{"500", "status=500", unanswered},
				{"503", "status=503,retry-after=3", unanswered},
				{"200 without a status", "missing-field=status", repeatedOnce},
			},
		)},
	},
	unused: map[string]string{
		"search": "a file is asked for by its ID", "download": "nobody fetches what was sent", "thumbnail": "nobody needs one",
	},
}

func TestSitoo(t *testing.T) {
	timeout := want{state: upload.StateFailed, kind: upload.KindTimeout, step: upload.StepPoll}
	tell(t, "sitoo", []story{
		{
			name: "get tells of all the states on the way",
			settings: func(s *sandbox.Settings) {
				sandbox.In[sitoo.Settings](s).Queue, sandbox.In[sitoo.Settings](s).Processing = sandbox.Duration(20*time.Second), sandbox.Duration(time.Minute)
			},
			want: want{state: upload.StateReady, requests: requests{"upload-url": 1, "post": 1, "get": some}, media: 1},
			check: func(w *world, _ upload.Item, ended end) {
				require.GreaterOrEqual(w.t, w.took(), 80*time.Second)
				require.Empty(w.t, ended.result.MediaURL, "its links are signed")
			},
		},
		{
			name: "get says processing for ever", faults: []string{"sitoo.post=stuck"},
			want: timeout.asking(requests{"upload-url": 1, "post": 1, "get": some}),
			check: func(w *world, _ upload.Item, ended end) {
				require.Contains(w.t, ended.result.Error.Message, "the vendor did not process the file within 5m0s; its last status: processing")
				require.GreaterOrEqual(w.t, w.took(), 5*time.Minute)
			},
		},
		{
			name: "get says failed once: another upload-url, the same bytes", faults: []string{"sitoo.post#1=failed"},
			want: want{state: upload.StateReady, requests: requests{"upload-url": 2, "post": 2, "get": 2}, media: 1},
		},
		{
			name: "get says failed twice", faults: []string{"sitoo.post=failed"},
			want: want{state: upload.StateFailed, kind: upload.KindRejected, step: upload.StepPoll, requests: requests{"upload-url": 2, "post": 2, "get": 2}},
		},
		{
			name:     "get says failed of bytes that are no image",
			settings: func(s *sandbox.Settings) { sandbox.In[sitoo.Settings](s).SkipImages = false },
			item:     func(w *world) upload.Item { return w.itemOf("a", ".jpg", w.sample()[:2000]) },
			want:     want{state: upload.StateFailed, kind: upload.KindRejected, requests: requests{"upload-url": 2, "post": 2, "get": 2}},
		},
		{
			name:     "get says 404 of a file that is lost",
			settings: func(s *sandbox.Settings) { sandbox.In[sitoo.Settings](s).Processing = sandbox.Duration(time.Minute) },
			arrange: func(w *world) {
				w.before[upload.ActivityPoll] = func(n int) {
					if n == 5 {
						require.True(w.t, sandbox.Of[*sitoo.Vendor](w.sandbox).Lose(w.sandbox.Ledger().Of("sitoo")[0].UploadID))
					}
				}
			},
			want: want{state: upload.StateReady, requests: requests{"upload-url": 2, "post": 2, "get": some}, media: 1},
		},
		{
			name: "get says uploading for two minutes: the form is sent again", faults: []string{"sitoo.post#1=status=204,etag=x"},
			want: want{state: upload.StateReady, requests: requests{"upload-url": 1, "post": 2, "get": some}, media: 1},
			check: func(w *world, _ upload.Item, _ end) {
				require.GreaterOrEqual(w.t, w.took(), 2*time.Minute)
			},
		},
		{
			name: "get says uploading for ever", faults: []string{"sitoo.post=status=204,etag=x"},
			want: timeout.asking(requests{"upload-url": 1, "post": 3, "get": some}),
			check: func(w *world, _ upload.Item, ended end) {
				require.Contains(w.t, ended.result.Error.Message, "its last status: uploading")
			},
		},
		{
			name: "post got no answer, its policy expired, and nothing arrived", faults: []string{"sitoo.post#1=status=500", "sitoo.post#2=expired"},
			want: want{state: upload.StateReady, requests: requests{"upload-url": 2, "post": 3, "get": 3}, media: 1},
		},
		{
			name: "post got no answer, nobody could say what became of it, and its policy expired: it is there",
			faults: []string{
				"sitoo.post#1=status=500,after", "sitoo.get#1=status=503", "sitoo.get#2=not-json",
			},
			want: want{state: upload.StateReady, requests: requests{"upload-url": 1, "post": 1, "get": 4}, media: 1},
		},
		{
			name: "post got no answer, and get does not know the file for ten seconds: it is there", faults: []string{"sitoo.post#1=lost", "sitoo.get=status=404"},
			arrange: func(w *world) {
				w.before[upload.ActivityFind] = func(int) {
					if w.took() > 9*time.Second {
						w.sandbox.ClearFaults()
					}
				}
			},
			want: want{state: upload.StateReady, requests: requests{"upload-url": 1, "post": 1, "get": some}, media: 1},
			check: func(w *world, _ upload.Item, _ end) {
				require.Greater(w.t, w.took(), 9*time.Second)
			},
		},
		{
			name: "post got no answer, and get says 404 of a file that is lost: another upload-url", faults: []string{"sitoo.post#1=lost"},
			arrange: func(w *world) {
				w.before[upload.ActivityFind] = func(n int) {
					if n == 1 {
						require.True(w.t, sandbox.Of[*sitoo.Vendor](w.sandbox).Lose(w.sandbox.Ledger().Of("sitoo")[0].UploadID))
					}
				}
			},
			want: want{state: upload.StateReady, requests: requests{"upload-url": 2, "post": 2, "get": 6}, media: 1}, // at 0, 1, 3, 7 and 11 seconds, and of the other
		},
		{
			name: "post got no answer, and get has trouble for a minute: it is there", faults: []string{"sitoo.post#1=lost", "sitoo.get#1*8=status=503"},
			want: want{state: upload.StateReady, requests: requests{"upload-url": 1, "post": 1, "get": 10}, media: 1},
		},
		{
			name: "post got no answer, and nobody says what became of it", faults: []string{"sitoo.post#1=lost", "sitoo.get=status=503"},
			want: want{state: upload.StateFailed, kind: upload.KindUnavailable, step: upload.StepPoll, requests: requests{"upload-url": 1, "post": 1, "get": some}, media: 1},
			check: func(w *world, _ upload.Item, _ end) {
				require.GreaterOrEqual(w.t, w.took(), patience)
			},
		},
		{
			name: "post finds that its policy has run out meanwhile",
			arrange: func(w *world) {
				w.before[upload.ActivityTransfer] = func(n int) {
					if n == 1 {
						w.sandbox.Advance(15 * time.Minute)
					}
				}
			},
			want: want{state: upload.StateReady, requests: requests{"upload-url": 2, "post": 2, "get": 1}, media: 1},
		},
		{
			name: "post sends more than the policy allows", settings: func(s *sandbox.Settings) { sandbox.In[sitoo.Settings](s).MaxBytes = 1000 },
			want: want{state: upload.StateFailed, kind: upload.KindRejected, step: upload.StepTransfer, requests: requests{"upload-url": 1, "post": 1}},
			check: func(w *world, _ upload.Item, ended end) {
				require.Contains(w.t, ended.result.Error.Message, "EntityTooLarge")
			},
		},
		{
			name: "upload-url comes with a Date that is twenty minutes behind, and get does not know the file yet", faults: []string{"sitoo.upload-url=clock-skew=-20m", "sitoo.get#1=status=404"},
			want: want{state: upload.StateReady, requests: sitooSuite.usual.plus(requests{"get": 1}), media: 1},
		},
		{
			name: "the account logs in with an ID and a password",
			arrange: func(w *world) {
				w.settings["auth"], w.settings["api_id"], w.settings["password"] = "basic", w.credential("api_id"), w.credential("password")
			},
			want: want{state: upload.StateReady, requests: sitooSuite.usual, media: 1},
		},
	})
}
