package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// SerialHolder is the run of an item that holds a serial key, or that keeps another
// run from acquiring it.
type SerialHolder struct {
	UploadID string
	// Run is the one that acquired the key, in the workflow that has the item now. After
	// a reset in Temporal, a later run of that workflow goes on with the key: it is free
	// when none is open. WorkflowID is empty where the ledger does not know the item.
	Run
	Since time.Time
}

// serialPeers are the items that go before one that goes last: at work, with the
// same key ($1), not last themselves, and not the one that asks ($2).
const serialPeers = `FROM items WHERE serial_key = $1 AND serial_key <> '' AND NOT serial_last AND run_id <> '' AND upload_id <> $2
	AND state NOT IN ('ready', 'failed', 'canceled', 'unconfirmed')`

// acquireSerial takes a key that is free, whose item has ended or is held by nobody, or
// that a former run of the same item left behind.
const acquireSerial = `
INSERT INTO serial_locks (serial_key, upload_id, run_id, since)
SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($5 AS BIGINT)
WHERE NOT CAST($4 AS BOOLEAN) OR NOT EXISTS (SELECT 1 ` + serialPeers + `)
ON CONFLICT (serial_key) DO UPDATE SET upload_id = excluded.upload_id, run_id = excluded.run_id, since = excluded.since
WHERE EXISTS (SELECT 1 FROM items WHERE items.upload_id = serial_locks.upload_id AND (
	items.state IN ` + over + ` OR items.run_id = ''
	OR (items.upload_id = excluded.upload_id AND items.run_id = excluded.run_id AND serial_locks.run_id <> excluded.run_id)))
RETURNING upload_id`

// AcquireSerial acquires a serial key, which one run of one item holds at a time,
// and reports whether the run holds it now. It may be repeated by the holder. A
// holder is not evicted for being slow; the caller must find that it is dead and
// call EvictSerial.
//
// A request with Last is granted only when no other item with the key is at work,
// except for those that are Last too; the holder returned is then such an item. An
// empty holder means: try again.
func (l *Ledger) AcquireSerial(ctx context.Context, request upload.SerialRequest) (bool, SerialHolder, error) {
	id, run := clean(request.UploadID), clean(request.RunID)
	if request.Key == "" || id == "" || run == "" {
		return false, SerialHolder{}, l.fail("acquire a serial key", errors.New("a serial key needs the key, an upload ID and a run ID"))
	}
	key, err := l.digest(ctx, ofSerialKey, request.Key)
	if err != nil {
		return false, SerialHolder{}, l.fail("acquire serial key "+request.Key, err)
	}
	var acquired string
	err = l.write.QueryRowContext(ctx, acquireSerial, key, id, run, request.Last, micros(l.now())).Scan(&acquired)
	if err == nil {
		return true, SerialHolder{}, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return false, SerialHolder{}, l.fail("acquire serial key "+request.Key, err)
	}
	holder, err := l.serialHolder(ctx, key)
	if err != nil {
		return false, SerialHolder{}, l.fail("acquire serial key "+request.Key, err)
	}
	if holder.UploadID == id && holder.RunID == run {
		return true, SerialHolder{}, nil
	}
	if holder.UploadID == "" && request.Last {
		holder, err = l.serialPeer(ctx, key, id)
	}
	return false, holder, l.fail("acquire serial key "+request.Key, err)
}

func (l *Ledger) serialHolder(ctx context.Context, key string) (SerialHolder, error) {
	return scanHolder(l.read.QueryRowContext(ctx, `
SELECT serial_locks.upload_id, serial_locks.run_id, COALESCE(items.workflow_id, ''), COALESCE(items.cluster, ''),
	COALESCE(items.namespace, ''), serial_locks.since
FROM serial_locks LEFT JOIN items ON items.upload_id = serial_locks.upload_id
WHERE serial_locks.serial_key = $1`, key))
}

func (l *Ledger) serialPeer(ctx context.Context, key, uploadID string) (SerialHolder, error) {
	return scanHolder(l.read.QueryRowContext(ctx,
		`SELECT upload_id, run_id, workflow_id, cluster, namespace, started_at `+serialPeers+` ORDER BY started_at, upload_id LIMIT 1`,
		key, uploadID))
}

// scanHolder reads a holder; none is an empty one.
func scanHolder(row *sql.Row) (SerialHolder, error) {
	var holder SerialHolder
	var since int64
	err := row.Scan(&holder.UploadID, &holder.RunID, &holder.WorkflowID, &holder.Service.Cluster, &holder.Service.Namespace, &since)
	if errors.Is(err, sql.ErrNoRows) {
		return SerialHolder{}, nil
	}
	holder.Since = moment(since)
	return holder, err
}

// SerialHolders are the items that hold serial keys, by Entry.SerialKey.
func (l *Ledger) SerialHolders(ctx context.Context) (map[string]string, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT serial_key, upload_id FROM serial_locks`)
	if err != nil {
		return nil, l.fail("read who holds serial keys", err)
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	holders := map[string]string{}
	for rows.Next() {
		var key, id string
		if err := rows.Scan(&key, &id); err != nil {
			return nil, l.fail("read who holds serial keys", err)
		}
		holders[key] = id
	}
	return holders, l.fail("read who holds serial keys", rows.Err())
}

// ReleaseSerial releases a key if this run of the item holds it, or a former run whose
// item this run has now. It may be repeated.
func (l *Ledger) ReleaseSerial(ctx context.Context, request upload.SerialRequest) error {
	key, err := l.digest(ctx, ofSerialKey, request.Key)
	if err == nil {
		_, err = l.write.ExecContext(ctx, `DELETE FROM serial_locks WHERE serial_key = $1 AND upload_id = $2
	AND (run_id = $3 OR EXISTS (SELECT 1 FROM items WHERE items.upload_id = $2 AND items.run_id = $3))`,
			key, clean(request.UploadID), clean(request.RunID))
	}
	return l.fail("release serial key "+request.Key, err)
}

// EvictSerial removes a run that the caller found dead: the key is released if that
// run still holds it, and items that go last no longer wait for it. A run that was
// only slow must not be evicted: it may be sending.
func (l *Ledger) EvictSerial(ctx context.Context, key string, holder SerialHolder) error {
	digest, err := l.digest(ctx, ofSerialKey, key)
	if err != nil {
		return l.fail("evict the holder of serial key "+key, err)
	}
	dead := []any{digest, clean(holder.UploadID), clean(holder.RunID)}
	err = l.transact(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM serial_locks WHERE serial_key = $1 AND upload_id = $2 AND run_id = $3`, dead...)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE items SET serial_key = '' WHERE serial_key = $1 AND upload_id = $2 AND run_id = $3`, dead...)
		return err
	})
	return l.fail("evict the holder of serial key "+key, err)
}
