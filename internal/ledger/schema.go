package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/pressly/goose/v3"
)

// SchemaVersions tells which version the schema of a ledger has, 0 for none, and which
// this program wants. It changes nothing, and makes no file.
func SchemaVersions(ctx context.Context, url string) (current, wanted int64, err error) {
	if wanted, err = wantedVersion(); err != nil {
		return 0, 0, err
	}
	if !isPostgres(url) {
		if _, err := os.Stat(url); errors.Is(err, os.ErrNotExist) {
			return 0, wanted, nil
		}
	}
	l := &Ledger{observer: silent{}}
	if err := l.connect(url); err != nil {
		return 0, 0, err
	}
	current, err = l.schemaVersion(ctx, url)
	if err = errors.Join(err, l.disconnect()); err != nil {
		return 0, 0, fmt.Errorf("ledger %s: read the version of its schema: %w", l.where, err)
	}
	return current, wanted, nil
}

// KnownSchema is the version of the schema that this program knows.
func KnownSchema() int64 {
	version, _ := wantedVersion() // the migrations are embedded, and tests run them
	return version
}

// wantedVersion is the version of the newest migration.
func wantedVersion() (int64, error) {
	files, err := migrations.ReadDir("migrations")
	if err != nil {
		return 0, err
	}
	return goose.NumericComponent(files[len(files)-1].Name())
}

func (l *Ledger) schemaVersion(ctx context.Context, url string) (current int64, err error) {
	has := `SELECT COUNT(*) FROM information_schema.tables WHERE table_name = $1 AND table_schema = ANY (current_schemas(FALSE))`
	if !isPostgres(url) {
		has = `SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = $1`
	}
	var tables int
	if err := l.read.QueryRowContext(ctx, has, versions).Scan(&tables); err != nil || tables == 0 {
		return 0, err
	}
	return current, l.read.QueryRowContext(ctx, `SELECT COALESCE(MAX(version_id), 0) FROM `+versions).Scan(&current)
}
