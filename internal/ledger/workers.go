package ledger

import (
	"context"
	"fmt"
	"time"
)

// Worker is a process that does activities.
type Worker struct {
	ID      string            `json:"id"`
	Host    string            `json:"host"`
	Roots   []string          `json:"roots,omitempty"`  // folders whose files it reads
	Shared  map[string]string `json:"shared,omitempty"` // shared folders whose files it reads, by name
	Queues  []string          `json:"queues,omitempty"` // task queues that it polls, as upload.QueueKey has them
	Duties  []string          `json:"duties,omitempty"`
	PID     int               `json:"pid"`
	Version string            `json:"version"`
	// Schema is the version of the ledger's schema that it knows, see KnownSchema. 0: it is
	// a program of a time when none said so.
	Schema int64 `json:"schema,omitempty"`
	// Uploads and Shards are how many of each it carries at once; 0: it only reads.
	Uploads int `json:"uploads,omitempty"`
	Shards  int `json:"shards,omitempty"`
	// Bandwidth is how many bytes per second it sends at most, now; 0: no limit.
	Bandwidth int64 `json:"bandwidth,omitempty"`
	// Outdated says that it is too old for the ledger, and takes no more work.
	Outdated  bool      `json:"outdated,omitempty"`
	StartedAt time.Time `json:"started_at"`
	// SeenAt is when it last announced itself, by the database's clock; Announce
	// ignores it.
	SeenAt time.Time `json:"-"`
}

// forgotten is when a worker that is no longer heard of is removed.
const forgotten = 24 * time.Hour

// Announce says that a worker lives. It is to be repeated several times within
// the age at which others stop counting on it.
func (l *Ledger) Announce(ctx context.Context, w Worker) error {
	info, err := l.sealJSON("worker "+w.ID, w)
	if err != nil {
		return l.fail("announce worker "+w.ID, err)
	}
	_, err = l.write.ExecContext(ctx, l.text(`
INSERT INTO workers (id, seen_at, info) VALUES ($2, {now}, $3)
ON CONFLICT (id) DO UPDATE SET seen_at = {now}, info = excluded.info`), l.clock(), clean(w.ID), info)
	return l.fail("announce worker "+w.ID, err)
}

// Withdraw says that a worker ends.
func (l *Ledger) Withdraw(ctx context.Context, id string) error {
	_, err := l.write.ExecContext(ctx, l.text(`
DELETE FROM workers WHERE id = $2 OR seen_at < {now} - $3`), l.clock(), clean(id), forgotten.Microseconds())
	return l.fail("withdraw worker "+id, err)
}

// Workers lists those that announced themselves within maxAge, by their ID.
func (l *Ledger) Workers(ctx context.Context, maxAge time.Duration) ([]Worker, error) {
	rows, err := l.read.QueryContext(ctx, l.text(`
SELECT id, seen_at, info FROM workers WHERE seen_at >= {now} - $2 ORDER BY id`), l.clock(), maxAge.Microseconds())
	if err != nil {
		return nil, l.fail("list workers", err)
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	var workers []Worker
	for rows.Next() {
		var id, info string
		var seen int64
		var w Worker
		if err := rows.Scan(&id, &seen, &info); err != nil {
			return nil, l.fail("list workers", err)
		}
		if _, err := l.openJSON("worker "+id, info, &w); err != nil {
			return nil, l.fail("list workers", fmt.Errorf("worker %q: %w", id, err))
		}
		w.ID, w.SeenAt = id, moment(seen)
		workers = append(workers, w)
	}
	return workers, l.fail("list workers", rows.Err())
}
