package steps

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

const (
	// PermitWait is how long an activity waits for a permit in its slot. What
	// takes longer comes back.
	PermitWait = 3 * time.Second
	day        = 24 * time.Hour
)

// Permits meters an account's control calls by the ledger, for the whole fleet.
type Permits struct{ *Steps }

// Take waits for leave to make one call. The call is counted against the day
// when nothing else is in its way: before it is made, but not where it is not.
func (p Permits) Take(ctx context.Context, account spec.Account) error {
	if err := p.turn(ctx, account); err != nil {
		return err
	}
	return p.Daily(ctx, account)
}

// turn waits until the account may make a call for all that its pace says.
func (p Permits) turn(ctx context.Context, account spec.Account) error {
	wait, err := p.Ledger.Slowed(ctx, account.Name)
	if err != nil {
		return FromLedger(ctx, err)
	}
	if wait > PermitWait {
		return TooFast(account, wait)
	}
	// Also where the account has no limit of its own: it may have been refused.
	reserved, err := p.Ledger.Reserve(ctx, ledger.Permit{Account: account.Name, N: 1, Rate: account.Rate, Burst: Burst(account)})
	if err != nil {
		return FromLedger(ctx, err)
	}
	wait = max(wait, reserved)
	if err := p.Pause(ctx, wait); err != nil || wait <= 0 {
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

// Daily counts a call against the vendor's limit of a day.
func (p Permits) Daily(ctx context.Context, account spec.Account) error {
	vendor, err := vendors.Find(account.Vendor)
	if err != nil || vendor.Spec().DailyLimit == 0 {
		return err
	}
	ok, resets, err := p.Ledger.Count(ctx, ledger.Counter{
		Account: account.Name, Name: "requests", Window: day, Limit: vendor.Spec().DailyLimit, N: 1,
	})
	if err != nil {
		return FromLedger(ctx, err)
	}
	if !ok {
		return TooFast(account, resets.Sub(p.Now()))
	}
	return nil
}

// TooFast is the failure of a call for which there is no permit for so long.
func TooFast(account spec.Account, wait time.Duration) error {
	e := upload.Errorf(upload.KindThrottled, "", "account %s has reached its limit of calls", account.Name)
	e.RetryAfter = wait
	return e
}

// Slow tells the fleet to leave the account alone for a while.
func (p Permits) Slow(ctx context.Context, account spec.Account, wait time.Duration) {
	if err := p.Ledger.Slow(ctx, account.Name, wait); err != nil { // the vendor will say it again
		p.Log.Warn("the pause of an account could not be saved", zap.String("account", account.Name), zap.Error(err))
	}
}

// Rest tells the fleet that the account has used up what it may do for now.
func (p Permits) Rest(ctx context.Context, account spec.Account, wait time.Duration) {
	if err := p.Ledger.Rest(ctx, account.Name, wait); err != nil { // the vendor will say it again
		p.Log.Warn("the pause of an account could not be saved", zap.String("account", account.Name), zap.Error(err))
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
