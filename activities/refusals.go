package activities

import (
	"context"
	"errors"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// written is what a write to the ledger comes to for the run that made it. Where it
// was refused, the run does not hold its item any more, and sends nothing more for it.
func written(ctx context.Context, err error) error {
	var refused *ledger.Refusal
	if !errors.As(err, &refused) {
		return ledgerError(ctx, err)
	}
	return upload.Errorf(upload.KindSuperseded, "", "%w", refused).WithHint("mediaferry show %s", refused.UploadID)
}

// leftToHolder drops a refusal: the item is left to the run that holds it, or stays
// as it ended. Any other error stays as it is.
func (a *Activities) leftToHolder(err error) error {
	var refused *ledger.Refusal
	if !errors.As(err, &refused) {
		return err
	}
	a.Log.Info("the ledger refuses what a run says of an item", zap.String("upload_id", refused.UploadID), zap.Error(refused))
	return nil
}
