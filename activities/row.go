package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

const (
	// packedTries is how often a step of a packed row may fail before the row
	// travels alone, where it has all the tries of an upload of its own.
	packedTries = 3
	// packedRenewals is how often a session of it may run out.
	packedRenewals = 2
	// packedWait is how long a packed row waits in its slot because the vendor
	// asked it to. For what takes longer the whole shard comes back.
	packedWait = 5 * time.Second
	// callerAge is how old the credentials and the account's state may be.
	callerAge = time.Second
)

// packed is one row on its way with others.
type packed struct {
	*carrier
	entry    ledger.Entry
	item     upload.Item
	broken   error          // of reading the item
	looked   upload.Content // what the source held when its group was claimed
	progress upload.Progress
	at       upload.Step // what is being done
	started  time.Time
	bytes    int64
	slowed   int  // how often it was throttled since it was taken on
	unseen   bool // nobody has looked since its last byte
	done     bool // it has ended, or is to travel alone
}

func newPacked(c *carrier, row ledger.Row) *packed {
	r := &packed{carrier: c, entry: row.Entry, started: c.Now(), bytes: row.Result.BytesSent}
	r.item, r.broken = row.Item()
	if row.Progress == nil {
		return r
	}
	r.progress, r.started = *row.Progress, row.Result.StartedAt.Time
	if r.progress.Session.Method == "" {
		r.progress.Content = upload.Content{} // it is to be claimed again
	} else if !r.progress.Idle {
		r.progress.Arrived = true // whoever had it may have died while its bytes were on their way
	}
	return r
}

// underWay reports whether all bytes are sent, and the vendor is to be asked what
// became of them.
func (r *packed) underWay() bool {
	return !r.done && !r.progress.SentAt.IsZero() && !r.progress.Receipt.Untold
}

// send brings a row to the point where the vendor has its bytes, and reports
// whether it is there. Otherwise it has ended, is to travel alone, or waits.
func (r *packed) send(ctx context.Context) bool {
	defer r.gate.leave()
	if r.progress.Session.Method == "" {
		r.started = r.Now()
	}
	for {
		err := r.once(ctx)
		if err == nil {
			return r.underWay()
		}
		if !r.again(ctx, err) {
			return false
		}
	}
}

// once goes through the steps that are left, as far as they succeed.
func (r *packed) once(ctx context.Context) error {
	r.at = upload.StepClaim
	if r.broken != nil {
		return upload.Errorf(upload.KindInternal, upload.StepClaim, "the row cannot be read: %w", r.broken)
	}
	caller, err := r.means(ctx)
	if err != nil {
		return err
	}
	if r.progress.Content.Size == 0 {
		if on, err := r.claim(ctx, caller.Account); err != nil || !on {
			return err
		}
	}
	if r.requested() {
		return errDetachRequested
	}
	if c := &r.progress.Content; c.SHA256 == "" && (r.spec.Prehash || r.item.SHA256 != "") {
		if err := r.prehash(ctx, r.item, c); err != nil {
			return err
		}
	}
	if r.progress.Session.Method == "" || r.progress.Expired {
		r.at = upload.StepPrepare
		if r.requested() {
			return errDetachRequested
		}
		if err := r.prepare(ctx, caller); err != nil {
			return err
		}
	}
	r.at = upload.StepTransfer
	if r.requested() {
		return errDetachRequested
	}
	return r.sendBytes(ctx, caller)
}

// means are the account's credentials and state, as of late.
func (c *carrier) means(ctx context.Context) (*vendors.Caller, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cached != nil && c.Now().Sub(c.asOf) < callerAge {
		return c.cached, nil
	}
	_, caller, err := c.caller(ctx, upload.Item{Account: c.account})
	if err != nil {
		return nil, err
	}
	caller.Permits = packedPermits{permits{c.Activities}, c.shard.Batch, c.limits.rate}
	c.cached, c.asOf = caller, c.Now()
	return caller, nil
}

// claim looks at the source and claims the row. It reports whether the row goes
// on: not where it is known, refused, or to travel alone.
func (r *packed) claim(ctx context.Context, account vendors.Account) (bool, error) {
	if err := meant(r.item, account); err != nil {
		return false, err
	}
	content, _, err := r.look(ctx, r.item, r.spec, account)
	if err != nil {
		return false, err
	}
	if !r.item.Again {
		known, err := r.Ledger.Delivered(ctx, []ledger.Lookup{{Item: r.item, Fingerprint: content.Fingerprint}})
		if err != nil {
			return false, ledgerError(ctx, err)
		}
		if earlier, found := known[r.item.UploadID]; found {
			return false, r.known(ctx, earlier, content)
		}
	}
	if !r.spec.Packs(content) {
		return false, r.detach(ctx, "")
	}
	claim, err := r.Ledger.Claim(ctx, r.claimRequest(content))
	if err != nil {
		return false, ledgerError(ctx, err)
	}
	if claim.Outcome != ledger.Granted {
		return false, r.notGranted(ctx, claim, content)
	}
	r.progress.Content = content
	return true, nil
}

// notGranted is what becomes of a row that another run has, or had. An upload of
// its own knows how to wait for that one, or to take over from it.
func (r *packed) notGranted(ctx context.Context, claim ledger.Claim, content upload.Content) error {
	switch {
	case claim.Outcome == ledger.Known, claim.Outcome == ledger.Canceled:
		r.done = true
		return nil
	case claim.Outcome == ledger.Changed:
		return changed(claim.Entry, r.item, content)
	case claim.Entry.Detached:
		r.leave()
		return nil
	}
	return r.detach(ctx, "another run had it")
}

