package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// AccountState says whether an account may be used.
type AccountState struct {
	Name   string
	Paused bool
	// Because, By and Since tell of the last pause or resumption; they are empty
	// for an account that was never paused.
	Because, By string
	Since       time.Time
	// Slow is why nobody is to call the account for a while; its Until is zero where
	// anybody may.
	Slow Slow
	// Outages are those of its other sides that do not answer, and the last outage of
	// each that does again.
	Outages []Outage
	// LastOK is when the vendor last did as it was asked, to the minute; zero where
	// that is not known.
	LastOK time.Time
}

// Out is the outage of one of an account's other sides, where it lasts.
func (s AccountState) Out(peer upload.Peer) (Outage, bool) {
	for _, o := range s.Outages {
		if o.Peer == peer && !o.Over() {
			return o, true
		}
	}
	return Outage{}, false
}

// Slow is a pause that a vendor asked for, or that a used-up quota needs.
type Slow struct {
	Since, Until time.Time
	Because      string
}

// AccountEvent is one pause or resumption of an account.
type AccountEvent struct {
	At          time.Time
	Paused      bool // or resumed
	Because, By string
}

// keptEvents is how many events of an account are kept.
const keptEvents = 50

// Account tells the state of an account. One that the ledger has not heard of is not
// paused.
func (l *Ledger) Account(ctx context.Context, name string) (AccountState, error) {
	states, err := l.accounts(ctx, `SELECT CAST($2 AS TEXT) AS name`, clean(name))
	if err != nil {
		return AccountState{Name: name}, err
	}
	return states[0], nil
}

// Accounts tells the same of all accounts that the ledger has heard of, by name.
func (l *Ledger) Accounts(ctx context.Context) ([]AccountState, error) {
	return l.accounts(ctx, `SELECT name FROM accounts UNION SELECT account FROM permits UNION SELECT account FROM outages`)
}

