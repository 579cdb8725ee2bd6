package ledger

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"
)

// How the pace of an account follows what its vendor says.
const (
	// slowestPace is below what no refusal lowers a pace, in requests per second.
	slowestPace = 0.2
	// cutAgain is how long after a cut the next one counts: what was under way
	// when the vendor first refused is refused, too, and says nothing new.
	cutAgain = time.Second
	// recovery is by what a pace grows in each second without a refusal.
	recovery = 1.1
	// paceTop is up to how many times the rate at which it was first cut a pace
	// grows before it is dropped, where no rate is configured.
	paceTop = 4
)

// pace is what the permits of an account keep of how fast it may be used.
// Moments are nanoseconds since 1970.
type pace struct {
	rate   float64 // as it was last asked with; 0: none
	pace   float64 // at pacedAt; 0: none in force
	top    float64
	cutAt  int64
	paced  int64 // when the latest refusal was
	slow   int64 // until when nobody is to call
	lately int64 // requests in the fuller one of the two latest seconds with any
}

// at is the pace in force at a moment; 0 where it has recovered. While nobody
// may call nothing is learned, and nothing recovers.
func (p pace) at(now int64) float64 {
	if p.pace == 0 {
		return 0
	}
	seconds := max(0, (now-max(p.paced, p.slow))/int64(time.Second))
	grown := p.pace * math.Pow(recovery, float64(seconds))
	top := p.top
	if p.rate > 0 {
		top = p.rate
	}
	if grown >= top {
		return 0
	}
	return grown
}

// refused is the pace after one more refusal, before which it was p.
func (p pace) refused(now int64) pace {
	current := p.at(now)
	if current > 0 && now-p.cutAt < int64(cutAgain) {
		p.pace, p.paced = current, now
		return p
	}
	if current == 0 {
		if current = p.rate; current == 0 {
			current = float64(p.lately)
		}
		p.top = paceTop * current
	}
	if current == 0 { // nobody has called, and nobody knows how fast is too fast
		return p
	}
	p.pace, p.cutAt, p.paced = max(current/2, slowestPace), now, now
	return p
}

// readPace reads what an account's permits keep, and locks it.
func (l *Ledger) readPace(ctx context.Context, tx *sql.Tx, account string) (p pace, earned, now int64, err error) {
	return scanPace(tx.QueryRowContext(ctx, l.text(paceOf)+l.dialect.lock, l.clock(), clean(account)))
}

const paceOf = `
SELECT rate, pace, pace_top, cut_at, paced_at, slow_until, CASE WHEN requests > requests_before THEN requests ELSE requests_before END,
	earned, {now} * 1000
FROM permits WHERE account = $2`

func scanPace(row *sql.Row) (p pace, earned, now int64, err error) {
	err = row.Scan(&p.rate, &p.pace, &p.top, &p.cutAt, &p.paced, &p.slow, &p.lately, &earned, &now)
	return p, earned, now, err
}

// reservePaced takes permits while a pace is in force, or was until now.
func (l *Ledger) reservePaced(ctx context.Context, asked Permit) (wait time.Duration, err error) {
	err = l.transact(ctx, func(tx *sql.Tx) error {
		p, earned, now, err := l.readPace(ctx, tx, asked.Account)
		if err != nil {
			return err
		}
		p.rate = asked.Rate
		current := p.at(now)
		if current == 0 {
			p.pace, p.top = 0, 0
		}
		earned, wait = asked.paced(current, max(earned, 0), p.slow, now)
		_, err = tx.ExecContext(ctx, l.text(`
UPDATE permits SET earned = $3, rate = $4, pace = $6, pace_top = $7, `+countRequests+` WHERE account = $2`),
			l.clock(), clean(asked.Account), earned, p.rate, int64(asked.N), p.pace, p.top)
		return err
	})
	return wait, err
}

// paced is what Reserve decides under a pace, which is 0 where there is none any
// more: when all permits are earned then, and how long to wait.
func (p Permit) paced(current float64, earned, slowUntil, now int64) (int64, time.Duration) {
	slow := p
	if current > 0 && (p.Rate == 0 || current < p.Rate) {
		slow.Rate = current
	}
	// Requests cost what the pace says, and run ahead by no more time than the
	// rate allows: so all that is made at any pace keeps within the rate. One
	// request may always be made when it is earned.
	interval := slow.interval()
	ahead := max(p.ahead(), interval)
	earned = max(earned, slowUntil+ahead-interval, now) + int64(p.N)*interval
	if slow.Rate == 0 {
		return earned, time.Duration(slowUntil - now)
	}
	return earned, time.Duration(earned - ahead - now)
}

