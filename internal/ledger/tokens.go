package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Token is a credential that a vendor gave for a while.
type Token struct {
	Value     []byte    // secret
	ExpiresAt time.Time // zero where it does not end
	// Version names this token among all that the account ever had under its
	// name; it only grows, and never comes again.
	Version int64
}

// sealedToken is what is sealed of a token. It tells whose it is, so that a value
// moved to another row of the database is noticed.
type sealedToken struct {
	Account string `json:"account"`
	Name    string `json:"name"`
	Value   []byte `json:"value"`
}

// Token reads a token of an account. One that has expired is given too; whoever
// uses it decides how much life it must have left.
func (l *Ledger) Token(ctx context.Context, account, name string) (token Token, found bool, err error) {
	var sealed []byte
	var expires int64
	err = l.read.QueryRowContext(ctx, `
SELECT value, expires_at, version FROM tokens WHERE account = $1 AND name = $2 AND value IS NOT NULL`,
		clean(account), clean(name)).Scan(&sealed, &expires, &token.Version)
	if errors.Is(err, sql.ErrNoRows) {
		return Token{}, false, nil
	}
	if err == nil {
		token.Value, err = l.openToken(account, name, sealed)
	}
	if err != nil {
		return Token{}, false, l.fail("read token "+name+" of "+account, err)
	}
	token.ExpiresAt = moment(expires)
	return token, true, nil
}

func (l *Ledger) openToken(account, name string, sealed []byte) ([]byte, error) {
	plain, err := l.unseal("the token", sealed)
	if err != nil {
		return nil, err
	}
	var opened sealedToken
	if err := json.Unmarshal(plain, &opened); err != nil {
		return nil, errors.New("the stored token has an unknown form")
	}
	if opened.Account != clean(account) || opened.Name != clean(name) {
		return nil, fmt.Errorf("%w: the token is %q of %q", ErrDamaged, opened.Name, opened.Account)
	}
	return opened.Value, nil
}

// LeaseToken gives one owner at a time the right to fetch a new token, until it
// saves one or ttl has passed. An owner that has the lease prolongs it.
func (l *Ledger) LeaseToken(ctx context.Context, account, name, owner string, ttl time.Duration) (bool, error) {
	var holder string
	err := l.write.QueryRowContext(ctx, l.text(`
INSERT INTO tokens (account, name, value, expires_at, version, lease_owner, lease_until)
VALUES ($2, $3, NULL, 0, 0, $4, {now} + $5)
ON CONFLICT (account, name) DO UPDATE SET lease_owner = excluded.lease_owner, lease_until = {now} + $5
WHERE tokens.lease_owner IN ('', excluded.lease_owner) OR tokens.lease_until <= {now}
RETURNING lease_owner`), l.clock(), clean(account), clean(name), clean(owner), ttl.Microseconds()).Scan(&holder)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, l.fail("lease token "+name+" of "+account, err)
}

// SaveToken keeps a new token and ends its owner's lease. It returns the token's
// version; that of the argument is ignored. The error is ErrLeaseLost where the
// lease went to another owner, whose token then counts.
func (l *Ledger) SaveToken(ctx context.Context, account, name, owner string, token Token) (int64, error) {
	doing := "save token " + name + " of " + account
	plain, err := json.Marshal(sealedToken{Account: clean(account), Name: clean(name), Value: token.Value})
	if err != nil {
		return 0, l.fail(doing, err)
	}
	sealed, err := l.seal("the token", plain)
	if err != nil {
		return 0, l.fail(doing, err)
	}
	var version int64
	// The time as a version is also new after a ledger was lost, when nobody
	// knows any more which versions there have been.
	err = l.write.QueryRowContext(ctx, l.text(`
INSERT INTO tokens (account, name, value, expires_at, version, lease_owner, lease_until)
VALUES ($2, $3, $5, $6, {now}, '', 0)
ON CONFLICT (account, name) DO UPDATE SET
	value = excluded.value, expires_at = excluded.expires_at, lease_owner = '', lease_until = 0,
	version = CASE WHEN tokens.version >= excluded.version THEN tokens.version + 1 ELSE excluded.version END
WHERE tokens.lease_owner = $4
RETURNING version`), l.clock(), clean(account), clean(name), clean(owner), sealed, micros(token.ExpiresAt)).Scan(&version)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrLeaseLost
	}
	return version, l.fail(doing, err)
}

// ExpireToken marks a token that the vendor refused as expired, unless a newer
// one has taken its place. Its value stays: it may hold what the next one is got
// with.
func (l *Ledger) ExpireToken(ctx context.Context, account, name string, version int64) error {
	_, err := l.write.ExecContext(ctx, `
UPDATE tokens SET expires_at = 1 WHERE account = $1 AND name = $2 AND version = $3`,
		clean(account), clean(name), version)
	return l.fail("expire token "+name+" of "+account, err)
}

// ReleaseToken gives a lease back whose owner got no token, so that another may
// try at once.
func (l *Ledger) ReleaseToken(ctx context.Context, account, name, owner string) error {
	_, err := l.write.ExecContext(ctx, `
UPDATE tokens SET lease_owner = '', lease_until = 0 WHERE account = $1 AND name = $2 AND lease_owner = $3`,
		clean(account), clean(name), clean(owner))
	return l.fail("release token "+name+" of "+account, err)
}

// TokenLife is when a token ends that a vendor gave an account.
type TokenLife struct {
	Name      string
	ExpiresAt time.Time // zero where it does not end
}

// TokenLives lists when the tokens of an account end, without opening any.
func (l *Ledger) TokenLives(ctx context.Context, account string) ([]TokenLife, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT name, expires_at FROM tokens WHERE account = $1 AND value IS NOT NULL ORDER BY name`, clean(account))
	if err != nil {
		return nil, l.fail("list the tokens of "+account, err)
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	var lives []TokenLife
	for rows.Next() {
		var one TokenLife
		var expires int64
		if err := rows.Scan(&one.Name, &expires); err != nil {
			return nil, l.fail("list the tokens of "+account, err)
		}
		one.ExpiresAt = moment(expires)
		lives = append(lives, one)
	}
	return lives, l.fail("list the tokens of "+account, rows.Err())
}
