package shard

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

const (
	// restInSlot is how long a row waits in its slot before a call is made again. For
	// what takes longer the whole shard comes back.
	restInSlot = 5 * time.Second
	// callerAge is how old the credentials and the account's state may be.
	callerAge = time.Second
)

// row is one row on its way with others.
type row struct {
	*carrier
	entry           ledger.Entry
	item            upload.Item
	broken          error          // of reading the item
	seen            upload.Content // what the source held when it was looked at; zero until then
	seenAt          time.Time      // when it was looked at
	fault           error          // of a look that failed, until the row takes note of it
	late            bool           // its source is slow: others do not wait for it
	postponed       bool           // nor does the shard
	holdsSlowTurn   bool           // it holds one of the places for slow sources
	began           time.Time      // its present step
	lasted          time.Duration  // its last step that failed because of its source
	way             flow.Flow
	p               upload.Progress
	started         time.Time
	holdsSlot       bool             // it holds a place of the limiter
	finishedSending bool             // it is among those that need no more sending, for now
	account         spec.Account     // as of its last step
	unpolled        bool             // nobody has polled since its last byte
	heldByFormerRun bool             // a run that is over holds it
	last            *upload.Progress // what its last run left, until it is claimed
	done            bool             // it has ended, or is detached
	unsaved         bool             // a call was made since its progress was saved
}

func newRow(c *carrier, from ledger.Row) *row {
	r := &row{carrier: c, entry: from.Entry, started: c.Now()}
	r.item, r.broken = from.Item()
	r.way.Seed = r.item.UploadID
	if from.Progress != nil && from.RunID == "" && !from.Detached { // its last run failed or was canceled
		r.p.Version, r.last = from.Progress.Version, from.Progress
		return r
	}
	if from.Progress == nil {
		r.p.BytesSent = from.Result.BytesSent
		if w := from.Waiting; w != nil && w.Step == upload.StepClaim { // nothing else was saved
			flow.WaitsSince(&r.p, w)
		}
		return r
	}
	r.p, r.started = *from.Progress, from.Result.StartedAt.Time
	r.heldByFormerRun = from.RunID != c.attempt.Run.ID
	if r.p.Session.Method == "" {
		r.p.Content = upload.Content{} // it is to be claimed again
		return r
	}
	r.way.Policy = c.spec.Policy
	r.way.SenderLost(&r.p, c.Now()) // the worker that had it may have died while its bytes were on their way
	return r
}

// run takes the row as far as it comes: to its end, out of its shard, or to where
// it waits until the shard comes back.
func (r *row) run(ctx context.Context) {
	defer r.finishSending()
	defer r.releaseSlot()
	for !r.done {
		if r.heldByFormerRun && !r.takeOver(ctx) {
			return
		}
		if r.p.Next == upload.StepPoll {
			r.releaseSlot()
			r.finishSending()
			if !r.pollUntilSettled(ctx) {
				return
			}
			continue
		}
		if r.unseen() {
			r.releaseSlot() // nothing is sent meanwhile
			if !r.look(ctx) {
				return
			}
			continue
		}
		if !r.holdsSlot && !r.takeSlot(ctx) {
			r.countWaiting()
			return
		}
		if !r.step(ctx) {
			return
		}
	}
}

// takeSlot waits for a place of the limiter, and reports whether the row goes on.
func (r *row) takeSlot(ctx context.Context) bool {
	if !r.takeSlowTurn(ctx) {
		return false
	}
	r.holdsSlot = r.enter(ctx)
	if !r.holdsSlot {
		r.leaveSlowTurn()
	}
	return r.holdsSlot
}

// releaseSlot gives the row's place to another.
func (r *row) releaseSlot() {
	if r.holdsSlot {
		r.holdsSlot = false
		r.limiter.leave()
		r.leaveSlowTurn()
	}
}

// finishSending counts a row that needs no more sending, for now.
func (r *row) finishSending() {
	if r.finishedSending {
		return
	}
	r.finishedSending = true
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unsent--
}

