package activities

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/activity"

	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// Prepare opens a session at the item's vendor.
func (a *Activities) Prepare(ctx context.Context, in upload.Advance) (upload.Progress, error) {
	return a.advance(ctx, in, flow.DoPrepare)
}

// Transfer sends the whole medium to its session.
func (a *Activities) Transfer(ctx context.Context, in upload.Advance) (upload.Progress, error) {
	return a.advance(ctx, in, flow.DoSend)
}

// Find finds out what became of a call whose answer was lost.
func (a *Activities) Find(ctx context.Context, in upload.Advance) (upload.Progress, error) {
	return a.advance(ctx, in, flow.DoFind)
}

// Complete tells the vendor that all parts have arrived.
func (a *Activities) Complete(ctx context.Context, in upload.Advance) (upload.Progress, error) {
	return a.advance(ctx, in, flow.DoComplete)
}

// Poll asks what became of the bytes, at the vendor's pace, until processing has
// ended: between two polls it holds no worker's slot.
func (a *Activities) Poll(ctx context.Context, in upload.Advance) (upload.Progress, error) {
	return a.advance(ctx, in, flow.DoPoll)
}

// advance makes one step of an item. It returns the progress that follows, and makes
// no call where that, as the ledger has it, asks for another step.
func (a *Activities) advance(ctx context.Context, in upload.Advance, do flow.Do) (upload.Progress, error) {
	way, err := a.flowOf(ctx, in.Item)
	if err != nil {
		return in.Progress, result(ctx, err)
	}
	p, entry, err := a.latest(ctx, in, way, do)
	if err != nil {
		return p, result(ctx, err)
	}
	action := way.Next(&p)
	if action.Do != do {
		return p, nil
	}
	limit, release := a.Limit(in.Item)
	defer release()
	work := steps.Work{Item: in.Item, Flow: way, Progress: &p, Plan: in.Plan, Parts: in.Parts, Meter: &transfer.Meter{Limit: limit}}
	if do == flow.DoSend {
		err = a.CheckSource(ctx, entry, in.Item, p.Content)
	}
	if err == nil {
		work.Vendor, work.Caller, err = a.Caller(ctx, in.Item)
	}
	if err == nil {
		err = a.Admit(ctx, work, do, activity.GetInfo(ctx).ScheduledTime)
	}
	if err != nil {
		return a.conclude(ctx, in.Item, work, do, err)
	}
	if err := a.announce(ctx, in.Item, way, do, &p); err != nil {
		return p, result(ctx, err)
	}
	changes := p.Waiting != nil
	unasked := p.UnaskedTo
	stop := a.watch(ctx, in.Item, do, &p, work.Meter)
	err = a.do(ctx, work, action)
	stop()
	if err == nil && do == flow.DoPoll && p.Next == upload.StepPoll {
		return p, a.processing(ctx, in.Item, way, &p, changes || !unasked.Equal(p.UnaskedTo))
	}
	return a.conclude(ctx, in.Item, work, do, err)
}

// do makes a call. One that must not be made twice is noted while it is under way.
func (a *Activities) do(ctx context.Context, w steps.Work, action flow.Action) error {
	if !w.Flow.MustNotRepeat(w.Progress) {
		return a.Do(ctx, w, action)
	}
	calling, stop := a.UnderWay(ctx, w.Item, run(ctx), w.Progress, w.Meter)
	defer stop()
	err := a.Do(calling, w, action)
	if cut := context.Cause(calling); err != nil && cut != nil && ctx.Err() == nil {
		return cut
	}
	return err
}

// processing comes back when the vendor is to be asked again. Nothing has changed, and
// nothing is saved, unless that ended an outage.
func (a *Activities) processing(ctx context.Context, item upload.Item, way flow.Flow, p *upload.Progress, changed bool) error {
	if changed {
		p.Attempt = int(attempt(ctx))
		if err := a.save(ctx, item, way, p); err != nil {
			return result(ctx, err)
		}
	}
	return later(typeProcessing, "the vendor answered "+p.Media.Seen, p.NotBefore.Sub(a.Now()))
}

// announce saves what must be known before a call is made: bytes that are sent once
// more count as being on their way, and parts that were sent are to be completed.
func (a *Activities) announce(ctx context.Context, item upload.Item, way flow.Flow, do flow.Do, p *upload.Progress) error {
	if !p.Idle || do != flow.DoSend && do != flow.DoComplete {
		return nil
	}
	p.Idle = false
	return a.save(ctx, item, way, p)
}

