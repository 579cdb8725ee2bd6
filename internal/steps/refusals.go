package steps

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// Saved is what saving an item's progress comes to. Where the ledger has newer
// progress of the same run, that is returned, and the caller goes on from it. Where the
// run does not hold the item, the refusal is.
func Saved(ctx context.Context, refused []*ledger.Refusal, err error) (newer *upload.Progress, _ *ledger.Refusal, _ error) {
	switch {
	case err != nil:
		return nil, nil, FromLedger(ctx, err)
	case len(refused) == 0:
		return nil, nil, nil
	case refused[0].Reason == ledger.Stale:
		return refused[0].Stored, nil, nil
	}
	return nil, refused[0], nil
}

// Superseded is the failure of a run that does not hold its item any more.
func Superseded(refused *ledger.Refusal) *upload.Error {
	return upload.Errorf(upload.KindSuperseded, "", "%w", refused).WithHint("to see the upload: mediaferry show %s", upload.Argument(refused.UploadID))
}

// refusalIn is the ledger's refusal in an error; nil where there is none.
func refusalIn(err error) *ledger.Refusal {
	var refused *ledger.Refusal
	_ = errors.As(err, &refused) // it stays nil
	return refused
}

// LeftToHolder drops a refusal: the item is left to the run that holds it, or stays
// as it ended. Any other error stays as it is.
func (s *Steps) LeftToHolder(err error) error {
	refused := refusalIn(err)
	if refused == nil {
		return err
	}
	s.Log.Info("the ledger refused an update of an item", zap.String("upload_id", refused.UploadID), zap.Error(refused))
	return nil
}
