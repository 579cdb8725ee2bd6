package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	// linger is how long updates that nobody waits for are collected.
	linger = 10 * time.Millisecond
	// groupRows limits one transaction, so that nobody waits long for the lock.
	groupRows = 1000
	// groupTries is how often a group is written that lost against others.
	groupTries = 4
)

// verb is what a job does to its row.
type verb int

// The verbs, in the order in which a group runs them.
const (
	verbClaim verb = iota
	verbState
	verbBytes
	verbProgress
	verbDetach
	verbRecord
	verbs
)

// job is one row to be written, and its waiter.
type job struct {
	verb   verb
	row    *row
	waiter *waiter // nil where nobody waits
	claim  Claim   // the answer to verbClaim
	placed bool    // the item stands where it stood; see place
	// reopens: the progress is that of an unconfirmed item which is sent again.
	reopens bool
	refusal *Refusal // nil where the job did what it should
}

// waiter is told when the last of its jobs is done.
type waiter struct {
	left int // used by the writer only
	err  error
	done chan struct{}
}

// writer writes the items of one process: what comes while it commits goes into
// one transaction next. Nobody waits longer for it than the commit before and
// their own.
type writer struct {
	ledger *Ledger
	wake   chan struct{} // holds one
	ended  chan struct{}

	mu      sync.Mutex
	pending []*job
	latest  map[string]*job // the last pending job of each item
	bucket  bucket          // of the goroutine alone
	timed   bool            // a wake is due after linger
	closed  bool

	// These never change once the goroutine runs.
	statements map[int]*statements  // by the number of their rows
	prepared   map[string]*sql.Stmt // by their text
}

func newWriter(ctx context.Context, l *Ledger) (*writer, error) {
	w := &writer{
		ledger: l, wake: make(chan struct{}, 1), ended: make(chan struct{}),
		latest: map[string]*job{}, statements: map[int]*statements{}, prepared: map[string]*sql.Stmt{},
	}
	for n := 1; n <= l.dialect.rows; n *= 2 {
		w.statements[n] = newStatements(n)
	}
	if err := w.prepare(ctx); err != nil {
		return nil, err
	}
	go w.run()
	return w, nil
}

// submit has jobs written at once and waits until they are, or until the context
// ends; then they may still be written.
func (w *writer) submit(ctx context.Context, jobs []*job) error {
	if len(jobs) == 0 {
		return nil
	}
	waiting := &waiter{left: len(jobs), done: make(chan struct{})}
	for _, j := range jobs {
		j.waiter = waiting
	}
	if err := w.add(jobs); err != nil {
		return err
	}
	w.signal()
	select {
	case <-waiting.done:
		return waiting.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// leave has a job written soon, without waiting.
func (w *writer) leave(j *job) error {
	if err := w.add([]*job{j}); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.timed {
		w.timed = true
		time.AfterFunc(linger, w.signal)
	}
	return nil
}

func (w *writer) add(jobs []*job) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	for _, j := range jobs {
		id := j.row.item.UploadID
		if last := w.latest[id]; last != nil && last.absorb(j) {
			continue
		}
		w.pending = append(w.pending, j)
		w.latest[id] = j
	}
	return nil
}

// absorb merges two updates of a run where nobody waits for the later one, so that no
// number of heartbeats fills the memory while the database is away.
func (j *job) absorb(later *job) bool {
	if later.waiter != nil || j.verb != later.verb || j.row.runID != later.row.runID {
		return false
	}
	switch j.verb {
	case verbBytes:
		j.row.result.BytesSent = max(j.row.result.BytesSent, later.row.result.BytesSent)
		return true
	case verbState:
		sent, size := j.row.result.BytesSent, j.row.result.Size
		j.row = later.row
		j.row.result.BytesSent = max(sent, j.row.result.BytesSent)
		if j.row.result.Size == 0 {
			j.row.result.Size = size
		}
		return true
	}
	return false
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default: // a wake is due already
	}
}

