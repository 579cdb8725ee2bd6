package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

func TestAfterACrashASessionThatRanOutIsNotTriedAgain(t *testing.T) {
	a, _ := metered(t)
	vendor, err := vendors.Find("sitoo")
	require.NoError(t, err)
	item := upload.Item{UploadID: "batch/spring/a", Batch: "spring", ID: "a", Line: 2, Account: "sitoo", Vendor: "sitoo", Source: "/a.jpg"}
	route := upload.Route{Account: "sitoo", Vendor: "sitoo"}
	shard := upload.Shard{Batch: "spring", Route: route, First: 2, Last: 2}
	_, err = a.Ledger.RecordAll(t.Context(), []upload.Record{{Item: item, Result: upload.NewResult(item, upload.WayPacked, a.Now())}})
	require.NoError(t, err)
	content := upload.Content{Size: 1000, Type: "image/jpeg", Name: "a.jpg", Fingerprint: "f"}
	claim, err := a.Ledger.Claim(t.Context(), ledger.ClaimRequest{
		Item: item, Content: content, WorkflowID: "shard/spring/sitoo/1", RunID: "run", Way: upload.WayPacked, StartedAt: a.Now(),
	})
	require.NoError(t, err)
	require.Equal(t, ledger.Granted, claim.Outcome)

	c := &carrier{Activities: a, shard: shard, account: "sitoo", vendor: vendor, spec: vendor.Spec(), gate: a.gates.of("sitoo", a.Now), runID: "run"}
	r := &packed{carrier: c, item: item, at: upload.StepTransfer}
	r.progress = upload.Progress{Content: content, Session: upload.Session{ID: "f-1", Method: "POST", URL: "https://s3.example/"}}
	require.NoError(t, r.keep(t.Context(), upload.StateTransferring))
	expired := upload.Errorf(upload.KindExpired, upload.StepTransfer, "store answered 403 AccessDenied: Policy expired")
	require.True(t, r.again(t.Context(), expired), "another session is opened")

	rows, err := a.Ledger.ShardRows(t.Context(), shard) // as the next attempt of the shard finds it
	require.NoError(t, err)
	require.Len(t, rows, 1)
	next := newPacked(c, rows[0])
	require.NoError(t, next.broken)
	require.True(t, next.progress.Expired)
	require.False(t, next.progress.Arrived, "nothing of it can have arrived")
	require.Equal(t, 1, next.progress.Trouble.Renewals)
}
