package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Batch is one run of one manifest. Its rows are items; see Summarize, Routes
// and ShardRows.
type Batch struct {
	ID       string
	Manifest string // as it may be shown: without query or password
	// Form is how the manifest is written, as manifest.Form is in JSON; "" where it is
	// not known.
	Form   string
	Digest string // SHA-256 of the manifest's content, hex
	// Definition is a digest of what else decides the rows, so that another
	// start of the same name is seen to be another batch.
	Definition string
	Total      int64 // rows, refused ones included; 0 while it is loading
	State      upload.BatchState
	Paused     bool
	Because    string // why it is paused or held, in words
	Limits     upload.Limits
	Canary     int // rows of each route that run before the rest; 0: all run at once
	By         string
	// CreatedAt is when it was opened; StartedAt when all its rows were there;
	// FinishedAt when its workflow was over, and zero while it is not.
	CreatedAt, StartedAt, FinishedAt time.Time
}

// BatchNotFoundError says that a batch is not in the ledger, and which ones are
// that are named much like it. It is ErrNotFound.
type BatchNotFoundError struct {
	ID   string
	Near []string // IDs, possibly none
}

func (e *BatchNotFoundError) Error() string {
	text := fmt.Sprintf("batch %q is %v", e.ID, ErrNotFound)
	if len(e.Near) > 0 {
		text += fmt.Sprintf("; similar names: %q", e.Near)
	}
	return text
}

// Is makes every BatchNotFoundError an ErrNotFound.
func (e *BatchNotFoundError) Is(target error) bool { return target == ErrNotFound }

// batchColumns are what batchRow scans, in its order.
const batchColumns = `id, manifest, digest, definition, total, state, paused, because, limits, canary, canary_passed,
	baseline, who, created_at, started_at, finished_at, cluster, namespace, form`

// batchRow is a batch with what the ledger keeps of it beyond that.
type batchRow struct {
	Batch
	canaryPassed bool
	// baseline are the failures that a person knew of and went on from.
	baseline map[upload.Kind]int64
	service  Service // that was bound when its rows were all there
}

func (l *Ledger) scanBatch(row interface{ Scan(...any) error }) (batchRow, error) {
	var b batchRow
	var limits, baseline string
	var created, started, finished int64
	err := row.Scan(&b.ID, &b.Manifest, &b.Digest, &b.Definition, &b.Total, &b.State, &b.Paused, &b.Because, &limits, &b.Canary,
		&b.canaryPassed, &baseline, &b.By, &created, &started, &finished, &b.service.Cluster, &b.service.Namespace, &b.Form)
	if err != nil {
		return batchRow{}, err
	}
	if err := json.Unmarshal([]byte(limits), &b.Limits); err != nil {
		return batchRow{}, fmt.Errorf("limits of batch %q: %w", b.ID, err)
	}
	if err := json.Unmarshal([]byte(baseline), &b.baseline); err != nil {
		return batchRow{}, fmt.Errorf("failures of batch %q: %w", b.ID, err)
	}
	b.CreatedAt, b.StartedAt, b.FinishedAt = moment(created), moment(started), moment(finished)
	err = l.openTexts("batch "+b.ID, b.texts())
	if b.Form == hidden { // it is no text for people
		b.Form = ""
	}
	return b, err
}

// texts are what is sealed of a batch.
func (b *batchRow) texts() map[string]*string {
	return map[string]*string{"manifest": &b.Manifest, "digest": &b.Digest, "definition": &b.Definition, "form": &b.Form, "reason": &b.Because, "who": &b.By}
}

// batchArgs are the values of batchColumns.
func (l *Ledger) batchArgs(b batchRow) ([]any, error) {
	limits, err := json.Marshal(b.Limits)
	if err != nil {
		return nil, err
	}
	if err := l.sealTexts("batch "+b.ID, b.texts()); err != nil {
		return nil, err
	}
	baseline, err := json.Marshal(b.baseline)
	return []any{
		clean(b.ID), b.Manifest, b.Digest, b.Definition, b.Total, clean(string(b.State)), b.Paused,
		b.Because, clean(string(limits)), int64(b.Canary), b.canaryPassed, string(baseline), b.By,
		micros(b.CreatedAt), micros(b.StartedAt), micros(b.FinishedAt),
		b.service.Cluster, b.service.Namespace, b.Form,
	}, err
}

