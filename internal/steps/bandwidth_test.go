package steps

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// takes is how long n bytes of an item wait.
func takes(t *testing.T, wait func(context.Context, int) error, n int) time.Duration {
	t.Helper()
	start := time.Now()
	require.NoError(t, wait(t.Context(), n))
	return time.Since(start).Round(time.Second)
}

func TestBytesWaitForEachLimitThatHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const mb = 1_000_000
		s := &Steps{Now: time.Now, Bandwidth: transfer.NewBandwidth(transfer.Timetable{{Rate: 10 * mb}}, time.Now)}
		alone, release := s.Limit(upload.Item{UploadID: "upload/a/1"})
		require.Equal(t, 2*time.Second, takes(t, alone, 20*mb), "of the process")
		release()

		own := upload.Item{UploadID: "upload/a/2", Bandwidth: mb}
		part, release := s.Limit(own)
		other, releaseOther := s.Limit(own)
		require.Equal(t, 5*time.Second, takes(t, part, 5*mb), "of the upload")
		both := make(chan time.Duration, 2)
		for _, wait := range []func(context.Context, int) error{part, other} {
			go func() { both <- takes(t, wait, 5*mb) }()
		}
		require.InDelta(t, 10, (<-both).Seconds(), 1, "its parts share it")
		require.InDelta(t, 10, (<-both).Seconds(), 1)
		release()
		releaseOther()
		require.Empty(t, s.limits.uploads)

		row, release := s.Limit(upload.Item{UploadID: "batch/spring/1", Batch: "spring"})
		defer release()
		s.LimitBatch("spring", upload.Limits{Bandwidth: 2 * mb})
		require.Equal(t, time.Duration(0), takes(t, row, 1), "of the batch, as its carrier has it")
		start := time.Now()
		for range 10 {
			s.LimitBatch("spring", upload.Limits{Bandwidth: 2 * mb})
			require.NoError(t, row(t.Context(), mb))
		}
		require.InDelta(t, 5, time.Since(start).Seconds(), 0.5)
	})
}

// A row with a workflow of its own has no carrier that tells.
func TestABatchsLimitIsReadFromTheLedger(t *testing.T) {
	s, _ := metered(t)
	_, _, err := s.Ledger.OpenBatch(t.Context(), ledger.Batch{ID: "spring", Limits: upload.Limits{Bandwidth: 2_000_000}})
	require.NoError(t, err)
	b := s.batchLimits(t.Context(), "spring")
	require.EqualValues(t, 2_000_000, b.Table().At(s.Now()))
	require.EqualValues(t, 0, s.batchLimits(t.Context(), "summer").Table().At(s.Now()), "there is none")

	_, err = s.Ledger.ChangeBatch(t.Context(), "spring", ledger.BatchChange{
		Event: ledger.BatchEvent{What: ledger.EventSet, By: "ann"}, Limits: &upload.Limits{Bandwidth: 1_000_000},
	})
	require.NoError(t, err)
	require.EqualValues(t, 2_000_000, s.batchLimits(t.Context(), "spring").Table().At(s.Now()))
	require.NoError(t, s.Pause(t.Context(), limitAge))
	require.EqualValues(t, 1_000_000, s.batchLimits(t.Context(), "spring").Table().At(s.Now()), "a second later")
}

func TestPatienceIsTheUploadsOrTheBatchsOrTheAccounts(t *testing.T) {
	s, _ := metered(t)
	account := spec.Account{Name: "sitoo", Patience: time.Hour}
	minute, second := time.Minute, time.Second
	row := upload.Item{UploadID: "batch/spring/a", Batch: "spring"}
	require.Equal(t, time.Hour, s.Patience(t.Context(), account, upload.Item{}))
	require.Equal(t, time.Hour, s.Patience(t.Context(), account, row))
	s.LimitBatch("spring", upload.Limits{Patience: &minute})
	require.Equal(t, time.Minute, s.Patience(t.Context(), account, row))
	row.Patience = &second
	require.Equal(t, time.Second, s.Patience(t.Context(), account, row))
	s.LimitBatch("spring", upload.Limits{})
	row.Patience = nil
	require.Equal(t, time.Hour, s.Patience(t.Context(), account, row))
}
