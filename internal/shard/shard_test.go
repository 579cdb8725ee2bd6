package shard

import (
	"context"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/internal/steps"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// byName resolves every account, and tells credentials apart by one setting.
type byName struct{}

func (byName) Account(name string) (spec.Account, error) { return spec.Account{Name: name}, nil }
func (byName) KeyFingerprint(a spec.Account) string      { return a.Settings["secret"] }

// metered are steps whose clock moves by what they wait for.
func metered(t *testing.T) (s *steps.Steps, waited *[]time.Duration) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	waited = new([]time.Duration)
	return &steps.Steps{
		Ledger: ledgertest.Open(t, ledgertest.SQLite(t), ledger.Options{Now: clock}),
		Log:    zap.NewNop(), Now: clock, Accounts: byName{},
		Wait: func(_ context.Context, d time.Duration) error {
			*waited = append(*waited, d)
			now = now.Add(d)
			return nil
		},
	}, waited
}

// carrierOf is the carrier of a shard of the batch spring, to an account of a vendor.
func carrierOf(s *steps.Steps, vendor vendors.Vendor) *carrier {
	cs := &Carriers{}
	name := vendor.Spec().Name
	return &carrier{
		Steps: s, shared: cs, account: name, vendor: vendor, spec: vendor.Spec(),
		limiter: cs.limiters.of(name, s.Now), asking: make(chan struct{}, 1), slow: newSlowSources(&cs.slowHosts),
	}
}
