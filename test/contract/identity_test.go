package contract

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// twice uploads an item, lets something happen, and uploads it once more.
func (w *world) twice(item upload.Item, between func(*upload.Item)) (first, second end) {
	w.t.Helper()
	ends := w.drive(func(ctx workflow.Context, do func(upload.Item) workflow.ChildWorkflowFuture) {
		_ = do(item).Get(ctx, nil) // the ends have it
		require.NoError(w.t, workflow.Sleep(ctx, time.Minute))
		between(&item)
		_ = do(item).Get(ctx, nil) // as above
	})
	return ends[0], ends[1]
}

// requests counts all that the vendor was asked so far.
func (w *world) requests() int { return len(w.sandbox.Requests(w.vendor)) }

func TestReadyAndUnchangedIsTheOldResultAndNoRequest(t *testing.T) {
	each(t, func(t *testing.T, vendor string) {
		w := newWorld(t, vendor, nil)
		asked := 0
		first, second := w.twice(w.item("a"), func(*upload.Item) { asked = w.requests() })
		require.Equal(t, upload.StateReady, first.result.State)
		require.Equal(t, first.result, second.result)
		require.NoError(t, second.err)
		require.Equal(t, asked, w.requests())
		require.Len(t, w.visible(), 1)
	})
}

func TestReadyIsReadyAlsoWhenTheSourceIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sitoo", nil)
	first, second := w.twice(w.item("a"), func(item *upload.Item) { require.NoError(t, os.Remove(item.Source)) })
	require.Equal(t, first.result, second.result)
	require.Len(t, w.visible(), 1)
}

func TestReadyButChangedIsRefusedAndNamesAgain(t *testing.T) {
	for name, change := range map[string]func(*world, *upload.Item){
		"the source": func(w *world, item *upload.Item) {
			require.NoError(w.t, os.WriteFile(item.Source, append(w.sample(), 0), 0o600))
		},
		"a field": func(_ *world, item *upload.Item) { item.Fields["entity_id"] = "another" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "sitoo", nil)
			asked := 0
			first, second := w.twice(w.item("a"), func(item *upload.Item) {
				change(w, item)
				asked = w.requests()
			})
			require.Equal(t, upload.StateFailed, second.result.State)
			require.Equal(t, upload.KindInvalid, second.result.Error.Kind)
			require.Contains(t, string(second.result.Error.Hint), "--again")
			require.Equal(t, asked, w.requests())
			entry, err := w.ledger.Get(t.Context(), first.result.UploadID)
			require.NoError(t, err)
			require.Equal(t, upload.StateReady, entry.Result.State, "what is ready stays so")
			require.Equal(t, first.result.MediaID, entry.Result.MediaID)
		})
	}
}

func TestAgainMakesASecondMedium(t *testing.T) {
	each(t, func(t *testing.T, vendor string) {
		w := newWorld(t, vendor, nil)
		first, second := w.twice(w.item("a"), func(item *upload.Item) { item.Again = true })
		require.Equal(t, upload.StateReady, second.result.State)
		if vendor == "trustoo" { // the same bytes of the same item have the same key
			require.Equal(t, first.result.MediaID, second.result.MediaID)
			require.Equal(t, 2, w.visible()[0].Received)
			return
		}
		require.NotEqual(t, first.result.MediaID, second.result.MediaID)
		require.Len(t, w.visible(), 2)
	})
}

func TestFailedRunsAgain(t *testing.T) {
	each(t, func(t *testing.T, vendor string) {
		w := newWorld(t, vendor, nil)
		suite := suites[vendor]
		w.fault(vendor + "." + suite.calls[len(suite.calls)-1].name + "=status=400")
		if vendor == "trustoo" {
			w.fault("trustoo.post=status=400,code=InvalidDigest")
		}
		if vendor == "closient" {
			w.fault("closient.post=status=422")
		}
		item := w.item("a")
		first, second := w.twice(item, func(*upload.Item) { w.sandbox.ClearFaults() })
		require.Equal(t, upload.StateFailed, first.result.State)
		require.Equal(t, upload.StateReady, second.result.State)
		w.verifyBooks(item, second)
		entry, err := w.ledger.Get(t.Context(), item.UploadID)
		require.NoError(t, err)
		require.Equal(t, 2, entry.Runs)
	})
}

func TestCanceledRunsAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sitoo", nil)
	w.fault("sitoo.post#1=stuck")
	item := w.item("a")
	w.before[upload.ActivityPoll] = func(n int) {
		if n == 3 {
			w.env.RegisterDelayedCallback(func() { w.env.CancelWorkflowByID(item.UploadID, "") }, time.Millisecond)
		}
	}
	first, second := w.twice(item, func(item *upload.Item) {
		entry, err := w.ledger.Get(t.Context(), item.UploadID)
		require.NoError(t, err)
		require.Equal(t, upload.StateCanceled, entry.Result.State)
		require.Contains(t, entry.Result.Note, "the vendor may still process")
	})
	require.Error(t, first.err)
	require.Equal(t, upload.StateReady, second.result.State)
	require.Len(t, w.visible(), 1)
}

