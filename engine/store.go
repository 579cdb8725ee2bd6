package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	// layout counts the changes of what lies in the databases. An engine opens
	// its own layout only: there is no way back from a newer one, and so far
	// there is no older one.
	layout = 1
	// layoutName is the row that keeps it. It is no path, since folders move.
	layoutName = "mediaferry-engine"
	// minSpace is what must be free before an engine starts. Its write-ahead
	// logs alone may grow to this size before they are folded in.
	minSpace = 64 << 20
)

// stores is how the server reaches its two databases. Visibility has a file of
// its own because its writes would otherwise wait in one line with those that
// workflows wait for.
type stores struct {
	temporal   *config.SQL
	visibility *config.SQL
}

func storesIn(dir string) stores {
	return stores{
		temporal:   storeConfig(filepath.Join(dir, "temporal.db")),
		visibility: storeConfig(filepath.Join(dir, "visibility.db")),
	}
}

// storeConfig is the fastest setting that loses nothing when a process is
// killed: a write-ahead log that is synced when it is folded in, and no other
// reader. A power cut may cost the last moments, never the file.
func storeConfig(path string) *config.SQL {
	return &config.SQL{
		PluginName:   sqliteplugin.PluginName,
		DatabaseName: escapePath(path),
		MaxConns:     1, // more of them only wait for each other, and fail at it
		MaxIdleConns: 1,
		ConnectAttributes: map[string]string{
			"mode":               "rwc",
			"busy_timeout":       "5000",
			"cache_size":         "-65536",
			"journal_mode":       "wal",
			"locking_mode":       "exclusive",
			"synchronous":        "1",
			"wal_autocheckpoint": "20000",
		},
	}
}

// escapePath keeps a path whole inside of SQLite's file: URI.
func escapePath(path string) string {
	return strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
}

// openStores opens both databases and makes what is missing in them. The
// connections stay open, because the server takes them over.
func openStores(dir string) (stores, error) {
	s := storesIn(dir)
	for _, cfg := range []*config.SQL{s.temporal, s.visibility} {
		db, err := openStore(cfg)
		if err != nil {
			return s, err
		}
		if err := prepare(db, cfg.DatabaseName); err != nil {
			return s, err
		}
	}
	return s, nil
}

func openStore(cfg *config.SQL) (sqlplugin.AdminDB, error) {
	db, err := sql.NewSQLAdminDB(sqlplugin.DbKindUnknown, cfg, resolver.NewNoopResolver(), log.NewNoopLogger(), metrics.NoopMetricsHandler)
	if err != nil {
		return nil, fmt.Errorf("open database %q: %w", cfg.DatabaseName, err)
	}
	return db, nil
}

// prepare makes the tables of an empty database, all or none of them, and checks
// that it understands one that has tables. Either way it has written to the file
// when it returns without an error.
func prepare(db sqlplugin.AdminDB, name string) error {
	tables, err := db.ListTables(name)
	if err != nil {
		return fmt.Errorf("read database %q: %w", name, err)
	}
	if len(tables) == 0 {
		return makeTables(db, name)
	}
	if !slices.Contains(tables, "schema_version") {
		return failed(reasonVersion, "database %q was not created by an engine; move it elsewhere", name)
	}
	found, err := db.ReadSchemaVersion(layoutName)
	if err != nil {
		return fmt.Errorf("read the version of database %q: %w", name, err)
	}
	if found != strconv.Itoa(layout) {
		return failed(reasonVersion, "database %q has layout %s, but this engine knows only layout %d; use the version of mediaferry that created it, or another data folder", name, found, layout)
	}
	return stampLayout(db, name)
}

// makeTables runs the whole schema in one transaction. The pool has one
// connection only, so the statements between BEGIN and COMMIT meet on it; a kill
// in between leaves an empty database.
func makeTables(db sqlplugin.AdminDB, name string) (err error) {
	if err := db.Exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("set up database %q: %w", name, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("set up database %q: %w", name, err)
			_ = db.Exec("ROLLBACK") // a full disk has rolled it back already
		}
	}()
	if err := sqlite.SetupSchemaOnDB(db); err != nil {
		return err
	}
	if err := db.CreateSchemaVersionTables(); err != nil {
		return err
	}
	if err := stampLayout(db, name); err != nil {
		return err
	}
	return db.Exec("COMMIT")
}

func stampLayout(db sqlplugin.AdminDB, name string) error {
	version := strconv.Itoa(layout)
	if err := db.UpdateSchemaVersion(layoutName, version, version); err != nil {
		return fmt.Errorf("write to database %q: %w", name, err)
	}
	return nil
}

// createNamespace makes the namespace where it is missing. It does so in the
// database, since over the API a new namespace takes seconds to be seen.
func createNamespace(s stores, name string, retention time.Duration, listed attributes) error {
	namespace, err := sqlite.NewNamespaceConfig(clusterName, name, false, listed)
	if err != nil {
		return fmt.Errorf("namespace %q: %w", name, err)
	}
	if retention == 0 {
		retention = newNamespaceRetention
	}
	namespace.Detail.Config.Retention = durationpb.New(retention)
	if err := sqlite.CreateNamespaces(s.temporal, namespace); err != nil {
		return fmt.Errorf("namespace %q: %w", name, err)
	}
	return nil
}

// checkSpace refuses a start on a disk that would be full in a moment.
func checkSpace(dir string) error {
	free, err := freeBytes(dir)
	if err != nil || free >= minSpace {
		return nil // a file system that cannot say may have room
	}
	return failed(reasonDisk, "the disk of %q has %d MiB free, but the engine needs at least %d MiB", dir, free>>20, minSpace>>20)
}

func freeBytes(dir string) (uint64, error) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return 0, err
	}
	return stat.Bavail * uint64(stat.Bsize), nil
}

func diskFull(dir string) error {
	return failed(reasonDisk, "the disk of %q is full; free some space. No data is lost", dir)
}

// explain puts what SQLite says in a few bare words into a sentence that names
// the folder and what to do.
func explain(err error, dir string) error {
	var f *failure
	if errors.As(err, &f) {
		return err
	}
	if isDiskFull(err) {
		return diskFull(dir)
	}
	return err
}
