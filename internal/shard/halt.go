package shard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// returnDelay is after what time the shard looks again whether it may go on.
func (c *carrier) returnDelay() time.Duration {
	return upload.Jitter(min(shardRest<<min(c.attempt.N, 5), shardRestMost), c.attempt.Run.ID, c.attempt.N)
}

// stop keeps more rows from beginning, and has the shard come back after rest.
func (c *carrier) stop(why string, rest time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.halt == "" || rest > c.haltFor {
		c.halt, c.haltFor = why, rest
	}
}

// stopOutage keeps more rows from beginning until somebody has tried whether an outage
// is over.
func (c *carrier) stopOutage(out *steps.OutOfOrder) {
	c.stop(out.Error(), out.After)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.haltedForOutage = true
}

// resumeShard has a shard that stopped for an outage come back at once: a call was
// answered.
func (c *carrier) resumeShard() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.haltedForOutage && !c.HasOutage(c.account) {
		c.haltFor = time.Millisecond
	}
}

func (c *carrier) stopped() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.halt != "" || c.trouble != nil
}

// fail notes trouble with the ledger: nothing can go on without it. A refusal is no
// trouble: it is of one row.
func (c *carrier) fail(ctx context.Context, err error) {
	var refused *ledger.Refusal
	if err == nil || ctx.Err() != nil || errors.As(err, &refused) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.trouble == nil {
		c.trouble = err
	}
}

// countWaiting counts a row that could not be taken on.
func (c *carrier) countWaiting() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting++
}

// over is what the shard comes to: nil when all its rows have ended, are to travel
// alone, or wait for another round of their batch.
func (c *carrier) over(ctx context.Context) error {
	if err := c.save(ctx); err != nil {
		c.fail(ctx, err)
	}
	if ctx.Err() != nil {
		c.abandon(context.WithoutCancel(ctx))
		return ctx.Err()
	}
	pass := c.passOn(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.trouble != nil:
		return steps.FromLedger(ctx, c.trouble)
	case c.halt != "":
		return &steps.Later{Why: c.halt, After: c.haltFor}
	case c.waiting > 0:
		return &steps.Later{Why: fmt.Sprintf("%d rows could not continue", c.waiting), After: shardRest}
	case pass:
		return nil
	case len(c.processing) > 0 || !c.sourceNext.IsZero():
		return c.later()
	}
	return nil
}

// later is when a shard comes back whose rows are being processed, or wait for their
// sources.
func (c *carrier) later() error {
	next, why := c.sourceNext, "rows are waiting for their sources"
	if len(c.processing) > 0 {
		why = fmt.Sprintf("the vendor is processing %d rows", len(c.processing))
	}
	for _, r := range c.processing {
		if next.IsZero() || r.p.NotBefore.Before(next) {
			next = r.p.NotBefore
		}
	}
	return &steps.Later{Why: why, After: max(next.Sub(c.Now()), time.Millisecond)}
}