// accounts reads states in one query, for it precedes each call: a row for each outage
// of an account, or one where there is none.
func (l *Ledger) accounts(ctx context.Context, names string, args ...any) ([]AccountState, error) {
	rows, err := l.read.QueryContext(ctx, l.text(`
SELECT named.name, COALESCE(a.paused, FALSE), COALESCE(a.because, ''), COALESCE(a.who, ''), COALESCE(a.since, 0),
	CASE WHEN p.slow_until > {now} * 1000 THEN p.slow_until ELSE 0 END, COALESCE(p.slow_since, 0), COALESCE(p.slow_because, ''), COALESCE(a.last_ok_at, 0),
	COALESCE(o.peer, ''), COALESCE(o.since, 0), COALESCE(o.tries, 0), COALESCE(o.next_at, 0), COALESCE(o.trying, ''), COALESCE(o.trying_to, 0),
	COALESCE(o.last_error, '{}'), COALESCE(o.ended_at, 0)
FROM (`+names+`) named
LEFT JOIN accounts a ON a.name = named.name
LEFT JOIN permits p ON p.account = named.name
LEFT JOIN outages o ON o.account = named.name ORDER BY named.name, o.peer`), append([]any{l.clock()}, args...)...)
	if err != nil {
		return nil, l.fail("read accounts", err)
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	var states []AccountState
	for rows.Next() {
		state, err := l.scanAccount(rows)
		if err != nil {
			return nil, l.fail("read accounts", err)
		}
		if last := len(states) - 1; last >= 0 && states[last].Name == state.Name {
			states[last].Outages = append(states[last].Outages, state.Outages...)
			continue
		}
		states = append(states, state)
	}
	return states, l.fail("read accounts", rows.Err())
}

func (l *Ledger) scanAccount(row interface{ Scan(...any) error }) (AccountState, error) {
	var state AccountState
	var since, slowUntil, slowSince, lastOK int64
	o, err := l.scanOutage(row, &state.Name, &state.Paused, &state.Because, &state.By, &since, &slowUntil, &slowSince, &state.Slow.Because, &lastOK)
	if err == nil {
		err = l.openTexts("account "+state.Name, map[string]*string{"reason": &state.Because, "who": &state.By, "pause": &state.Slow.Because})
	}
	state.Since, state.LastOK = moment(since), moment(lastOK)
	if slowUntil == 0 {
		state.Slow = Slow{}
	} else {
		state.Slow.Since, state.Slow.Until = moment(slowSince), time.Unix(0, slowUntil).UTC()
	}
	if o.Peer != "" {
		state.Outages = []Outage{o}
	}
	return state, err
}

// PauseAccount keeps an account from being used until somebody resumes it, and
// reports whether that is new: an account that is paused already keeps its first
// reason, which hundreds of items may want to repeat. because must hold no
// secret.
func (l *Ledger) PauseAccount(ctx context.Context, name, because, by string) (bool, error) {
	changed, err := l.switchAccount(ctx, name, AccountEvent{Paused: true, Because: because, By: by})
	if changed {
		l.observer.Account(AccountChange{Account: name, Paused: true, By: by, Because: because})
	}
	return changed, l.fail("pause account "+name, err)
}

// ResumeAccount lets an account be used again, and reports whether it was paused.
func (l *Ledger) ResumeAccount(ctx context.Context, name, by string) (bool, error) {
	changed, err := l.switchAccount(ctx, name, AccountEvent{By: by})
	if changed {
		l.observer.Account(AccountChange{Account: name, By: by})
	}
	return changed, l.fail("resume account "+name, err)
}

func (l *Ledger) switchAccount(ctx context.Context, name string, event AccountEvent) (changed bool, err error) {
	plain := event
	if event.By, err = l.sealBy("account "+name, event.By); err != nil {
		return false, err
	}
	if event.Because, err = l.sealText("reason of account "+name, event.Because); err != nil {
		return false, err
	}
	err = l.transact(ctx, func(tx *sql.Tx) error {
		wasDenied, err := isDenied(ctx, tx, clean(name))
		if err != nil {
			return err
		}
		var at int64
		err = tx.QueryRowContext(ctx, l.text(`
INSERT INTO accounts (name, paused, because, who, since, key_fingerprint, key_changed_at)
SELECT CAST($2 AS TEXT), CAST($3 AS BOOLEAN), CAST($4 AS TEXT), CAST($5 AS TEXT), {now}, '', 0
WHERE $3 OR EXISTS (SELECT 1 FROM accounts WHERE name = $2)
ON CONFLICT (name) DO UPDATE SET
	paused = excluded.paused, because = excluded.because, who = excluded.who, since = excluded.since
WHERE accounts.paused <> excluded.paused
RETURNING since`),
			l.clock(), clean(name), event.Paused, event.Because, event.By).Scan(&at)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		changed = true
		if err := l.noteSwitch(ctx, tx, clean(name), plain, wasDenied); err != nil {
			return err
		}
		return noteEvent(ctx, tx, clean(name), at, event)
	})
	return changed, err
}

// isDenied reports whether an account's vendor denied it, and nobody has resumed it since.
func isDenied(ctx context.Context, tx *sql.Tx, name string) (bool, error) {
	var n int64
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM accounts WHERE name = $1 AND paused AND who = $2`, name, upload.ByItself).Scan(&n)
	return n > 0, err
}

// noteEvent writes an event down and forgets the oldest beyond keptEvents.
func noteEvent(ctx context.Context, tx *sql.Tx, name string, at int64, event AccountEvent) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO account_events (account, at, paused, because, who) VALUES ($1, $2, $3, $4, $5)`,
		name, at, event.Paused, event.Because, event.By)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
DELETE FROM account_events WHERE account = $1 AND at <
	(SELECT at FROM account_events WHERE account = $1 ORDER BY at DESC LIMIT 1 OFFSET $2)`, name, keptEvents-1)
	return err
}

// AccountHistory lists the latest pauses and resumptions of an account, the
// newest first.
func (l *Ledger) AccountHistory(ctx context.Context, name string) ([]AccountEvent, error) {
	rows, err := l.read.QueryContext(ctx,
		`SELECT at, paused, because, who FROM account_events WHERE account = $1 ORDER BY at DESC`, clean(name))
	if err != nil {
		return nil, l.fail("read account "+name, err)
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	var events []AccountEvent
	for rows.Next() {
		var event AccountEvent
		var at int64
		if err := rows.Scan(&at, &event.Paused, &event.Because, &event.By); err != nil {
			return nil, l.fail("read account "+name, err)
		}
		if err := l.openTexts("account "+clean(name), map[string]*string{"reason": &event.Because, "who": &event.By}); err != nil {
			return nil, l.fail("read account "+name, err)
		}
		event.At = moment(at)
		events = append(events, event)
	}
	return events, l.fail("read account "+name, rows.Err())
}

// KeySeen remembers which credentials an account is used with, by a fingerprint
// from which they cannot be found, and tells when they last changed: never (the
// zero time) for the first that were ever seen.
func (l *Ledger) KeySeen(ctx context.Context, account, fingerprint string) (time.Time, error) {
	var seen string
	var changed int64
	// Nearly every call finds what it found before, and need not write.
	err := l.read.QueryRowContext(ctx, `SELECT key_fingerprint, key_changed_at FROM accounts WHERE name = $1`,
		clean(account)).Scan(&seen, &changed)
	if err == nil && seen == clean(fingerprint) {
		return moment(changed), nil
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, l.fail("read account "+account, err)
	}
	err = l.write.QueryRowContext(ctx, l.text(`
INSERT INTO accounts (name, paused, because, who, since, key_fingerprint, key_changed_at)
VALUES ($2, FALSE, '', '', 0, $3, 0)
ON CONFLICT (name) DO UPDATE SET
	key_changed_at = CASE WHEN accounts.key_fingerprint IN ('', excluded.key_fingerprint)
		THEN accounts.key_changed_at ELSE {now} END,
	key_fingerprint = excluded.key_fingerprint
RETURNING key_changed_at`), l.clock(), clean(account), clean(fingerprint)).Scan(&changed)
	return moment(changed), l.fail("note the key of account "+account, err)
}
