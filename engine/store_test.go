package main

import (
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
)

func TestOpenStoresTakesAnyFolder(t *testing.T) {
	for _, name := range []string{"plain", "with blank", "50%20?mode=ro#x", "ümläut"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), name)
			require.NoError(t, os.Mkdir(dir, 0o700))
			_, err := openStores(dir)
			require.NoError(t, err)
			require.FileExists(t, filepath.Join(dir, "temporal.db"))
			require.FileExists(t, filepath.Join(dir, "visibility.db"))
			_, err = openStores(dir)
			require.NoError(t, err, "what is there must be taken as it is")
		})
	}
}

func TestOpenStoresTakesAFolderThatMoved(t *testing.T) {
	before, after := filepath.Join(t.TempDir(), "before"), filepath.Join(t.TempDir(), "after")
	require.NoError(t, os.Mkdir(before, 0o700))
	_, err := openStores(before)
	require.NoError(t, err)
	require.NoError(t, os.CopyFS(after, os.DirFS(before)))
	_, err = openStores(after)
	require.NoError(t, err)
}

func TestStoreSettingsAreInForce(t *testing.T) {
	db, err := sql.Open("sqlite", dsn(t, filepath.Join(t.TempDir(), "a.db")))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "1", "wal_autocheckpoint": "20000",
		"cache_size": "-65536", "locking_mode": "exclusive", "busy_timeout": "5000",
	} {
		var got string
		require.NoError(t, db.QueryRow("PRAGMA "+pragma).Scan(&got))
		require.Equal(t, want, got, pragma)
	}
}

func TestPrepareRefusesWhatItDoesNotKnow(t *testing.T) {
	versioned := "CREATE TABLE schema_version(version_partition INT, db_name TEXT, creation_time DATETIME, curr_version TEXT, " +
		"min_compatible_version TEXT, PRIMARY KEY (version_partition, db_name));"
	for name, c := range map[string]struct{ content, want string }{
		"a newer layout":            {versioned + "INSERT INTO schema_version(version_partition, db_name, curr_version) VALUES (0, 'mediaferry-engine', '2')", "has layout 2, but this engine knows only layout 1"},
		"a database of another use": {"CREATE TABLE recipes(id INT)", "was not created by an engine"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			raw, err := sql.Open("sqlite", filepath.Join(dir, "temporal.db"))
			require.NoError(t, err)
			_, err = raw.Exec(c.content)
			require.NoError(t, err)
			require.NoError(t, raw.Close())
			_, err = openStores(dir)
			require.ErrorContains(t, err, c.want)
			var f *failure
			require.ErrorAs(t, err, &f)
			require.Equal(t, reasonVersion, f.reason)
		})
	}
}

func TestOpenStoresRefusesAFileThatIsNoDatabase(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "temporal.db"), []byte("To whom it may concern, this is a letter."), 0o600))
	_, err := openStores(dir)
	require.ErrorContains(t, err, "temporal.db")
	require.ErrorContains(t, err, "not a database")
}

// failingDB refuses one statement, as a full disk may refuse any.
type failingDB struct {
	sqlplugin.AdminDB
	exec func(statement string) error
}

func (f failingDB) Exec(statement string, args ...any) error {
	if err := f.exec(statement); err != nil {
		return err
	}
	return f.AdminDB.Exec(statement, args...)
}

func TestTablesAreMadeAllOrNone(t *testing.T) {
	cfg := storeConfig(filepath.Join(t.TempDir(), "a.db"))
	db, err := openStore(cfg)
	require.NoError(t, err)
	count := 0
	full := os.NewSyscallError("write", os.ErrInvalid)
	err = prepare(failingDB{AdminDB: db, exec: func(string) error {
		if count++; count == 20 {
			return full
		}
		return nil
	}}, "a.db")
	require.ErrorIs(t, err, full)
	tables, err := db.ListTables("a.db")
	require.NoError(t, err)
	require.Empty(t, tables)
	require.NoError(t, prepare(db, "a.db"))
	require.NoError(t, prepare(db, "a.db"))
}

func TestCheckSpaceAsksTheFileSystem(t *testing.T) {
	free, err := freeBytes(t.TempDir())
	require.NoError(t, err)
	require.Positive(t, free)
	require.NoError(t, checkSpace(filepath.Join(t.TempDir(), "missing")))
}

func TestExplainNamesTheFolder(t *testing.T) {
	err := explain(os.NewSyscallError("write", os.ErrInvalid), "/data")
	require.ErrorIs(t, err, os.ErrInvalid)
	err = explain(&os.PathError{Op: "write", Path: "x", Err: fullError{}}, "/data")
	require.EqualError(t, err, `the disk of "/data" is full; free some space. No data is lost`)
}

type fullError struct{}

func (fullError) Error() string { return "database or disk is full (13)" }

// dsn is what the server's plugin makes of the settings.
func dsn(t *testing.T, path string) string {
	t.Helper()
	cfg := storeConfig(path)
	values := url.Values{"mode": {cfg.ConnectAttributes["mode"]}}
	for name, value := range cfg.ConnectAttributes {
		if name != "mode" {
			values.Add("_pragma", name+"="+value)
		}
	}
	return "file:" + cfg.DatabaseName + "?" + values.Encode()
}
