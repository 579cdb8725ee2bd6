package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver named sqlite
)

// dialect is where the two databases differ.
type dialect struct {
	goose goose.Dialect
	// clock is the database's own time in microseconds, as an expression.
	clock string
	// rows is how many rows the group writer puts into one statement, a power of
	// two: where each statement is a round trip, many; where it is a call, one.
	rows int
	// among is the condition that an item's upload ID is one of those that the
	// first argument lists, as list makes it.
	among string
	list  func(uploadIDs []string) (any, error)
	// lock ends a query for rows that nobody else may change before the
	// transaction ends.
	lock string
	// skip is the same for a query that leaves out what somebody else is changing.
	skip string
	// commit limits the writing of one group. Zero means without limit, which is
	// right where the database cannot go away.
	commit time.Duration
}

// noClock is the clock of a database that lives on the host that asks.
const noClock = "0"

var (
	sqlite = dialect{
		goose: goose.DialectSQLite3,
		clock: noClock,
		rows:  1,
		among: "upload_id IN (SELECT value FROM json_each($1))",
		list: func(uploadIDs []string) (any, error) {
			text, err := json.Marshal(uploadIDs)
			return string(text), err
		},
		// A transaction that writes has the file to itself from its start.
		lock: "",
	}
	postgres = dialect{
		goose:  goose.DialectPostgres,
		clock:  "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
		rows:   128,
		among:  "upload_id = ANY($1)",
		list:   func(uploadIDs []string) (any, error) { return uploadIDs, nil },
		lock:   " FOR UPDATE",
		skip:   " FOR UPDATE SKIP LOCKED",
		commit: 30 * time.Second,
	}
)

// Limits of the pools.
const (
	sqliteReaders = 4
	// A fleet of many workers shares the server's connections, of which a
	// default installation has a hundred.
	postgresConns     = 8
	postgresIdleConns = 4
	postgresIdleTime  = 5 * time.Minute
	postgresLifetime  = time.Hour // so that a failover is noticed in the end
	connectTimeout    = 10 * time.Second
)

func isPostgres(ledgerURL string) bool {
	return strings.HasPrefix(ledgerURL, "postgres://") || strings.HasPrefix(ledgerURL, "postgresql://")
}

// displayURL is a postgres:// URL without user, password and query.
func displayURL(ledgerURL string) string {
	u, err := url.Parse(ledgerURL)
	if err != nil {
		return "postgres://…"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// openPostgres makes the pool for a URL, without connecting yet.
func openPostgres(ledgerURL string) (*sql.DB, error) {
	u, err := url.Parse(ledgerURL)
	// An unescaped / ? or # in a password ends the part that it stands in; what
	// is left would be taken for a host or a path, and be printed as one.
	if err != nil || u.Fragment != "" || u.User == nil && strings.Contains(ledgerURL, "@") {
		return nil, fmt.Errorf("%w: use postgres://USER:PASSWORD@HOST:PORT/DATABASE, "+
			"and write @ / ? # %% in the user and password as %%40 %%2F %%3F %%23 %%25", ErrURL)
	}
	config, err := pgx.ParseConfig(ledgerURL)
	if err != nil {
		return nil, fmt.Errorf("%w %s: %s", ErrURL, displayURL(ledgerURL), parseCause(err, u))
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "mediaferry"
	}
	db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(preferIndexes))
	db.SetMaxOpenConns(postgresConns)
	db.SetMaxIdleConns(postgresIdleConns)
	db.SetConnMaxIdleTime(postgresIdleTime)
	db.SetConnMaxLifetime(postgresLifetime)
	return db, nil
}

// preferIndexes keeps the planner from collecting and sorting a whole batch for
// each page of it. It would, until statistics tell it how large a batch is, and
// they come minutes after the batch does. No query of the ledger is better off
// with such a scan.
func preferIndexes(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `SET enable_bitmapscan = off`)
	return err
}

// parseCause is what is wrong with the settings of a URL that is one, without
// the URL itself, which pgx would quote.
func parseCause(err error, u *url.URL) string {
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) {
		password, _ := u.User.Password()
		cause := errors.Unwrap(parse)
		if cause != nil && (password == "" || !strings.Contains(cause.Error(), password)) {
			return cause.Error()
		}
	}
	return "its settings are invalid; use libpq settings, for example sslmode=require"
}

// openSQLite opens a file, making it where it is missing: a pool that reads and
// a single connection that writes.
func openSQLite(path string) (read, write *sql.DB, err error) {
	full, err := sqliteFile(path)
	if err != nil {
		return nil, nil, err
	}
	settings := url.Values{"_pragma": {
		"busy_timeout(10000)",
		// Whoever waits for a record has it on the disk, also after a power cut.
		// The group commit pays for that once for many.
		"synchronous(FULL)",
		"cache_size(-16000)",
		"temp_store(MEMORY)",
		"journal_size_limit(67108864)",
	}}
	reading := url.Values{"_pragma": append([]string{"query_only(true)"}, settings["_pragma"]...)}
	// A transaction that first reads and then writes would fail when another
	// process wrote in between; taking the lock at its start waits instead.
	settings.Set("_txlock", "immediate")

	if write, err = sql.Open("sqlite", sqliteURI(full, settings)); err != nil {
		return nil, nil, fmt.Errorf("%w %q: %w", ErrURL, path, err)
	}
	if read, err = sql.Open("sqlite", sqliteURI(full, reading)); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%w %q: %w", ErrURL, path, err), write.Close())
	}
	write.SetMaxOpenConns(1)
	read.SetMaxOpenConns(sqliteReaders)
	read.SetMaxIdleConns(sqliteReaders)
	return read, write, nil
}

// sqliteFile checks a path and makes the file and its folder where they are
// missing, for their owner alone.
func sqliteFile(path string) (string, error) {
	switch {
	case path == "":
		return "", fmt.Errorf("%w: it is empty; use the path of a SQLite file or postgres://…", ErrURL)
	case strings.Contains(path, "://"):
		scheme, _, _ := strings.Cut(path, "://")
		return "", fmt.Errorf("%w: unknown scheme %q; use the path of a SQLite file or postgres://…", ErrURL, scheme)
	case path == ":memory:" || strings.HasPrefix(path, "file:"):
		return "", fmt.Errorf("%w: %q is not a plain file; use the path of a SQLite file or postgres://…", ErrURL, path)
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("%w %q: %w", ErrURL, path, err)
	}
	if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
		return "", fmt.Errorf("%w: create the ledger's folder: %w", ErrUnreachable, err)
	}
	file, err := os.OpenFile(full, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", fmt.Errorf("%w: open the ledger's file: %w", ErrUnreachable, err)
	}
	return full, file.Close()
}

// sqliteURI names a file with settings; the path is escaped, since ? # and %
// have a meaning there.
func sqliteURI(full string, settings url.Values) string {
	return (&url.URL{Scheme: "file", Path: full, RawQuery: settings.Encode()}).String()
}
