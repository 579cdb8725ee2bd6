// Package ledger is the database of what mediaferry knows beyond the life of its
// workflows: the items with their claims and ends, the batches with what was
// decided about them, the accounts with their pauses, and what a fleet must share
// about them: request rates, counters, tokens, serial keys, and which workers live.
//
// Of a batch the ledger is the list of work. Its manifest is read once, and each
// row becomes an item that waits; from then on workflows hold only the lines of
// the shards that they ask for here. How far an item is between two steps is saved
// here; what a workflow has of it is a copy. A run writes only of items that it
// holds: everything else is refused, and the caller is told. What a batch adds up to is counted in the transactions that change its items and is never added
// up again, so that to ask costs the same for ten rows and for a million.
//
// It is a SQLite file in the data folder, or a PostgreSQL database that many
// hosts share. Both have one schema and are spoken to in the same SQL; only
// opening them differs (dialect.go).
//
// The ledger is written by activities and commands, never by workflow code. Every
// write may be repeated, may come from several processes at once and may find its
// row missing: a running upload never needs the ledger to go on, and a lost
// ledger fills again from what is running; the rows of a batch that only waited
// are lost with it. It starts nothing, decides nothing about retries, and keeps
// no secret readable: who has the database and not the key learns IDs of uploads,
// batches, workflows, runs and media, names of accounts and vendors, states, kinds, times,
// sizes and counts. Everything else is sealed by the Sealer that Open is given (texts.go),
// or hashed with a key where it is looked up (digests.go), whole values only.
package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Sealer encrypts what must not be readable in the database. It must be safe for
// concurrent use. Open must fail for what it did not seal itself, or what was
// altered since.
type Sealer interface {
	Seal(plain []byte) ([]byte, error)
	Open(sealed []byte) ([]byte, error)
}

// Options say which ledger to open, and how.
type Options struct {
	// URL is the path of a SQLite file, which is made where it is missing, or
	// the postgres:// URL of a database that exists.
	URL string
	// Sealer is required. Every process that uses one ledger needs the same key.
	Sealer Sealer
	// Log hears of marks that got lost without anyone waiting for them. Nil is
	// silent.
	Log *zap.Logger
	// Observer hears what the ledger does and what it was told; nil: nobody does.
	Observer Observer
	// Notify says which events the operator's webhook is to be told of, as the
	// configuration is now. Nil: none.
	Notify func(upload.Event) bool
	// Names are the products, entities and files that an item's fields name, by which it
	// is found beside its IDs and its source; nil: none.
	Names func(upload.Item) []string
	// Now replaces the clock, for tests. Nil takes this host's clock for what is
	// only shown, and the database's own, where it has one, for what several
	// hosts decide on: permits, counters, leases, living workers.
	Now func() time.Time
}

// Ledger is an open database. It is safe for concurrent use.
type Ledger struct {
	dialect dialect
	where   string // the database as it may be named to people
	sealer  Sealer
	log     *zap.Logger
	now     func() time.Time
	notify  func(upload.Event) bool
	names   func(upload.Item) []string
	given   bool // the clock was given and stands above the database's

	// read and write are one pool on PostgreSQL. SQLite has a single writer at
	// a time, and a pool of one connection queues for it more fairly than its
	// busy handler does.
	read, write *pool
	writer      *writer
	service     atomic.Pointer[Service]
	observer    Observer
	changes     sync.Map // of *sql.Tx: what its transaction changes of items, until it is committed

	digester atomic.Pointer[digester]
	queues   sync.Map // names of task queues, by their digests

	closing sync.Once
	closed  atomic.Bool
	end     error // of closing
}

// Open connects to a ledger and brings its schema up to date. Several processes
// may open one ledger at once. The error is ErrURL, ErrUnreachable, ErrNewer, or
// another one of this package, and never tells a password.
func Open(ctx context.Context, o Options) (*Ledger, error) {
	if o.Sealer == nil {
		return nil, errors.New("a ledger needs a sealer")
	}
	l := &Ledger{sealer: o.Sealer, log: o.Log, now: o.Now, notify: o.Notify, names: o.Names, given: o.Now != nil, observer: o.Observer}
	if l.log == nil {
		l.log = zap.NewNop()
	}
	if l.now == nil {
		l.now = time.Now
	}
	if l.observer == nil {
		l.observer = silent{}
	}
	if err := l.connect(o.URL); err != nil {
		return nil, err
	}
	if err := l.migrate(ctx, o.URL); err != nil {
		return nil, errors.Join(l.fail("open", err), l.disconnect())
	}
	var err error
	if l.writer, err = newWriter(ctx, l); err != nil {
		return nil, errors.Join(l.fail("open", err), l.disconnect())
	}
	return l, nil
}

// connect opens the pools. On PostgreSQL it does not yet talk to the server.
func (l *Ledger) connect(url string) error {
	if isPostgres(url) {
		l.dialect, l.where = postgres, displayURL(url)
		db, err := openPostgres(url)
		l.read, l.write = l.pool(db, OperationRead), l.pool(db, OperationWrite)
		return err
	}
	l.dialect, l.where = sqlite, url
	read, write, err := openSQLite(url)
	l.read, l.write = l.pool(read, OperationRead), l.pool(write, OperationWrite)
	return err
}

