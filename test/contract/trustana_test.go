package contract

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/sandbox/trustana"
	"github.com/mediaferry/mediaferry/internal/upload"
)

var trustanaSuite = suite{
	sample:   "sneaker.jpg",
	fields:   upload.Fields{"skuIds": []any{"SKU-1", "SKU-2"}, "addToMediaGallery": true},
	usual:    requests{"prepare": 1, "put": 1, "status": 1},
	attempts: upload.Attempts{Prepare: 1, Transfer: 1, Poll: 1},
	calls: []call{
		{name: "prepare", step: upload.StepPrepare, answers: answers(transport, throttling, []answer{
			{"400", "status=400", refused},
			{"401", "status=401", denied},
			{"403", "status=403", denied},
			{"404", "status=404", refused},
			{"500", "status=500", repeated},
			{"503", "status=503,retry-after=2", repeated},
			{"200 with errorCode 400", "status=200,code=400", refused},
			{"200 with errorCode 401", "status=200,code=401", denied},
			{"200 with errorCode 429", "status=200,code=429", throttled},
			{"200 with errorCode 500", "status=200,code=500", repeated},
			{"200 with an errorCode that is not a status", "status=200,code=7", repeated},
			{"200 without an uploadUrl", "missing-field=data.uploadUrl", repeatedOnce},
			{"200 without an uploadId", "missing-field=data.uploadId", repeatedOnce},
		})},
		{
			name: "put", step: upload.StepTransfer, renews: "prepare", lost: requests{"status": some},
			answers: answers(s3Store, wrongETag, bodies, meaningOf(foundAtLast, landed), []answer{
				{"403 AccessDenied for a request that has expired", "expired", renewed},
			}),
		},
		{name: "status", step: upload.StepPoll, media: 1, answers: answers(
			meaningOf(unanswered, answers(cuts, garbage)), strangers, throttling, []answer{
				{"400", "status=400", refused},
				{"401", "status=401", denied},
				{"403", "status=403", denied},
				{"404", "status=404", unseen},
				{"a 404 page from a proxy", "page=404", strange},
				{"500", "status=500", unanswered},
				{"503", "status=503,retry-after=2", unanswered},
				{"200 with errorCode 404", "status=200,code=404", unseen},
				{"200 with errorCode 500", "status=200,code=500", unanswered},
				{"200 without a fileId", "missing-field=data.fileId", repeatedOnce},
			},
		)},
	},
	unused: map[string]string{
		"final":  "the picture itself, which nobody needs to fetch",
		"search": "the harmless call of doctor --live, which no upload makes",
	},
}

