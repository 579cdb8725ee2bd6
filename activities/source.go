package activities

import (
	"context"
	"errors"
	"maps"

	"go.temporal.io/sdk/activity"

	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Claim looks at an item's source, refuses what its vendor does not take, and
// claims the item's identity. It makes no request to the vendor.
func (a *Activities) Claim(ctx context.Context, item upload.Item) (upload.Claimed, error) {
	defer alive(ctx)()
	claimed, err := a.Steps.Claim(ctx, item, run(ctx))
	return claimed, a.aside(ctx, item, upload.StepClaim, err)
}

// Digest reads a whole source through that was sent in parts.
func (a *Activities) Digest(ctx context.Context, item upload.Item, content upload.Content) (upload.Digest, error) {
	defer alive(ctx)()
	err := a.known(ctx, item, content)
	var digest upload.Digest
	if err == nil {
		digest, err = a.Steps.Digest(ctx, item, content)
	}
	return digest, a.aside(ctx, item, upload.StepTransfer, err)
}

// Prove holds a source in another place against what was sent from the old one. It
// fails with kind invalid where they differ.
func (a *Activities) Prove(ctx context.Context, in upload.Prove) (upload.Proved, error) {
	defer alive(ctx)()
	proved, err := a.prove(ctx, in)
	return proved, a.aside(ctx, in.Item, upload.StepTransfer, err)
}

// prove compares the new source with the one that the ledger knows, and lets it know
// of the new one.
func (a *Activities) prove(ctx context.Context, in upload.Prove) (upload.Proved, error) {
	entry, found, err := a.entry(ctx, in.Item.UploadID)
	if err != nil {
		return upload.Proved{}, err
	}
	if found {
		if err := a.CheckClaimed(ctx, entry, ledger.Place{Fingerprint: in.Content.Fingerprint}); err != nil {
			return upload.Proved{}, err
		}
	}
	proved, err := a.Steps.Prove(ctx, in)
	if err != nil {
		return proved, err
	}
	return proved, steps.FromLedger(ctx, a.Ledger.NoteMove(ctx, in.Item.UploadID, ledger.Place{Source: in.Item.Source, Fingerprint: proved.Fingerprint}))
}

// known makes sure that the source of an item may be read, by the ledger's word.
func (a *Activities) known(ctx context.Context, item upload.Item, content upload.Content) error {
	entry, _, err := a.entry(ctx, item.UploadID)
	if err != nil {
		return err
	}
	return a.CheckSource(ctx, entry, item, content)
}

// entry is what the ledger has of an item; not found where the ledger was lost.
func (a *Activities) entry(ctx context.Context, uploadID string) (entry ledger.Entry, found bool, err error) {
	entry, err = a.Ledger.Get(ctx, uploadID)
	if errors.Is(err, ledger.ErrNotFound) {
		return ledger.Entry{}, false, nil
	}
	return entry, err == nil, steps.FromLedger(ctx, err)
}

// SignParts gets more URLs for a session's parts.
func (a *Activities) SignParts(ctx context.Context, in upload.SignParts) ([]upload.PartURL, error) {
	defer alive(ctx)()
	vendor, caller, err := a.Caller(ctx, in.Item)
	if err != nil {
		return nil, a.aside(ctx, in.Item, upload.StepTransfer, err)
	}
	past := before(ctx)
	if err := a.admitted(ctx, in.Item, ledger.OutageCall{Account: caller.Account.Name, Peer: upload.PeerVendor, Caller: in.Item.UploadID}, &past); err != nil {
		return nil, a.asideAfter(ctx, in.Item, upload.StepTransfer, past, err)
	}
	urls, err := a.Steps.SignParts(ctx, vendor, caller, in)
	return urls, a.aside(ctx, in.Item, upload.StepTransfer, err)
}

// Inspect asks once what the vendor knows of a session in parts.
func (a *Activities) Inspect(ctx context.Context, in upload.Inspect) (media upload.Media, err error) {
	defer alive(ctx)()
	past := before(ctx)
	vendor, caller, err := a.Caller(ctx, in.Item)
	if err == nil {
		err = a.admitted(ctx, in.Item, ledger.OutageCall{Account: caller.Account.Name, Peer: upload.PeerVendor, Caller: in.Item.UploadID}, &past)
	}
	if err == nil {
		media, err = a.Steps.Inspect(ctx, vendor, caller, in)
	}
	return media, a.asideAfter(ctx, in.Item, upload.StepPoll, past, err)
}

// SendPart sends one part of a medium. A store that asks for fewer parts at once is
// for the workflow to hear, the first time; everything else that passes is waited
// out here.
func (a *Activities) SendPart(ctx context.Context, in upload.SendPart) (upload.Part, error) {
	past := before(ctx)
	limit, release := a.Limit(in.Item)
	defer release()
	meter := &transfer.Meter{Limit: limit}
	of, wasted := run(ctx), past.Wasted
	together, land := a.Flying(in.Item.UploadID, in.Before, func() int64 { return wasted + meter.Sent() })
	stop := beat(ctx, func() any {
		told := past
		told.Sent, told.Size = meter.Sent(), in.Size
		a.bytes(ctx, in.Item, of, together())
		return told
	})
	part, err := a.sendPart(ctx, in, &past, meter)
	stop()
	land()
	var e *upload.Error
	if err == nil && attempt(ctx) > 1 {
		_ = a.Ledger.NoteWait(ctx, in.Item.UploadID, of.ID, nil) // what is saved next says it again
	}
	if err == nil || !errors.As(err, &e) {
		part.Wasted, part.Retries = past.Wasted, past.Retries
		return part, a.unjudged(ctx, in.Item, err)
	}
	past.Wasted += meter.Sent()
	past.Retries = maps.Clone(past.Retries)
	if past.Retries == nil {
		past.Retries = map[string]int{}
	}
	past.Retries[e.Cause()]++
	past.Sent = 0
	e.Receipt = &upload.Receipt{BytesSent: past.Wasted}
	if flow.SlowDown(e) && !in.Slowed {
		return part, failed(e)
	}
	return part, a.asideAfter(ctx, in.Item, upload.StepTransfer, past, e)
}

func (a *Activities) sendPart(ctx context.Context, in upload.SendPart, past *upload.Heartbeat, meter *transfer.Meter) (upload.Part, error) {
	if err := a.mine(ctx, in); err != nil {
		return upload.Part{}, err
	}
	if part, found, err := a.KeptPart(ctx, in); in.Stored == "" && (err != nil || found) {
		return part, err
	}
	if err := a.known(ctx, in.Item, in.Content); err != nil {
		return upload.Part{}, err
	}
	vendor, caller, err := a.Caller(ctx, in.Item)
	if err != nil {
		return upload.Part{}, err
	}
	if err := a.admitted(ctx, in.Item, ledger.OutageCall{Account: caller.Account.Name, Peer: upload.PeerStore, Caller: steps.PartCaller(in)}, past); err != nil {
		return upload.Part{}, err
	}
	return a.Steps.SendPart(ctx, vendor, caller, in, meter)
}

// mine makes sure that the run may send parts of its session, by the ledger's word.
// Where the ledger knows more of the item, the failure tells the workflow.
func (a *Activities) mine(ctx context.Context, in upload.SendPart) error {
	hold, err := a.Ledger.Hold(ctx, in.Item.UploadID)
	if err != nil {
		return steps.FromLedger(ctx, err)
	}
	if hold.RunID == run(ctx).ID && hold.Version <= in.Version && !hold.State.Ended() {
		return nil
	}
	way, err := a.flowOf(ctx, in.Item)
	if err != nil {
		return err
	}
	owned, err := a.Own(ctx, in.Item, way, run(ctx), in.Content)
	if err != nil || owned.Progress == nil || owned.Progress.Version <= in.Version {
		return err
	}
	p := *owned.Progress
	way.SenderLost(&p, a.Now())
	return &further{p}
}

// further says that the ledger has newer progress than the workflow.
type further struct{ progress upload.Progress }

func (f *further) Error() string { return "the upload is further than this call of it knows" }

// before is what the attempts before this one left: what they sent in vain, and how
// often they were repeated.
func before(ctx context.Context) upload.Heartbeat {
	var p upload.Heartbeat
	if activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &p) // a beat without details has no past
	}
	p.Wasted, p.Sent = p.Wasted+p.Sent, 0
	return p
}
