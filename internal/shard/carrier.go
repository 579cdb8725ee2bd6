// Package shard carries the rows of a batch that travel together: many in one
// activity, each by the same flow and the same steps as an item with a workflow of
// its own. It owns how many are under way, when they are polled, and what people
// decide about their batch meanwhile.
//
// It does the steps that are plain: claim, prepare, send, poll. A row whose flow asks
// for another is detached: it goes on in a workflow of its own, with the same
// progress. It knows nothing of Temporal.
package shard

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

const (
	// shardWatch is how often a shard looks at what was decided about its batch.
	shardWatch = time.Second
	// shardPatience is how long a shard that has sent all its rows waits in its slot
	// for the vendor. What takes longer is looked at when the shard comes back.
	shardPatience = 2 * time.Second
	// shardParting is how long rows in flight may go on when their batch is
	// canceled.
	shardParting = 2 * time.Second
	// shardRest is how often a shard that may not go on looks whether it may now,
	// in the beginning; and shardRestMost later.
	shardRest     = time.Second
	shardRestMost = 20 * time.Second
	// pollsAtOnce is how many rows of one shard are asked for at once.
	pollsAtOnce = 16
)

// Carriers is what the shards of a process share: how many rows of an account may
// be under way, leased permits, and which hosts of sources are slow. Its zero value is ready.
type Carriers struct {
	limiters  limiters
	leases    leases
	slowHosts slowHosts
}

// Attempt is one attempt of carrying a shard.
type Attempt struct {
	Run  steps.Run
	N    int             // from 1
	Stop <-chan struct{} // closed when the worker is to stop
}

// Carrier carries the rows of one shard.
type Carrier struct{ *carrier }

// carrier carries the rows of one shard.
type carrier struct {
	*steps.Steps
	shared  *Carriers
	shard   upload.Shard
	attempt Attempt
	account string
	vendor  vendors.Vendor
	spec    *spec.Spec
	limiter *limiter
	asking  chan struct{} // holds those who ask the vendor
	slow    slowSources

	requests detachRequests

	mu              sync.Mutex
	cached          *wire.Caller
	asOf            time.Time     // of cached
	halt            string        // why no more rows begin; "" while they do
	haltFor         time.Duration // until the shard is to come back, where it halts
	haltedForOutage bool          // it halts for an outage
	trouble         error         // of the ledger
	unsent          int           // rows not sent yet
	resting         int           // of them, rows that wait for their sources alone
	looking         int           // rows that look at slow sources
	kept            bool          // some of those are claimed
	sourceNext      time.Time     // when the first of the rows that were left for their sources is to be tried
	processing      []*row        // that the vendor still processes
	waiting         int           // rows that could not be taken on
	detached        bool
	sent            int64
}

// Open makes the carrier of a shard.
func (cs *Carriers) Open(s *steps.Steps, shard upload.Shard, attempt Attempt) (Carrier, error) {
	vendor, err := vendors.Find(shard.Route.Vendor)
	if err != nil {
		return Carrier{}, upload.Errorf(upload.KindInternal, upload.StepClaim, "%w", err)
	}
	c := &carrier{
		Steps: s, shared: cs, shard: shard, attempt: attempt, account: shard.Route.Account, vendor: vendor, spec: vendor.Spec(),
		limiter: cs.limiters.of(shard.Route.Account, s.Now), asking: make(chan struct{}, pollsAtOnce), slow: newSlowSources(&cs.slowHosts),
	}
	c.requests.reset()
	return Carrier{c}, nil
}

// Carry brings all rows of the shard that can be grouped as far as they can come:
// each is prepared, sent, polled and recorded by itself, with its own outcome. What
// is known of a row between two steps is in the ledger before the next step begins,
// so that after a crash only calls that were in flight are made again.
//
// It returns *steps.Later while rows are being processed, and while the batch or its
// account is paused. Rows that need workflows of their own are marked so and left;
// detached reports whether there are any.
func (c Carrier) Carry(ctx context.Context) (detached bool, err error) {
	if c.check(ctx); c.stopped() { // a row that is requested need not wait for the batch
		return false, c.over(ctx)
	}
	rows, err := c.Ledger.ShardRows(ctx, c.shard)
	if err != nil {
		return false, steps.FromLedger(ctx, err)
	}
	c.carry(ctx, rows)
	return c.detached, c.over(ctx)
}

// Sent is how many bytes this attempt has sent.
func (c Carrier) Sent() int64 { return c.meter() }

// Words say how far the shard is, for whoever looks at it in Temporal: counts, and why no
// more rows begin. Who reads them has the key, for they may name a vendor's answer.
func (c Carrier) Words() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := c.unsent + len(c.processing)
	text := fmt.Sprintf("%d of %d rows are left: %d to send, %d being processed", left, c.shard.Rows, c.unsent, len(c.processing))
	if c.detached {
		text += "; others have workflows of their own"
	}
	if c.resting > 0 {
		text += fmt.Sprintf("; %d wait for their sources", c.resting)
	}
	if c.halt != "" {
		text += "; no more rows begin: " + c.halt
	}
	return text
}

func (c *carrier) meter() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent
}

