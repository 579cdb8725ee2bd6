package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Permit asks for N requests to an account whose whole fleet may make Rate of
// them per second, and Burst at once after a while without any. Whoever uses an
// account must ask with the same Rate and Burst. Asking for several at once takes
// them ahead, at the cost of one; under a pace they come late, so that it is
// better to ask for few.
type Permit struct {
	Account string
	N       int     // from 1 to Burst; any number from 1 without a rate
	Rate    float64 // per second, at most a million; 0: no limit but the pace that Slow may impose
	Burst   int     // at least 1; without a rate it means nothing
}

// Limits of what fits into nanoseconds: per second, and seconds.
const (
	maxRate   = 1e6
	maxSaving = 1e9
)

func (p Permit) check() error {
	switch {
	case p.Rate == 0 && p.N >= 1:
		return nil
	case !(p.Rate >= 0 && p.Rate <= maxRate): // so that it holds for no number, too
		return fmt.Errorf("the rate is %g requests per second, but must be more than 0 and at most %g, or 0 for no limit", p.Rate, float64(maxRate))
	case p.Rate == 0:
		return fmt.Errorf("%d requests at once, but must be at least 1", p.N)
	case p.Burst < 1:
		return fmt.Errorf("the burst is %d requests, but must be at least 1", p.Burst)
	case float64(p.Burst)/p.Rate > maxSaving:
		return fmt.Errorf("a burst of %d at a rate of %g takes %.3g seconds to save up, but may take at most %g",
			p.Burst, p.Rate, float64(p.Burst)/p.Rate, float64(maxSaving))
	case p.N < 1 || p.N > p.Burst:
		return fmt.Errorf("%d requests at once, but must be 1 to %d", p.N, p.Burst)
	}
	return nil
}

// interval is what one request costs, in nanoseconds, rounded so that a rate is
// rather too low than too high; nothing where there is no rate.
func (p Permit) interval() int64 {
	if p.Rate == 0 {
		return 0
	}
	ns := int64(float64(time.Second) / p.Rate)
	if float64(ns)*p.Rate < float64(time.Second) {
		ns++
	}
	return ns
}

// ahead is by how much time requests may be made before they are earned.
func (p Permit) ahead() int64 { return int64(p.Burst) * p.interval() }

// Reserve takes N permits and says how long to wait before the requests are
// made: together with all others of any process, no span of time then has more
// than Rate times its length plus Burst of them. What was taken cannot be given
// back; a caller that does not use it only slows the account down. While Slow
// has lowered the account's pace, that counts instead of a higher Rate, or of
// none, and nothing but what the Rate had saved up runs ahead of it.
//
// A caller that had to wait asks Slowed afterwards: the vendor may have asked
// for a pause meanwhile.
func (l *Ledger) Reserve(ctx context.Context, p Permit) (time.Duration, error) {
	if err := p.check(); err != nil {
		return 0, l.fail("reserve requests to "+p.Account, err)
	}
	wait, err := l.reserve(ctx, p)
	if errors.Is(err, sql.ErrNoRows) {
		wait, err = l.reservePaced(ctx, p)
	}
	return max(0, wait), l.fail("reserve requests to "+p.Account, err)
}

// countRequests are the columns that tell how fast an account was used lately:
// $5 requests are made now.
const countRequests = `
	requests_before = CASE permits.second WHEN {now} / 1000000 THEN permits.requests_before
		WHEN {now} / 1000000 - 1 THEN permits.requests ELSE 0 END,
	requests = CASE permits.second WHEN {now} / 1000000 THEN permits.requests + $5 ELSE $5 END,
	second = {now} / 1000000`

// reserve takes permits in one statement, as long as no pace is in force; then
// the error is sql.ErrNoRows.
func (l *Ledger) reserve(ctx context.Context, p Permit) (time.Duration, error) {
	// Every request moves the moment at which all are earned by its interval;
	// a burst is to run ahead of that moment. After a pause that the vendor
	// asked for, nothing runs ahead: where so many wait, a burst would meet the
	// same refusal again.
	interval, ahead := p.interval(), p.ahead()
	var earned, slowUntil, now int64
	err := l.write.QueryRowContext(ctx, l.text(`
INSERT INTO permits (account, earned, slow_until, rate, second, requests)
VALUES ($2, {now} * 1000 + $3, 0, $6, {now} / 1000000, $5)
ON CONFLICT (account) DO UPDATE SET earned = $3 + CASE
	WHEN permits.earned >= {now} * 1000 AND permits.earned >= permits.slow_until + $4 THEN permits.earned
	WHEN permits.slow_until + $4 >= {now} * 1000 THEN permits.slow_until + $4
	ELSE {now} * 1000 END,
	rate = excluded.rate, `+countRequests+`
WHERE permits.pace = 0
RETURNING earned, slow_until, {now} * 1000`),
		l.clock(), clean(p.Account), int64(p.N)*interval, ahead-interval, int64(p.N), p.Rate).Scan(&earned, &slowUntil, &now)
	if p.Rate == 0 { // what an earlier pace has delayed delays nobody any more
		return time.Duration(slowUntil - now), err
	}
	return time.Duration(earned - ahead - now), err
}

// Expected tells, without taking a permit, how long everybody is to keep from calling
// an account because of Slow, and how long one who reserves a permit now is going to
// wait. What others reserve meanwhile comes on top.
func (l *Ledger) Expected(ctx context.Context, p Permit) (slowed, wait time.Duration, err error) {
	if err := p.check(); err != nil {
		return 0, 0, l.fail("read the pace of account "+p.Account, err)
	}
	now, earned, at, err := scanPace(l.read.QueryRowContext(ctx, l.text(paceOf), l.clock(), clean(p.Account)))
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, l.fail("read the pace of account "+p.Account, err)
	}
	_, wait = p.paced(now.at(at), max(earned, 0), now.slow, at)
	return max(0, time.Duration(now.slow-at)), max(0, wait), nil
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
