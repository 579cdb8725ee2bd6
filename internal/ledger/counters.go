package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Counter is a limit on how often something may be done to an account within a
// window, which begins with its first use and not with the calendar.
type Counter struct {
	Account string
	Name    string
	Window  time.Duration // above 0
	Limit   int64         // at least 1
	N       int64         // how often it is to be done; from 1 to Limit
}

func (c Counter) check() error {
	switch {
	case c.Window <= 0:
		return fmt.Errorf("counter %q has a window of %s, which must be more than 0", c.Name, c.Window)
	case c.Limit < 1:
		return fmt.Errorf("counter %q has a limit of %d, which must be at least 1", c.Name, c.Limit)
	case c.N < 1 || c.N > c.Limit:
		return fmt.Errorf("counter %q was asked for %d, which must be 1 to %d", c.Name, c.N, c.Limit)
	}
	return nil
}

// Count takes N from a counter if that many are left, or else nothing, and says
// when its window ends. It survives restarts and holds for the whole fleet.
func (l *Ledger) Count(ctx context.Context, c Counter) (ok bool, resets time.Time, err error) {
	if err := c.check(); err != nil {
		return false, time.Time{}, l.fail("count calls of "+c.Account, err)
	}
	var started int64
	err = l.write.QueryRowContext(ctx, l.text(`
INSERT INTO counters (account, name, started_at, used) VALUES ($2, $3, {now}, $5)
ON CONFLICT (account, name) DO UPDATE SET
	used = CASE WHEN counters.started_at + $4 <= {now} THEN excluded.used ELSE counters.used + excluded.used END,
	started_at = CASE WHEN counters.started_at + $4 <= {now} THEN {now} ELSE counters.started_at END
WHERE counters.started_at + $4 <= {now} OR counters.used + excluded.used <= $6
RETURNING started_at`),
		l.clock(), clean(c.Account), clean(c.Name), c.Window.Microseconds(), c.N, c.Limit).Scan(&started)
	if err == nil {
		return true, moment(started).Add(c.Window), nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return false, time.Time{}, l.fail("count calls of "+c.Account, err)
	}
	_, resets, err = l.Counted(ctx, c)
	return false, resets, err
}

// Counted is how much of a counter is used in the window that is open, and when
// that ends; 0 and the zero time where none is open. Of the counter it needs
// Account, Name and Window.
func (l *Ledger) Counted(ctx context.Context, c Counter) (used int64, resets time.Time, err error) {
	var started int64
	err = l.read.QueryRowContext(ctx, l.text(`
SELECT started_at, used FROM counters WHERE account = $2 AND name = $3 AND started_at + $4 > {now}`),
		l.clock(), clean(c.Account), clean(c.Name), c.Window.Microseconds()).Scan(&started, &used)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, time.Time{}, nil
	}
	if err != nil {
		return 0, time.Time{}, l.fail("read the calls of "+c.Account, err)
	}
	return used, moment(started).Add(c.Window), nil
}
