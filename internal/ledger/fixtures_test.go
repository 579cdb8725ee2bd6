package ledger_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// noon is when everything in these tests begins.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// clock is a clock that only moves when it is told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: noon} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// spring is the item on a line of the batch spring.
func spring(line int) upload.Item {
	id := fmt.Sprintf("a-%d", line)
	return upload.Item{
		UploadID: upload.BatchUploadID("spring", id), Batch: "spring", ID: id, Line: line,
		Account: "trustana", Vendor: "trustana",
		Source: fmt.Sprintf("https://shop.example/img/%d.jpg?X-Amz-Signature=topsecret", line),
		Fields: upload.Fields{"skuIds": []any{"s1", "s2"}},
	}
}

var content = upload.Content{Size: 1000, Type: "image/jpeg", Name: "a.jpg", Fingerprint: "1000 bytes, ETag e1"}

// asks is the claim of a run of an item's own workflow, begun at a time.
func asks(item upload.Item, run string, at time.Time) ledger.ClaimRequest {
	return ledger.ClaimRequest{
		Item: item, Content: content, WorkflowID: item.UploadID, RunID: run, Way: upload.WayOwn, StartedAt: at,
	}
}

// ended is the record of a run's end.
func ended(item upload.Item, run string, at time.Time, state upload.State) upload.Record {
	result := upload.NewResult(item, upload.WayOwn, at)
	finished := at.Add(time.Minute)
	result.State, result.WorkflowID, result.FinishedAt = state, upload.Text(item.UploadID), &finished
	result.Size, result.BytesSent = 1000, 1000
	result.Attempts = upload.Attempts{Prepare: 1, Transfer: 1, Poll: 3}
	record := upload.Record{Item: item, Fingerprint: content.Fingerprint, RunID: run}
	switch state {
	case upload.StateReady:
		result.MediaID, result.MediaURL = "IM"+upload.Text(run), "https://cdn.example/IM"+upload.Text(run)
	case upload.StateFailed:
		result.Error = &upload.Failure{Kind: upload.KindRejected, Step: upload.StepPrepare, Message: "too small", Status: 400}
	case upload.StateUnconfirmed:
		result.Error = &upload.Failure{Kind: upload.KindUnconfirmed, Step: upload.StepTransfer, Message: "the answer was lost"}
	}
	record.Result = result
	return record
}

// announced is the record of an item that only waits.
func announced(item upload.Item) upload.Record {
	return upload.Record{Item: item, Result: upload.NewResult(item, upload.WayPacked, noon)}
}

// refused is the record of a run that was not granted its item.
func refused(item upload.Item, run string, at time.Time) upload.Record {
	record := ended(item, run, at, upload.StateFailed)
	record.Fingerprint = ""
	record.Result.Error = &upload.Failure{Kind: upload.KindInvalid, Step: upload.StepClaim, Message: "the source changed"}
	record.Result.BytesSent, record.Result.Attempts = 0, upload.Attempts{}
	return record
}

func claim(t *testing.T, l *ledger.Ledger, request ledger.ClaimRequest) ledger.Claim {
	t.Helper()
	answer, err := l.Claim(t.Context(), request)
	require.NoError(t, err)
	return answer
}

func grant(t *testing.T, l *ledger.Ledger, request ledger.ClaimRequest) {
	t.Helper()
	require.Equal(t, ledger.Granted, claim(t, l, request).Outcome)
}

func record(t *testing.T, l *ledger.Ledger, r upload.Record) {
	t.Helper()
	require.NoError(t, l.Record(t.Context(), r))
}

func recordAll(t testing.TB, l *ledger.Ledger, records []upload.Record) {
	t.Helper()
	refused, err := l.RecordAll(t.Context(), records)
	require.NoError(t, err)
	require.Empty(t, refused)
}

// reasonOf is why a write was refused; "" where it was not.
func reasonOf(t *testing.T, err error) ledger.Reason {
	t.Helper()
	if err == nil {
		return ""
	}
	var refused *ledger.Refusal
	require.ErrorAs(t, err, &refused)
	require.NotEmpty(t, refused.Error())
	return refused.Reason
}

func get(t *testing.T, l *ledger.Ledger, item upload.Item) ledger.Entry {
	t.Helper()
	entry, err := l.Get(t.Context(), item.UploadID)
	require.NoError(t, err)
	return entry
}

// at is an update with a state, which waits.
func at(item upload.Item, run string, state upload.State) ledger.StateUpdate {
	return ledger.StateUpdate{
		Item: item, WorkflowID: item.UploadID, RunID: run, Way: upload.WayOwn, StartedAt: noon, State: state, Wait: true,
	}
}
