package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

// What may be wrong with a ledger, for errors.Is.
var (
	ErrURL         = errors.New("invalid ledger")                                       // the URL or path names none
	ErrUnreachable = errors.New("the ledger's database cannot be reached")              // no server, no file, no login
	ErrNewer       = errors.New("the ledger was written by a newer program")            // its schema is not known here
	ErrFull        = errors.New("the disk of the ledger's database is full")            // or a quota is
	ErrLocked      = errors.New("the ledger's database is locked")                      // by another process, for too long
	ErrReadOnly    = errors.New("the ledger's database is read-only")                   // a replica, or missing rights
	ErrDamaged     = errors.New("the ledger's file is damaged or is not a SQLite file") // restore it, or move it away
	ErrClosed      = errors.New("the ledger is closed")
	ErrNotFound    = errors.New("not in the ledger")
	ErrLeaseLost   = errors.New("another process now holds the lease on the token")
)

// NotFoundError says that an item is not in the ledger, and which ones are that
// are named much like it. It is ErrNotFound.
type NotFoundError struct {
	UploadID string
	Near     []string // upload IDs, possibly none
}

func (e *NotFoundError) Error() string {
	text := fmt.Sprintf("item %q is %v", e.UploadID, ErrNotFound)
	if len(e.Near) > 0 {
		text += fmt.Sprintf("; similar IDs: %q", e.Near)
	}
	return text
}

// Is makes every NotFoundError an ErrNotFound.
func (e *NotFoundError) Is(target error) bool { return target == ErrNotFound }

// Passing reports whether the same call may go well later without anyone having
// done something in the program: the database was away, locked or full.
func Passing(err error) bool {
	return errors.Is(err, ErrUnreachable) || errors.Is(err, ErrLocked) || errors.Is(err, ErrFull)
}

// fail says what was being done to which ledger, and what is wrong with it in
// words that help. It is nil for nil.
func (l *Ledger) fail(doing string, err error) error {
	if err == nil {
		return nil
	}
	if l.closed.Load() {
		err = ErrClosed // what the pools say of it is no error of their own
	}
	known := diagnose(err)
	if known != nil || ofDatabase(err) {
		l.observer.Failed()
	}
	if known == nil || errors.Is(err, known) {
		return fmt.Errorf("ledger %s: %s: %w", l.where, doing, err)
	}
	return fmt.Errorf("ledger %s: %s: %w: %w (%s)", l.where, doing, known, cause(err), hints[known])
}

// hints say what to do about an error.
var hints = map[error]string{
	ErrUnreachable: "check that the database is running, and check `ledger` in the configuration",
	ErrFull:        "free some space, or run `mediaferry doctor --prune`",
	ErrLocked:      "another process has locked the database; stop that process or try again",
	ErrReadOnly:    "allow mediaferry to write, or use the primary server",
	ErrDamaged:     "restore the file from a backup, or remove it to start with an empty ledger",
}

// cause is an error without the words around it that only a programmer of the
// driver needs.
func cause(err error) error {
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		// These name a line for each address that was tried.
		return errors.New(strings.ReplaceAll(connect.Unwrap().Error(), "\n", "; "))
	}
	return err
}

// diagnose finds which of this package's errors a driver's error is, or nil.
func diagnose(err error) error {
	for known := range hints {
		if errors.Is(err, known) {
			return known
		}
	}
	var file *driver.Error
	var server *pgconn.PgError
	var connect *pgconn.ConnectError
	var network net.Error
	var path *fs.PathError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil // the caller's own doing
	case errors.As(err, &file):
		return diagnoseFile(file.Code())
	case errors.As(err, &server):
		return diagnoseServer(server.Code)
	case errors.As(err, &connect), errors.As(err, &network), errors.As(err, &path), errors.Is(err, pgconn.ErrConnClosed):
		return ErrUnreachable
	}
	return nil
}

// ofDatabase reports whether an error is the database's own.
func ofDatabase(err error) bool {
	var file *driver.Error
	var server *pgconn.PgError
	return errors.As(err, &file) || errors.As(err, &server)
}

// diagnoseFile reads a result code of SQLite; the low byte is the general one.
func diagnoseFile(code int) error {
	if code == codes.SQLITE_IOERR_SHMSIZE {
		return ErrFull // its index in shared memory cannot grow, which is the first that a full disk refuses
	}
	switch code & 0xff {
	case codes.SQLITE_FULL:
		return ErrFull
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED, codes.SQLITE_PROTOCOL:
		return ErrLocked
	case codes.SQLITE_READONLY, codes.SQLITE_PERM, codes.SQLITE_AUTH:
		return ErrReadOnly
	case codes.SQLITE_CANTOPEN, codes.SQLITE_IOERR:
		return ErrUnreachable
	case codes.SQLITE_CORRUPT, codes.SQLITE_NOTADB:
		return ErrDamaged
	}
	return nil
}

// diagnoseServer reads an SQLSTATE; its first two characters are the class.
func diagnoseServer(state string) error {
	switch state {
	case "53100": // disk_full
		return ErrFull
	case "55P03", "57014": // lock_not_available, query_canceled by a timeout of the server
		return ErrLocked
	case "25006", "42501": // read_only_sql_transaction, insufficient_privilege
		return ErrReadOnly
	case "3D000": // invalid_catalog_name: no such database
		return ErrUnreachable
	}
	switch state[:min(2, len(state))] {
	case "08", "28", "53", "57": // connection, authorization, resources, intervention
		return ErrUnreachable
	}
	return nil
}

// retryable reports whether a transaction lost against another one and may
// simply be run again.
func retryable(err error) bool {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return server.Code == "40001" || server.Code == "40P01" // serialization_failure, deadlock_detected
	}
	return false
}
