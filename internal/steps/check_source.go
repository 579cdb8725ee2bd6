package steps

import (
	"context"
	"path/filepath"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// CheckSource makes sure, before an item's source is read, that it is the version that was
// claimed for the item, and still a medium of the kind that it was then: what an
// activity is given was not written by the ledger, and must not make a worker read
// another file. entry is the ledger's, and zero where the ledger was lost.
func (s *Steps) CheckSource(ctx context.Context, entry ledger.Entry, item upload.Item, content upload.Content) error {
	if entry.Result.UploadID != "" { // else the ledger was lost: what runs goes on
		if err := s.CheckClaimed(ctx, entry, ledger.Place{Source: item.Source, Fingerprint: content.Fingerprint}); err != nil {
			return err
		}
	}
	if !item.Local() { // its ETag says that it is the same; another request for its head would prove no more
		return nil
	}
	file, err := s.Sources.Open(ctx, s.path(item), content.Fingerprint)
	if err != nil {
		return unsent(err)
	}
	defer func() { _ = file.Close() }() // only read from
	head, err := file.Head(ctx)
	if err != nil {
		return unsent(err)
	}
	found, err := media.Check(head, filepath.Base(item.Source), item.ContentType)
	if err != nil {
		return unsent(upload.Errorf(upload.KindMissing, upload.StepTransfer, "source changed during the upload: %s", upload.AsError(err, "").Message))
	}
	if was := content.SourceType(); string(found.Type) != was {
		return unsent(upload.Errorf(upload.KindMissing, upload.StepTransfer, "source changed during the upload: it was %s, and is now %s", was, found.Type))
	}
	return nil
}

// CheckClaimed is CheckSource without a look at the source.
func (s *Steps) CheckClaimed(ctx context.Context, entry ledger.Entry, from ledger.Place) error {
	may, err := s.Ledger.MayRead(ctx, entry, from)
	switch {
	case err != nil:
		return FromLedger(ctx, err)
	case may:
		return nil
	}
	return upload.Errorf(upload.KindInternal, upload.StepTransfer, "refused to read a source that is not the one claimed for %s", entry.Result.UploadID).
		WithHint("if nobody reset or changed the workflow on purpose, find out who can write to Temporal")
}
