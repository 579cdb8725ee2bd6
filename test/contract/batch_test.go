package contract

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// load puts a batch of so many rows into the ledger, each with bytes of its own.
func (w *world) load(rows int, change func(*ledger.Batch, []upload.Item)) []upload.Item {
	w.t.Helper()
	var items []upload.Item
	for i := range rows {
		body := append(w.sample(), fmt.Sprintf("row %d", i)...)
		item := w.itemOf(fmt.Sprintf("row-%03d", i), filepath.Ext(w.suite.sample), body)
		item.Batch, item.Line = "b", i+2
		item.UploadID = upload.BatchUploadID("b", item.ID)
		items = append(items, item)
	}
	batch := ledger.Batch{ID: "b", Manifest: "m.csv", Digest: "d", By: "tester"}
	if change != nil {
		change(&batch, items)
	}
	_, made, err := w.ledger.OpenBatch(w.t.Context(), batch)
	require.NoError(w.t, err)
	require.True(w.t, made)
	account, err := w.Account(w.vendor)
	require.NoError(w.t, err)
	vendor, err := vendors.Find(w.vendor)
	require.NoError(w.t, err)
	var records []upload.Record
	for _, item := range items {
		record := upload.Record{Item: item, Result: upload.NewResult(item, upload.WayPacked, w.start)}
		record.SerialKey, record.Last = vendor.Spec().SerialKey(account, item.Fields)
		records = append(records, record)
	}
	_, err = w.ledger.RecordAll(w.t.Context(), records)
	require.NoError(w.t, err)
	require.NoError(w.t, w.ledger.BatchLoaded(w.t.Context(), "b", int64(rows)))
	return items
}

// runBatch runs the batch to its end and returns its rows' results.
func (w *world) runBatch() (upload.BatchEnd, map[string]upload.Result) {
	w.t.Helper()
	w.env.SetDetachedChildWait(false)
	w.env.ExecuteWorkflow(upload.WorkflowBatch, upload.BatchRun{Batch: "b"})
	require.True(w.t, w.env.IsWorkflowCompleted())
	var end upload.BatchEnd
	if err := w.env.GetWorkflowError(); !temporal.IsCanceledError(err) {
		require.NoError(w.t, err)
		require.NoError(w.t, w.env.GetWorkflowResult(&end))
	}
	results := map[string]upload.Result{}
	for entry, err := range w.ledger.List(w.t.Context(), ledger.Filter{Batch: "b"}) {
		require.NoError(w.t, err)
		results[entry.Result.UploadID] = entry.Result
	}
	return end, results
}

// verifyRows holds each row against its source, and the vendor against all rows:
// every one has exactly one medium, and there is no other.
func (w *world) verifyRows(items []upload.Item, results map[string]upload.Result) {
	w.t.Helper()
	made := map[string]string{} // medium: its bytes
	for _, m := range w.visible() {
		made[w.named(m)] = m.SHA256
	}
	require.Len(w.t, made, len(items), "media at the vendor")
	for _, item := range items {
		result := results[item.UploadID]
		require.Equal(w.t, upload.StateReady, result.State, "%s: %+v", item.UploadID, result.Error)
		body, err := os.ReadFile(item.Source)
		require.NoError(w.t, err)
		sum := sha256.Sum256(body)
		require.Equal(w.t, hex.EncodeToString(sum[:]), made[string(result.MediaID)], item.UploadID)
		require.Equal(w.t, hex.EncodeToString(sum[:]), string(result.SHA256))
		require.NotEmpty(w.t, result.CRC64)
	}
	require.Empty(w.t, w.sandbox.Ledger().Violations)
}

func TestRowsOfABatchTravelPacked(t *testing.T) {
	for _, vendor := range []string{"trustana", "trustoo", "sitoo"} {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, vendor, nil)
			items := w.load(60, nil)
			end, results := w.runBatch()
			require.Equal(t, upload.BatchCompleted, end.State)
			w.verifyRows(items, results)
			for _, result := range results {
				require.Equal(t, upload.WayPacked, result.Way)
				require.Contains(t, string(result.WorkflowID), "shard/b/"+vendor+"/")
				require.Equal(t, 1, result.Attempts.Prepare)
				require.Equal(t, 1, result.Attempts.Transfer)
			}
		})
	}
}