// carry takes on one row after the other, as the limiter admits them, and returns when
// each has ended, or has come as far as it can for now.
func (c *carrier) carry(ctx context.Context, rows []ledger.Row) {
	working, parted := outlive(ctx, shardParting)
	defer parted()
	watching, end := context.WithCancel(ctx)
	var all, watch sync.WaitGroup
	watch.Go(func() { c.watch(watching) })
	c.mu.Lock()
	c.unsent = len(rows)
	c.mu.Unlock()
	for r := range c.admit(working, rows) {
		switch {
		case r.entry.Detached:
			c.detached = true
			r.finishSending()
		case r.p.Next == upload.StepPoll:
			r.finishSending()
			c.takeOn(working, &all, r, r.run)
		case r.unseen() || r.atSlowHost(): // it takes its place by itself, once its source is seen
			if !c.takeOn(working, &all, r, r.run) {
				r.finishSending()
			}
		case !c.enter(ctx):
			r.finishSending()
			c.countWaiting()
		default:
			r.holdsSlot = true
			if !c.takeOn(working, &all, r, r.run) {
				r.releaseSlot()
				r.finishSending()
			}
		}
	}
	all.Wait()
	end()
	watch.Wait()
}

// enter waits for the limiter, and reports whether a row may begin.
func (c *carrier) enter(ctx context.Context) bool {
	if c.stopped() || c.limiter.enter(ctx, c.LimitsOf(c.shard.Batch).InFlight) != nil {
		return false
	}
	if c.stopped() {
		c.limiter.leave()
		return false
	}
	return true
}

// outlive is a context that ends a while after another: what is in flight may come
// to its end.
func outlive(ctx context.Context, wait time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(wait, func() { cancel(context.Cause(ctx)) })
	})
	return longer, func() {
		stop()
		cancel(context.Canceled)
	}
}

// watch looks every second at what was decided about the batch, until ctx ends or
// the worker is to stop.
func (c *carrier) watch(ctx context.Context) {
	ticker := time.NewTicker(shardWatch)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.attempt.Stop:
			c.stop("the worker stops", time.Millisecond)
			return
		case <-ticker.C:
			c.check(ctx)
		}
	}
}

// check reads what was decided about the batch and its rows, and holds it where its
// failures have used up a budget.
func (c *carrier) check(ctx context.Context) {
	c.receive(ctx)
	batch, err := c.Ledger.Batch(ctx, c.shard.Batch)
	if err != nil {
		c.fail(ctx, err)
		return
	}
	c.LimitBatch(batch.ID, batch.Limits)
	if batch.State == upload.BatchRunning && !batch.Paused {
		if batch, err = c.budget(ctx, batch); err != nil {
			c.fail(ctx, err)
			return
		}
	}
	rest := c.returnDelay()
	switch {
	case batch.State == upload.BatchHeld:
		c.stop("the batch is held: "+batch.Because, rest)
	case batch.Paused:
		c.stop("the batch is paused", rest)
	case batch.State == upload.BatchCanceling:
		c.stop("the batch is being canceled", rest)
	}
}

// budget holds the batch where too many of its rows have failed.
func (c *carrier) budget(ctx context.Context, batch ledger.Batch) (ledger.Batch, error) {
	if len(batch.Limits.Failures) == 0 {
		return batch, nil
	}
	failures, err := c.Ledger.Failures(ctx, batch.ID)
	if err != nil {
		return batch, err
	}
	for _, budget := range batch.Limits.Failures {
		failed := failures[budget.Kind]
		if budget.Kind == "" {
			for _, n := range failures {
				failed += n
			}
		}
		if failed < max(budget.Most(batch.Total), 1) {
			continue
		}
		rows := "1 row"
		if failed != 1 {
			rows = fmt.Sprintf("%d rows", failed)
		}
		because := fmt.Sprintf("%s failed; the failure budget is %s", rows, budget)
		return c.Ledger.ChangeBatch(ctx, batch.ID, ledger.BatchChange{
			State: upload.BatchHeld, Because: &because,
			Event: ledger.BatchEvent{What: ledger.EventHold, By: upload.ByItself, Because: because},
		})
	}
	return batch, nil
}

// patience is how long a row may wait for its next poll without giving up the
// shard's slot: for as long as others are being sent, and a little more. A shard that
// looks at slow sources comes back late, and its rows do not wait for that.
func (c *carrier) patience() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.looking > 0 {
		return lookMost
	}
	if c.unsent > 0 && c.halt == "" {
		return 10 * shardPatience
	}
	return shardPatience
}

// save keeps when the rows that are being processed are to be looked at next.
func (c *carrier) save(ctx context.Context) error {
	var updates []ledger.ProgressUpdate
	for _, r := range c.processing {
		if r.unsaved {
			updates = append(updates, r.update())
		}
	}
	_, err := c.Ledger.SaveProgress(context.WithoutCancel(ctx), updates) // what is refused is another run's
	return err
}

// abandon ends the rows that were under way when their batch was canceled. What
// was sent of them stays at the vendor, and the result says so.
func (c *carrier) abandon(ctx context.Context) {
	if batch, err := c.Ledger.Batch(ctx, c.shard.Batch); err != nil || batch.State != upload.BatchCanceling {
		return // the worker was lost sight of, or ends: another attempt goes on
	}
	rows, err := c.Ledger.ShardRows(ctx, c.shard)
	if err != nil {
		c.Log.Warn("could not record canceled rows; they are canceled when the batch ends", zap.String("batch", c.shard.Batch), zap.Error(err))
		return
	}
	var records []upload.Record
	for _, row := range rows {
		if r := newRow(c, row); !row.Detached && r.p.Session.Method != "" {
			records = append(records, r.canceled())
		}
	}
	if _, err := c.Ledger.RecordAll(ctx, records); err != nil {
		c.Log.Warn("could not record canceled rows; they are canceled when the batch ends", zap.String("batch", c.shard.Batch), zap.Error(err))
	}
}
