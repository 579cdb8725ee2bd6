package steps

import (
	"context"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// A call that must not be made twice is under way for as long as its sender says so in
// the ledger.
const (
	// renewEvery is how often the sender says so.
	renewEvery = 3 * time.Second
	// unrenewedMost is after what time without that the sender cuts the connection.
	unrenewedMost = 15 * time.Second
	// silentLeast is after what time without that others take the sender for dead.
	silentLeast = 2 * unrenewedMost
)

// Silent returns *Later while an item's progress has a call under way that must not be
// made twice, and whose sender may live: the ledger heard of it not long ago. Whatever
// is sent later is found by those who look after that time.
func (s *Steps) Silent(way flow.Flow, p *upload.Progress, heardOf time.Time) error {
	if p == nil || !way.MustNotRepeat(p) {
		return nil
	}
	if wait := silentLeast - s.Now().Sub(heardOf); wait > 0 {
		return &Later{Why: "another run or attempt may still be making the call", After: min(wait, silentLeast)}
	}
	return nil
}

// UnderWay says in the ledger, until stop is called, that a run makes a call that must
// not be made twice. The returned context ends, and the meter lets no more bytes pass,
// when the ledger refuses that or could not be told for unrenewedMost.
func (s *Steps) UnderWay(ctx context.Context, item upload.Item, run Run, p *upload.Progress, meter *transfer.Meter) (_ context.Context, stop func()) {
	ctx, cut := context.WithCancelCause(ctx)
	n := &note{now: s.Now, renewed: wall(s.Now())}
	meter.Guard = n.check
	before := p.BytesSent
	end := Every(ctx, renewEvery, func() bool {
		n.renew(ctx, s, ledger.StateUpdate{
			Item: item, WorkflowID: run.WorkflowID, RunID: run.ID, Way: upload.WayOwn, BytesSent: before + meter.Sent(), Wait: true,
		})
		err := n.check()
		if err != nil {
			cut(err)
		}
		return err == nil
	})
	return ctx, func() {
		cut(nil)
		end()
	}
}

// note is the ledger's word that a call is under way, as its sender knows it.
type note struct {
	now func() time.Time

	mu      sync.Mutex
	renewed time.Time
	refused error
}

// renew says again that the call is under way.
func (n *note) renew(ctx context.Context, s *Steps, u ledger.StateUpdate) {
	began := wall(n.now())
	ctx, cancel := context.WithTimeout(ctx, renewEvery)
	defer cancel()
	err := s.Ledger.UpdateState(ctx, u)
	n.mu.Lock()
	defer n.mu.Unlock()
	if refused := refusalIn(err); refused != nil {
		n.refused = Superseded(refused)
	} else if err == nil {
		n.renewed = began
	}
}

// check fails when others may take the sender for dead.
func (n *note) check() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch gap := wall(n.now()).Sub(n.renewed); {
	case n.refused != nil:
		return n.refused
	case gap > unrenewedMost:
		e := upload.Errorf(upload.KindUnavailable, upload.StepTransfer,
			"the worker could not renew its note in the ledger for %s, and closed the connection so that nothing is sent twice", gap.Round(time.Second))
		e.Peer = upload.PeerLedger
		return e
	}
	return nil
}

// wall is a time whose differences count the time that a machine sleeps, which those of
// the monotonic clock do not.
func wall(t time.Time) time.Time { return t.Round(0) }
