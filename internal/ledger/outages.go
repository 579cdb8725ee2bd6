package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Outage is a stretch of time in which one of an account's other sides did not answer.
// While it lasts one item at a time makes a call, and all others wait.
type Outage struct {
	Peer upload.Peer
	// Since is when the first of the calls began that failed one after the other.
	Since time.Time
	// Tries are the calls that failed since.
	Tries int64
	// Next is when the next call is to be made.
	Next time.Time
	// Trying is the item that makes that call until TryingTo, or else made the last one.
	Trying   string
	TryingTo time.Time
	// Last is how the last of these calls failed.
	Last upload.Error
	// Ended is when a call was answered again; zero while the outage lasts.
	Ended time.Time
}

// OutageCall is the next call to another side of an account that is out of order, and
// who wants to make it: an item, or a part of one.
type OutageCall struct {
	Account string
	Peer    upload.Peer
	Caller  string
}

// Over reports whether the other side answers again.
func (o Outage) Over() bool { return !o.Ended.IsZero() }

// outageColumns are what scanOutage reads, in its order.
const outageColumns = `peer, since, tries, next_at, trying, trying_to, last_error, ended_at`

// account is of the outage; it and more are read first.
func (l *Ledger) scanOutage(row interface{ Scan(...any) error }, account *string, more ...any) (Outage, error) {
	var o Outage
	var peer, last string
	var since, next, to, ended int64
	into := append([]any{account}, more...)
	if err := row.Scan(append(into, &peer, &since, &o.Tries, &next, &o.Trying, &to, &last, &ended)...); err != nil {
		return o, err
	}
	o.Peer, o.Since, o.Next, o.TryingTo, o.Ended = upload.Peer(peer), moment(since), moment(next), moment(to), moment(ended)
	found, err := l.openJSON(lastErrorOf(*account), last, &o.Last)
	if !found {
		o.Last.Message = hidden
	}
	return o, err
}

// Outages are the outages of an account that last, and of each of its other sides that
// answers again the last one.
func (l *Ledger) Outages(ctx context.Context, account string) ([]Outage, error) {
	all, err := l.outages(ctx, `WHERE account = $1`, clean(account))
	return all[clean(account)], err
}