// flowOf is the way of an item at its account as that is now. An account that is
// gone from the configuration has no patience: nothing is asked of it.
func (a *Activities) flowOf(ctx context.Context, item upload.Item) (flow.Flow, error) {
	vendor, err := vendors.Find(item.Vendor)
	if err != nil {
		return flow.Flow{}, upload.Errorf(upload.KindInternal, upload.StepClaim, "%w", err)
	}
	account, _ := a.Accounts.Account(item.Account) // whoever makes the call is told what is wrong with it
	return a.FlowOf(ctx, vendor.Spec(), account, item), nil
}

// latest is the progress to go on from: the workflow's copy, or what the ledger has
// that is newer: an earlier attempt, or a run that this one takes over from, saved it.
// Whoever made a step before without a word may have sent the bytes. The ledger is
// asked where an earlier attempt may have been, and before each call that has effects
// at the vendor: such a call is made by the run alone that holds the item, and to the
// session that the ledger has. The entry is the ledger's, where it was asked.
func (a *Activities) latest(ctx context.Context, in upload.Advance, way flow.Flow, do flow.Do) (p upload.Progress, entry ledger.Entry, _ error) {
	p, n := in.Progress, int(attempt(ctx))
	first := n == 1 && !in.Reload
	if first && !flow.Acts(do) {
		return p, entry, nil
	}
	owned, err := a.Own(ctx, in.Item, way, run(ctx), p.Content)
	if err != nil {
		return p, entry, err
	}
	entry = owned.Entry
	kept := owned.Progress
	another := kept != nil && kept.Version != p.Version
	if kept != nil && do != flow.DoPrepare { // which replaces the session
		p.Session = kept.Session
		p.Session.Parts = nil // whoever sends parts has their URLs
	}
	if first && !another && !owned.Taken {
		return p, entry, nil
	}
	if another {
		p = *kept
		p.Content = in.Progress.Content // which a move may have changed
	}
	if err := a.Silent(way, &p, owned.HeardOf); err != nil && !owned.Taken {
		return p, entry, err
	}
	if n > 1 && p.Next == upload.StepPoll { // polls that were in vain are not saved
		p.Attempts.Poll += n - 1 - p.Attempt
		p.NotBefore = a.Now()
	}
	way.SenderLost(&p, a.Now())
	return p, entry, nil
}

// watch lets those who watch an item see that it moves, until stop is called.
func (a *Activities) watch(ctx context.Context, item upload.Item, do flow.Do, p *upload.Progress, meter *transfer.Meter) (stop func()) {
	if do != flow.DoSend {
		return alive(ctx)
	}
	before, size, of := p.BytesSent, p.Content.Size, run(ctx)
	return beat(ctx, func() any {
		a.bytes(ctx, item, of, before+meter.Sent())
		return upload.Heartbeat{Sent: meter.Sent(), Size: size}
	})
}

// bytes lets those who watch an item see its bytes move. It may be lost.
func (a *Activities) bytes(ctx context.Context, item upload.Item, of steps.Run, sent int64) {
	_ = a.Ledger.UpdateState(ctx, ledger.StateUpdate{Item: item, WorkflowID: of.WorkflowID, RunID: of.ID, Way: upload.WayOwn, BytesSent: sent})
}

// conclude saves what a step came to, and turns it into what Temporal is to do.
func (a *Activities) conclude(ctx context.Context, item upload.Item, w steps.Work, do flow.Do, err error) (upload.Progress, error) {
	p, way := w.Progress, w.Flow
	p.Attempt = 0
	if err == nil {
		err := a.save(ctx, item, way, p)
		return *p, result(ctx, err)
	}
	e := steps.Failure(ctx, err, steps.StepOf(do))
	if e == nil {
		return *p, a.unjudged(ctx, item, err)
	}
	verdict := way.Judge(p, steps.StepOf(do), e, a.Now())
	if verdict.Then != flow.GoOn {
		p.Attempt = int(attempt(ctx))
	}
	if err := a.save(ctx, item, way, p); err != nil {
		return *p, result(ctx, err)
	}
	switch {
	case verdict.Then == flow.Repeat:
		return *p, later(string(e.Kind), e.Error(), verdict.After, told(e))
	case verdict.Then == flow.Hold:
		return *p, a.hold(ctx, item.Account, e)
	case p.Next == upload.StepEnd && p.Cause == nil:
		return *p, nil
	}
	return *p, failed(e, *p)
}

// unjudged turns what nobody judges into what Temporal is to do.
func (a *Activities) unjudged(ctx context.Context, item upload.Item, err error) error {
	var out *steps.OutOfOrder
	if errors.As(err, &out) && ctx.Err() == nil {
		err = a.Waiter(ctx, out, item, int(attempt(ctx)))
	}
	return result(ctx, err)
}

