// Package ledgertest gives tests a ledger of their own: a SQLite file, or a
// database of a PostgreSQL server that is started for the test process when the
// first test asks for it and ends with the process, however that ends.
//
// The server comes from the folder that MEDIAFERRY_TEST_POSTGRES_BIN names, from
// PATH, or from where Debian installs it. MEDIAFERRY_TEST_POSTGRES names a
// running server instead: a postgres:// URL whose user may make databases. Where
// there is neither, tests are skipped, or fail where CI or MEDIAFERRY_NO_SKIP is
// set. Only tests may import this package.
package ledgertest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/ledger"
)

// Each runs a test against every database that a ledger may be in. url names a
// new and empty one.
func Each(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// SQLite names a file that is not there yet and goes with the test.
func SQLite(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "ledger.db")
}

// Postgres makes a database that goes with the test, and names it. It skips the
// test where there is no server.
func Postgres(t testing.TB) string {
	t.Helper()
	server, err := postgres()
	if errors.Is(err, errNone) {
		missing(t, err)
	}
	require.NoError(t, err)

	name := "mediaferry_" + randomHex()
	execute(t, server.url, `CREATE DATABASE `+name)
	t.Cleanup(func() {
		// WITH (FORCE) also ends the connections of a test that left some.
		execute(t, server.url, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`)
	})
	u, err := url.Parse(server.url)
	require.NoError(t, err)
	u.Path = "/" + name
	return u.String()
}

// Open opens a ledger that is closed with the test. Sealer is set where options
// have none; ledgers of one test process share its key.
func Open(t testing.TB, ledgerURL string, options ledger.Options) *ledger.Ledger {
	t.Helper()
	options.URL = ledgerURL
	if options.Sealer == nil {
		shared, err := sealing()
		require.NoError(t, err)
		options.Sealer = shared
	}
	l, err := ledger.Open(t.Context(), options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// sealing and postgres are made once for the process: a key that all its ledgers
// share, and a server that takes a second to start.
var (
	sealing  = sync.OnceValues(newSealer)
	postgres = sync.OnceValues(findServer)
)

// findServer is the server that databases are made on.
func findServer() (server, error) {
	if named := os.Getenv("MEDIAFERRY_TEST_POSTGRES"); named != "" {
		return server{url: named}, nil
	}
	return startServer()
}

// missing skips a test, or fails it where nothing may be skipped.
func missing(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CI") != "" || os.Getenv("MEDIAFERRY_NO_SKIP") != "" {
		t.Fatalf("this test must not be skipped here: %v", err)
	}
	t.Skipf("NOT TESTED WITH POSTGRESQL: %v", err)
}

// execute runs one statement on a connection of its own.
func execute(t testing.TB, serverURL, statement string) {
	t.Helper()
	config, err := pgx.ParseConfig(serverURL)
	require.NoError(t, err)
	db := stdlib.OpenDB(*config)
	defer func() { require.NoError(t, db.Close()) }()
	// The test's context ends before its clean-up begins.
	_, err = db.ExecContext(context.WithoutCancel(t.Context()), statement)
	require.NoError(t, err)
}

// Database opens a plain connection to the database of a ledger, for tests that look
// at what is really stored.
func Database(t testing.TB, ledgerURL string) *sql.DB {
	t.Helper()
	driver, source := "sqlite", ledgerURL
	if u, err := url.Parse(ledgerURL); err == nil && u.Scheme == "postgres" {
		driver = "pgx"
	}
	db, err := sql.Open(driver, source)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// NewSealer makes a Sealer with a new key.
func NewSealer(t testing.TB) ledger.Sealer {
	t.Helper()
	s, err := newSealer()
	require.NoError(t, err)
	return s
}

func newSealer() (ledger.Sealer, error) {
	text, err := codec.GenerateKey()
	if err != nil {
		return nil, err
	}
	keys, err := codec.ParseKeys(text)
	return codec.NewSealer(keys), err
}

func randomHex() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