func TestRowsThatCannotBePackedHaveWorkflowsOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "closient", nil)
	items := w.load(5, nil)
	end, results := w.runBatch()
	require.Equal(t, upload.BatchCompleted, end.State)
	w.verifyRows(items, results)
	for _, result := range results {
		require.Equal(t, upload.WayOwn, result.Way)
		require.Equal(t, result.UploadID, string(result.WorkflowID))
	}
}

func TestPrimaryImagesOfABatchComeAfterTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "closient", nil)
	const products, each = 40, 3
	items := w.load(products*each, func(batch *ledger.Batch, items []upload.Item) {
		batch.Limits.InFlight = 2
		for i := range items { // all primary images first, more of them than can be under way
			items[i].Fields["gtin"] = fmt.Sprintf("20000000%05d", i%products)
			items[i].Fields["title"], items[i].Fields["is_primary"] = items[i].ID, i < products
		}
	})
	end, results := w.runBatch()
	require.Equal(t, upload.BatchCompleted, end.State)
	w.verifyRows(items, results)
	made := map[string]sandbox.Medium{}
	for _, m := range w.visible() {
		made[fmt.Sprint(m.Fields["title"])] = m
	}
	for i, item := range items[products:] {
		primary := made[items[i%products].ID]
		require.True(t, made[item.ID].CreatedAt.Before(primary.CreatedAt), "the primary image of %s comes after %s", item.Fields["gtin"], item.ID)
	}
}

// storm is trouble of every sort, at rows here and there.
var storms = map[string][]string{
	"trustana": {
		"trustana.prepare#3+*4=status=429,retry-after=1", "trustana.prepare#9=reset-before", "trustana.prepare#12=reset-after",
		"trustana.put#4=reset-in", "trustana.put#8=reset-after", "trustana.put#11=expired", "trustana.put#15=status=503,code=SlowDown",
		"trustana.status#5=status=500", "trustana.status#7=status=429,retry-after=2",
	},
	"trustoo": {
		"trustoo.policy#1=status=429,retry-after=1", "trustoo.post#3=reset-in", "trustoo.post#5=reset-after", "trustoo.post#9=status=503,code=ServiceUnavailable",
	},
	"sitoo": {
		"sitoo.upload-url#3+*4=status=429,retry-after=1", "sitoo.upload-url#9=reset-after", "sitoo.post#4=reset-in", "sitoo.post#8=reset-after",
		"sitoo.post#11=expired", "sitoo.get#5=status=500", "sitoo.get#9=failed",
	},
}

func TestABatchInAStormLosesNothingAndMakesNothingTwice(t *testing.T) {
	for vendor, storm := range storms {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, vendor, nil)
			items := w.load(40, nil)
			w.fault(storm...)
			end, results := w.runBatch()
			require.Equal(t, upload.BatchCompleted, end.State)
			packed := 0
			for _, item := range items {
				result := results[item.UploadID]
				require.Equal(t, upload.StateReady, result.State, "%s: %+v", item.UploadID, result.Error)
				if result.Way == upload.WayPacked {
					packed++
				} else {
					require.NotEmpty(t, result.Note, "why it travelled alone")
				}
			}
			require.Greater(t, packed, 25)
			w.verifyReferenced(items, results)
		})
	}
}

// verifyReferenced holds each row against its medium; media that belong to no row
// are sessions that got no bytes.
func (w *world) verifyReferenced(items []upload.Item, results map[string]upload.Result) {
	w.t.Helper()
	bytes := map[string]int{}
	byID := map[string]string{}
	for _, m := range w.visible() {
		bytes[m.SHA256]++
		byID[w.named(m)] = m.SHA256
	}
	for _, item := range items {
		body, err := os.ReadFile(item.Source)
		require.NoError(w.t, err)
		sum := sha256.Sum256(body)
		require.Equal(w.t, hex.EncodeToString(sum[:]), byID[string(results[item.UploadID].MediaID)])
		require.Equal(w.t, 1, bytes[hex.EncodeToString(sum[:])], "%s is at the vendor more than once", item.UploadID)
	}
	require.Empty(w.t, w.sandbox.Ledger().Violations)
}

func TestADeniedAccountStopsItsBatchAndLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "trustana", nil)
	items := w.load(30, nil)
	w.revoke()
	w.env.RegisterDelayedCallback(func() {
		account, err := w.ledger.Account(t.Context(), "trustana")
		require.NoError(t, err)
		require.True(t, account.Paused)
		w.rotate()
		_, err = w.ledger.ResumeAccount(t.Context(), "trustana", "operator")
		require.NoError(t, err)
	}, 10*time.Minute)
	end, results := w.runBatch()
	require.Equal(t, upload.BatchCompleted, end.State)
	w.verifyRows(items, results)
}