// step makes the row's next step, and reports whether it goes on.
func (r *row) step(ctx context.Context) bool {
	r.began = r.Now()
	if r.hasRequest() {
		r.obeyRequest(ctx)
		return false
	}
	if r.p.Content.Size == 0 {
		return r.begin(ctx)
	}
	caller, err := r.caller(ctx)
	if err != nil {
		return r.handleOutcome(ctx, r.p.At(), err)
	}
	action := r.way.Next(&r.p)
	switch action.Do {
	case flow.DoPrepare, flow.DoSend:
	case flow.DoEnd:
		return r.handleOutcome(ctx, r.p.At(), nil)
	default: // the flow of an item that travels alone
		r.detachOrWait(ctx, "its next step is to "+string(action.Do))
		return false
	}
	if wait := action.At.Sub(r.Now()); wait > 0 && !r.rest(ctx, r.p.Cause, wait) {
		return false
	}
	if err := r.admit(ctx, caller, action.Do); err != nil {
		return r.handleOutcome(ctx, r.p.At(), err)
	}
	return r.handleOutcome(ctx, r.p.At(), r.do(ctx, caller, action))
}

// begin claims the row, and reports whether it goes on.
func (r *row) begin(ctx context.Context) bool {
	if r.broken != nil {
		return r.handleOutcome(ctx, upload.StepClaim, upload.Errorf(upload.KindInternal, upload.StepClaim, "the row cannot be read: %w", r.broken))
	}
	defer r.Claiming(r.spec.Name)()
	_, err := r.caller(ctx) // which knows the row's way
	if err == nil {
		r.refresh(ctx)
		err = r.claim(ctx)
	}
	if err == nil && r.p.Content.Size > 0 {
		err = r.prehash(ctx)
	}
	if err != nil {
		return r.handleOutcome(ctx, upload.StepClaim, err)
	}
	return !r.done
}

// prehash reads the source through, where it is converted, or its checksum is needed
// beforehand.
func (r *row) prehash(ctx context.Context) error {
	if !steps.NeedsPrehash(r.spec.Prehash, r.item, r.p.Content) {
		return nil
	}
	return r.Prehash(ctx, r.item, &r.p)
}

// do makes a step at the vendor or its store, and counts what it sent.
func (r *row) do(ctx context.Context, caller *wire.Caller, action flow.Action) error {
	if c := &r.p.Content; c.SHA256 == "" {
		if err := r.prehash(ctx); err != nil {
			return err
		}
	}
	if action.Do == flow.DoSend && r.p.Idle { // from here on its bytes count as being on their way
		r.p.Idle = false
		if err := r.save(ctx); err != nil {
			return err
		}
	}
	r.unsaved = true
	limit, release := r.Limit(r.item)
	defer release()
	meter := &transfer.Meter{Limit: limit}
	err := r.Do(ctx, steps.Work{
		Item: r.item, Vendor: r.vendor, Caller: caller, Flow: r.way, Progress: &r.p, Meter: meter,
		Denied: func() { r.limiter.doubt(steps.Noticed + steps.PermitWait) },
	}, action)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent += meter.Sent()
	return err
}

// admit keeps the row from making a step during an outage, unless it is the one that
// tries.
func (r *row) admit(ctx context.Context, caller *wire.Caller, do flow.Do) error {
	return r.Admit(ctx, steps.Work{Item: r.item, Caller: caller, Flow: r.way, Progress: &r.p}, do, r.attempt.Run.Started)
}

// caller makes what calls the vendor, with the account's credentials and state as of
// late, and the row's way at that account.
func (r *row) caller(ctx context.Context) (*wire.Caller, error) {
	caller, err := r.carrier.caller(ctx)
	if err == nil {
		r.account, r.way = caller.Account, r.FlowOf(ctx, r.spec, caller.Account, r.item)
	}
	return caller, err
}

func (c *carrier) caller(ctx context.Context) (*wire.Caller, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cached != nil && c.Now().Sub(c.asOf) < callerAge {
		return c.cached, nil
	}
	_, caller, err := c.Caller(ctx, upload.Item{Account: c.account})
	if err != nil {
		return nil, err
	}
	caller.Permits = groupedPermits{steps.Permits{Steps: c.Steps}, c.shared, c.shard.Batch}
	c.cached, c.asOf = caller, c.Now()
	return caller, nil
}

// forget has the credentials read anew.
func (r *row) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cached = nil
}