// outages reads outages by account.
func (l *Ledger) outages(ctx context.Context, where string, args ...any) (map[string][]Outage, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT account, `+outageColumns+` FROM outages `+where+` ORDER BY account, peer`, args...)
	if err != nil {
		return nil, l.fail("read outages", err)
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	all := map[string][]Outage{}
	for rows.Next() {
		var account string
		o, err := l.scanOutage(rows, &account)
		if err != nil {
			return nil, l.fail("read outages", err)
		}
		all[account] = append(all[account], o)
	}
	return all, l.fail("read outages", rows.Err())
}

// BeginOutage notes that one of an account's other sides is out of order, and reports
// whether that is new. An outage that lasts stays as it is, and one that ended after o
// began is not begun again: whoever reports it has not heard yet. o.Last must hold no
// secret.
func (l *Ledger) BeginOutage(ctx context.Context, account string, o Outage) (begun bool, err error) {
	last, err := l.sealJSON(lastErrorOf(account), o.Last)
	if err == nil {
		var changed sql.Result
		changed, err = l.write.ExecContext(ctx, `
INSERT INTO outages (account, peer, since, tries, next_at, trying, trying_to, last_error, ended_at)
VALUES ($1, $2, $3, $4, $5, $6, 0, $7, 0)
ON CONFLICT (account, peer) DO UPDATE SET since = excluded.since, tries = excluded.tries, next_at = excluded.next_at,
	trying = excluded.trying, trying_to = 0, last_error = excluded.last_error, ended_at = 0, told_at = 0
WHERE outages.ended_at > 0 AND outages.ended_at <= excluded.since`,
			clean(account), string(o.Peer), micros(o.Since), o.Tries, micros(o.Next), clean(o.Trying), last)
		begun = err == nil && affected(changed)
	}
	if begun {
		l.observer.Account(AccountChange{Account: account, Peer: o.Peer, Out: true, Because: o.Last.Message})
	}
	return begun, l.fail("note an outage of account "+account, err)
}

func lastErrorOf(account string) string { return "the last error of account " + clean(account) }

func affected(result sql.Result) bool {
	n, err := result.RowsAffected()
	return err == nil && n > 0
}

// TryOutage gives one caller at a time the right to make the next call during an outage,
// for as long as lease, once that is due. A caller that has the right keeps it. It is
// given to the one that made the last call only when nobody else wanted it for spare:
// its item alone may be what the other side cannot take.
func (l *Ledger) TryOutage(ctx context.Context, c OutageCall, lease, spare time.Duration) (bool, error) {
	var got string
	err := l.write.QueryRowContext(ctx, l.text(`
UPDATE outages SET trying = $4, trying_to = {now} + $5
WHERE account = $2 AND peer = $3 AND ended_at = 0 AND next_at <= {now}
	AND (trying_to <= {now} OR trying = $4)
	AND (trying <> $4 OR trying_to > {now} OR next_at + $6 <= {now})
RETURNING trying`),
		l.clock(), clean(c.Account), string(c.Peer), clean(c.Caller), lease.Microseconds(), spare.Microseconds()).Scan(&got)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, l.fail("try account "+c.Account, err)
}

// FailOutage notes that the call of one that had the right to make it failed, and that
// the next one is to be made after pause. It changes nothing where the caller has the
// right no more. last must hold no secret.
func (l *Ledger) FailOutage(ctx context.Context, c OutageCall, pause time.Duration, last upload.Error) error {
	text, err := l.sealJSON(lastErrorOf(c.Account), last)
	if err == nil {
		_, err = l.write.ExecContext(ctx, l.text(`
UPDATE outages SET tries = tries + 1, next_at = {now} + $5, trying_to = 0, last_error = $6
WHERE account = $2 AND peer = $3 AND trying = $4 AND trying_to > 0 AND ended_at = 0`),
			l.clock(), clean(c.Account), string(c.Peer), clean(c.Caller), pause.Microseconds(), text)
	}
	return l.fail("note an outage of account "+c.Account, err)
}

// EndOutage notes that one of an account's other sides answers again, and reports
// whether that is new.
func (l *Ledger) EndOutage(ctx context.Context, account string, peer upload.Peer) (bool, error) {
	ended := false
	err := l.transact(ctx, func(tx *sql.Tx) error {
		var told int64
		err := tx.QueryRowContext(ctx, l.text(`
UPDATE outages SET ended_at = {now}, trying_to = 0 WHERE account = $2 AND peer = $3 AND ended_at = 0 RETURNING told_at`),
			l.clock(), clean(account), string(peer)).Scan(&told)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if ended = err == nil; told == 0 {
			return err
		}
		return l.noteActive(ctx, tx, clean(account))
	})
	ended = ended && err == nil
	if ended {
		l.observer.Account(AccountChange{Account: account, Peer: peer})
	}
	return ended, l.fail("end an outage of account "+account, err)
}

// SinglesAtWork is how many items of an account that belong to no batch have begun and
// not ended.
func (l *Ledger) SinglesAtWork(ctx context.Context, account string) (n int64, err error) {
	err = l.read.QueryRowContext(ctx, `
SELECT COALESCE(SUM(items), 0) FROM tallies
WHERE batch = '' AND account = $1 AND state IN ('preparing', 'transferring', 'completing', 'processing')`, clean(account)).Scan(&n)
	return n, l.fail("count the items of account "+account, err)
}

// Hurry lifts what keeps an account from being called for a while: a pause that its
// vendor asked for, and the pause before the next call during an outage. It reports
// whether there was any.
func (l *Ledger) Hurry(ctx context.Context, account string) (lifted bool, err error) {
	err = l.transact(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{
			`UPDATE outages SET next_at = {now}, trying = '', trying_to = 0 WHERE account = $2 AND ended_at = 0`,
			`UPDATE permits SET slow_until = 0, slow_because = '' WHERE account = $2 AND slow_until > {now} * 1000`,
		} {
			changed, err := tx.ExecContext(ctx, l.text(statement), l.clock(), clean(account))
			if err != nil {
				return err
			}
			lifted = lifted || affected(changed)
		}
		return nil
	})
	return lifted, l.fail("resume account "+account, err)
}
