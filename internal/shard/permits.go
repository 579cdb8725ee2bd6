package shard

import (
	"context"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

const (
	// leaseLife is how long leased permits may be spent. Later they would come on
	// top of those of that time.
	leaseLife = time.Second
	// slowSeen is how long after a refusal for speed an account without a limit
	// of its own is still metered.
	slowSeen = time.Minute
	// slowRead is how old the ledger's word may be on whether an account is slowed.
	slowRead = 200 * time.Millisecond
)

// leases are the permits of the rows of shards. One row at a time asks for an account's,
// so that a single upload waits behind one of them and not behind all.
type leases struct {
	mu  sync.Mutex
	all map[string]*lease
}

type lease struct {
	turn chan struct{} // held by the one that asks

	left  int
	until time.Time

	slowed    time.Duration // at slowAt, by the ledger
	slowAt    time.Time
	throttled time.Time // when the account was last told to be slower
}

func (l *leases) of(key string) *lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[string]*lease{}
	}
	if l.all[key] == nil {
		l.all[key] = &lease{turn: make(chan struct{}, 1)}
	}
	return l.all[key]
}

// groupedPermits meters the calls of a batch's the rows of shards: by the account's
// limit, and by one that the batch sets below that.
type groupedPermits struct {
	steps.Permits
	cs    *Carriers
	batch string
}

// Take waits for leave to make one call.
func (p groupedPermits) Take(ctx context.Context, account spec.Account) error {
	account, err := p.Limited(ctx, account)
	if err != nil {
		return err
	}
	if own := p.LimitsOf(p.batch).RPS[account.Name]; own > 0 {
		permit := ledger.Permit{Account: "batch/" + p.batch + ":" + account.Name, N: 1, Rate: own, Burst: max(1, steps.Share(own))}
		if err := p.spend(ctx, account, permit); err != nil {
			return err
		}
	}
	if err := p.spend(ctx, account, ledger.Permit{Account: account.Name, N: 1, Rate: account.Rate, Burst: steps.Burst(account)}); err != nil {
		return err
	}
	if wait := p.cs.limiters.of(account.Name, p.Now).doubtful(); wait > 0 {
		return &steps.Later{Why: "the credentials of account " + account.Name + " were refused", After: min(wait, steps.Noticed)}
	}
	return p.Count(ctx, account)
}

// spend takes one permit of those that are leased, and leases more where there is
// none.
func (p groupedPermits) spend(ctx context.Context, account spec.Account, permit ledger.Permit) error {
	l := p.cs.leases.of(permit.Account)
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := p.leftAlone(ctx, l, account, permit.Account); err != nil {
		return err
	}
	now := p.Now()
	if permit.Rate == 0 && now.Sub(l.throttled) > slowSeen {
		return nil
	}
	if l.left > 0 && now.Before(l.until) {
		l.left--
		return nil
	}
	if now.Sub(l.throttled) > slowSeen { // after a refusal each costs what the pace says
		permit.N = min(max(steps.Share(permit.Rate), 1), permit.Burst)
	}
	wait, err := p.Ledger.Reserve(ctx, permit)
	if err != nil {
		return steps.FromLedger(ctx, err)
	}
	if err := p.Waited(ctx, account.Name, wait); err != nil {
		return err
	}
	if wait > 0 { // the vendor may have asked for a pause meanwhile
		l.slowAt = time.Time{}
		if err := p.leftAlone(ctx, l, account, permit.Account); err != nil {
			return err
		}
	}
	l.left, l.until = permit.N-1, p.Now().Add(leaseLife)
	return nil
}

// leftAlone waits for as long as the vendor asked for a pause, by what the ledger
// has under name.
func (p groupedPermits) leftAlone(ctx context.Context, l *lease, account spec.Account, name string) error {
	wait, err := p.slowed(ctx, l, name)
	switch {
	case err != nil:
		return err
	case wait > steps.PermitWait:
		return steps.TooFast(account, wait)
	case wait > 0:
		return p.Waited(ctx, account.Name, wait)
	}
	return nil
}

// slowed is how long the account is to be left alone.
func (p groupedPermits) slowed(ctx context.Context, l *lease, account string) (time.Duration, error) {
	now := p.Now()
	if age := now.Sub(l.slowAt); age >= 0 && age < slowRead && !l.slowAt.IsZero() {
		return max(l.slowed-age, 0), nil
	}
	wait, err := p.Ledger.Slowed(ctx, account)
	if err != nil {
		return 0, steps.FromLedger(ctx, err)
	}
	if wait > 0 {
		l.throttled = now
	}
	l.slowed, l.slowAt = wait, now
	return wait, nil
}

// Slow tells the fleet to leave the account alone for a while, and this process's
// own rows at once.
func (p groupedPermits) Slow(ctx context.Context, account spec.Account, wait time.Duration, because string) {
	p.Permits.Slow(ctx, account, wait, because)
	p.cs.limiters.of(account.Name, p.Now).tooMuch()
	l := p.cs.leases.of(account.Name)
	select {
	case l.turn <- struct{}{}:
		l.slowAt, l.throttled, l.left = time.Time{}, p.Now(), 0
		<-l.turn
	case <-ctx.Done():
	}
}
