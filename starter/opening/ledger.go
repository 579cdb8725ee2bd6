package opening

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/logging"
	"github.com/mediaferry/mediaferry/internal/wiring"
	"github.com/mediaferry/mediaferry/starter/exit"
)

// OpenLedger opens the configuration, the keys and the ledger.
func (s *Session) OpenLedger(ctx context.Context) error {
	if s.Lent {
		return nil
	}
	if s.Config == nil {
		if err := s.OpenConfig(); err != nil {
			return err
		}
	}
	err := s.OpenKeys(ctx)
	var missing *missingKeyError
	if errors.As(err, &missing) {
		err = s.replaceKey(ctx, missing)
	}
	if err != nil {
		return err
	}
	if err := s.openLedger(ctx); err != nil {
		return err
	}
	return s.checkKey(ctx)
}

// OpenResults is OpenLedger for those who only show what happened. Where the key is
// lost, or another one, they still see what is not encrypted: Locked says so then, and
// the command ends with it.
func (s *Session) OpenResults(ctx context.Context) error {
	err := s.OpenLedger(ctx)
	var key *keyError
	if !errors.As(err, &key) {
		return err
	}
	s.Locked = &exit.UsageError{Text: key.Text, Hint: key.Hint + ". What is not encrypted was shown; run `mediaferry doctor` to see which keys are needed"}
	if s.Ledger != nil {
		return nil
	}
	return s.openLedger(ctx)
}

// Shown is what a command ends with that showed what it could: err, or why it could not
// show all.
func (s *Session) Shown(err error) error {
	if err == nil && s.Locked != nil {
		return s.Locked
	}
	return err
}

// checkKey refuses keys that open nothing of the ledger.
func (s *Session) checkKey(ctx context.Context) error {
	if err := s.Ledger.CheckKey(ctx); errors.Is(err, codec.ErrUnknownKey) {
		return &keyError{exit.UsageError{Text: err.Error(), Hint: lostHint()}}
	}
	return nil
}

// replaceKey makes a key in the place of a missing one, if the ledger needs none. The
// error says otherwise which key it needs.
func (s *Session) replaceKey(ctx context.Context, missing *missingKeyError) error {
	books, err := s.connect(ctx)
	if err != nil {
		return err
	}
	heads, err := books.SealHeads(ctx, codec.SealHead)
	if err = errors.Join(err, books.Close()); err != nil {
		return err
	}
	if len(heads) == 0 {
		s.Keys, err = config.MakeKey(s.Data)
		return err
	}
	var ids []string
	for head := range heads {
		id, _ := codec.KeyIDOf([]byte(head))
		ids = append(ids, strconv.Quote(id))
	}
	slices.Sort(ids)
	return &keyError{exit.UsageError{
		Text: "unknown encryption key " + strings.Join(ids, ", ") + ": the ledger was written with it, but " + missing.path + " is missing",
		Hint: lostHint(),
	}}
}

func (s *Session) openLedger(ctx context.Context) error {
	var err error
	if s.Ledger, err = s.connect(ctx); err != nil {
		return err
	}
	s.OnClose(func() {
		if err := s.Ledger.Close(); err != nil {
			s.Log.Warn("could not close the ledger", zap.Error(err))
		}
	})
	return nil
}

// LedgerURL is where the ledger is that the configuration names.
func (s *Session) LedgerURL() (string, error) {
	url, err := s.Config.Ledger()
	switch {
	case err != nil:
		return "", err
	case url == "" && wiring.ServiceConfigured():
		return "", &exit.UsageError{Text: "`ledger` is missing; with a Temporal service, all users need a shared ledger", Hint: "in the configuration, set ledger: postgres://…"}
	case url == "":
		return filepath.Join(s.Data, config.LedgerFile), nil
	}
	return url, nil
}

// connect opens the ledger that the configuration names.
func (s *Session) connect(ctx context.Context) (*ledger.Ledger, error) {
	url, err := s.LedgerURL()
	if err != nil {
		return nil, err
	}
	events := s.Log
	if !s.Standing {
		events = logging.AtMost(events, zap.InfoLevel)
	}
	return ledger.Open(ctx, ledger.Options{URL: url, Sealer: codec.NewSealer(s.Keys), Log: s.Log, Observer: s.Metrics.Observer(events), Notify: wiring.Wanted(s.Live), Names: wiring.Named})
}

// HasLedger reports whether there is a ledger to be asked: planning makes none.
func (s *Session) HasLedger() bool {
	url, err := s.Config.Ledger()
	if err != nil || url != "" || wiring.ServiceConfigured() {
		return true // opening it says what is wrong
	}
	_, err = os.Stat(filepath.Join(s.Data, config.LedgerFile))
	return err == nil
}
