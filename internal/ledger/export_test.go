package ledger

import (
	"context"
	"slices"
)

// What the tests look at from within.
const (
	Example     = example
	Waiting     = waitingLines
	ShardRowsOf = shardRowsOf
	DetachedOf  = detachedRowsOf
	GivenUp     = `SELECT 1 FROM items WHERE ` + failedOfKind
	SerialPeers = `SELECT 1 ` + serialPeers
	KeptEvents  = keptEvents
)

// DeliveredBefore is the query of one lookup.
func DeliveredBefore() string { return deliveredBefore(1) }

// ListQuery is the query of a list's first page, or of the one after an entry.
func ListQuery(f Filter, after *Entry) (query string, args []any) { return f.page(after, pageRows) }

// Interval is what a request costs, in nanoseconds.
func Interval(p Permit) int64 { return p.interval() }

// Diagnose is which of this package's errors an error of a driver is.
func Diagnose(err error) error { return diagnose(err) }

// DiagnoseFile is what a result code of SQLite means.
func DiagnoseFile(code int) error { return diagnoseFile(code) }

// Pragma sets something of the connection that writes to a SQLite file.
func Pragma(ctx context.Context, l *Ledger, pragma string) error {
	_, err := l.write.ExecContext(ctx, "PRAGMA "+pragma)
	return err
}

// Sealed reports whether SealHeads counts a column.
func Sealed(table, column string) bool {
	return slices.ContainsFunc(sealedColumns, func(in sealedIn) bool {
		return in.table == table && (in.raw == column || slices.Contains(in.texts, column))
	})
}
