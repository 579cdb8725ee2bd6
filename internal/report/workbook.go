package report

import (
	"cmp"
	"context"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/workbook"
)

// writeWorkbook writes a batch as .xlsx: a sheet with its numbers, one with all rows,
// and one with those that failed.
func writeWorkbook(ctx context.Context, books Books, batch string, options Options, w io.Writer) (err error) {
	out, err := workbook.NewWriter()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if err := writeSummary(ctx, books, batch, options, out); err != nil {
		return err
	}
	if err := writeRows(ctx, books, ledger.Filter{Batch: batch}, "items", out); err != nil {
		return err
	}
	if err := writeRows(ctx, books, ledger.Filter{Batch: batch, State: upload.StateFailed}, "failures", out); err != nil {
		return err
	}
	return out.Write(w)
}

// writeRows writes a sheet of the rows that a filter chooses.
func writeRows(ctx context.Context, books Books, f ledger.Filter, name string, out *workbook.Writer) error {
	t, err := tableOf(ctx, books, f)
	if err != nil {
		return err
	}
	sheet, err := out.Sheet(name, t.header, numeric)
	if err != nil {
		return err
	}
	for cells, err := range t.rows {
		if err != nil {
			return err
		}
		if err := sheet.Row(cells); err != nil {
			return err
		}
	}
	return sheet.End()
}

// numeric reports whether a column of a result holds numbers. Checksums and IDs are
// texts, although some consist of digits.
func numeric(column string) bool {
	switch column {
	case "line", "size", "source_size", "bytes_sent", "error.http_status":
		return true
	}
	return strings.HasPrefix(column, "attempts.")
}

// writeSummary writes a sheet with what the batch is and how it went, account by
// account.
func writeSummary(ctx context.Context, books Books, id string, options Options, out *workbook.Writer) error {
	batch, err := books.Batch(ctx, id)
	if err != nil {
		return err
	}
	totals := newTotals()
	for entry, err := range books.List(ctx, ledger.Filter{Batch: id}) {
		if err != nil {
			return err
		}
		totals.add(entry.Result)
	}
	header := []string{"account", "rows", "ready", "failed", "unconfirmed", "canceled", "open", "converted", "bytes", "bytes_sent"}
	sheet, err := out.Sheet("summary", header, func(column string) bool { return column != "account" })
	if err != nil {
		return err
	}
	rows := [][]string{}
	for _, one := range totals.Accounts {
		rows = append(rows, tallyRow(one, cmp.Or(one.Account, "no account")))
	}
	rows = append(rows, tallyRow(totals.All, "all accounts"), nil,
		[]string{"batch", batch.ID}, []string{"state", page{Batch: batch}.Title()}, []string{"manifest", upload.Visible(batch.Manifest)},
		[]string{"started", batch.CreatedAt.UTC().Format(time.RFC3339) + " by " + upload.Visible(batch.By)},
		[]string{"as of", options.now().UTC().Format(time.RFC3339)})
	for _, row := range rows {
		if err := sheet.Row(row); err != nil {
			return err
		}
	}
	return sheet.End()
}

func tallyRow(t *tally, name string) []string {
	cells := []string{upload.Visible(name)}
	for _, n := range []int64{t.Rows, t.Ready, t.Failed, t.Unconfirmed, t.Canceled, t.Open(), t.Converted, t.Bytes, t.Sent} {
		cells = append(cells, strconv.FormatInt(n, 10))
	}
	return cells
}
