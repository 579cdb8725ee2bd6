package activities

import (
	"context"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// oncePart sends a part unless the store acknowledged it before to a sender that
// could not tell anybody: Temporal was out of reach, and then the sender died too.
func (a *Activities) oncePart(ctx context.Context, in upload.SendPart, before *upload.Heartbeat) (upload.Part, error) {
	kept := ledger.KeptPart{UploadID: in.Item.UploadID, Session: in.Session, Fingerprint: in.Content.Fingerprint}
	kept.Part.Number = in.Part.Number
	if in.Session != "" {
		part, found, err := a.Ledger.KeptPart(ctx, kept)
		if err != nil {
			return upload.Part{}, ledgerError(ctx, err)
		}
		if found && part.Offset == in.Offset && part.Size == in.Size {
			return part, nil
		}
	}
	part, err := a.sendPart(ctx, in, before)
	if err != nil || in.Session == "" {
		return part, err
	}
	kept.Part = part
	if err := a.Ledger.KeepPart(context.WithoutCancel(ctx), kept); err != nil { // the history will have it, as a rule
		a.Log.Warn("ledger does not keep a part", zap.String("upload_id", in.Item.UploadID), zap.Int("part", in.Part.Number), zap.Error(err))
	}
	return part, nil
}
