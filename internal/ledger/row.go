package ledger

import (
	"context"
	"encoding/json"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// row is one row of items as it is offered to the database, which keeps of it
// what the statement says.
type row struct {
	item        upload.Item
	result      upload.Result
	handle      upload.Handle
	fingerprint string
	workflowID  string
	runID       string
	service     Service // of the run
	runs        int
	takeOver    string
	serialKey   string
	last        bool
	because     string // it is detached, sealed
	startedAt   time.Time
	queuedAt    time.Time

	sealed  []byte // the item, or of verbProgress the progress
	plain   []byte // the progress
	version int64  // of the progress
	waiting string // what its next call waits for, sealed
	// What is hashed for the columns of these names.
	definition, declared, content, queue, lane, cause string
	mark                                              string // the fingerprint, sealed
	told                                              string // the result
}

// encode prepares what is costly, so that the caller does it and not the one
// writer that all callers share.
func (r *row) encode(ctx context.Context, l *Ledger) error {
	if err := r.hash(ctx, l); err != nil {
		return err
	}
	item := r.item
	// Where an item goes on is the progress's to tell, which ends with the item; one
	// that is kept here would be gone on from again after a retry.
	item.Resume = nil
	plain, err := json.Marshal(item)
	if err != nil {
		return err
	}
	if r.sealed, err = l.seal("the item", plain); err != nil {
		return err
	}
	if r.mark, err = l.sealText("the fingerprint of "+item.UploadID, r.fingerprint); err != nil {
		return err
	}
	r.service = l.Service()
	r.result.Source = upload.DisplaySource(r.result.Source)
	r.result.MediaURL = upload.Text(upload.DisplaySource(string(r.result.MediaURL)))
	r.told, err = l.sealResult(toldResult{r.result, r.handle})
	return err
}

// hash makes the digests of the row.
func (r *row) hash(ctx context.Context, l *Ledger) error {
	d, err := l.digests(ctx)
	if err != nil {
		return err
	}
	r.definition, r.declared = d.of(ofDefinition, r.item.Definition()), d.of(ofDeclaration, declaration(r.item))
	r.content, r.lane = d.of(ofFingerprint, r.fingerprint), d.of(ofSerialKey, r.serialKey)
	if r.result.Error != nil {
		r.cause = d.of(ofCause, alike(r.result.Error.Message))
	}
	r.queue, err = l.queueDigest(ctx, r.item.Queue)
	return err
}

// args are the values of itemColumns.
func (r *row) args(now time.Time) []any {
	queued := r.queuedAt
	if queued.IsZero() {
		queued = now
	}
	kind := upload.Kind("")
	if r.result.Error != nil {
		kind = r.result.Error.Kind
	}
	return []any{
		clean(r.item.UploadID), clean(r.item.Batch), int64(r.item.Line), clean(r.item.Account),
		clean(string(r.result.State)), r.result.Paused, clean(string(kind)), clean(string(r.result.MediaID)),
		r.definition, r.content, clean(r.workflowID), clean(r.runID), int64(r.runs),
		r.item.Again, clean(r.takeOver), r.lane, r.last, int64(r.result.Size), r.result.BytesSent,
		micros(r.startedAt), micros(queued), micros(now), r.sealed, r.told,
		r.phase(), clean(r.item.Vendor), r.queue, r.declared, r.service.Cluster, r.service.Namespace, r.mark, r.cause,
	}
}

// phase is the phase of the row's state. An item that a run has is at work,
// whatever it waits for.
func (r *row) phase() string {
	if r.result.State == upload.StateWaiting && r.runID != "" {
		return phaseWork
	}
	return phaseOf(r.result.State)
}

// phaseWork is the phase of all items that are being uploaded.
const phaseWork = "work"

func phaseOf(state upload.State) string {
	if state.Ended() || state == upload.StateWaiting {
		return string(state)
	}
	return phaseWork
}

// bytesArgs are the values of countBytes.
func (r *row) bytesArgs(now time.Time) []any {
	return []any{clean(r.item.UploadID), clean(r.runID), r.result.BytesSent, micros(now)}
}

// progressArgs are the values of moveItems.
func (r *row) progressArgs(now time.Time) []any {
	return []any{
		clean(r.item.UploadID), clean(r.runID), r.version, clean(string(r.result.State)), r.result.Paused,
		int64(r.result.Size), r.result.BytesSent, micros(now), r.waiting,
	}
}

// detachArgs are the values of detachItems.
func (r *row) detachArgs(now time.Time) []any {
	return []any{clean(r.item.UploadID), clean(r.runID), r.because, micros(now)}
}

// newRow is the row of a run that begins with an item.
func newRow(item upload.Item, way upload.Way, workflowID, runID string, started time.Time) *row {
	r := &row{item: item, workflowID: workflowID, runID: runID, runs: 1, startedAt: started}
	r.result = upload.NewResult(item, way, started)
	r.result.WorkflowID = upload.Text(workflowID)
	return r
}
