package wiring

import (
	"time"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/logging"
	"github.com/mediaferry/mediaferry/internal/metrics"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// watcher counts and logs what a ledger was told. The ledger tells each change once, so
// that a fleet's counts add up, and one of its logs has each event.
type watcher struct {
	metrics *metrics.Metrics // nil: none
	log     *zap.Logger
}

// Took measures an operation.
func (o watcher) Took(of ledger.Operation, d time.Duration) { o.metrics.LedgerTook(of, d) }

// Failed counts an operation.
func (o watcher) Failed() { o.metrics.LedgerFailed() }

// Item logs that an upload began, or counts and logs its end.
func (o watcher) Item(c ledger.ItemChange) {
	about := logging.About{
		UploadID: c.UploadID, Batch: c.Batch, Account: c.Account, Vendor: c.Vendor, Kind: c.Kind, Attempt: c.Run,
		WorkflowID: c.WorkflowID, RunID: c.RunID,
	}
	if c.State == "" {
		o.log.Info("upload began", about.Fields(zap.String("way", string(c.Way)))...)
		return
	}
	o.metrics.Ended(c)
	fields := about.Fields(zap.String("way", string(c.Way)), zap.String("state", string(c.State)), zap.Duration("took", c.Took))
	if c.State == upload.StateUnconfirmed {
		o.log.Error("upload is unconfirmed: check at the vendor, then use mediaferry decide", fields...)
		return
	}
	o.log.Info("upload ended", fields...)
}

// Batch logs what became of a batch.
func (o watcher) Batch(b ledger.BatchState) {
	fields := logging.About{Batch: b.ID}.Fields(zap.String("state", string(b.State)))
	if b.Because != "" && (b.Paused || b.State == upload.BatchHeld) {
		fields = append(fields, zap.String("reason", b.Because))
	}
	switch {
	case b.State == upload.BatchHeld && b.Was != upload.BatchHeld:
		o.log.Error("batch is held until a person resumes or cancels it", fields...)
	case b.State.Ended() && !b.Was.Ended():
		o.log.Info("batch ended", fields...)
	case b.State == upload.BatchRunning && b.Was == upload.BatchLoading:
		o.log.Info("batch began", fields...)
	default:
		o.log.Info("batch changed its state", append(fields, zap.Bool("paused", b.Paused))...)
	}
}

// Account logs that an account changed its state.
func (o watcher) Account(c ledger.AccountChange) {
	fields := logging.About{Account: c.Account}.Fields()
	if c.Peer != "" {
		fields = append(fields, zap.String("peer", string(c.Peer)))
	}
	if c.Because != "" {
		fields = append(fields, zap.String("reason", c.Because))
	}
	switch {
	case c.Paused && c.By == upload.ByItself:
		o.log.Error("account is denied: its uploads wait until a person corrects its credentials and resumes it", fields...)
	case c.Paused:
		o.log.Info("account is paused", append(fields, zap.String("by", c.By))...)
	case c.Out:
		o.log.Warn("account is unavailable: one item at a time tries, and the others wait", fields...)
	case !c.SlowUntil.IsZero():
		o.log.Info("account is throttled", append(fields, zap.Time("until", c.SlowUntil))...)
	default:
		o.log.Info("account can be used again", fields...)
	}
}
