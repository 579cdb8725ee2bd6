package wiring

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/logging"
	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestEachEventIsOneLineAtItsLevel(t *testing.T) {
	var out bytes.Buffer
	log, _, err := logging.New("debug", "json", &out)
	require.NoError(t, err)
	o := (*Metrics)(nil).Observer(log)
	item := ledger.ItemChange{
		UploadID: "batch/spring/a-1", Batch: "spring", Account: "shop", Vendor: "acme", WorkflowID: "shard/spring/1", RunID: "r-1", Way: upload.WayPacked, Run: 2,
	}
	ended := func(state upload.State, kind upload.Kind) ledger.ItemChange {
		c := item
		c.State, c.Kind, c.Took = state, kind, time.Second
		return c
	}
	batch := func(was, is upload.BatchState) ledger.BatchState {
		return ledger.BatchState{ID: "spring", Was: was, State: is, Because: "2 rows failed"}
	}
	for _, c := range []struct {
		tell        func()
		level, says string
	}{
		{func() { o.Item(item) }, "info", "upload began"},
		{func() { o.Item(ended(upload.StateReady, "")) }, "info", "upload ended"},
		{func() { o.Item(ended(upload.StateFailed, upload.KindRejected)) }, "info", "upload ended"},
		{func() { o.Item(ended(upload.StateUnconfirmed, upload.KindUnconfirmed)) }, "error", "mediaferry decide"},
		{func() { o.Batch(batch(upload.BatchLoading, upload.BatchRunning)) }, "info", "batch began"},
		{func() { o.Batch(batch(upload.BatchRunning, upload.BatchHeld)) }, "error", "until a person resumes or cancels it"},
		{func() { o.Batch(batch(upload.BatchHeld, upload.BatchRunning)) }, "info", "changed its state"},
		{func() { o.Batch(batch(upload.BatchRunning, upload.BatchCompleted)) }, "info", "batch ended"},
		{func() {
			o.Account(ledger.AccountChange{Account: "shop", Paused: true, By: upload.ByItself, Because: "403"})
		}, "error", "account is denied"},
		{func() { o.Account(ledger.AccountChange{Account: "shop", Paused: true, By: "ann"}) }, "info", "account is paused"},
		{func() { o.Account(ledger.AccountChange{Account: "shop", Peer: upload.PeerStore, Out: true}) }, "warn", "account is unavailable"},
		{func() { o.Account(ledger.AccountChange{Account: "shop", SlowUntil: time.Now()}) }, "info", "account is throttled"},
		{func() { o.Account(ledger.AccountChange{Account: "shop", Peer: upload.PeerStore}) }, "info", "account can be used again"},
	} {
		out.Reset()
		c.tell()
		require.Equal(t, 1, strings.Count(out.String(), "\n"), out.String())
		var line struct{ Level, Msg string }
		require.NoError(t, json.Unmarshal(out.Bytes(), &line))
		require.Equal(t, c.level, line.Level, line.Msg)
		require.Contains(t, line.Msg, c.says)
	}
	out.Reset()
	o.Item(ended(upload.StateFailed, upload.KindRejected))
	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	for key, want := range map[string]any{
		"upload_id": "batch/spring/a-1", "batch": "spring", "account": "shop", "vendor": "acme", "kind": "rejected", "attempt": 2.0,
		"workflow_id": "shard/spring/1", "run_id": "r-1", "state": "failed", "way": "packed",
	} {
		require.Equal(t, want, line[key], key)
	}
}