// OpenBatch puts a batch into the ledger in state loading, whatever its State
// says, and reports that it did. One of the same ID that is there already is
// returned as it is; whether it is of the same manifest is the caller's to see.
// A zero CreatedAt is the present.
func (l *Ledger) OpenBatch(ctx context.Context, batch Batch) (found Batch, made bool, err error) {
	if batch.ID == "" {
		return Batch{}, false, l.fail("open a batch", errors.New("the ID is missing"))
	}
	b := batchRow{Batch: batch}
	b.State = upload.BatchLoading
	if b.CreatedAt.IsZero() {
		b.CreatedAt = l.now()
	}
	args, err := l.batchArgs(b)
	if err != nil {
		return Batch{}, false, l.fail("open batch "+batch.ID, err)
	}
	b, err = l.scanBatch(l.write.QueryRowContext(ctx, `INSERT INTO batches (`+batchColumns+`) VALUES `+tuples(1, len(args), nil)+`
ON CONFLICT (id) DO NOTHING RETURNING `+batchColumns, args...))
	if errors.Is(err, sql.ErrNoRows) {
		found, err = l.Batch(ctx, batch.ID)
		return found, false, err
	}
	return b.Batch, err == nil, l.fail("open batch "+batch.ID, err)
}

// BatchLoaded says that all rows of a batch are in the ledger, refused ones
// included, and that it may run. It may be repeated: a batch that is not loading
// stays as it is. Rows that were refused do not count as Failures from then on:
// whoever started the batch accepted them.
func (l *Ledger) BatchLoaded(ctx context.Context, id string, total int64) error {
	_, err := l.updateBatch(ctx, id, func(tx *sql.Tx, b *batchRow) (bool, error) {
		if b.State != upload.BatchLoading {
			return false, nil
		}
		var err error
		b.State, b.Total, b.StartedAt = upload.BatchRunning, total, l.now()
		b.service = l.Service()
		b.baseline, err = failures(ctx, tx, b.ID)
		return true, err
	})
	return l.failBatch(ctx, "mark batch "+id+" as loaded", id, err)
}

// updateBatch reads a batch, lets change decide, and writes it back unless that
// says no, all in one transaction. The error is sql.ErrNoRows where there is no
// such batch.
func (l *Ledger) updateBatch(ctx context.Context, id string, change func(*sql.Tx, *batchRow) (bool, error)) (batchRow, error) {
	var b, was batchRow
	err := l.transact(ctx, func(tx *sql.Tx) error {
		var err error
		b, err = l.scanBatch(tx.QueryRowContext(ctx, `SELECT `+batchColumns+` FROM batches WHERE id = $1`+l.dialect.lock, clean(id)))
		if err != nil {
			return err
		}
		was = b
		changed, err := change(tx, &b)
		if err != nil || !changed {
			return err
		}
		args, err := l.batchArgs(b)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE batches SET (`+batchColumns+`) = `+tuples(1, len(args), nil)+` WHERE id = $1`, args...)
		if err != nil {
			return err
		}
		return l.noteBatch(ctx, tx, was, b)
	})
	if err == nil && (b.State != was.State || b.Paused != was.Paused) {
		l.observer.Batch(BatchState{ID: b.ID, State: b.State, Was: was.State, Paused: b.Paused, Because: b.Because})
	}
	return b, err
}

// failBatch is fail for what is done to one batch, which may not be there.
func (l *Ledger) failBatch(ctx context.Context, doing, id string, err error) error {
	if !errors.Is(err, sql.ErrNoRows) {
		return l.fail(doing, err)
	}
	near, err := l.nearBatches(ctx, clean(id))
	if err != nil {
		return l.fail(doing, err)
	}
	return &BatchNotFoundError{ID: id, Near: near}
}

// nearBatches finds up to two batches that somebody may have meant: the one that
// sorts just before the ID, and the one just after it, where they begin alike.
func (l *Ledger) nearBatches(ctx context.Context, id string) ([]string, error) {
	rows, err := l.read.QueryContext(ctx, `
SELECT id FROM (SELECT id FROM batches WHERE id < $1 ORDER BY id DESC LIMIT 1) AS lower
UNION SELECT id FROM (SELECT id FROM batches WHERE id > $1 ORDER BY id LIMIT 1) AS higher`, id)
	if err != nil {
		return nil, err
	}
	near, err := scanTexts(rows)
	near = slices.DeleteFunc(near, func(other string) bool { return other == "" || id == "" || other[0] != id[0] })
	slices.Sort(near)
	return near, err
}

// scanTexts reads rows of one text and closes them.
func scanTexts(rows *sql.Rows) ([]string, error) {
	defer func() { _ = rows.Close() }() // what could go wrong with it is in rows.Err
	var texts []string
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, rows.Err()
}

// Batch reads one batch. The error is a *BatchNotFoundError where there is none.
func (l *Ledger) Batch(ctx context.Context, id string) (Batch, error) {
	b, err := l.readBatch(ctx, id)
	return b.Batch, l.failBatch(ctx, "read batch "+id, id, err)
}

func (l *Ledger) readBatch(ctx context.Context, id string) (batchRow, error) {
	return l.scanBatch(l.read.QueryRowContext(ctx, `SELECT `+batchColumns+` FROM batches WHERE id = $1`, clean(id)))
}
