package ledger

import (
	"context"
	"time"
)

// becauseOrphaned is why rows are detached whose shard was ended in the middle of
// them.
const becauseOrphaned = "its shard was terminated outside of mediaferry"

// Holder is a run that holds items: rows of a batch, or one item.
type Holder struct {
	Run
	Batch    string // empty for an item of no batch
	Rows     int64
	UploadID string // of its first item
}

// Holders lists the runs that hold rows of a batch.
func (l *Ledger) Holders(ctx context.Context, batch string) ([]Holder, error) {
	return l.holders(ctx, "batch = $1 AND "+open, clean(batch))
}

// Working lists up to most runs that hold items which are being uploaded, behind a run
// in the order of their workflow IDs and run IDs.
func (l *Ledger) Working(ctx context.Context, after Run, most int) ([]Holder, error) {
	return l.holders(ctx, "phase = 'work' AND phase <> 'ready' AND (workflow_id, run_id) > ($1, $2)", clean(after.WorkflowID), clean(after.RunID), most)
}

// holders lists the runs that hold items which a condition chooses; of three arguments
// the last is how many.
func (l *Ledger) holders(ctx context.Context, condition string, args ...any) ([]Holder, error) {
	limit := ""
	if len(args) == 3 {
		limit = " LIMIT $3"
	}
	rows, err := l.read.QueryContext(ctx, `
SELECT cluster, namespace, workflow_id, run_id, batch, COUNT(*), MIN(upload_id) FROM items WHERE `+condition+` AND run_id <> ''
GROUP BY cluster, namespace, workflow_id, run_id, batch ORDER BY workflow_id, run_id`+limit, args...)
	if err != nil {
		return nil, l.fail("read who holds items", err)
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	var holders []Holder
	for rows.Next() {
		var h Holder
		if err := rows.Scan(&h.Service.Cluster, &h.Service.Namespace, &h.WorkflowID, &h.RunID, &h.Batch, &h.Rows, &h.UploadID); err != nil {
			return nil, l.fail("read who holds items", err)
		}
		holders = append(holders, h)
	}
	return holders, l.fail("read who holds items", rows.Err())
}

// RanHere reports whether the runs that have, or had, rows of a batch are those of this
// service; before one had any, whether this service was to run it.
func (l *Ledger) RanHere(ctx context.Context, batch string) (bool, error) {
	rows, err := l.read.QueryContext(ctx, `SELECT DISTINCT cluster || '/' || namespace FROM items WHERE batch = $1 AND runs > 0`, clean(batch))
	if err != nil {
		return false, l.fail("read who had rows of batch "+batch, err)
	}
	services, err := scanTexts(rows)
	if err == nil && len(services) == 0 { // it ended before its first row began
		var own string
		err = l.read.QueryRowContext(ctx, `SELECT cluster || '/' || namespace FROM batches WHERE id = $1`, clean(batch)).Scan(&own)
		services = []string{own}
	}
	here := l.Service()
	return err == nil && len(services) == 1 && services[0] == here.Cluster+"/"+here.Namespace, l.fail("read who had rows of batch "+batch, err)
}

// Orphan takes the rows of a batch from a run of this service that the caller found
// dead, and returns how many. They keep their state, and no run holds them: what the
// dead run's last attempt says of one counts only if it is that the row is ready.
// Those that have progress are detached, since a workflow of their own can find out
// how far they came.
func (l *Ledger) Orphan(ctx context.Context, batch, runID string) (int64, error) {
	n, err := l.sweepAll(ctx, sweep{
		change: orphan, at: l.now(), more: []any{clean(runID), becauseOrphaned},
		choose: `batch = $1 AND run_id = $2 AND ` + open, args: []any{clean(batch), clean(runID)},
	})
	return n, l.fail("take rows of batch "+batch+" from a dead run", err)
}

// OrphanRow is Orphan for one row, where the caller found that its run reads no
// requests.
func (l *Ledger) OrphanRow(ctx context.Context, uploadID, runID string) error {
	_, err := l.sweepAll(ctx, sweep{
		change: orphan, at: l.now(), more: []any{clean(runID), becauseOrphaned},
		choose: `upload_id = $1 AND run_id = $2 AND ` + open, args: []any{clean(uploadID), clean(runID)},
	})
	return l.fail("take "+uploadID+" from a dead run", err)
}

// Requeue makes rows of a batch wait again that are under way, while no run has had
// them since before a time, and returns how many.
func (l *Ledger) Requeue(ctx context.Context, batch string, before time.Time) (int64, error) {
	n, err := l.sweepAll(ctx, sweep{
		change: requeue, at: l.now(), more: []any{micros(before)},
		choose: `batch = $1 AND run_id = '' AND phase = 'work' AND updated_at < $2 AND ` + open, args: []any{clean(batch), micros(before)},
	})
	return n, l.fail("let rows of batch "+batch+" wait again", err)
}

// Sweeps over rows of dead runs; see sweep.
const (
	orphan = `UPDATE items SET updated_at = $2, former_run = $3, run_id = '', workflow_id = '',
	detached = detached OR EXISTS (SELECT 1 FROM progress WHERE progress.upload_id = items.upload_id),
	detached_because = CASE WHEN NOT detached AND EXISTS (SELECT 1 FROM progress WHERE progress.upload_id = items.upload_id)
		THEN CAST($4 AS TEXT) ELSE detached_because END
WHERE run_id = $3 AND ` + open + ` AND `
	requeue = `UPDATE items SET state = 'waiting', phase = 'waiting', paused = FALSE, waiting = '', updated_at = $2
WHERE run_id = '' AND phase = 'work' AND updated_at < $3 AND `
)
