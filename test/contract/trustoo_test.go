package contract

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/sandbox/trustoo"
	"github.com/mediaferry/mediaferry/internal/upload"
)

var trustooSuite = suite{
	sample:   "bag.jpeg",
	fields:   upload.Fields{"fileName": "a bag.jpeg"},
	usual:    requests{"policy": 1, "post": 1},
	attempts: upload.Attempts{Prepare: 1, Transfer: 1},
	calls: []call{
		{
			name: "token", step: upload.StepPrepare, arrange: withOAuth,
			usual: requests{"token": 1, "policy": 1, "post": 1},
			answers: answers(transport, throttling, []answer{
				{"400", "status=400", denied},
				{"401", "status=401", denied},
				{"403", "status=403", denied},
				{"500", "status=500", repeated},
				{"503", "status=503", repeated},
				{"200 with code 3", "status=200,code=3", denied},
				{"200 with code 16", "status=200,code=16", denied},
				{"200 with code 8", "status=200,code=8", throttled},
				{"200 with code 13", "status=200,code=13", repeated},
				{"200 without an access_token", "missing-field=data.access_token", repeatedOnce},
				{"200 without a refresh_token", "missing-field=data.refresh_token", unnoticed},
			}),
		},
		{name: "policy", step: upload.StepPrepare, answers: answers(transport, trustooCodes, []answer{
			{"200 without data", "missing-field=data", repeatedOnce},
			{"200 without an access_id", "missing-field=data.access_id", repeatedOnce},
			{"200 without a host", "missing-field=data.host", repeatedOnce},
			{"200 without an expire", "missing-field=data.expire", unnoticed},
			{"200 without a signature", "missing-field=data.signature", repeatedOnce},
			{"200 without a policy", "missing-field=data.policy", repeatedOnce},
			{"200 without a dir", "missing-field=data.dir", repeatedOnce},
			{"200 without a callback", "missing-field=data.callback", repeatedOnce},
		})},
		{
			name: "post", step: upload.StepTransfer, renews: "policy",
			answers: answers(ossStore, bodies, meaningOf(overwritten, landed), []answer{
				{"403 AccessDenied because time is up", "expired", renewed},
				{"a CRC-64 of other bytes", "wrong-crc", damagedForSure},
				{"200 with a callback that is made twice", "duplicate-callback", unnoticed},
			}),
		},
		{
			name: "video", step: upload.StepPrepare, arrange: withVideo,
			usual: requests{"video": 1, "video-put": 1},
			answers: answers(transport, trustooCodes, []answer{
				{"200 without data", "missing-field=data", repeatedOnce},
				{"200 without an upload_url", "missing-field=data.upload_url", repeatedOnce},
				{"200 without a url", "missing-field=data.url", repeatedOnce},
			}),
		},
		{
			name: "video-put", step: upload.StepTransfer, renews: "video", arrange: withVideo,
			usual: requests{"video": 1, "video-put": 1},
			answers: answers(ossStore, bodies, meaningOf(overwritten, landed), []answer{
				{"403 AccessDenied because time is up", "expired", renewed},
			}),
		},
	},
	unused: map[string]string{
		"disconnect": "nobody is logged out", "review": "a review is no upload", "object": "nobody fetches what was sent",
		"callback": "OSS calls it", "key": "the backend fetches it",
	},
}

// trustooCodes are Trustoo's codes, under HTTP 200 and under their statuses.
var trustooCodes = answers(throttling, []answer{
	{"200 with code 1", "status=200,code=1", repeated},
	{"200 with code 3", "status=200,code=3", refused},
	{"200 with code 4", "status=200,code=4", repeated},
	{"200 with code 5", "status=200,code=5", refused},
	{"200 with code 6", "status=200,code=6", refused},
	{"200 with code 8", "status=200,code=8", throttled},
	{"200 with code 8 and a wait", "status=200,code=8,retry-after=11", throttled},
	{"200 with code 13", "status=200,code=13", repeated},
	{"200 with code 16", "status=200,code=16", deniedSecond},
	{"200 with an unknown code", "status=200,code=99", repeated},
	{"400", "status=400", refused},
	{"401", "status=401", deniedSecond},
	{"403 with code 16", "status=403", deniedSecond},
	{"403 with an unknown code", "status=403,code=99", denied},
	{"404", "status=404", refused},
	{"409", "status=409", refused},
	{"500", "status=500", repeated},
	{"503", "status=503", repeated},
	{"504", "status=504", repeated},
})

// withOAuth lets the account log in by OAuth.
func withOAuth(w *world) {
	for _, c := range w.sandbox.Credentials() {
		if c.Vendor == w.vendor {
			for _, name := range []string{"client_id", "client_secret", "refresh_token"} {
				w.settings[name] = c.Values[name]
			}
		}
	}
}

// withVideo makes items videos, and lets both sides take them.
func withVideo(w *world) {
	w.suite.sample, w.suite.fields = "clip.mp4", nil
	w.settings["video"] = "true"
	w.sandbox.Configure(func(s *sandbox.Settings) { sandbox.In[trustoo.Settings](s).Video = true })
}

