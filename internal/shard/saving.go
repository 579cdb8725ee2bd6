package shard

import (
	"context"
	"strings"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// save saves how far the row is, before the next step. Where that is refused, which
// is the error then, the row is another run's, or another attempt's.
func (r *row) save(ctx context.Context) error {
	refused, err := r.Ledger.SaveProgress(ctx, []ledger.ProgressUpdate{r.update()})
	if err != nil {
		return steps.FromLedger(ctx, err)
	}
	if len(refused) > 0 {
		return refused[0]
	}
	r.unsaved = false
	return nil
}

// saveFailedEnd saves that nothing is open any more, for the run that a person may have the
// row retried by. A row that never had a session leaves nothing behind.
func (r *row) saveFailedEnd(ctx context.Context) error {
	if r.p.Session.Method == "" {
		return nil
	}
	return r.save(context.WithoutCancel(ctx))
}

func (r *row) update() ledger.ProgressUpdate {
	r.p.Version++
	state := r.p.State()
	if r.p.Session.Method == "" { // it has come no further than its claim
		state = ""
	}
	return ledger.ProgressUpdate{UploadID: r.item.UploadID, RunID: r.attempt.Run.ID, State: state, Progress: r.p, BytesSent: r.p.BytesSent}
}

// fillChecksums makes the checksums of a medium whose bytes arrived without an answer.
func (r *row) fillChecksums(ctx context.Context, result *upload.Result) {
	if result.CRC64 != "" {
		return
	}
	sums, err := r.Digest(ctx, r.item, r.p.Content)
	if err != nil { // the medium is there; only its proof is not
		result.Note = strings.TrimPrefix(result.Note+"; the file has no overall checksum: "+upload.AsError(err, upload.StepTransfer).Message, "; ")
		return
	}
	result.SHA256, result.CRC64 = upload.Text(sums.SHA256), upload.Text(sums.CRC64)
	result.SourceSHA256 = r.p.Content.SourceSHA256(result.SHA256)
}

// result is what is known of the row, in the given state.
func (r *row) result(state upload.State) upload.Result {
	now := r.Now().UTC()
	result := upload.NewResult(r.item, upload.WayPacked, r.started)
	result.State, result.FinishedAt = state, &now
	result.WorkflowID = upload.Text(r.attempt.Run.WorkflowID)
	result.Attempts, result.BytesSent = r.p.Attempts, r.p.BytesSent
	result.Tell(&r.p)
	result.Note = strings.Join(r.p.Notes, "; ")
	return result
}

// record writes how the row ended, also when its batch was canceled meanwhile.
func (r *row) record(ctx context.Context, result upload.Result, fingerprint string) error {
	r.done = true
	return steps.FromLedger(ctx, r.LeftToHolder(r.Ledger.Record(context.WithoutCancel(ctx), upload.Record{
		Item: r.item, Result: result, Fingerprint: fingerprint, RunID: r.attempt.Run.ID, Handle: r.p.Session.Handle(),
	})))
}
