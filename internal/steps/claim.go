package steps

import (
	"context"
	"errors"
	"fmt"

	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// partsInFlight is how many parts of one medium are sent at once at first.
const partsInFlight = 4

// Claim looks at an item's source, refuses what its vendor does not take, and
// claims the item's identity for a run. It makes no request to the vendor. What was
// done for the item before, while it travelled with others, comes back as its
// progress.
func (s *Steps) Claim(ctx context.Context, item upload.Item, run Run) (upload.Claimed, error) {
	if err := s.BatchRests(ctx, item.Batch); err != nil {
		return upload.Claimed{}, err
	}
	account, err := s.Accounts.Account(item.Account)
	if err != nil {
		return upload.Claimed{}, upload.Errorf(upload.KindInvalid, upload.StepClaim, "%w", err)
	}
	if err := Meant(item, account); err != nil {
		return upload.Claimed{}, err
	}
	vendor, err := vendors.Find(account.Vendor)
	if err != nil {
		return upload.Claimed{}, upload.Errorf(upload.KindInvalid, upload.StepClaim, "%w", err)
	}
	defer s.Claiming(account.Vendor)()
	spec := vendor.Spec()
	content, ranges, statErr := s.Stat(ctx, item, spec, account)
	claimed := upload.Claimed{Progress: upload.Progress{Content: content}, Terms: s.terms(ctx, spec, account, item)}
	claimed.Terms.Rate = s.rates.of(account.Name)
	granted, err := s.identify(ctx, item, run, content, &claimed)
	if err != nil || !granted {
		return claimed, err
	}
	if statErr != nil {
		return claimed, statErr
	}
	if err := s.resume(item, &claimed); err != nil {
		return claimed, err
	}
	if NeedsPrehash(spec.Prehash, item, claimed.Progress.Content) {
		if err := s.Prehash(ctx, item, &claimed.Progress); err != nil {
			return claimed, err
		}
	}
	if spec.Parts != nil {
		claimed.Terms.Plan, err = plan(claimed.Progress.Content.Size, ranges, *spec.Parts)
	}
	return claimed, err
}

// resume hands over what was done for the item before: its progress holds the content
// that its source has now.
func (s *Steps) resume(item upload.Item, claimed *upload.Claimed) error {
	p := &claimed.Progress
	from := item.Resume
	if from == nil {
		return nil
	}
	was, is := from.Progress, p.Content.Fingerprint
	p.Version = was.Version
	p.Note(from.Because)
	switch begun := was.Next != upload.StepEnd && (was.Arrived || !was.SentAt.IsZero()); {
	case was.Next == upload.StepEnd && was.Content.Fingerprint == is:
		flow.Flow{Policy: claimed.Terms.Policy, Seed: item.UploadID}.Restart(p, was, s.Now())
	case was.Content.Fingerprint == is && was.Content.Size > 0:
		was.Note(from.Because)
		*p = was
		flow.Flow{Policy: claimed.Terms.Policy, Seed: item.UploadID}.SenderLost(p, s.Now())
	case begun:
		return upload.Errorf(upload.KindMissing, upload.StepClaim, "source changed during the upload: it was %q, and is now %q", was.Content.Fingerprint, is).
			WithHint("the vendor may already have the old content; to send the new content, use --again")
	}
	return nil
}

// BatchRests comes back while the batch of an item is paused or held: nothing of
// it begins then.
func (s *Steps) BatchRests(ctx context.Context, batch string) error {
	if batch == "" {
		return nil
	}
	state, err := s.Ledger.Batch(ctx, batch)
	switch {
	case errors.Is(err, ledger.ErrNotFound): // the ledger was lost: what runs goes on
		return nil
	case err != nil:
		return FromLedger(ctx, err)
	case state.Paused:
		return &Later{Why: "batch " + batch + " is paused"}
	case state.State == upload.BatchHeld:
		return &Later{Why: "batch " + batch + " is held: " + state.Because}
	}
	return nil
}

// plan cuts a medium into parts. A source that can only be read whole makes one
// part, if that is allowed to be so large.
func plan(size int64, ranges bool, limits upload.PartLimits) (upload.Plan, error) {
	if ranges {
		return upload.PlanParts(size, limits)
	}
	if size > limits.MaxPart {
		return upload.Plan{}, upload.Errorf(upload.KindInvalid, upload.StepClaim, "the source's server does not support range requests, so the file must be sent as one part; a part can hold at most %d bytes, but the file has %d", limits.MaxPart, size).
			WithHint("download the file first, or copy it to S3 or OSS")
	}
	limits.Single = limits.MaxPart
	return upload.PlanParts(size, limits)
}

// Stat finds out what a source holds, whether it can be read in ranges, and
// whether the vendor takes it.
func (s *Steps) Stat(ctx context.Context, item upload.Item, spec *spec.Spec, account spec.Account) (content upload.Content, ranges bool, err error) {
	seen, err := s.atRest(ctx, item)
	if err != nil {
		return content, false, err
	}
	content = upload.Content{Size: seen.Size, Fingerprint: seen.Fingerprint}
	found, err := spec.CheckMedium(seen.Claim(item.ContentType), seen.Size, account)
	content.Type, content.Name, content.Original = string(found.Type), found.Name, found.Original
	if err != nil {
		return content, seen.Ranges, err
	}
	return content, seen.Ranges || content.Converts(), spec.CheckName(item, seen.Head, found.Original)
}

func (s *Steps) terms(ctx context.Context, spec *spec.Spec, account spec.Account, item upload.Item) upload.Terms {
	t := upload.Terms{Policy: spec.Policy, Patience: s.Patience(ctx, account, item), Parallel: partsInFlight}
	t.SerialKey, t.Last = spec.SerialKey(account, item.Fields)
	return t
}

// identify claims the identity in the ledger. Where it is not granted, claimed
// tells why.
func (s *Steps) identify(ctx context.Context, item upload.Item, run Run, content upload.Content, claimed *upload.Claimed) (granted bool, err error) {
	request := claimOf(item, run, content, claimed.Terms)
	for {
		claim, err := s.Ledger.Claim(ctx, request)
		if err != nil {
			return false, FromLedger(ctx, err)
		}
		entry := claim.Entry
		switch claim.Outcome {
		case ledger.Granted:
			return true, s.follow(ctx, item, flow.Flow{Policy: claimed.Terms.Policy, Seed: item.UploadID}, &claimed.Progress)
		case ledger.Known, ledger.Canceled:
			claimed.Known = &entry.Result
			return false, nil
		case ledger.Changed:
			claimed.Refused = Changed(entry, item, content)
			return false, nil
		case ledger.Unconfirmed:
			claimed.Refused = upload.Errorf(upload.KindUnconfirmed, upload.StepClaim, "an earlier run could not find out whether the vendor has the file").
				WithHint("check at the vendor, then: mediaferry decide %s ready|retry|fail --because TEXT", upload.Argument(item.UploadID))
			return false, nil
		}
		if s.Ledger.Elsewhere(entry.Run) {
			claimed.Refused = elsewhere(item.UploadID, entry.Run, s.Ledger.Service())
			return false, nil
		}
		over, err := s.over(ctx, entry.Run)
		if err != nil {
			return false, err
		}
		if !over {
			claimed.Refused = upload.Errorf(upload.KindInvalid, upload.StepClaim, "the item is already being uploaded by workflow %s", entry.WorkflowID).
				WithHint("to see that upload: mediaferry show %s", upload.Argument(item.UploadID))
			return false, nil
		}
		request.TakeOver = entry.RunID
	}
}

// claimOf asks for an item on behalf of a run.
func claimOf(item upload.Item, run Run, content upload.Content, terms upload.Terms) ledger.ClaimRequest {
	return ledger.ClaimRequest{
		Item: item, Content: content, SerialKey: terms.SerialKey, Last: terms.Last,
		WorkflowID: run.WorkflowID, RunID: run.ID, Way: upload.WayOwn, StartedAt: run.Started,
	}
}

// follow lets the progress of a new run follow what an earlier run of the item has
// saved: the ledger takes nothing that is older. What that run left open, or a session
// that can be continued, is taken over where the source is the same.
func (s *Steps) follow(ctx context.Context, item upload.Item, way flow.Flow, p *upload.Progress) error {
	if item.Resume != nil { // it brings its own
		return nil
	}
	row, err := s.Ledger.ReadProgress(ctx, item.UploadID)
	if err != nil || row.Progress == nil {
		return FromLedger(ctx, err)
	}
	was := *row.Progress
	p.Version = was.Version
	if was.Content.Fingerprint == p.Content.Fingerprint && p.Content.Size > 0 {
		once := way.MustNotRepeat(&was)
		way.Restart(p, was, s.Now())
		if least := s.Now().Add(silentLeast); once && p.NotBefore.Before(least) {
			p.NotBefore = least
		}
	}
	return nil
}

// elsewhere is the refusal of an item that a run of another Temporal service holds:
// here nobody can find out whether that run is open.
func elsewhere(uploadID string, holder ledger.Run, here ledger.Service) *upload.Error {
	return upload.Errorf(upload.KindSuperseded, upload.StepClaim, "the item is held by run %s of workflow %s in %s, but this worker belongs to %s",
		holder.RunID, holder.WorkflowID, holder.Service, here).
		WithHint("continue it there. To send it from here, cancel it there first: mediaferry cancel %s", upload.Argument(uploadID))
}

// Changed is the refusal of an item that is ready, while its source or what is
// asked for differs from then.
func Changed(entry ledger.Entry, item upload.Item, content upload.Content) *upload.Error {
	what := fmt.Sprintf("the source was %q and is now %q", entry.Fingerprint, content.Fingerprint)
	if content.Fingerprint == "" {
		what = "the source can no longer be read"
	}
	if !entry.AskedFor(item) {
		what = "its source or its fields have changed"
	}
	return upload.Errorf(upload.KindInvalid, upload.StepClaim, "already uploaded as %s, but %s", entry.Result.MediaID, what).
		WithHint("to upload it again, use --again; the vendor then has both")
}

// sum reads a whole source that must be as it was looked at.
func (s *Steps) sum(ctx context.Context, item upload.Item, content upload.Content) (transfer.Sums, error) {
	file, err := s.open(ctx, item, content)
	if err != nil {
		return transfer.Sums{}, err
	}
	defer func() { _ = file.Close() }() // only read from
	sums, err := transfer.Digest(ctx, whole(file), transfer.Want{SHA256: true})
	if err != nil {
		return sums, err
	}
	return sums, file.Unchanged(ctx)
}

func whole(file *sources.File) transfer.Body { return part(file, 0, file.Size()) }

// Digest reads a whole source through that was sent in parts.
func (s *Steps) Digest(ctx context.Context, item upload.Item, content upload.Content) (upload.Digest, error) {
	sums, err := s.sum(ctx, item, content)
	return upload.Digest{SHA256: sums.SHA256, CRC64: upload.FormatCRC64(sums.CRC64)}, err
}