func TestTrustoo(t *testing.T) {
	seed := func(s *sandbox.Settings) { sandbox.In[trustoo.Settings](s).SeedCallback = true }
	untold := func(w *world, _ upload.Item, ended end) {
		require.Contains(w.t, ended.result.Note, "could not notify the vendor")
		require.NotEmpty(w.t, ended.result.MediaURL)
	}
	tell(t, "trustoo", []story{
		{
			name: "post is stored, but the callback fails, once", faults: []string{"trustoo.post#1=callback-failed"},
			want: want{state: upload.StateReady, requests: requests{"policy": 1, "post": 2}, media: 1}, check: untold,
		},
		{
			name: "post is stored, but the callback fails, always", faults: []string{"trustoo.post=callback-failed"},
			want: want{state: upload.StateReady, requests: requests{"policy": 1, "post": 3}, media: 1}, check: untold,
		},
		{
			name: "post refuses the callback of the vendor's page", settings: seed,
			want: want{state: upload.StateFailed, kind: upload.KindRejected, step: upload.StepTransfer, requests: trustooSuite.usual},
		},
		{
			name: "post refuses the callback of the vendor's page, and the account drops it", settings: seed,
			arrange: func(w *world) { w.settings["drop_invalid_callback"] = "true" },
			want:    want{state: upload.StateReady, requests: requests{"policy": 1, "post": 2}, media: 1},
		},
		{
			name: "post refuses the callback of the vendor's page, the account drops it, and then the policy expires", settings: seed,
			arrange: func(w *world) {
				w.settings["drop_invalid_callback"] = "true"
				w.fault("trustoo.post#2=expired")
			},
			want: want{state: upload.StateReady, requests: requests{"policy": 2, "post": 3}, media: 1},
		},
		{
			name: "post is stored without a callback, and nothing is heard of it afterwards",
			faults: []string{
				"trustoo.post#1=callback-failed", "trustoo.post#2+=status=503",
			},
			want: want{state: upload.StateReady, requests: requests{"policy": 1, "post": 9}, media: 1}, check: untold,
		},
		{
			name: "post got no answer, and its policy expired: the key stays", faults: []string{"trustoo.post#1=reset-after", "trustoo.post#2=expired"},
			want: want{state: upload.StateReady, requests: requests{"policy": 2, "post": 3}, media: 1},
			check: func(w *world, _ upload.Item, _ end) {
				require.Equal(w.t, 2, w.visible()[0].Received)
			},
		},
		{
			name: "post comes after midnight: the key is below the new folder",
			arrange: func(w *world) {
				w.before[upload.ActivityTransfer] = func(n int) {
					if n == 1 {
						w.sandbox.Advance(24 * time.Hour)
					}
				}
			},
			want: want{state: upload.StateReady, requests: requests{"policy": 2, "post": 2}, media: 1},
		},
		{
			name: "policy has expired on arrival, by its word: it is worth one attempt", faults: []string{"trustoo.policy=clock-skew=10m"},
			want: want{state: upload.StateReady, requests: trustooSuite.usual, media: 1},
		},
		{
			name: "policy is asked for with the vendor's time, where the clocks differ", arrange: func(w *world) { w.skew = 20 * time.Minute },
			want: want{state: upload.StateReady, requests: requests{"policy": 2, "post": 1}, media: 1},
		},
		{
			name: "policy needs another OAuth token", arrange: withOAuth, faults: []string{"trustoo.policy#1=status=401"},
			want: want{state: upload.StateReady, requests: requests{"token": 2, "policy": 2, "post": 1}, media: 1},
		},
		{
			name: "policy needs another OAuth token, and does not take that either", arrange: withOAuth, faults: []string{"trustoo.policy#1*2=status=401"},
			want: want{state: upload.StateReady, requests: requests{"token": 2, "policy": 3, "post": 1}, media: 1, pauses: 1},
		},
		{
			name: "policy does not take a fixed token: nothing can be done about it",
			arrange: func(w *world) {
				w.settings["access_token"] = w.credential("access_token")
				w.fault("trustoo.policy#1=status=401")
			},
			want: want{state: upload.StateReady, requests: requests{"policy": 2, "post": 1}, media: 1, pauses: 1},
		},
		{
			name:     "the vendor's errors come with statuses",
			settings: func(s *sandbox.Settings) { sandbox.In[trustoo.Settings](s).ErrorStatus = true },
			arrange: func(w *world) {
				w.revoke()
				w.operate = w.rotate
			},
			want: want{state: upload.StateReady, requests: requests{"policy": 3, "post": 1}, media: 1, pauses: 1},
		},
	})
}

func TestTrustoosPolicyIsSharedUntilItEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "trustoo", nil)
	items := []upload.Item{w.item("a"), w.item("b"), w.item("c")}
	ends := w.drive(func(ctx workflow.Context, do func(upload.Item) workflow.ChildWorkflowFuture) {
		first, second := do(items[0]), do(items[1])
		require.NoError(t, first.Get(ctx, nil))
		require.NoError(t, second.Get(ctx, nil))
		require.NoError(t, workflow.Sleep(ctx, 5*time.Minute))
		require.NoError(t, do(items[2]).Get(ctx, nil))
	})
	require.Len(t, ends, 3)
	w.verifyRequests(requests{"policy": 2, "post": 3}, "")
	require.Len(t, w.visible(), 3)
}

func TestTrustoosRefreshTokensAreGoodForOneUseEach(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "trustoo", func(s *sandbox.Settings) { sandbox.In[trustoo.Settings](s).RotateRefreshTokens = true })
	withOAuth(w)
	items := []upload.Item{w.item("a"), w.item("b"), w.item("c")}
	w.drive(func(ctx workflow.Context, do func(upload.Item) workflow.ChildWorkflowFuture) {
		for _, item := range items {
			require.NoError(t, do(item).Get(ctx, nil))
			require.NoError(t, workflow.Sleep(ctx, 3*time.Hour)) // longer than a token lives
		}
	})
	w.verifyRequests(requests{"token": 3, "policy": 3, "post": 3}, "")
	require.Empty(t, w.pauses)
	require.Len(t, w.visible(), 3)
}