// known ends a row that an earlier item has delivered already.
func (r *packed) known(ctx context.Context, earlier ledger.Entry, content upload.Content) error {
	result := r.result(upload.StateReady)
	was := earlier.Result
	result.MediaID, result.MediaURL, result.KnownFrom = was.MediaID, was.MediaURL, upload.Text(was.UploadID)
	result.Size, result.SHA256, result.CRC64 = upload.Number(content.Size), was.SHA256, was.CRC64
	return r.record(ctx, result, content.Fingerprint)
}

// prepare opens a session, and keeps it before anything is sent to it.
func (r *packed) prepare(ctx context.Context, caller *vendors.Caller) error {
	r.progress.Attempts.Add(upload.StepPrepare, 1)
	in := upload.Prepare{Item: r.item, Content: r.progress.Content}
	if r.progress.Expired {
		in.Previous = &r.progress.Session
	}
	session, err := r.vendor.Prepare(ctx, caller, in)
	if err = r.judged(ctx, caller.Account, err); err != nil {
		return asStep(err, upload.StepPrepare)
	}
	r.progress.Session, r.progress.Arrived, r.progress.Expired, r.progress.Idle = session, false, false, false
	return r.keep(ctx, upload.StateTransferring)
}

// sendBytes sends the medium, and keeps that it has arrived.
func (r *packed) sendBytes(ctx context.Context, caller *vendors.Caller) error {
	s := r.progress.Session
	switch {
	case r.progress.Receipt.Untold:
		return r.detach(ctx, r.progress.Receipt.Note)
	case r.progress.Arrived && !r.spec.Packing.Resend:
		return r.detach(ctx, "it is not known whether its bytes arrived")
	case r.progress.Idle:
		r.progress.Idle = false
		if err := r.keep(ctx, upload.StateTransferring); err != nil {
			return err
		}
	}
	if upload.Spent(r.Now(), s.ExpiresAt, s.Life, 0) {
		return spent(s.ExpiresAt)
	}
	r.progress.Attempts.Add(upload.StepTransfer, 1)
	meter := &transfer.Meter{Limit: r.bandwidth}
	answer, _, err := r.deliver(ctx, r.vendor, caller, sendingWhole(upload.Transfer{Item: r.item, Content: r.progress.Content, Session: s}), meter)
	r.count(answer.Sent)
	if err = r.judged(ctx, caller.Account, err); err != nil {
		return asStep(err, upload.StepTransfer)
	}
	receipt := receiptOf(answer, nil)
	receipt.BytesSent = r.bytes
	r.progress.Receipt, r.progress.SentAt = receipt, r.Now()
	if receipt.Untold {
		return r.detach(ctx, receipt.Note)
	}
	if len(r.spec.Poll.Waits) == 0 { // there is nothing to wait for
		return r.ready(ctx, s.Media)
	}
	r.await(caller.Account)
	return r.keep(ctx, upload.StateProcessing)
}

func (r *packed) bandwidth(ctx context.Context, n int) error {
	if err := r.limits.bandwidth.Wait(ctx, n); err != nil {
		return err
	}
	return r.Bandwidth.Wait(ctx, n)
}

func (r *packed) count(sent int64) {
	r.bytes += sent
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent += sent
}

// keep saves how far the row is, before the next step. Where that is refused, which
// is the error then, the row is another run's, or another attempt's.
func (r *packed) keep(ctx context.Context, state upload.State) error {
	refused, err := r.Ledger.SaveProgress(ctx, []ledger.ProgressUpdate{r.update(state)})
	if err != nil {
		return ledgerError(ctx, err)
	}
	if len(refused) > 0 {
		return refused[0]
	}
	return nil
}

// update is the row's progress, as the next version of what is stored.
func (r *packed) update(state upload.State) ledger.ProgressUpdate {
	r.progress.BytesSent = r.bytes
	r.progress.Version++
	return ledger.ProgressUpdate{UploadID: r.item.UploadID, RunID: r.runID, State: state, Progress: r.progress, BytesSent: r.bytes}
}

// ready ends a row whose medium is there.
func (r *packed) ready(ctx context.Context, media upload.Media) error {
	result := r.result(upload.StateReady)
	result.MediaID, result.MediaURL = upload.Text(media.ID), upload.Text(media.URL)
	return r.record(ctx, result, r.progress.Content.Fingerprint)
}

// result is what is known of the row, in the given state.
func (r *packed) result(state upload.State) upload.Result {
	now := r.Now().UTC()
	result := upload.NewResult(r.item, upload.WayPacked, r.started)
	result.State, result.FinishedAt = state, &now
	result.WorkflowID = upload.Text(r.workflowID)
	result.Size, result.Attempts, result.BytesSent = upload.Number(r.progress.Content.Size), r.progress.Attempts, r.bytes
	result.SHA256, result.CRC64 = upload.Text(r.progress.Content.SHA256), upload.Text(r.progress.Content.CRC64)
	if r.progress.Receipt.SHA256 != "" {
		result.SHA256 = upload.Text(r.progress.Receipt.SHA256)
	}
	if r.progress.Receipt.CRC64 != "" {
		result.CRC64 = upload.Text(r.progress.Receipt.CRC64)
	}
	return result
}

// record saves how the row ended, also when its batch was canceled meanwhile.
func (r *packed) record(ctx context.Context, result upload.Result, fingerprint string) error {
	r.done = true
	return ledgerError(ctx, r.leftToHolder(r.Ledger.Record(context.WithoutCancel(ctx), upload.Record{
		Item: r.item, Result: result, Fingerprint: fingerprint, RunID: r.runID,
	})))
}

// asStep makes sure that a failure tells where it happened.
func asStep(err error, step upload.Step) error {
	var made *temporal.ApplicationError
	if errors.As(err, &made) {
		return err
	}
	e := upload.AsError(err, step)
	if e.Step == "" {
		e.Step = step
	}
	return e
}
