package ledger

import (
	"context"
	"fmt"
	"time"
)

// Permit asks for N requests to an account whose whole fleet may make Rate of
// them per second, and Burst at once after a while without any. Whoever uses an
// account must ask with the same Rate and Burst.
type Permit struct {
	Account string
	N       int     // from 1 to Burst
	Rate    float64 // per second, above 0, at most a million
	Burst   int     // at least 1
}

// Limits of what fits into nanoseconds: per second, and seconds.
const (
	maxRate   = 1e6
	maxSaving = 1e9
)

func (p Permit) check() error {
	switch {
	case !(p.Rate > 0 && p.Rate <= maxRate): // so that it holds for no number, too
		return fmt.Errorf("a rate of %g requests per second, want more than 0 and at most %g", p.Rate, float64(maxRate))
	case p.Burst < 1:
		return fmt.Errorf("a burst of %d requests, want at least 1", p.Burst)
	case float64(p.Burst)/p.Rate > maxSaving:
		return fmt.Errorf("a burst of %d at a rate of %g takes %.3g seconds to save up, want at most %g",
			p.Burst, p.Rate, float64(p.Burst)/p.Rate, float64(maxSaving))
	case p.N < 1 || p.N > p.Burst:
		return fmt.Errorf("%d requests at once, want 1 to %d", p.N, p.Burst)
	}
	return nil
}

// interval is what one request costs, in nanoseconds, rounded so that a rate is
// rather too low than too high.
func (p Permit) interval() int64 {
	ns := int64(float64(time.Second) / p.Rate)
	if float64(ns)*p.Rate < float64(time.Second) {
		ns++
	}
	return ns
}

// Reserve takes N permits and says how long to wait before the requests are
// made: together with all others of any process, no span of time then has more
// than Rate times its length plus Burst of them. What was taken cannot be given
// back; a caller that does not use it only slows the account down.
//
// A caller that had to wait asks Slowed afterwards: the vendor may have asked
// for a pause meanwhile.
func (l *Ledger) Reserve(ctx context.Context, p Permit) (time.Duration, error) {
	if err := p.check(); err != nil {
		return 0, l.fail("reserve requests to "+p.Account, err)
	}
	// Every request moves the moment at which all are earned by its interval;
	// a burst is to run ahead of that moment. After a pause that the vendor
	// asked for, nothing runs ahead: where so many wait, a burst would meet the
	// same refusal again.
	interval := p.interval()
	cost, ahead := int64(p.N)*interval, int64(p.Burst)*interval
	var earned, now int64
	err := l.write.QueryRowContext(ctx, l.text(`
INSERT INTO permits (account, earned, slow_until) VALUES ($2, {now} * 1000 + $3, 0)
ON CONFLICT (account) DO UPDATE SET earned = $3 + CASE
	WHEN permits.earned >= {now} * 1000 AND permits.earned >= permits.slow_until + $4 THEN permits.earned
	WHEN permits.slow_until + $4 >= {now} * 1000 THEN permits.slow_until + $4
	ELSE {now} * 1000 END
RETURNING earned, {now} * 1000`), l.clock(), clean(p.Account), cost, ahead-interval).Scan(&earned, &now)
	if err != nil {
		return 0, l.fail("reserve requests to "+p.Account, err)
	}
	return max(0, time.Duration(earned-ahead-now)), nil
}

// Slow keeps everybody from calling an account for a time, because the vendor
// asked for it. A shorter wait than one that is on already changes nothing.
func (l *Ledger) Slow(ctx context.Context, account string, wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	_, err := l.write.ExecContext(ctx, l.text(`
INSERT INTO permits (account, earned, slow_until) VALUES ($2, 0, {now} * 1000 + $3)
ON CONFLICT (account) DO UPDATE SET slow_until = excluded.slow_until WHERE permits.slow_until < excluded.slow_until`),
		l.clock(), clean(account), int64(wait))
	return l.fail("slow down account "+account, err)
}

// Slowed is how long everybody is to keep from calling an account, because of
// Slow; 0 where nothing is in the way.
func (l *Ledger) Slowed(ctx context.Context, account string) (time.Duration, error) {
	var wait int64
	err := l.read.QueryRowContext(ctx, l.text(`
SELECT COALESCE(MAX(slow_until - {now} * 1000), 0) FROM permits WHERE account = $2`),
		l.clock(), clean(account)).Scan(&wait)
	return max(0, time.Duration(wait)), l.fail("read the pace of account "+account, err)
}
