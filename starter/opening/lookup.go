package opening

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/starter/exit"
)

// Upload reads one item, by its ID or by that of its workflow. An unknown ID is a misuse that names near ones.
func (s *Session) Upload(ctx context.Context, id string) (ledger.Entry, error) {
	entry, err := s.Ledger.Get(ctx, id)
	var unknown *ledger.NotFoundError
	if !errors.As(err, &unknown) {
		return entry, err
	}
	if name := upload.NameOfWorkflow(id); name != id { // copied from Temporal's UI
		if entry, err := s.Ledger.Get(ctx, name); err == nil {
			return entry, nil
		}
	}
	hint := "run `mediaferry list` to see your uploads"
	if len(unknown.Near) > 0 {
		hint = "did you mean " + strings.Join(unknown.Near, ", ") + "?"
	}
	return entry, &exit.UsageError{Text: fmt.Sprintf("unknown upload %q", id), Hint: hint}
}

// Batch reads one batch. An unknown name is a misuse.
func (s *Session) Batch(ctx context.Context, id string) (ledger.Batch, error) {
	b, err := s.Ledger.Batch(ctx, id)
	return b, UnknownBatch(id, err)
}

// UnknownBatch makes an error about a batch that the ledger does not know a misuse that
// names near ones.
func UnknownBatch(id string, err error) error {
	if !errors.Is(err, ledger.ErrNotFound) {
		return err
	}
	hint := "run `mediaferry batch list` to see your batches"
	var unknown *ledger.NotFoundError
	if errors.As(err, &unknown) && len(unknown.Near) > 0 {
		hint = "did you mean " + strings.Join(unknown.Near, ", ") + "?"
	}
	return &exit.UsageError{Text: fmt.Sprintf("unknown batch %q", id), Hint: hint}
}

// OpenBatchResults is OpenBatch for those who only show a batch; see OpenResults.
func (s *Session) OpenBatchResults(ctx context.Context, id string) (ledger.Batch, error) {
	if err := s.OpenResults(ctx); err != nil {
		return ledger.Batch{}, err
	}
	return s.Batch(ctx, id)
}

// OpenBatch opens the ledger and reads one batch.
func (s *Session) OpenBatch(ctx context.Context, id string) (ledger.Batch, error) {
	if err := s.OpenLedger(ctx); err != nil {
		return ledger.Batch{}, err
	}
	return s.Batch(ctx, id)
}
