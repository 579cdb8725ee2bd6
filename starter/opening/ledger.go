package opening

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
)

// OpenLedger opens the configuration, the keys and the ledger.
func (s *Session) OpenLedger(ctx context.Context) error {
	if s.Config == nil {
		if err := s.OpenConfig(); err != nil {
			return err
		}
	}
	if err := s.OpenKeys(ctx); err != nil {
		return err
	}
	if err := s.openLedger(ctx); err != nil {
		return err
	}
	return s.checkKey(ctx)
}

// OpenResults is OpenLedger for those who only show what happened. Where the key is
// lost, or another one, they still see what is not encrypted: Locked is true then.
func (s *Session) OpenResults(ctx context.Context) error {
	err := s.OpenLedger(ctx)
	var key *keyError
	if !errors.As(err, &key) {
		return err
	}
	s.Locked = true
	s.Say("warning: %s", key.Text)
	s.Hint("what is not encrypted is shown. Run `mediaferry doctor` to see which key is needed")
	if s.Ledger != nil {
		return nil
	}
	return s.openLedger(ctx)
}

// checkKey refuses keys that open nothing of the ledger.
func (s *Session) checkKey(ctx context.Context) error {
	if err := s.Ledger.CheckKey(ctx); errors.Is(err, codec.ErrUnknownKey) {
		return &keyError{exit.UsageError{Text: err.Error(), Hint: keyHint()}}
	}
	return nil
}

func (s *Session) openLedger(ctx context.Context) error {
	service := wiring.ServiceConfigured()
	url, err := s.Config.Ledger()
	switch {
	case err != nil:
		return err
	case url == "" && service:
		return &exit.UsageError{Text: "`ledger` is missing; with a Temporal service, all users need a shared ledger", Hint: "in the configuration, set ledger: postgres://…"}
	case url == "":
		url = filepath.Join(s.Data, "ledger.db")
	}
	if s.Ledger, err = ledger.Open(ctx, ledger.Options{URL: url, Sealer: codec.NewSealer(s.Keys), Log: s.Log}); err != nil {
		return err
	}
	s.OnClose(func() {
		if err := s.Ledger.Close(); err != nil {
			s.Log.Warn("could not close the ledger", zap.Error(err))
		}
	})
	return nil
}

// HasLedger reports whether there is a ledger to be asked: planning makes none.
func (s *Session) HasLedger() bool {
	url, err := s.Config.Ledger()
	if err != nil || url != "" || wiring.ServiceConfigured() {
		return true // opening it says what is wrong
	}
	_, err = os.Stat(filepath.Join(s.Data, "ledger.db"))
	return err == nil
}
