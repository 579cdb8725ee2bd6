package steps

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/tracing"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// SendPart sends a part unless the store acknowledged it before to a sender that
// could not tell anybody: Temporal was out of reach, and then the sender died too.
// A part that the vendor lists as stored is held against the source instead. An
// error tells what was sent.
func (s *Steps) SendPart(ctx context.Context, vendor vendors.Vendor, caller *wire.Caller, in upload.SendPart, meter *transfer.Meter) (upload.Part, error) {
	if in.Stored != "" {
		return s.adoptPart(ctx, in)
	}
	if part, found, err := s.KeptPart(ctx, in); err != nil || found {
		return part, err
	}
	began := s.Now()
	step, end := tracing.Step(ctx, string(upload.StepTransfer), tracing.Of{Account: caller.Account.Name, Vendor: caller.Account.Vendor, UploadID: in.Item.UploadID, Part: in.Part.Number})
	part, err := s.sendPart(step, vendor, caller, in, meter)
	end(err)
	s.Metrics.Step(caller.Account.Vendor, upload.StepTransfer, s.Now().Sub(began))
	s.heard(ctx, ledger.OutageCall{Account: caller.Account.Name, Peer: upload.PeerStore, Caller: PartCaller(in)}, began, err)
	if err != nil || in.Session == "" {
		return part, err
	}
	kept := keptAs(in)
	kept.Part = part
	if err := s.Ledger.KeepPart(context.WithoutCancel(ctx), kept); err != nil { // the history will have it, as a rule
		s.Log.Warn("could not save an acknowledged part in the ledger", zap.String("upload_id", in.Item.UploadID), zap.Int("part", in.Part.Number), zap.Error(err))
	}
	return part, nil
}

// PartCaller names a part of an upload among those that call a store.
func PartCaller(in upload.SendPart) string {
	return fmt.Sprintf("%s part %d", in.Item.UploadID, in.Part.Number)
}

// KeptPart is a part that the store acknowledged to an earlier sender.
func (s *Steps) KeptPart(ctx context.Context, in upload.SendPart) (part upload.Part, found bool, err error) {
	if in.Session == "" {
		return part, false, nil
	}
	part, found, err = s.Ledger.KeptPart(ctx, keptAs(in))
	return part, found && part.Offset == in.Offset && part.Size == in.Size, FromLedger(ctx, err)
}

// keptAs is under what a part is kept.
func keptAs(in upload.SendPart) ledger.KeptPart {
	return ledger.KeptPart{
		UploadID: in.Item.UploadID, Session: in.Session, Fingerprint: in.Content.Fingerprint, Part: upload.Part{Number: in.Part.Number},
	}
}