func TestABatchIsHeldWhenItsFailuresUseUpTheirBudget(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "trustana", nil)
	items := w.load(60, func(b *ledger.Batch, items []upload.Item) {
		b.Limits.Failures = []upload.Budget{{Kind: upload.KindInvalid, Count: 3}}
		for i := range 6 {
			require.NoError(t, os.Remove(items[i].Source))
		}
	})
	var held ledger.Batch
	w.env.RegisterDelayedCallback(func() {
		var err error
		held, err = w.ledger.Batch(t.Context(), "b")
		require.NoError(t, err)
		_, err = w.ledger.ChangeBatch(t.Context(), "b", ledger.BatchChange{
			State: upload.BatchRunning, Event: ledger.BatchEvent{What: ledger.EventResume, By: "operator"},
		})
		require.NoError(t, err)
	}, 10*time.Minute)
	end, results := w.runBatch()
	require.Equal(t, upload.BatchHeld, held.State)
	require.Contains(t, held.Because, "invalid=3")
	require.Equal(t, upload.BatchCompleted, end.State)
	require.EqualValues(t, 54, end.Counts[upload.StateReady])
	require.Equal(t, upload.StateFailed, results[items[0].UploadID].State)
}

func TestACanaryIsShownBeforeTheRestGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "trustana", nil)
	items := w.load(60, func(b *ledger.Batch, _ []upload.Item) { b.Canary = 5 })
	w.env.RegisterDelayedCallback(func() {
		batch, err := w.ledger.Batch(t.Context(), "b")
		require.NoError(t, err)
		require.Equal(t, upload.BatchHeld, batch.State)
		require.Contains(t, batch.Because, "5 rows are ready")
		require.Len(t, w.visible(), 5)
		_, err = w.ledger.ChangeBatch(t.Context(), "b", ledger.BatchChange{
			State: upload.BatchRunning, Event: ledger.BatchEvent{What: ledger.EventResume, By: "operator"},
		})
		require.NoError(t, err)
	}, time.Hour)
	end, results := w.runBatch()
	require.Equal(t, upload.BatchCompleted, end.State)
	w.verifyRows(items, results)
}

func TestACanceledBatchEndsEveryRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "trustana", nil)
	w.load(60, nil)
	paused := true
	_, err := w.ledger.ChangeBatch(t.Context(), "b", ledger.BatchChange{Paused: &paused, Event: ledger.BatchEvent{What: ledger.EventPause, By: "operator"}})
	require.NoError(t, err)
	w.env.RegisterDelayedCallback(func() {
		_, err := w.ledger.ChangeBatch(t.Context(), "b", ledger.BatchChange{
			State: upload.BatchCanceling, Event: ledger.BatchEvent{What: ledger.EventCancel, By: "operator"},
		})
		require.NoError(t, err)
		w.env.CancelWorkflow()
	}, time.Minute)
	_, results := w.runBatch()
	for id, result := range results {
		require.Equal(t, upload.StateCanceled, result.State, id)
		require.NotNil(t, result.FinishedAt)
	}
	batch, err := w.ledger.Batch(t.Context(), "b")
	require.NoError(t, err)
	require.Equal(t, upload.BatchCanceled, batch.State)
}

func TestRowsThatAnEarlierBatchDeliveredAreNotSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "trustana", nil)
	items := w.load(3, nil)
	ready := upload.NewResult(items[0], upload.WayOwn, w.start)
	ready.UploadID, ready.State, ready.MediaID = "upload/trustana/earlier", upload.StateReady, "IM1"
	earlier := items[0]
	earlier.UploadID, earlier.Batch = "upload/trustana/earlier", ""
	info, err := os.Stat(earlier.Source)
	require.NoError(t, err)
	require.NoError(t, w.ledger.Record(t.Context(), upload.Record{
		Item: earlier, Result: ready, RunID: "r", Fingerprint: upload.FileFingerprint(info.Size(), info.ModTime()),
	}))
	_, results := w.runBatch()
	first := results[items[0].UploadID]
	require.Equal(t, upload.StateReady, first.State)
	require.EqualValues(t, "IM1", first.MediaID)
	require.EqualValues(t, "upload/trustana/earlier", first.KnownFrom)
	require.Len(t, w.visible(), 2)
}
