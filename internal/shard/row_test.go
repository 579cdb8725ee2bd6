package shard

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// claimed is a row of a vendor that is claimed, and whose bytes are being sent. found
// is the row as the next attempt of its shard finds it.
func claimed(t *testing.T, name string) (r *row, found func() *row) {
	t.Helper()
	s, _ := metered(t)
	vendor, err := vendors.Find(name)
	require.NoError(t, err)
	item := upload.Item{UploadID: "batch/spring/a", Batch: "spring", ID: "a", Line: 2, Account: name, Vendor: name, Source: "/a.jpg"}
	shard := upload.Shard{Batch: "spring", Route: upload.Route{Account: name, Vendor: name}, First: 2, Last: 2}
	_, err = s.Ledger.RecordAll(t.Context(), []upload.Record{{Item: item, Result: upload.NewResult(item, upload.WayPacked, s.Now())}})
	require.NoError(t, err)
	content := upload.Content{Size: 1000, Type: "image/jpeg", Name: "a.jpg", Fingerprint: "f"}
	claim, err := s.Ledger.Claim(t.Context(), ledger.ClaimRequest{
		Item: item, Content: content, WorkflowID: "shard/spring/" + name + "/1", RunID: "run", Way: upload.WayPacked, StartedAt: s.Now(),
	})
	require.NoError(t, err)
	require.Equal(t, ledger.Granted, claim.Outcome)

	c := carrierOf(s, vendor)
	c.shard, c.attempt.Run.ID = shard, "run"
	c.cached, c.asOf = &wire.Caller{Account: spec.Account{Name: name, Vendor: name}}, s.Now().Add(time.Hour)
	c.requests.reset()
	r = &row{carrier: c, item: item, entry: claim.Entry, way: flow.Flow{Policy: vendor.Spec().Policy, Seed: item.UploadID}}
	r.p = upload.Progress{Content: content, Next: upload.StepTransfer, Session: upload.Session{ID: "f-1", Method: "POST", URL: "https://s3.example/"}}
	require.NoError(t, r.save(t.Context()))
	return r, func() *row {
		rows, err := s.Ledger.ShardRows(t.Context(), shard)
		require.NoError(t, err)
		require.Len(t, rows, 1)
		next := newRow(c, rows[0])
		require.NoError(t, next.broken)
		return next
	}
}

func TestAfterACrashASessionThatRanOutIsNotTriedAgain(t *testing.T) {
	r, found := claimed(t, "sitoo")
	expired := upload.Errorf(upload.KindExpired, upload.StepTransfer, "the store answered 403 AccessDenied: Policy expired")
	require.True(t, r.judge(t.Context(), upload.StepTransfer, expired), "another session is opened")

	next := found()
	require.True(t, next.p.Expired)
	require.Equal(t, flow.DoPrepare, next.way.Next(&next.p).Do)
	require.False(t, next.p.Arrived, "nothing of it can have arrived")
	require.Equal(t, 1, next.p.Tally.Expired)
}

func TestAfterACrashBytesThatWereOnTheirWayCountAsPossiblyArrived(t *testing.T) {
	for vendor, do := range map[string]flow.Do{"trustana": flow.DoSend, "sitoo": flow.DoFind} {
		t.Run(vendor, func(t *testing.T) {
			_, found := claimed(t, vendor)
			next := found()
			require.True(t, next.p.Arrived)
			require.Equal(t, do, next.way.Next(&next.p).Do)
		})
	}
}

func TestARowWhoseNextStepIsNotPlainTravelsAlone(t *testing.T) {
	r, found := claimed(t, "sitoo")
	lost := upload.Errorf(upload.KindUnavailable, upload.StepTransfer, "no answer came")
	lost.Arrived = upload.ArrivedMaybe
	require.True(t, r.judge(t.Context(), upload.StepTransfer, lost))
	require.Equal(t, flow.DoFind, r.way.Next(&r.p).Do)
	require.False(t, r.step(t.Context()))
	require.True(t, r.done)
	require.True(t, r.carrier.detached)

	next := found()
	require.True(t, next.entry.Detached)
	require.Equal(t, upload.StepFind, next.p.Next, "it goes on where it is")
}
