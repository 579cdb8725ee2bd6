package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// LaneHolder is the run of an item that is in a lane, or that keeps another from
// entering it.
type LaneHolder struct {
	UploadID, RunID string
	// WorkflowID is what to ask whether the run lives; empty where the ledger
	// does not know the item.
	WorkflowID string
	Since      time.Time
}

// lanePeers are the items that one that wants to be last lets pass: at work, of
// the same lane ($1), not last themselves, and not the one that asks ($2).
const lanePeers = `FROM items WHERE lane = $1 AND lane <> '' AND NOT lane_last AND run_id <> '' AND upload_id <> $2
	AND state NOT IN ('ready', 'failed', 'canceled', 'unconfirmed')`

// enter takes a lane that is free, whose holder has ended without leaving, or
// that a former run of the same item left behind.
const enter = `
INSERT INTO lanes (name, upload_id, run_id, since)
SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($5 AS BIGINT)
WHERE NOT CAST($4 AS BOOLEAN) OR NOT EXISTS (SELECT 1 ` + lanePeers + `)
ON CONFLICT (name) DO UPDATE SET upload_id = excluded.upload_id, run_id = excluded.run_id, since = excluded.since
WHERE EXISTS (SELECT 1 FROM items WHERE items.upload_id = lanes.upload_id AND (
	(items.run_id = lanes.run_id AND items.state IN ` + over + `)
	OR (items.upload_id = excluded.upload_id AND items.run_id = excluded.run_id AND lanes.run_id <> excluded.run_id)))
RETURNING upload_id`

// Enter asks for a lane, in which one run of one item may be at a time. It may
// be repeated: a run that is in the lane enters it again. Nobody is put out for
// taking long; where the holder is dead, the caller has to find that out and
// Evict it.
//
// An item that is Last enters only when no other item that was claimed for the
// lane is still at work, but for those that are Last too. What it then waits for
// is told as the holder. An empty holder means: try again.
func (l *Ledger) Enter(ctx context.Context, lane upload.Lane) (bool, LaneHolder, error) {
	name, id, run := clean(lane.Name), clean(lane.UploadID), clean(lane.RunID)
	if name == "" || id == "" || run == "" {
		return false, LaneHolder{}, l.fail("enter a lane", errors.New("a lane needs a name, an upload ID and the ID of a run"))
	}
	var entered string
	err := l.write.QueryRowContext(ctx, enter, name, id, run, lane.Last, micros(l.now())).Scan(&entered)
	if err == nil {
		return true, LaneHolder{}, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return false, LaneHolder{}, l.fail("enter lane "+lane.Name, err)
	}
	holder, err := l.laneHolder(ctx, name)
	if err != nil {
		return false, LaneHolder{}, l.fail("enter lane "+lane.Name, err)
	}
	if holder.UploadID == id && holder.RunID == run {
		return true, LaneHolder{}, nil
	}
	if holder.UploadID == "" && lane.Last {
		holder, err = l.lanePeer(ctx, name, id)
	}
	return false, holder, l.fail("enter lane "+lane.Name, err)
}

func (l *Ledger) laneHolder(ctx context.Context, name string) (LaneHolder, error) {
	return scanHolder(l.read.QueryRowContext(ctx, `
SELECT lanes.upload_id, lanes.run_id, COALESCE(items.workflow_id, ''), lanes.since
FROM lanes LEFT JOIN items ON items.upload_id = lanes.upload_id AND items.run_id = lanes.run_id
WHERE lanes.name = $1`, name))
}

func (l *Ledger) lanePeer(ctx context.Context, name, uploadID string) (LaneHolder, error) {
	return scanHolder(l.read.QueryRowContext(ctx,
		`SELECT upload_id, run_id, workflow_id, started_at `+lanePeers+` ORDER BY started_at, upload_id LIMIT 1`,
		name, uploadID))
}

// scanHolder reads a holder; none is an empty one.
func scanHolder(row *sql.Row) (LaneHolder, error) {
	var holder LaneHolder
	var since int64
	err := row.Scan(&holder.UploadID, &holder.RunID, &holder.WorkflowID, &since)
	if errors.Is(err, sql.ErrNoRows) {
		return LaneHolder{}, nil
	}
	holder.Since = moment(since)
	return holder, err
}

// Leave frees a lane if this run of the item is in it. It may be repeated.
func (l *Ledger) Leave(ctx context.Context, lane upload.Lane) error {
	_, err := l.write.ExecContext(ctx, `DELETE FROM lanes WHERE name = $1 AND upload_id = $2 AND run_id = $3`,
		clean(lane.Name), clean(lane.UploadID), clean(lane.RunID))
	return l.fail("leave lane "+lane.Name, err)
}

// Evict removes a run that the caller found dead: from the lane, if it still is
// in it, and from among the items for which the Last ones wait. A run that was
// only slow must not be evicted: it may be sending.
func (l *Ledger) Evict(ctx context.Context, lane string, holder LaneHolder) error {
	dead := []any{clean(lane), clean(holder.UploadID), clean(holder.RunID)}
	err := l.transact(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM lanes WHERE name = $1 AND upload_id = $2 AND run_id = $3`, dead...)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE items SET lane = '' WHERE lane = $1 AND upload_id = $2 AND run_id = $3`, dead...)
		return err
	})
	return l.fail("evict from lane "+lane, err)
}
