package steps

import (
	"context"
	"errors"
	"time"

	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/metrics"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// countEvery is how often the bytes of a send are counted while it goes on: a film takes
// an hour.
const countEvery = time.Second

// counting counts the bytes of a send as they are acknowledged, until the returned
// function is told how many there were.
func (s *Steps) counting(ctx context.Context, caller *wire.Caller, meter *transfer.Meter) (end func(sent int64)) {
	if s.Metrics == nil {
		return func(int64) {}
	}
	before, counted := meter.Sent(), int64(0)
	count := func(sent int64) {
		if sent > counted {
			s.Metrics.Sent(caller.Account.Name, caller.Account.Vendor, sent-counted)
			counted = sent
		}
	}
	stop := Every(ctx, countEvery, func() bool {
		count(meter.Sent() - before)
		return true
	})
	return func(sent int64) {
		stop()
		count(sent)
	}
}

// heardStore counts a request with bytes: to a store, or to the vendor itself.
func (s *Steps) heardStore(caller *wire.Caller, of sending, answer transfer.Answer, began time.Time, err error) {
	if answer.Status == 0 && answer.Sent == 0 && unsentBefore(err) {
		return
	}
	if of.store != upload.StoreVendor {
		s.Metrics.StoreRequest(of.store, answer.Status)
		return
	}
	s.Metrics.Request(metrics.Request{
		Account: caller.Account.Name, Vendor: caller.Account.Vendor, Call: caller.Spec.Receives().Name, Status: answer.Status, Took: s.Now().Sub(began),
	})
}

// unsentBefore reports whether a send failed before anything was sent.
func unsentBefore(err error) bool {
	var e *upload.Error
	return errors.As(err, &e) && e.Arrived == upload.ArrivedNothing
}

// counted takes note of a send that failed: its bytes were sent in vain, unless a search
// is to tell whether they arrived.
func (s *Steps) counted(caller *wire.Caller, of sending, sent int64, err error) {
	if err == nil {
		return
	}
	why := metrics.CauseStopped
	var e *upload.Error
	if errors.As(err, &e) {
		if of.sought && e.Arrived == upload.ArrivedMaybe {
			return
		}
		if flow.SlowDown(e) {
			s.Metrics.Throttled(caller.Account.Name)
		}
		why = metrics.Cause(e.Kind)
	}
	s.Metrics.Wasted(caller.Account.Name, caller.Account.Vendor, why, sent)
}

// notFound takes note of bytes whose answer was lost, once a search has not found them.
func (s *Steps) notFound(w Work, lost *upload.Error) {
	p := w.Progress
	if lost == nil || lost.Receipt == nil || lost.Step != upload.StepTransfer || lost.Arrived != upload.ArrivedMaybe {
		return
	}
	if p.Next == upload.StepTransfer || p.Next == upload.StepPrepare {
		s.Metrics.Wasted(w.Caller.Account.Name, w.Caller.Account.Vendor, metrics.CauseAnswer, lost.Receipt.BytesSent)
	}
}

// unprocessed takes note of bytes of which the vendor could make no medium.
func (s *Steps) unprocessed(w Work, media upload.Media) {
	if p := w.Progress; media.State == upload.StateFailed && p.Until.IsZero() {
		s.Metrics.Wasted(w.Caller.Account.Name, w.Caller.Account.Vendor, metrics.CauseProcessing, p.Content.Size)
	}
}

// Waited waits for a permit, as Pause does.
func (s *Steps) Waited(ctx context.Context, account string, wait time.Duration) error {
	err := s.Pause(ctx, wait)
	if err == nil {
		s.Metrics.PermitWait(account, wait)
	}
	return err
}

// Claiming measures the claim of an item, which begins with a look at its source, until
// the returned function is called.
func (s *Steps) Claiming(vendor string) (end func()) {
	began := s.Now()
	return func() { s.Metrics.Step(vendor, upload.StepClaim, s.Now().Sub(began)) }
}