// Slow keeps everybody from calling an account for a time, because the vendor
// refused a request that came too fast, and lowers the pace at which Reserve
// gives permits afterwards: by half, at most once a second, from the rate that
// Reserve was last asked with, or from that at which it was called lately where
// it was asked with none; never below one request in five seconds. In each
// second without a refusal the pace recovers by a tenth of itself, until it is
// at that rate again, or at four times the one it was first cut from. A shorter
// wait than one that is on already leaves that one. A wait of 0 only lowers the
// pace. because says in words who asked for it, and must hold no secret.
func (l *Ledger) Slow(ctx context.Context, account string, wait time.Duration, because string) error {
	sealed, err := l.sealPause(account, because)
	if err != nil {
		return l.fail("slow down account "+account, err)
	}
	var until time.Time // of a pause that is new
	err = l.transact(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx,
			`INSERT INTO permits (account, earned, slow_until) VALUES ($1, 0, 0) ON CONFLICT (account) DO NOTHING`, clean(account))
		if err != nil {
			return err
		}
		p, _, now, err := l.readPace(ctx, tx, account)
		if err != nil {
			return err
		}
		if until = (time.Time{}); p.slow <= now && wait > 0 {
			until = time.Unix(0, now).Add(wait).UTC()
		}
		p = p.refused(now)
		_, err = tx.ExecContext(ctx, `
UPDATE permits SET pace = $2, pace_top = $3, cut_at = $4, paced_at = $5, slowdowns = slowdowns + 1, `+slower+` WHERE account = $1`,
			clean(account), p.pace, p.top, p.cutAt, p.paced, now+int64(max(wait, 0)), now, sealed)
		return err
	})
	if err == nil && !until.IsZero() {
		l.observer.Account(AccountChange{Account: account, SlowUntil: until, Because: because})
	}
	return l.fail("slow down account "+account, err)
}

// sealPause is why nobody is to call an account, as it is stored.
func (l *Ledger) sealPause(account, because string) (string, error) {
	return l.sealText("pause of account "+account, because)
}

// slower are the columns of a pause until $6, as of $7, because of $8. A pause that is
// on and longer stays as it is.
const slower = `
	slow_since = CASE WHEN permits.slow_until > CAST($7 AS BIGINT) THEN permits.slow_since ELSE CAST($7 AS BIGINT) / 1000 END,
	slow_because = CASE WHEN permits.slow_until >= CAST($6 AS BIGINT) THEN permits.slow_because ELSE $8 END,
	slow_until = CASE WHEN permits.slow_until >= CAST($6 AS BIGINT) THEN permits.slow_until ELSE CAST($6 AS BIGINT) END`

// Rest keeps everybody from calling an account for a time because its quota is
// used up. Nobody was refused, so the pace stays as it is. A shorter wait than one
// that is on already changes nothing. because says in words what is used up.
func (l *Ledger) Rest(ctx context.Context, account string, wait time.Duration, because string) error {
	if wait <= 0 {
		return nil
	}
	sealed, err := l.sealPause(account, because)
	if err != nil {
		return l.fail("rest account "+account, err)
	}
	changed, err := l.write.ExecContext(ctx, l.text(`
INSERT INTO permits (account, earned, slow_until, slow_since, slow_because) VALUES ($2, 0, {now} * 1000 + $3, {now}, $4)
ON CONFLICT (account) DO UPDATE SET slow_until = excluded.slow_until, slow_because = excluded.slow_because,
	slow_since = CASE WHEN permits.slow_until > {now} * 1000 THEN permits.slow_since ELSE excluded.slow_since END
WHERE permits.slow_until < excluded.slow_until`),
		l.clock(), clean(account), int64(wait), sealed)
	if err == nil && affected(changed) {
		l.observer.Account(AccountChange{Account: account, SlowUntil: l.now().Add(wait).UTC(), Because: because})
	}
	return l.fail("rest account "+account, err)
}

// Slowdowns is how often Slow was called for an account since the ledger began.
func (l *Ledger) Slowdowns(ctx context.Context, account string) (int64, error) {
	var n int64
	err := l.read.QueryRowContext(ctx, `SELECT slowdowns FROM permits WHERE account = $1`, clean(account)).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, l.fail("read the pace of account "+account, err)
}
