package steps

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// quotaAge is how old the ledger's word may be on what a vendor told of an account's
// limits.
const quotaAge = time.Second

// Limited is an account with the limits that are in force now: also those that its
// vendor told, to whichever worker.
func (s *Steps) Limited(ctx context.Context, account spec.Account) (spec.Account, error) {
	vendor, err := vendors.Find(account.Vendor)
	if err != nil || len(vendor.Spec().Quotas) == 0 { // it tells none
		return account, nil
	}
	told, err := s.told(ctx, account)
	if err != nil || len(told) == 0 {
		return account, err
	}
	return vendor.Spec().Limited(account, told), nil
}

// told is what the vendor told of the limits of an account's credentials. Other
// credentials may have others.
func (s *Steps) told(ctx context.Context, account spec.Account) ([]upload.Quota, error) {
	kept, fresh := s.quotas.get(account.Name, s.Now())
	if !fresh {
		var err error
		if kept, err = s.Ledger.Quotas(ctx, account.Name); err != nil {
			return nil, FromLedger(ctx, err)
		}
		s.quotas.put(account.Name, kept, s.Now())
	}
	if kept.Key != s.Accounts.KeyFingerprint(account) {
		return nil, nil
	}
	return kept.Told, nil
}

// Learn notes, for the whole fleet, how often the vendor says that the account may be
// called. Every answer may say it, so that only what is new is written.
func (p Permits) Learn(ctx context.Context, account spec.Account, told []upload.Quota) {
	known, err := p.told(ctx, account)
	now := ledger.Quotas{Key: p.Accounts.KeyFingerprint(account), Told: upload.Supersede(known, told)}
	if err == nil && slices.Equal(now.Told, known) {
		return
	}
	p.quotas.put(account.Name, now, p.Now())
	if err == nil {
		err = p.Ledger.SaveQuotas(ctx, account.Name, now)
	}
	if err != nil { // the vendor will say it again
		p.Log.Warn("could not save the limits of an account", zap.String("account", account.Name), zap.Error(err))
	}
}

// quotaCache remembers what the ledger has of the limits that vendors told.
type quotaCache struct {
	mu  sync.Mutex
	all map[string]keptQuotas
}

type keptQuotas struct {
	quotas ledger.Quotas
	at     time.Time
}

// get returns what is remembered of an account, and whether it is young enough.
func (c *quotaCache) get(account string, now time.Time) (ledger.Quotas, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept, found := c.all[account]
	age := now.Sub(kept.at)
	return kept.quotas, found && age >= 0 && age < quotaAge
}

func (c *quotaCache) put(account string, quotas ledger.Quotas, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all == nil {
		c.all = map[string]keptQuotas{}
	}
	c.all[account] = keptQuotas{quotas, now}
}
