package activities

import (
	"context"
	"fmt"
	"strings"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// partsInFlight is how many parts of one medium are sent at once at first.
const partsInFlight = 4

// Claim looks at an item's source, refuses what its vendor does not take, and
// claims the item's identity. It makes no request to the vendor.
func (a *Activities) Claim(ctx context.Context, item upload.Item) (upload.Claimed, error) {
	defer beat(ctx, func() any { return nil })()
	claimed, err := a.claim(ctx, item)
	return claimed, result(ctx, upload.StepClaim, err)
}

func (a *Activities) claim(ctx context.Context, item upload.Item) (upload.Claimed, error) {
	if err := a.batchRests(ctx, item.Batch); err != nil {
		return upload.Claimed{}, err
	}
	account, err := a.Accounts.Account(item.Account)
	if err != nil {
		return upload.Claimed{}, upload.Errorf(upload.KindInvalid, upload.StepClaim, "%w", err)
	}
	if err := meant(item, account); err != nil {
		return upload.Claimed{}, err
	}
	vendor, err := vendors.Find(account.Vendor)
	if err != nil {
		return upload.Claimed{}, upload.Errorf(upload.KindInvalid, upload.StepClaim, "%w", err)
	}
	spec := vendor.Spec()
	content, ranges, lookErr := a.look(ctx, item, spec, account)
	claimed := upload.Claimed{Content: content, Terms: terms(spec, account, item.Fields)}
	claimed.Terms.Rate = a.rates.of(account.Name)
	granted, err := a.identify(ctx, item, content, &claimed)
	if err != nil || !granted {
		return claimed, err
	}
	if lookErr != nil {
		return claimed, lookErr
	}
	if spec.Parts != nil {
		if claimed.Terms.Plan, err = plan(content.Size, ranges, *spec.Parts); err != nil {
			return claimed, err
		}
	}
	if spec.Prehash || item.SHA256 != "" {
		err = a.prehash(ctx, item, &claimed.Content)
	}
	return claimed, err
}

// plan cuts a medium into parts. A source that can only be read whole makes one
// part, if that is allowed to be so large.
func plan(size int64, ranges bool, limits upload.PartLimits) (upload.Plan, error) {
	if ranges {
		return upload.PlanParts(size, limits)
	}
	if size > limits.MaxPart {
		return upload.Plan{}, upload.Errorf(upload.KindInvalid, upload.StepClaim, "the source's server gives no ranges, and one part takes at most %d of its %d bytes", limits.MaxPart, size).
			WithHint("download it first, or put it into S3 or OSS")
	}
	limits.Single = limits.MaxPart
	return upload.PlanParts(size, limits)
}

// look finds out what a source holds, whether it can be read in ranges, and
// whether the vendor takes it.
func (a *Activities) look(ctx context.Context, item upload.Item, spec *vendors.Spec, account vendors.Account) (content upload.Content, ranges bool, err error) {
	look, err := a.atRest(ctx, item)
	if err != nil {
		return content, false, err
	}
	content = upload.Content{Size: look.Size, Fingerprint: look.Fingerprint}
	found, err := media.Check(look.Head, look.Name, item.ContentType)
	if err != nil {
		return content, look.Ranges, err
	}
	content.Type, content.Name = string(found.Type), found.Name
	if err := spec.CheckContent(content, account); err != nil {
		return content, look.Ranges, err
	}
	return content, look.Ranges, spec.CheckName(item, look.Head)
}

func terms(spec *vendors.Spec, account vendors.Account, fields upload.Fields) upload.Terms {
	t := upload.Terms{Deadline: spec.Poll.Deadline, Parallel: partsInFlight}
	t.FirstLook = spec.Poll.Wait(1, account.Name)
	t.SerialKey, t.Last = spec.SerialKey(account, fields)
	return t
}

// identify claims the identity in the ledger. Where it is not granted, claimed
// tells why.
func (a *Activities) identify(ctx context.Context, item upload.Item, content upload.Content, claimed *upload.Claimed) (granted bool, err error) {
	workflowID, runID, started := run(ctx)
	request := ledger.ClaimRequest{
		Item: item, Content: content, SerialKey: claimed.Terms.SerialKey, Last: claimed.Terms.Last,
		WorkflowID: workflowID, RunID: runID, Way: upload.WayOwn, StartedAt: started,
	}
	for {
		claim, err := a.Ledger.Claim(ctx, request)
		if err != nil {
			return false, ledgerError(ctx, err)
		}
		entry := claim.Entry
		switch claim.Outcome {
		case ledger.Granted:
			return true, nil
		case ledger.Known, ledger.Canceled:
			claimed.Known = &entry.Result
			return false, nil
		case ledger.Changed:
			claimed.Refused = changed(entry, item, content)
			return false, nil
		case ledger.Unconfirmed:
			claimed.Refused = upload.Errorf(upload.KindUnconfirmed, upload.StepClaim, "an earlier run could not find out whether the vendor has the medium").
				WithHint("look there, then: mediaferry decide %s ready|retry|fail --because TEXT", item.UploadID)
			return false, nil
		}
		if a.Ledger.Elsewhere(entry.Run) {
			claimed.Refused = elsewhere(item.UploadID, entry.Run, a.Ledger.Service())
			return false, nil
		}
		alive, err := a.Running(ctx, entry.WorkflowID, entry.RunID)
		if err != nil {
			return false, err
		}
		if alive {
			claimed.Refused = upload.Errorf(upload.KindInvalid, upload.StepClaim, "the item is being uploaded by workflow %s", entry.WorkflowID).
				WithHint("mediaferry show %s", item.UploadID)
			return false, nil
		}
		request.TakeOver = entry.RunID
	}
}

// elsewhere is the refusal of an item that a run of another Temporal service holds:
// here nobody can find out whether that run is open.
func elsewhere(uploadID string, holder ledger.Run, here ledger.Service) *upload.Error {
	return upload.Errorf(upload.KindSuperseded, upload.StepClaim, "the item is held by run %s of workflow %s in %s, and this worker is of %s",
		holder.RunID, holder.WorkflowID, holder.Service, here).
		WithHint("go on with it there; to send it from here, cancel it there first: mediaferry cancel %s", uploadID)
}

// changed is the refusal of an item that is ready, while its source or what is
// asked for differs from then.
func changed(entry ledger.Entry, item upload.Item, content upload.Content) *upload.Error {
	what := fmt.Sprintf("the source was %q and is %q", entry.Fingerprint, content.Fingerprint)
	if content.Fingerprint == "" {
		what = "the source cannot be read any more"
	}
	if entry.Definition != item.Definition() {
		what = "its source or its fields are not those of then"
	}
	return upload.Errorf(upload.KindInvalid, upload.StepClaim, "ready as %s already, and %s", entry.Result.MediaID, what).
		WithHint("--again uploads it once more, as another medium")
}

// prehash reads a source through, where its checksum is needed beforehand.
func (a *Activities) prehash(ctx context.Context, item upload.Item, content *upload.Content) error {
	sums, err := a.sum(ctx, item.Source, *content)
	if err != nil {
		return err
	}
	content.SHA256, content.CRC64 = sums.SHA256, upload.FormatCRC64(sums.CRC64)
	if item.SHA256 != "" && !strings.EqualFold(item.SHA256, sums.SHA256) {
		return upload.Errorf(upload.KindCorrupt, upload.StepClaim, "source has SHA-256 %s, want %s", sums.SHA256, item.SHA256).
			WithHint("correct the source, or the column sha256")
	}
	return nil
}

// sum reads a whole source that must be as it was looked at.
func (a *Activities) sum(ctx context.Context, source string, content upload.Content) (transfer.Sums, error) {
	file, err := a.Sources.Open(ctx, source, content.Fingerprint)
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
func (a *Activities) Digest(ctx context.Context, item upload.Item, content upload.Content) (upload.Digest, error) {
	defer beat(ctx, func() any { return nil })()
	sums, err := a.sum(ctx, item.Source, content)
	return upload.Digest{SHA256: sums.SHA256, CRC64: upload.FormatCRC64(sums.CRC64)}, result(ctx, upload.StepTransfer, err)
}