// run writes groups until the writer is closed and nothing is left.
func (w *writer) run() {
	defer close(w.ended)
	for range w.wake {
		for group := w.take(); len(group) > 0; group = w.take() {
			w.write(group)
			// Those who were just told have more to write; without their turn
			// they and the others would wait for each other's commits in halves.
			runtime.Gosched()
		}
		w.mu.Lock()
		over := w.closed && len(w.pending) == 0
		w.mu.Unlock()
		if over {
			return
		}
	}
}

// take removes the next group from what is pending.
func (w *writer) take() []*job {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timed = false
	group := w.pending
	if len(group) <= groupRows {
		w.pending = nil
		clear(w.latest)
		return group
	}
	group = slices.Clone(group[:groupRows])
	w.pending = slices.Delete(w.pending, 0, groupRows)
	for _, j := range group {
		if id := j.row.item.UploadID; w.latest[id] == j {
			delete(w.latest, id)
		}
	}
	return group
}

// close refuses new jobs, writes what is pending and ends the goroutine.
func (w *writer) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.signal()
	<-w.ended
	for _, statement := range w.prepared {
		_ = statement.Close() // its connection is about to end anyway
	}
}

// write commits a group and tells those who wait. Where one row is what the
// database refuses, only that one fails.
func (w *writer) write(group []*job) {
	err := w.try(group)
	if err == nil || len(group) == 1 || diagnose(err) != nil {
		w.tell(group, err)
		return
	}
	for _, j := range group {
		w.tell([]*job{j}, w.try([]*job{j}))
	}
}

func (w *writer) try(group []*job) error {
	var err error
	for range groupTries {
		if err = w.commit(group); !retryable(err) {
			break
		}
	}
	return err
}

func (w *writer) commit(group []*job) error {
	ctx := context.Background()
	if limit := w.ledger.dialect.commit; limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	err := w.ledger.transactAs(ctx, OperationItems, func(tx *sql.Tx) error {
		return w.keep(ctx, tx, groupIDs(group), func(before map[string]standing) error {
			place(group, before)
			for _, round := range arrange(group) {
				if err := w.apply(ctx, tx, round); err != nil {
					return err
				}
			}
			return w.noteTerms(ctx, tx, group, before)
		})
	})
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: no answer within %s: %w", ErrUnreachable, w.ledger.dialect.commit, err)
	}
	return err
}

// groupIDs names the items of a group, each once.
func groupIDs(group []*job) []string {
	ids := make([]string, len(group))
	for i, j := range group {
		ids[i] = clean(j.row.item.UploadID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// tell wakes the waiters whose last job this was. The failure of an update that
// nobody waits for can only be logged.
func (w *writer) tell(group []*job, err error) {
	lost := 0
	for _, j := range group {
		if j.waiter == nil {
			lost++
			continue
		}
		if err != nil && j.waiter.err == nil {
			j.waiter.err = err
		}
		if j.waiter.left--; j.waiter.left == 0 {
			close(j.waiter.done)
		}
	}
	if err != nil && lost > 0 {
		w.ledger.log.Warn("could not save the progress of items",
			zap.Int("items", lost), zap.Error(w.ledger.fail("note progress", err)))
	}
}

// round is jobs by their verb, no item twice among them: one statement cannot
// touch a row twice.
type round [verbs][]*job

// arrange splits a group into rounds in which each item's jobs keep their order.
// Within a statement the items are sorted, so that two processes which write the
// same ones take their locks in one order.
func arrange(group []*job) []*round {
	var rounds []*round
	seen := make(map[string]int, len(group))
	for _, j := range group {
		id := j.row.item.UploadID
		n := seen[id]
		seen[id] = n + 1
		if n == len(rounds) {
			rounds = append(rounds, &round{})
		}
		rounds[n][j.verb] = append(rounds[n][j.verb], j)
	}
	for _, r := range rounds {
		for _, jobs := range r {
			slices.SortFunc(jobs, func(a, b *job) int {
				return strings.Compare(a.row.item.UploadID, b.row.item.UploadID)
			})
		}
	}
	return rounds
}
