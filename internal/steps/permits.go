package steps

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

const (
	// PermitWait is how long an activity waits in its slot for a pause that the vendor
	// asked for, and turnWait how long for its turn among others. What takes longer
	// comes back: it must not take a permit and be given up before that is due.
	PermitWait = 3 * time.Second
	turnWait   = 20 * time.Second
)

// Permits meters an account's control calls by the ledger, for the whole fleet.
type Permits struct{ *Steps }

// Take waits for leave to make one call. The call is counted against longer windows
// when nothing else is in its way: before it is made, but not where it is not.
func (p Permits) Take(ctx context.Context, account spec.Account) error {
	account, err := p.Limited(ctx, account)
	if err != nil {
		return err
	}
	if err := p.turn(ctx, account); err != nil {
		return err
	}
	return p.Count(ctx, account)
}

// turn waits until the account may make a call for all that its pace says.
func (p Permits) turn(ctx context.Context, account spec.Account) error {
	// Also where the account has no limit of its own: it may have been refused.
	permit := ledger.Permit{Account: account.Name, N: 1, Rate: account.Rate, Burst: Burst(account)}
	wait, expected, err := p.Ledger.Expected(ctx, permit)
	if err != nil {
		return FromLedger(ctx, err)
	}
	if wait > PermitWait || expected > turnWait {
		return TooFast(account, max(wait, expected))
	}
	reserved, err := p.Ledger.Reserve(ctx, permit)
	if err != nil {
		return FromLedger(ctx, err)
	}
	wait = max(wait, reserved)
	if err := p.Waited(ctx, account.Name, wait); err != nil || wait <= 0 {
		return err
	}
	if wait, err = p.Ledger.Slowed(ctx, account.Name); err != nil { // the vendor may have asked for a pause meanwhile
		return FromLedger(ctx, err)
	}
	if wait > 0 {
		return TooFast(account, wait)
	}
	return nil
}

// Count counts a call against the account's quotas.
func (p Permits) Count(ctx context.Context, account spec.Account) error {
	for _, q := range account.Quotas {
		ok, resets, err := p.Ledger.Count(ctx, ledger.RequestsIn(account.Name, q))
		if err != nil {
			return FromLedger(ctx, err)
		}
		if !ok {
			return TooFast(account, resets.Sub(p.Now()))
		}
	}
	return nil
}

// TooFast is the failure of a call for which there is no permit for so long.
func TooFast(account spec.Account, wait time.Duration) error {
	e := upload.Errorf(upload.KindThrottled, "", "account %s has reached its rate limit", account.Name)
	e.RetryAfter = wait
	return e
}

// Slow tells the fleet to leave the account alone for a while.
func (p Permits) Slow(ctx context.Context, account spec.Account, wait time.Duration, because string) {
	p.Metrics.Throttled(account.Name)
	if err := p.Ledger.Slow(ctx, account.Name, wait, because); err != nil { // the vendor will say it again
		p.Log.Warn("could not save the pause of an account", zap.String("account", account.Name), zap.Error(err))
	}
}

// Rest tells the fleet that the account has used up what it may do for now.
func (p Permits) Rest(ctx context.Context, account spec.Account, wait time.Duration, because string) {
	if err := p.Ledger.Rest(ctx, account.Name, wait, because); err != nil { // the vendor will say it again
		p.Log.Warn("could not save the pause of an account", zap.String("account", account.Name), zap.Error(err))
	}
}

// burstShare is for what part of a second's calls an account may run ahead, and
// for what part of a second permits are leased at once.
const burstShare = 20

// Burst is how many calls of an account may come at once, by all who use it.
func Burst(account spec.Account) int { return max(account.Burst, 1, Share(account.Rate)) }

// Share is how many permits are worth asking for at once, at a rate in calls a
// second: asking for each would cost more than the call.
func Share(rate float64) int { return int(rate / burstShare) }
