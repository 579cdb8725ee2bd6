package ledger_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// heard is an observer that keeps what it hears.
type heard struct {
	mu       sync.Mutex
	told     []string
	items    []ledger.ItemChange
	failed   int
	observed map[ledger.Operation]int
}

func (h *heard) note(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = append(h.told, fmt.Sprintf(format, args...))
}

// take is what was heard since the last time.
func (h *heard) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	told := h.told
	h.told = nil
	return told
}

func (h *heard) Took(of ledger.Operation, _ time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.observed == nil {
		h.observed = map[ledger.Operation]int{}
	}
	h.observed[of]++
}

func (h *heard) Failed() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failed++
}

func (h *heard) Item(c ledger.ItemChange) {
	h.mu.Lock()
	h.items = append(h.items, c)
	h.mu.Unlock()
	if c.State == "" {
		h.note("%s run %d of %s began", c.Way, c.Run, c.UploadID)
		return
	}
	h.note("%s ended as %s %s", c.UploadID, c.State, c.Kind)
}

func (h *heard) Batch(b ledger.BatchState) {
	h.note("batch %s: %s to %s, paused %t", b.ID, b.Was, b.State, b.Paused)
}

func (h *heard) Account(c ledger.AccountChange) {
	h.note("account %s: paused %t by %s, %s out %t, slow %t: %s", c.Account, c.Paused, c.By, c.Peer, c.Out, !c.SlowUntil.IsZero(), c.Because)
}

func TestEachEndIsToldOnce(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		now, one, other := newClock(), &heard{}, &heard{}
		l := ledgertest.Open(t, url, ledger.Options{Now: now.Now, Observer: one})
		second := ledgertest.Open(t, url, ledger.Options{Now: now.Now, Observer: other})
		item := spring(1)
		record(t, l, announced(item))
		require.Empty(t, one.take(), "it only waits")
		grant(t, l, asks(item, "one", noon))
		grant(t, l, asks(item, "one", noon))
		require.Equal(t, []string{"own run 1 of batch/spring/a-1 began"}, one.take())
		now.Add(time.Minute)
		record(t, l, ended(item, "one", noon, upload.StateFailed))
		require.Equal(t, []string{"batch/spring/a-1 ended as failed rejected"}, one.take())
		last := one.items[len(one.items)-1]
		require.Equal(t, time.Minute, last.Took)
		require.Equal(t, "trustana", last.Vendor)
		require.Equal(t, item.UploadID, last.WorkflowID)
		record(t, l, ended(item, "one", noon, upload.StateFailed))
		record(t, second, ended(item, "one", noon, upload.StateFailed))
		require.Empty(t, one.take(), "repeated")
		require.Empty(t, other.take(), "another process repeats it")

		// A run that does not hold the item ends nothing.
		grant(t, second, asks(item, "two", noon.Add(time.Hour)))
		require.Equal(t, []string{"own run 2 of batch/spring/a-1 began"}, other.take())
		require.Equal(t, ledger.Held, reasonOf(t, l.Record(t.Context(), ended(item, "one", noon, upload.StateFailed))))
		require.Empty(t, one.take())
		record(t, second, ended(item, "two", noon.Add(time.Hour), upload.StateUnconfirmed))
		record(t, second, ended(item, "two", noon.Add(time.Hour), upload.StateReady))
		require.Equal(t, []string{
			"batch/spring/a-1 ended as unconfirmed unconfirmed", "batch/spring/a-1 ended as ready ",
		}, other.take(), "a decision counts once more")
		require.Empty(t, one.take())
		require.Positive(t, one.observed[ledger.OperationItems])
		require.Positive(t, one.observed[ledger.OperationRead])
		require.Zero(t, one.failed)
	})
}