func TestTrustana(t *testing.T) {
	tell(t, "trustana", []story{
		{
			name: "status says 404 for as long as the picture is processed",
			settings: func(s *sandbox.Settings) {
				sandbox.In[trustana.Settings](s).Processing = sandbox.Duration(45 * time.Second)
			},
			want: want{state: upload.StateReady, requests: requests{"prepare": 1, "put": 1, "status": some}, media: 1},
			check: func(w *world, _ upload.Item, ended end) {
				require.Greater(w.t, ended.result.Attempts.Poll, 3)
				require.GreaterOrEqual(w.t, w.took(), 45*time.Second)
			},
		},
		{
			name:   "status is out of order twice, with answers between: patience begins anew",
			faults: []string{"trustana.status#1=status=503", "trustana.status#20=status=503"},
			settings: func(s *sandbox.Settings) {
				sandbox.In[trustana.Settings](s).Processing = sandbox.Duration(8 * time.Minute)
			},
			want: want{state: upload.StateReady, requests: requests{"prepare": 1, "put": 1, "status": some}, media: 1},
			check: func(w *world, item upload.Item, _ end) {
				require.GreaterOrEqual(w.t, w.took(), 8*time.Minute)
			},
		},
		{
			name:   "status never says anything else, and the last look is by name",
			faults: []string{"trustana.put=stuck"},
			want:   want{state: upload.StateFailed, kind: upload.KindTimeout, step: upload.StepPoll, requests: requests{"prepare": 1, "put": 1, "status": some}},
			check: func(w *world, _ upload.Item, ended end) {
				require.Contains(w.t, ended.result.Error.Message, "the vendor did not process the file within 10m0s; its last status: 404")
				require.Contains(w.t, string(ended.result.Error.Hint), "duplicate")
				require.GreaterOrEqual(w.t, w.took(), 10*time.Minute)
				asked := w.sandbox.Requests("trustana")
				require.Contains(w.t, asked[len(asked)-1].Path, "?fileName=image-")
				require.Contains(w.t, asked[len(asked)-2].Path, "?uploadId=upl_")
			},
		},
		{
			name:   "status knows the picture by its name only",
			faults: []string{`trustana.status@"uploadId="=status=404`},
			want:   want{state: upload.StateReady, requests: requests{"prepare": 1, "put": 1, "status": some}, media: 1},
		},
		{
			name:   "status says 404 for ever of a picture that cannot be processed",
			faults: []string{"trustana.put=failed"},
			want:   want{state: upload.StateFailed, kind: upload.KindTimeout, requests: requests{"prepare": 1, "put": 1, "status": some}},
		},
		{
			name:   "status tells another size than was sent",
			faults: []string{"trustana.status=wrong-size"},
			want:   want{state: upload.StateFailed, kind: upload.KindCorrupt, step: upload.StepPoll, requests: requests{"prepare": 1, "put": 1, "status": 1}, media: 1},
			check: func(w *world, _ upload.Item, ended end) {
				require.Contains(w.t, string(ended.result.Error.Hint), "already attached")
			},
		},
		{
			name:   "status says 429 beyond the time for processing, and then that it is done",
			faults: []string{"trustana.status#1*15=status=429,retry-after=60"},
			want:   want{state: upload.StateReady, requests: requests{"prepare": 1, "put": 1, "status": 16}, media: 1},
		},
		{
			name:   "put got no answer, its URL ran out, and the picture is there",
			faults: []string{"trustana.put#1=reset-after", "trustana.put#2=expired"},
			want:   want{state: upload.StateReady, requests: requests{"prepare": 1, "put": 2, "status": 1}, media: 1},
		},
		{
			name:   "put got no answer, its URL ran out, and nothing is there for two minutes",
			faults: []string{"trustana.put#1=status=500", "trustana.put#2=expired"},
			want:   want{state: upload.StateReady, requests: requests{"prepare": 2, "put": 3, "status": some}, media: 1},
			check: func(w *world, _ upload.Item, _ end) {
				require.GreaterOrEqual(w.t, w.took(), 2*time.Minute)
			},
		},
		{
			name:   "put is not tried with a URL that is about to run out",
			faults: []string{"trustana.put#1=status=503,code=SlowDown,retry-after=860"},
			want:   want{state: upload.StateReady, requests: requests{"prepare": 2, "put": 2, "status": some}, media: 1},
		},
		{
			name: "put finds that its URL has run out meanwhile",
			arrange: func(w *world) {
				w.before[upload.ActivityTransfer] = func(n int) {
					if n == 1 {
						w.sandbox.Advance(15 * time.Minute)
					}
				}
			},
			want: want{state: upload.StateReady, requests: requests{"prepare": 2, "put": 2, "status": 1}, media: 1},
		},
		{
			name:     "put sends the type that the URL signs",
			settings: func(s *sandbox.Settings) { sandbox.In[trustana.Settings](s).SignContentType = true },
			item: func(w *world) upload.Item {
				w.suite.sample = "chair.tif"
				return w.item("a")
			},
			want: want{state: upload.StateReady, requests: trustanaSuite.usual, media: 1},
			check: func(w *world, _ upload.Item, _ end) {
				require.Equal(w.t, "a.tiff", w.visible()[0].Name)
			},
		},
		{
			name: "the vendor's own rate is met, and obeyed",
			settings: func(s *sandbox.Settings) {
				sandbox.In[trustana.Settings](s).RequestsPerSecond, sandbox.In[trustana.Settings](s).Burst = 0.05, 1
			},
			want: want{state: upload.StateReady, requests: requests{"prepare": 1, "put": 1, "status": some}, media: 1},
		},
	})
}

func TestTrustanaTakesAWhileToKnowANewKey(t *testing.T) {
	for _, c := range []struct {
		name          string
		times, pauses int
	}{
		{"and within ninety seconds nothing is paused", 4, 0},
		{"and after ninety seconds the account is", 100, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "trustana", nil)
			w.operate = w.sandbox.ClearFaults
			first, second := w.item("a"), w.item("b")
			ends := w.drive(func(ctx workflow.Context, do func(upload.Item) workflow.ChildWorkflowFuture) {
				require.NoError(t, do(first).Get(ctx, nil))
				w.rotate()
				w.fault(fmt.Sprintf("trustana.prepare#1*%d=status=401", c.times))
				_ = do(second).Get(ctx, nil) // the end has it
			})
			require.Equal(t, upload.StateReady, ends[1].result.State)
			require.Len(t, w.pauses, c.pauses)
			require.Equal(t, 1, ends[0].result.Attempts.Prepare)
			require.Len(t, w.visible(), 2)
		})
	}
}
