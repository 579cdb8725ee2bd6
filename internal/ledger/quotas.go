package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Quotas are how often a vendor says that an account may be used.
type Quotas struct {
	// Key is the fingerprint of the credentials to which the vendor said it.
	Key  string
	Told []upload.Quota
}

// Quotas returns what SaveQuotas saved last for an account; nothing where that never
// was called.
func (l *Ledger) Quotas(ctx context.Context, account string) (Quotas, error) {
	var q Quotas
	var told string
	err := l.read.QueryRowContext(ctx, `SELECT key_fingerprint, told FROM quotas WHERE account = $1`, clean(account)).Scan(&q.Key, &told)
	if errors.Is(err, sql.ErrNoRows) {
		return Quotas{}, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(told), &q.Told)
	}
	return q, l.fail("read the limits of account "+account, err)
}

// SaveQuotas saves for the whole fleet how often a vendor says that an account may be
// used. It replaces what was saved before.
func (l *Ledger) SaveQuotas(ctx context.Context, account string, q Quotas) error {
	told, err := json.Marshal(q.Told)
	if err == nil {
		_, err = l.write.ExecContext(ctx, `
INSERT INTO quotas (account, key_fingerprint, told) VALUES ($1, $2, $3)
ON CONFLICT (account) DO UPDATE SET key_fingerprint = excluded.key_fingerprint, told = excluded.told`,
			clean(account), clean(q.Key), string(told))
	}
	return l.fail("save the limits of account "+account, err)
}

// RequestsIn is the counter of an account's requests within the window of a quota, for
// one request.
func RequestsIn(account string, q upload.Quota) Counter {
	return Counter{Account: account, Name: fmt.Sprintf("requests/%d", int64(q.Window.Seconds())), Window: q.Window, Limit: q.Limit, N: 1}
}
