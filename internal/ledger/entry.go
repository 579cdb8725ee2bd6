package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Entry is what the ledger knows of one item.
type Entry struct {
	// Result is how far the item got, or how it ended. What only the running
	// workflow knows (attempts so far, checksums) is missing until the end.
	Result upload.Result
	// Handle is how the vendor knows the session of a medium that is ready.
	Handle upload.Handle
	// Fingerprint tells which content of the source was sent; empty where that
	// is not known.
	Fingerprint string
	// Run is the run that holds the item, or held it last; its IDs are empty while
	// no run does.
	Run
	// TookOver is the run that held the item before and was found dead.
	TookOver string
	// SerialKey tells serial keys apart, as those of SerialHolders are.
	SerialKey string
	// Detached says that the item has, or is to get, a workflow of its own, though
	// it began among others.
	Detached bool
	// Runs counts the claims that were granted.
	Runs int
	// StartedAt is when the run that holds the item began with it.
	StartedAt time.Time
	// QueuedAt is when the ledger first heard of the item, or of its latest
	// repetition. Lists sort by it.
	QueuedAt  time.Time
	UpdatedAt time.Time
	// Waiting is what the item's next call waits for after its own last call failed;
	// nil where that does not keep it. What it waits for together with all others of
	// its account is not in it.
	Waiting *upload.Wait

	sealed     []byte
	definition string // the digest of what was asked for
	queue      string // a digest
	ledger     *Ledger
}

// Queue is the task queue of those who could read the source when the item began; empty
// where every worker can, or where the key that the name needs is not at hand.
func (e Entry) Queue(ctx context.Context) (string, error) {
	if e.ledger == nil {
		return "", nil
	}
	name, err := e.ledger.openQueue(ctx, e.queue)
	return name, e.ledger.fail("read "+e.Result.UploadID, err)
}

// AskedFor reports whether an item asks for what the entry's last run was asked for; see
// upload.Item.Definition.
func (e Entry) AskedFor(item upload.Item) bool {
	was, err := e.Item()
	return err == nil && was.Definition() == item.Definition()
}

// Item is the item itself, source and all. It is decrypted only here, because
// few who read a list need it, and those who do must not print it as it is.
func (e Entry) Item() (upload.Item, error) {
	var item upload.Item
	if e.ledger == nil {
		return item, fmt.Errorf("read an item: %w", ErrNotFound)
	}
	plain, err := e.ledger.unseal("the item", e.sealed)
	if err != nil {
		return item, e.ledger.fail("read "+e.Result.UploadID, err)
	}
	if err := json.Unmarshal(plain, &item); err != nil {
		return item, e.ledger.fail("read "+e.Result.UploadID, err)
	}
	if item.UploadID != e.Result.UploadID {
		// Sealing does not bind a value to its row; whoever may write to the
		// database could exchange two.
		return item, e.ledger.fail("read "+e.Result.UploadID, fmt.Errorf("%w: it holds item %q", ErrDamaged, item.UploadID))
	}
	return item, nil
}

// entryColumns are what scanEntry reads, in its order.
const entryColumns = `upload_id, state, paused, size, bytes_sent, definition, content, workflow_id, run_id,
	cluster, namespace, took_over, serial_key, detached, runs, started_at, queued_at, updated_at, item, result, waiting, queue,
	batch, line, account, vendor, media_id, kind`

// scanEntry reads one row. The columns change more often than the JSON beside
// them, and stand above it. What is selected beyond entryColumns goes into more.
func (l *Ledger) scanEntry(row interface{ Scan(...any) error }, more ...any) (Entry, error) {
	e := Entry{ledger: l}
	var id, result, state, waiting string
	var paused bool
	var size, sent, started, queued, updated int64
	var c columns
	into := []any{
		&id, &state, &paused, &size, &sent, &e.definition, &e.Fingerprint, &e.WorkflowID, &e.RunID,
		&e.Service.Cluster, &e.Service.Namespace, &e.TookOver, &e.SerialKey, &e.Detached, &e.Runs, &started, &queued, &updated, &e.sealed, &result, &waiting, &e.queue,
		&c.batch, &c.line, &c.account, &c.vendor, &c.mediaID, &c.kind,
	}
	if err := row.Scan(append(into, more...)...); err != nil {
		return Entry{}, err
	}
	told, err := l.openResult(id, result, c)
	if err != nil {
		return Entry{}, err
	}
	e.Result, e.Handle = told.Result, told.Handle
	if e.Fingerprint, _, err = l.openSealed("the fingerprint of "+id, e.Fingerprint); err != nil {
		return Entry{}, err
	}
	if e.Waiting, err = l.openWait(id, waiting); err != nil {
		return Entry{}, fmt.Errorf("what item %q waits for: %w", id, err)
	}
	e.StartedAt, e.QueuedAt, e.UpdatedAt = moment(started), moment(queued), moment(updated)
	r := &e.Result
	r.UploadID, r.State, r.Paused = id, upload.State(state), paused
	r.Size, r.BytesSent = upload.Number(size), sent
	if e.RunID == "" && e.Runs == 0 && r.MediaID == "" {
		r.StartedAt = upload.Moment{} // it was only put down, and nobody began with it
	}
	switch {
	case !r.State.Ended():
		// A person's decision may have reopened what had ended.
		r.Error, r.FinishedAt = nil, nil
	case r.State == upload.StateCanceled && e.RunID == "":
		// It was called off while no run had it that could say so; what the
		// result tells is of a run before.
		r.Error, r.FinishedAt = nil, &e.UpdatedAt
	}
	if e.Detached {
		r.Way = upload.WayOwn
	}
	return e, nil
}

// scanEntries reads all rows and closes them.
func (l *Ledger) scanEntries(rows *sql.Rows, err error) ([]Entry, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	var entries []Entry
	for rows.Next() {
		e, err := l.scanEntry(rows)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, rows.Err()
}
