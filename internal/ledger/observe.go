package ledger

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Observer hears what a ledger does, for metrics and logs. Its methods must return at
// once, and are called from many goroutines. Of all processes that share a ledger, each
// change is told to the one that made it, once, when the database has it.
type Observer interface {
	// Took hears how long the database took for an operation.
	Took(of Operation, d time.Duration)
	// Failed hears of an operation that the database did not carry out.
	Failed()
	// Item hears that a run began with an item, or that an item ended.
	Item(ItemChange)
	// Batch hears that a batch began, was held, paused or resumed, or ended.
	Batch(BatchState)
	// Account hears that an account can be used, or cannot.
	Account(AccountChange)
}

// Operation is a kind of work of the database.
type Operation string

// The operations.
const (
	OperationRead        Operation = "read"        // a query
	OperationWrite       Operation = "write"       // a single statement that writes
	OperationTransaction Operation = "transaction" // several statements
	OperationItems       Operation = "items"       // what came together of claims, progress and ends
)

// ItemChange is the beginning or the end of an item.
type ItemChange struct {
	UploadID, Batch, Account, Vendor string
	WorkflowID, RunID                string // of the run that holds the item; empty: none does
	Way                              upload.Way
	Run                              int64 // counts from 1
	// State is how the item ended; empty where a run began with it.
	State upload.State
	Kind  upload.Kind
	// Took is the time since the run began; 0 where none did.
	Took time.Duration
}

// BatchState is how a batch is after a change.
type BatchState struct {
	ID      string
	State   upload.BatchState
	Was     upload.BatchState
	Paused  bool
	Because string // in words; it holds no secret
}

// AccountChange says what became of an account.
type AccountChange struct {
	Account string
	// Paused is set while nobody may use the account: a person paused it, or, By itself,
	// its vendor denied it.
	Paused bool
	// Peer is the one of its other sides that does not answer, or that does again.
	Peer upload.Peer
	// Out says that Peer does not answer.
	Out bool
	// SlowUntil is until when its vendor asked to be left alone; zero: it did not.
	SlowUntil   time.Time
	By, Because string // Because holds no secret
}

// silent observes nothing.
type silent struct{}

func (silent) Took(Operation, time.Duration) {}
func (silent) Failed()                       {}
func (silent) Item(ItemChange)               {}
func (silent) Batch(BatchState)              {}
func (silent) Account(AccountChange)         {}

// pool is a pool of connections whose statements are timed.
type pool struct {
	*sql.DB
	took func() func()
}

func (l *Ledger) pool(db *sql.DB, of Operation) *pool {
	return &pool{db, func() func() { return l.took(of) }}
}

// took times an operation: it ends when the returned function is called.
func (l *Ledger) took(of Operation) func() {
	began := time.Now() // whatever the time is called, it passes
	return func() { l.observer.Took(of, time.Since(began)) }
}

// QueryContext is that of the pool.
func (p *pool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	defer p.took()()
	return p.DB.QueryContext(ctx, query, args...)
}

// QueryRowContext is that of the pool.
func (p *pool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	defer p.took()()
	return p.DB.QueryRowContext(ctx, query, args...)
}

// ExecContext is that of the pool.
func (p *pool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	defer p.took()()
	return p.DB.ExecContext(ctx, query, args...)
}

// noteChanges notes which items a transaction lets begin or end, to be told once it is
// committed.
func (l *Ledger) noteChanges(tx *sql.Tx, before, after map[string]standing) {
	if _, nobody := l.observer.(silent); nobody {
		return
	}
	var noted []ItemChange
	for id, is := range after {
		was := before[id]
		if is.runID != "" && is.runs > was.runs {
			noted = append(noted, l.itemChange(id, is, ""))
		}
		if is.state.Ended() && is.state != was.state {
			noted = append(noted, l.itemChange(id, is, is.state))
		}
	}
	if earlier, found := l.changes.Load(tx); found {
		noted = append(earlier.([]ItemChange), noted...)
	}
	if len(noted) > 0 {
		l.changes.Store(tx, noted)
	}
}

func (l *Ledger) itemChange(id string, is standing, state upload.State) ItemChange {
	c := ItemChange{
		UploadID: id, Batch: is.batch, Account: is.account, Vendor: is.vendor, WorkflowID: is.workflowID, RunID: is.runID,
		Way: is.way(), Run: is.runs, State: state,
	}
	if state != "" {
		c.Kind = upload.Kind(is.kind)
		if is.runID != "" && is.started > 0 {
			c.Took = max(l.now().Sub(moment(is.started)), 0)
		}
	}
	return c
}

// way is how an item ran: rows that no run had would have been packed.
func (s standing) way() upload.Way {
	if strings.HasPrefix(s.workflowID, upload.WorkflowShard+"/") || s.workflowID == "" && s.batch != "" {
		return upload.WayPacked
	}
	return upload.WayOwn
}

// tellChanges tells what a transaction changed that is committed.
func (l *Ledger) tellChanges(tx *sql.Tx) {
	if noted, found := l.changes.Load(tx); found {
		for _, change := range noted.([]ItemChange) {
			l.observer.Item(change)
		}
	}
}