func (l *Ledger) disconnect() error {
	err := l.write.Close()
	if l.read.DB != l.write.DB {
		err = errors.Join(err, l.read.Close())
	}
	return err
}

// Close commits what is still to be written and ends all connections. Calls that
// come later fail with ErrClosed. Closing twice is one close.
func (l *Ledger) Close() error {
	l.closing.Do(func() {
		l.writer.close()
		l.end = l.fail("close", l.disconnect())
		l.closed.Store(true)
	})
	return l.end
}

// Health reports what would keep the ledger from working: a database that does
// not answer, that takes no writes, or whose schema is another program's. It
// changes nothing.
func (l *Ledger) Health(ctx context.Context) error {
	if err := l.checkVersion(ctx); err != nil {
		return l.fail("check health", err)
	}
	tx, err := l.write.BeginTx(ctx, nil)
	if err != nil {
		return l.fail("check health", err)
	}
	defer func() { _ = tx.Rollback() }() // the point of this transaction is only to be allowed
	// A replica that only reads refuses this even though there is no such row.
	_, err = tx.ExecContext(ctx, `DELETE FROM workers WHERE id = ''`)
	return l.fail("check health", err)
}

// keyChecks is how many items a key is tried on.
const keyChecks = 20

// CheckKey reports whether the sealer opens any of what was put down last. A
// program with another key than the others, or than the one of yesterday, would go
// wrong only in the middle of its work, and again at every attempt. One item that
// cannot be opened stops nobody: it may be damaged, or of a time when keys were
// mixed up. The error is the sealer's, wrapped; an empty ledger has nothing
// against any key. What is hashed needs its own key in any case.
func (l *Ledger) CheckKey(ctx context.Context) error {
	sealed, err := l.digestKey(ctx)
	if err == nil {
		_, err = l.openDigestKey(sealed)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return l.fail("check the key", err)
	}
	entries, err := l.scanEntries(l.read.QueryContext(ctx,
		`SELECT `+entryColumns+` FROM items ORDER BY queued_at DESC, upload_id DESC LIMIT `+strconv.Itoa(keyChecks)))
	if err != nil {
		return l.fail("check the key", err)
	}
	var first error
	for _, e := range entries {
		_, err := l.unseal("item "+e.Result.UploadID, e.sealed)
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return l.fail("check the key", first)
}

// Where names the database as people may see it: a path, or a URL without user,
// password and query.
func (l *Ledger) Where() string { return l.where }

// text completes a statement that asks for the time. {now} is the time in
// microseconds that the statement's first argument gives, or the database's own
// where that is null; see clock.
func (l *Ledger) text(statement string) string {
	return strings.ReplaceAll(statement, "{now}", "COALESCE(CAST($1 AS BIGINT), "+l.dialect.clock+")")
}

// clock is the first argument of a statement with {now}.
func (l *Ledger) clock() any {
	if l.dialect.clock != noClock && !l.given {
		return nil
	}
	return micros(l.now())
}

// transact runs do in a transaction, and commits it unless do fails.
func (l *Ledger) transact(ctx context.Context, do func(*sql.Tx) error) error {
	return l.transactAs(ctx, OperationTransaction, do)
}

// transactAs is transact for a kind of operation. What is observed of items is told
// once it is committed.
func (l *Ledger) transactAs(ctx context.Context, of Operation, do func(*sql.Tx) error) error {
	defer l.took(of)()
	tx, err := l.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer l.changes.Delete(tx)
	if err := do(tx); err != nil {
		return errors.Join(err, rolledBack(tx.Rollback()))
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	l.tellChanges(tx)
	return nil
}

// persist is transact for what touches many rows: where the transaction loses
// against another one, it is run again.
func (l *Ledger) persist(ctx context.Context, do func(*sql.Tx) error) error {
	var err error
	for range groupTries {
		if err = l.transact(ctx, do); !retryable(err) {
			break
		}
	}
	return err
}

// rolledBack drops the complaint that a transaction is over already, which is
// what a canceled context or a broken connection leaves.
func rolledBack(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// micros is a time as the database keeps it: microseconds since 1970, and 0 for
// no time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment is the contrary of micros.
func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// clean makes a text that came from outside fit for a text column: PostgreSQL
// refuses bytes that are no UTF-8, and NUL.
func clean(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "\ufffd")
	}
	return strings.ToValidUTF8(s, "\ufffd")
}

// seal is Seal with a word on what it was for.
func (l *Ledger) seal(what string, plain []byte) ([]byte, error) {
	sealed, err := l.sealer.Seal(plain)
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", what, err)
	}
	return sealed, nil
}

// unseal is Open with a word on what it was for.
func (l *Ledger) unseal(what string, sealed []byte) ([]byte, error) {
	plain, err := l.sealer.Open(sealed)
	if err != nil {
		return nil, fmt.Errorf("decrypt %s: %w", what, err)
	}
	return plain, nil
}

// each scans all rows of a query.
func (l *Ledger) each(ctx context.Context, query string, args []any, scan func(rows *sql.Rows) error) error {
	rows, err := l.read.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
