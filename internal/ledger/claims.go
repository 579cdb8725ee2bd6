package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// ClaimRequest asks for the right to upload an item.
type ClaimRequest struct {
	Item upload.Item
	// Content is what a look at the source found just now; of it the claim
	// needs Size and Fingerprint.
	Content upload.Content
	// SerialKey and Last are what the item must acquire before its bytes are sent;
	// see AcquireSerial.
	SerialKey string
	Last      bool
	// WorkflowID and RunID are the run that asks.
	WorkflowID, RunID string
	Way               upload.Way
	// StartedAt is when the run began with the item, not before its result says
	// so, and the same in every attempt. It tells a late attempt of an old run
	// from a new run.
	StartedAt time.Time
	// TakeOver is the ID of the run that held the item when the caller found that
	// run dead, which it can only find of a run of its own service. If yet another
	// run holds the item by now, that one keeps it.
	TakeOver string
}

// Outcome is the answer to a claim.
type Outcome string

// The outcomes.
const (
	// Granted: the run may go on, and no other run may.
	Granted Outcome = "granted"
	// Known: the item is ready, and there is nothing left to do.
	Known Outcome = "known"
	// Changed: the item is ready, but now the source holds something else, or
	// something else is asked for. The caller refuses, naming --again.
	Changed Outcome = "changed"
	// Unconfirmed: the item waits for a person's decision.
	Unconfirmed Outcome = "unconfirmed"
	// Busy: another run holds the item. The caller attaches to it or, having found
	// it dead, claims again with TakeOver; a run of another service is left alone.
	Busy Outcome = "busy"
	// Canceled: a person canceled the item while no run held it. It has ended until
	// it is retried.
	Canceled Outcome = "canceled"
)

// Claim is the answer to a ClaimRequest.
type Claim struct {
	Outcome Outcome
	// Entry is what stands in the way: its Result is the one of an item that is
	// Known or Canceled, its Fingerprint and AskedFor tell what Changed, its Run
	// holds an item that is Busy or Unconfirmed. Empty where Granted.
	Entry Entry
}

// Claim asks for an item on behalf of a run. It may be repeated.
//
// The claim is granted if no run holds the item; if the same run holds it; if the
// run that held it failed or was canceled; if a former run of the same workflow, in
// the same service, holds it, since a workflow has one run at a time; if the run that
// holds it is TakeOver; or if the item is ready and this run, begun later, is to
// upload it again. An item that waits for a decision is granted only to its own run,
// or to one that takes over from it; one that was canceled while no run held it to
// none; and a detached one not to a shard.
func (l *Ledger) Claim(ctx context.Context, request ClaimRequest) (Claim, error) {
	claims, err := l.ClaimAll(ctx, []ClaimRequest{request})
	if err != nil {
		return Claim{}, err
	}
	return claims[0], nil
}

// ClaimAll claims many items at the cost of few, and answers in their order.
// With an error some may have been granted; claiming again grants them again.
func (l *Ledger) ClaimAll(ctx context.Context, requests []ClaimRequest) ([]Claim, error) {
	jobs := make([]*job, len(requests))
	for i, request := range requests {
		row, err := l.claimRow(ctx, request)
		if err != nil {
			return nil, l.fail("claim "+request.Item.UploadID, err)
		}
		jobs[i] = &job{verb: verbClaim, row: row}
	}
	if err := l.writer.submit(ctx, jobs); err != nil {
		return nil, l.fail(doing("claim", requestIDs(requests)), err)
	}
	claims := make([]Claim, len(jobs))
	for i, j := range jobs {
		claims[i] = j.claim
	}
	return claims, nil
}

// claimRow is the row that a granted claim leaves. Its state is the first one of
// an item that is at work.
func (l *Ledger) claimRow(ctx context.Context, request ClaimRequest) (*row, error) {
	switch {
	case request.Item.UploadID == "":
		return nil, errors.New("a claim needs an upload ID")
	case request.RunID == "" || request.WorkflowID == "":
		return nil, errors.New("a claim needs a workflow ID and a run ID")
	case request.StartedAt.IsZero():
		return nil, errors.New("a claim needs a start time")
	}
	r := newRow(request.Item, request.Way, request.WorkflowID, request.RunID, request.StartedAt)
	r.result.State = upload.StatePreparing
	r.result.Size = upload.Number(request.Content.Size)
	r.fingerprint, r.takeOver = request.Content.Fingerprint, request.TakeOver
	r.serialKey, r.last = request.SerialKey, request.Last
	return r, r.encode(ctx, l)
}

// judge says why a claim was not granted, from the row that stands in its way.
func judge(asked *row, found Entry) Claim {
	own := found.RunID == clean(asked.runID)
	switch {
	case found.Result.State == upload.StateReady && (own || sameWork(asked, found)):
		return Claim{Outcome: Known, Entry: found}
	case found.Result.State == upload.StateReady:
		return Claim{Outcome: Changed, Entry: found}
	case found.Result.State == upload.StateUnconfirmed:
		return Claim{Outcome: Unconfirmed, Entry: found}
	case own:
		// A late attempt, after the run has recorded its failure: the run has
		// the item, and reopening it would leave it open for ever.
		return Claim{Outcome: Granted}
	}
	if found.RunID == "" && found.Result.State == upload.StateCanceled {
		return Claim{Outcome: Canceled, Entry: found}
	}
	return Claim{Outcome: Busy, Entry: found}
}

// sameWork reports whether a run would send again what was sent. A fingerprint
// that is not known does not make a difference.
func sameWork(asked *row, found Entry) bool {
	now, was := clean(asked.fingerprint), found.Fingerprint
	return found.definition == asked.definition && (now == was || now == "" || was == "")
}

// doing names what is done to one item, or to how many.
func doing(verb string, uploadIDs []string) string {
	if len(uploadIDs) == 1 {
		return verb + " " + uploadIDs[0]
	}
	return fmt.Sprintf("%s %d items", verb, len(uploadIDs))
}

func requestIDs(requests []ClaimRequest) []string {
	ids := make([]string, len(requests))
	for i, request := range requests {
		ids[i] = request.Item.UploadID
	}
	return ids
}