// admitted keeps a call that has no progress of its own from being made during an
// outage. past is what its attempts leave to each other.
func (a *Activities) admitted(ctx context.Context, item upload.Item, call ledger.OutageCall, past *upload.Heartbeat) error {
	out, err := a.AdmitCall(ctx, call)
	if err != nil || out == nil {
		return err
	}
	way, err := a.flowOf(ctx, item)
	if err != nil {
		return err
	}
	if e := way.WaitedAside(past, out.Since(activity.GetInfo(ctx).ScheduledTime), a.Now(), out.Outage.Last); e != nil {
		return e
	}
	return out
}

// save saves the progress of an item, and the state that it says. An item that is
// ready is recorded right away. A copy that is older than the ledger's gives way, and a
// run that does not hold the item takes over from one that is over.
func (a *Activities) save(ctx context.Context, item upload.Item, way flow.Flow, p *upload.Progress) error {
	if p.Next == upload.StepEnd && p.Cause == nil {
		return nil
	}
	newer, refused, err := a.saveOnce(ctx, item, p)
	if err != nil || newer != nil || refused == nil {
		if newer != nil { // this copy gives way
			*p = *newer
		}
		return err
	}
	owned, err := a.Own(ctx, item, way, run(ctx), p.Content)
	switch {
	case err != nil:
		return err
	case !owned.Taken:
		return steps.Superseded(refused)
	case owned.Progress != nil:
		*p = *owned.Progress
		way.SenderLost(p, a.Now())
	}
	return nil
}

func (a *Activities) saveOnce(ctx context.Context, item upload.Item, p *upload.Progress) (newer *upload.Progress, _ *ledger.Refusal, _ error) {
	p.Version++
	refused, err := a.Ledger.SaveProgress(ctx, []ledger.ProgressUpdate{{
		UploadID: item.UploadID, RunID: run(ctx).ID, State: p.State(), Progress: *p, BytesSent: p.BytesSent,
	}})
	return steps.Saved(ctx, refused, err)
}

// hold pauses an account that its vendor denied, for all, and comes back until it
// goes on.
func (a *Activities) hold(ctx context.Context, account string, e *upload.Error) error {
	if !e.Paused {
		said := upload.Error{Message: e.Message, RequestID: e.RequestID} // the account's trouble is not the step's
		if _, err := a.Ledger.PauseAccount(ctx, account, said.Error(), upload.ByItself); err != nil {
			return ledgerError(ctx, err)
		}
	}
	why := e.Message
	if !e.Paused {
		why = fmt.Sprintf("account %s is paused: %s", account, e.Message)
	}
	return rest(ctx, &steps.Later{Why: why})
}

// noteWait lets those who watch an item see what a call waits for that has no progress
// of its own. Before the claim there is nothing to note it with: Temporal tells it then.
func (a *Activities) noteWait(ctx context.Context, item upload.Item, wait *upload.Wait) {
	if wait.Step == upload.StepClaim {
		return
	}
	if wait.Tries = int(attempt(ctx)); wait.Since.IsZero() {
		wait.Since = a.Now()
	}
	_ = a.Ledger.NoteWait(ctx, item.UploadID, run(ctx).ID, wait) // the next failure says it again
}

// aside turns what came of a call that has no progress of its own into what Temporal
// is to do.
func (a *Activities) aside(ctx context.Context, item upload.Item, at upload.Step, err error) error {
	return a.asideAfter(ctx, item, at, before(ctx), err)
}

// asideAfter is aside for a call that keeps more of its attempts.
func (a *Activities) asideAfter(ctx context.Context, item upload.Item, at upload.Step, past upload.Heartbeat, err error) error {
	e := steps.Failure(ctx, err, at)
	if e == nil {
		return a.unjudged(ctx, item, err)
	}
	way, findErr := a.flowOf(ctx, item)
	if findErr != nil {
		return result(ctx, findErr)
	}
	verdict := way.Aside(e, &past, int(attempt(ctx)), a.Now())
	activity.RecordHeartbeat(ctx, past)
	switch verdict.Then {
	case flow.Repeat:
		a.noteWait(ctx, item, &upload.Wait{Step: at, Last: told(e), Since: past.Away, Next: a.Now().Add(verdict.After)})
		return later(string(e.Kind), e.Error(), verdict.After, told(e))
	case flow.Hold:
		return a.hold(ctx, item.Account, e)
	}
	return failed(e)
}
