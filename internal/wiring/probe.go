package wiring

import (
	"crypto/rand"
	"time"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/steps"
)

// Probes makes what can call vendors but moves no bytes: it needs a ledger, and no
// Temporal. The caller must close its connections.
func Probes(live *config.Live, keys codec.Keys, books *ledger.Ledger, log *zap.Logger) (_ *steps.Steps, closing func()) {
	door := egress.New()
	return &steps.Steps{
		Accounts: accounts{live, keys}, Ledger: books, Egress: door, Owner: rand.Text(), Log: log, Now: time.Now,
	}, door.CloseIdle
}