func TestUnconfirmedIsRefusedAndNamesDecide(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "closient", nil)
	w.fault("closient.post#1=lost", "closient.list#2+=status=503")
	item := w.item("a")
	ends := w.drive(func(ctx workflow.Context, do func(upload.Item) workflow.ChildWorkflowFuture) {
		first := do(item)
		require.NoError(t, workflow.Sleep(ctx, time.Hour))
		asked := w.requests()
		w.as = "another starter's"
		require.NoError(t, do(item).Get(ctx, nil))
		require.Equal(t, asked, w.requests())
		w.decide(item.UploadID, upload.VerdictReady)
		require.NoError(t, first.Get(ctx, nil))
	})
	require.Equal(t, upload.StateUnconfirmed, ends[1].result.State)
	require.Equal(t, upload.KindUnconfirmed, ends[1].result.Error.Kind)
	require.Contains(t, string(ends[1].result.Error.Hint), "mediaferry decide "+item.UploadID)
	require.Equal(t, upload.StateReady, ends[0].result.State)
	w.verifyBooks(item, ends[0])
}

func TestAnItemThatAnotherWorkflowUploadsIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sitoo", nil)
	w.fault("sitoo.upload-url#1=status=429,retry-after=7200")
	item := w.item("a")
	ends := w.drive(func(ctx workflow.Context, do func(upload.Item) workflow.ChildWorkflowFuture) {
		first := do(item)
		require.NoError(t, workflow.Sleep(ctx, time.Hour))
		w.as = "another starter's"
		require.Error(t, do(item).Get(ctx, nil))
		require.NoError(t, first.Get(ctx, nil))
	})
	require.Equal(t, upload.KindInvalid, ends[1].result.Error.Kind)
	require.Contains(t, string(ends[1].result.Error.Hint), "mediaferry show "+item.UploadID)
	w.verify(item, ends[0], want{state: upload.StateReady, requests: sitooSuite.usual.plus(requests{"upload-url": 1}), media: 1})
}

func TestAnItemIsTakenOverFromARunThatDied(t *testing.T) {
	for name, as := range map[string]string{"by the same workflow": "", "by another workflow": "another starter's"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "sitoo", nil)
			w.abrupt = true
			w.fault("sitoo.post#1=stuck")
			item := w.item("a")
			w.before[upload.ActivityPoll] = func(n int) {
				if n == 3 {
					w.env.RegisterDelayedCallback(func() { w.env.CancelWorkflowByID(item.UploadID, "") }, time.Millisecond)
				}
			}
			_, second := w.twice(item, func(*upload.Item) {
				entry, err := w.ledger.Get(t.Context(), item.UploadID)
				require.NoError(t, err)
				require.Equal(t, upload.StateProcessing, entry.Result.State, "nobody was left to say otherwise")
				w.mu.Lock()
				defer w.mu.Unlock()
				w.dead[entry.RunID] = true
				w.as = as
			})
			require.Equal(t, upload.StateReady, second.result.State)
			w.verifyBooks(item, second)
			require.Len(t, w.visible(), 1)
		})
	}
}

// A film that failed, or was canceled, and is run again goes on with its session: what
// the store has acknowledged is not sent again.
func TestAFilmThatIsRunAgainContinuesItsSession(t *testing.T) {
	for name, c := range map[string]struct {
		fault  string
		cancel bool
	}{
		"after a failure":      {fault: "truvideo.part#2+=status=400,code=EntityTooLarge"},
		"after a cancellation": {fault: "truvideo.part#2+=status=503", cancel: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "truvideo", nil)
			w.fault(c.fault)
			item := longFilm(w)
			w.before[upload.ActivitySendPart] = func(n int) {
				switch {
				case n == 2: // what follows is about the parts that are sent beside the first one
					require.Eventually(w.t, func() bool { return len(w.sandbox.Ledger().Of("truvideo")[0].Parts) == 1 }, time.Minute, time.Millisecond)
				case n == 3 && c.cancel:
					w.env.RegisterDelayedCallback(func() { w.env.CancelWorkflowByID(item.UploadID, "") }, time.Millisecond)
				}
			}
			acknowledged := 0
			first, second := w.twice(item, func(*upload.Item) {
				w.sandbox.ClearFaults()
				acknowledged = len(w.sandbox.Ledger().Of("truvideo")[0].Parts)
			})
			if c.cancel {
				require.Error(t, first.err)
			} else {
				require.Equal(t, upload.StateFailed, first.result.State)
			}
			require.Equal(t, 1, acknowledged)
			require.Equal(t, upload.StateReady, second.result.State)
			require.Contains(t, second.result.Note, "continued with session")
			require.Equal(t, 1, second.result.Attempts.Complete)
			require.Zero(t, second.result.Attempts.Prepare, "no other session was opened")
			require.Len(t, w.visible(), 1)
			for _, part := range w.visible()[0].Parts {
				require.Equal(t, 1, part.Received, "each part arrived once")
			}
		})
	}
}

func TestAFilmWhoseSessionTheVendorForgotStartsOverAndSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "truvideo", nil)
	w.fault("truvideo.part#2+=status=400,code=EntityTooLarge")
	item := longFilm(w)
	first, second := w.twice(item, func(*upload.Item) {
		w.sandbox.ClearFaults()
		w.sandbox.Advance(25 * time.Hour) // longer than a session lives
	})
	require.Equal(t, upload.StateFailed, first.result.State)
	require.Equal(t, upload.StateReady, second.result.State)
	require.Contains(t, second.result.Note, "started over, because session")
	require.NotContains(t, second.result.Note, "continued with")
	require.Equal(t, 1, second.result.Attempts.Prepare)
	require.Len(t, w.visible(), 1)
}
