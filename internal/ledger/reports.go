package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// FailedReport is a batch whose report could not be written when it ended.
type FailedReport struct {
	Batch   string
	At      time.Time
	Because string
}

// ReportFailed puts down that the report of a batch could not be written, and tells the
// operator's webhook once for each end of the batch.
func (l *Ledger) ReportFailed(ctx context.Context, batch, because string) error {
	b, err := l.Batch(ctx, batch)
	if err != nil {
		return err
	}
	id, err := l.digest(ctx, ofNotice, fmt.Sprintf("%s %s %d", upload.EventReportFailed, batch, micros(b.FinishedAt)))
	if err != nil {
		return l.fail("note that the report of batch "+batch+" failed", err)
	}
	why, err := l.sealText(reportOf(b.ID), because)
	if err == nil {
		err = l.transact(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `INSERT INTO failed_reports (batch, at, because) VALUES ($1, $2, $3)
ON CONFLICT (batch) DO UPDATE SET at = excluded.at, because = excluded.because`, clean(b.ID), micros(l.now()), why)
			if err != nil || !l.wants(upload.EventReportFailed) {
				return err
			}
			return l.put(ctx, tx, upload.EventReportFailed, "msg_"+id, upload.Notice{Batch: batch, State: string(b.State), Reason: because})
		})
	}
	return l.fail("note that the report of batch "+batch+" failed", err)
}

func reportOf(batch string) string { return "the report of batch " + clean(batch) }

// ReportWritten puts down that the report of a batch is where it belongs.
func (l *Ledger) ReportWritten(ctx context.Context, batch string) error {
	_, err := l.write.ExecContext(ctx, `DELETE FROM failed_reports WHERE batch = $1`, clean(batch))
	return l.fail("note that the report of batch "+batch+" was written", err)
}

// FailedReports lists batches whose reports could not be written since a time, the latest
// first.
func (l *Ledger) FailedReports(ctx context.Context, since time.Time, most int) ([]FailedReport, error) {
	var all []FailedReport
	err := l.each(ctx, `SELECT batch, at, because FROM failed_reports WHERE at >= $1 ORDER BY at DESC, batch LIMIT $2`, []any{micros(since), most}, func(rows *sql.Rows) error {
		var one FailedReport
		var at int64
		if err := rows.Scan(&one.Batch, &at, &one.Because); err != nil {
			return err
		}
		one.At = moment(at)
		why, found, err := l.openSealed(reportOf(one.Batch), one.Because)
		if one.Because = why; !found {
			one.Because = hidden
		}
		all = append(all, one)
		return err
	})
	return all, l.fail("list the reports that could not be written", err)
}
