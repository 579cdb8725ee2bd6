package ledger

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// versions is the table in which goose counts the migrations done.
const versions = "ledger_versions"

// migrationLock is the key of the advisory lock under which a PostgreSQL ledger
// is migrated: any number that no other program on the database uses.
const migrationLock = 0x6d65646961_66

// lockPace is how often the lock of a SQLite file's migration is tried.
const lockPace = 20 * time.Millisecond

// collation makes a name under which PostgreSQL knows the plain order of bytes
// that SQLite calls by the same name, so that one schema can ask for it: lists
// sort alike in both, whatever the server's language.
const collation = `CREATE COLLATION IF NOT EXISTS "BINARY" (PROVIDER = libc, LOCALE = 'C')`

// migrate brings the schema up to date, one process at a time.
func (l *Ledger) migrate(ctx context.Context, url string) error {
	provider, err := l.provider()
	if err != nil {
		return err
	}
	if err := l.write.PingContext(ctx); err != nil {
		return err
	}
	if isPostgres(url) {
		return l.migratePostgres(ctx, provider)
	}
	return l.migrateSQLite(ctx, provider, url)
}

func (l *Ledger) provider() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(l.dialect.goose, l.write.DB, files,
		goose.WithTableName(versions), goose.WithDisableGlobalRegistry(true))
}

// migratePostgres holds an advisory lock in a transaction of its own: unlike one
// of a session it also holds behind a pooler that shares sessions.
func (l *Ledger) migratePostgres(ctx context.Context, provider *goose.Provider) error {
	return l.transact(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(migrationLock)); err != nil {
			return err
		}
		return l.up(ctx, provider, collation)
	})
}

// migrateSQLite holds a lock on a file beside the database: switching the journal
// does not wait for other processes by itself.
func (l *Ledger) migrateSQLite(ctx context.Context, provider *goose.Provider, path string) error {
	full, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	lock := flock.New(full+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, lockPace); err != nil {
		return fmt.Errorf("waiting for another process to open the ledger: %w", err)
	}
	if _, err = l.write.ExecContext(ctx, `PRAGMA journal_mode = WAL`); err == nil {
		err = l.up(ctx, provider)
	}
	return errors.Join(err, lock.Close())
}

// up runs the migrations that are missing, where there are any after the
// statements that they need first.
func (l *Ledger) up(ctx context.Context, provider *goose.Provider, first ...string) error {
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return err
	}
	if current > target {
		return l.compatible(ctx, current, target)
	}
	if current == target {
		return nil
	}
	for _, statement := range first {
		if _, err := l.write.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	_, err = provider.Up(ctx)
	return err
}

// compatible reports whether a program that knows one version of the schema works with a
// newer one.
func (l *Ledger) compatible(ctx context.Context, current, known int64) error {
	var oldest int64
	if err := l.read.QueryRowContext(ctx, `SELECT oldest FROM compatibility WHERE id = 1`).Scan(&oldest); err != nil {
		return err
	}
	if oldest > known {
		return fmt.Errorf("%w: the database has schema version %d, for programs that know at least version %d, but this one knows only %d; install a newer version of mediaferry",
			ErrNewer, current, oldest, known)
	}
	return nil
}

// Compatible reports whether the schema is one that this program works with; the error is
// ErrNewer where that is for newer programs only.
func (l *Ledger) Compatible(ctx context.Context) error {
	return l.fail("read the version of the schema", l.checkVersion(ctx))
}

// Schema is the version of the ledger's schema.
func (l *Ledger) Schema(ctx context.Context) (int64, error) {
	current, err := l.version(ctx)
	return current, l.fail("read the version of the schema", err)
}

func (l *Ledger) version(ctx context.Context) (current int64, err error) {
	return current, l.read.QueryRowContext(ctx, `SELECT MAX(version_id) FROM `+versions).Scan(&current)
}

// checkVersion reports whether the schema is still one that this program works with.
func (l *Ledger) checkVersion(ctx context.Context) error {
	current, err := l.version(ctx)
	if err != nil {
		return err
	}
	known, err := wantedVersion()
	if err != nil || current <= known {
		return err
	}
	return l.compatible(ctx, current, known)
}
