package activities

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestTheReportsOfABatchAreWrittenAnewWhenARowEndsAfterIt(t *testing.T) {
	for name, c := range map[string]struct {
		state upload.BatchState
		anew  bool
	}{
		"one that runs has them still to come": {upload.BatchRunning, false},
		"one that has ended":                   {upload.BatchCompleted, true},
		"one that was canceled":                {upload.BatchCanceled, true},
	} {
		t.Run(name, func(t *testing.T) {
			books := ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{})
			_, _, err := books.OpenBatch(t.Context(), ledger.Batch{ID: "spring", Digest: "d", Total: 1})
			require.NoError(t, err)
			require.NoError(t, books.BatchLoaded(t.Context(), "spring", 1))
			_, err = books.ChangeBatch(t.Context(), "spring", ledger.BatchChange{Event: ledger.BatchEvent{What: "start"}, State: c.state})
			require.NoError(t, err)
			var finished, reported []string
			a := &Activities{
				Steps: &steps.Steps{Ledger: books, Log: zap.NewNop(), Now: time.Now},
				Finish: func(_ context.Context, batch string) error {
					finished = append(finished, batch)
					return nil
				},
				Report: func(_ context.Context, batch string) ([]string, error) {
					reported = append(reported, batch)
					return nil, nil
				},
			}
			var suite testsuite.WorkflowTestSuite
			env := suite.NewTestActivityEnvironment()
			env.RegisterActivity(a.Record)
			env.RegisterActivity(a.FinishBatch)

			item := upload.Item{UploadID: "batch/spring/a", Batch: "spring", ID: "a", Line: 2, Account: "sitoo", Vendor: "sitoo", Source: "/a.jpg"}
			result := upload.NewResult(item, upload.WayOwn, time.Now())
			result.State = upload.StateReady
			_, err = env.ExecuteActivity(a.Record, upload.Record{Item: item, Result: result, RunID: "run"})
			require.NoError(t, err)
			if !c.anew {
				require.Empty(t, finished)
				return
			}
			require.Equal(t, []string{"spring"}, finished)

			before, err := books.BatchEvents(t.Context(), "spring")
			require.NoError(t, err)
			_, err = env.ExecuteActivity(a.FinishBatch, upload.Finish{Batch: "spring"})
			require.NoError(t, err)
			require.Equal(t, []string{"spring"}, reported)
			batch, err := books.Batch(t.Context(), "spring")
			require.NoError(t, err)
			require.Equal(t, c.state, batch.State, "it stays as it ended")
			after, err := books.BatchEvents(t.Context(), "spring")
			require.NoError(t, err)
			require.Equal(t, before, after, "it did not end once more")
		})
	}
}