func TestRowsThatNoRunHadAreToldOfAsPacked(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		h := &heard{}
		l := ledgertest.Open(t, url, ledger.Options{Observer: h})
		for line := 1; line <= 3; line++ {
			record(t, l, announced(spring(line)))
		}
		_, err := l.RequestDetach(t.Context(), ledger.DetachRequest{UploadID: spring(1).UploadID, Want: ledger.WantCancel, By: "ann"})
		require.NoError(t, err)
		_, err = l.CancelRows(t.Context(), "spring")
		require.NoError(t, err)
		require.Len(t, h.items, 3)
		for _, c := range h.items {
			require.Equal(t, upload.StateCanceled, c.State)
			require.Equal(t, upload.WayPacked, c.Way)
			require.Zero(t, c.Took)
		}
	})
}

func TestBatchesAndAccountsAreToldWhenTheyChange(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		h, now := &heard{}, newClock()
		l := ledgertest.Open(t, url, ledger.Options{Observer: h, Now: now.Now})
		_, _, err := l.OpenBatch(t.Context(), ledger.Batch{ID: "spring"})
		require.NoError(t, err)
		require.NoError(t, l.BatchLoaded(t.Context(), "spring", 1))
		require.NoError(t, l.BatchLoaded(t.Context(), "spring", 1))
		because := "2 rows failed"
		for range 2 {
			_, err = l.ChangeBatch(t.Context(), "spring", ledger.BatchChange{State: upload.BatchHeld, Because: &because, Event: ledger.BatchEvent{What: ledger.EventHold}})
			require.NoError(t, err)
		}
		require.Equal(t, []string{"batch spring: loading to running, paused false", "batch spring: running to held, paused false"}, h.take())

		for range 2 {
			_, err = l.PauseAccount(t.Context(), "sitoo", "403", upload.ByItself)
			require.NoError(t, err)
		}
		_, err = l.ResumeAccount(t.Context(), "sitoo", "ann")
		require.NoError(t, err)
		require.NoError(t, l.Slow(t.Context(), "sitoo", time.Minute, "429"))
		require.NoError(t, l.Slow(t.Context(), "sitoo", time.Minute, "429 again"))
		now.Add(time.Hour)
		require.NoError(t, l.Rest(t.Context(), "sitoo", time.Minute, "no requests are left"))
		require.NoError(t, l.Rest(t.Context(), "sitoo", time.Second, "no requests are left"))
		o := ledger.Outage{Peer: upload.PeerStore, Since: now.Now(), Last: upload.Error{Message: "503"}}
		for range 2 {
			_, err = l.BeginOutage(t.Context(), "sitoo", o)
			require.NoError(t, err)
		}
		for range 2 {
			_, err = l.EndOutage(t.Context(), "sitoo", upload.PeerStore)
			require.NoError(t, err)
		}
		require.Equal(t, []string{
			"account sitoo: paused true by " + upload.ByItself + ",  out false, slow false: 403",
			"account sitoo: paused false by ann,  out false, slow false: ",
			"account sitoo: paused false by ,  out false, slow true: 429",
			"account sitoo: paused false by ,  out false, slow true: no requests are left",
			"account sitoo: paused false by , store out true, slow false: 503",
			"account sitoo: paused false by , store out false, slow false: ",
		}, h.take())
	})
}

func TestOnlyTheDatabasesOwnFailuresCount(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, url string) {
		h := &heard{}
		l := ledgertest.Open(t, url, ledger.Options{Observer: h})
		_, err := l.Get(t.Context(), "nowhere")
		require.ErrorIs(t, err, ledger.ErrNotFound)
		_, err = l.Batch(t.Context(), "nowhere")
		require.ErrorIs(t, err, ledger.ErrNotFound)
		require.Error(t, l.Record(t.Context(), upload.Record{}))
		require.Zero(t, h.failed)
		_, err = ledgertest.Database(t, url).Exec(`DROP TABLE tokens`)
		require.NoError(t, err)
		_, _, err = l.Token(t.Context(), "sitoo", "access")
		require.Error(t, err)
		require.False(t, errors.Is(err, ledger.ErrNotFound))
		require.Equal(t, 1, h.failed)
	})
}
