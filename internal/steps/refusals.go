package steps

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Saved is what saving an item's progress comes to. Where the ledger has newer
// progress of the same run, that is returned, and the caller goes on from it. Where
// the run does not hold the item any more, it fails as superseded: the run sends
// nothing more for it.
func Saved(ctx context.Context, refused []*ledger.Refusal, err error) (newer *upload.Progress, _ error) {
	switch {
	case err != nil:
		return nil, FromLedger(ctx, err)
	case len(refused) == 0:
		return nil, nil
	case refused[0].Reason == ledger.Stale:
		return refused[0].Stored, nil
	}
	return nil, Superseded(refused[0])
}

// Superseded is the failure of a run that does not hold its item any more.
func Superseded(refused *ledger.Refusal) *upload.Error {
	return upload.Errorf(upload.KindSuperseded, "", "%w", refused).WithHint("to see the upload: mediaferry show %s", refused.UploadID)
}

// LeftToHolder drops a refusal: the item is left to the run that holds it, or stays
// as it ended. Any other error stays as it is.
func (s *Steps) LeftToHolder(err error) error {
	var refused *ledger.Refusal
	if !errors.As(err, &refused) {
		return err
	}
	s.Log.Info("the ledger refused an update of an item", zap.String("upload_id", refused.UploadID), zap.Error(refused))
	return nil
}
