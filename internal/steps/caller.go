package steps

import (
	"context"
	"errors"
	"time"

	"github.com/mediaferry/mediaferry/internal/metrics"
	"github.com/mediaferry/mediaferry/internal/tracing"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// Noticed is after what time a change of the configuration is sure to count.
const Noticed = 1200 * time.Millisecond

// Caller makes what calls an item's vendor, with the account's credentials and
// state as they are now. A paused account makes no calls: it fails with kind denied
// and Paused.
func (s *Steps) Caller(ctx context.Context, item upload.Item) (vendors.Vendor, *wire.Caller, error) {
	account, err := s.Accounts.Account(item.Account)
	if err != nil { // it was there when the item was claimed: the operator has to put it right
		return nil, nil, upload.Errorf(upload.KindDenied, upload.StepPrepare, "%w", err)
	}
	if err := Meant(item, account); err != nil {
		return nil, nil, err
	}
	vendor, err := vendors.Find(account.Vendor)
	if err != nil {
		return nil, nil, upload.Errorf(upload.KindDenied, upload.StepPrepare, "%w", err)
	}
	state, err := s.Ledger.Account(ctx, account.Name)
	if err != nil {
		return nil, nil, FromLedger(ctx, err)
	}
	s.outages.learn(state)
	if state.Paused {
		e := upload.Errorf(upload.KindDenied, "", "account %s is paused: %s", account.Name, state.Because).
			WithHint("to continue: mediaferry account resume %s", account.Name)
		e.Paused = true
		return nil, nil, e
	}
	return vendor, s.callerOf(vendor, account), nil
}

// callerOf makes calls for an account, whatever its state is.
func (s *Steps) callerOf(vendor vendors.Vendor, account spec.Account) *wire.Caller {
	return &wire.Caller{
		Spec:    vendor.Spec(),
		Account: account,
		HTTP:    s.Egress.Control(account.Policy),
		Storage: s.Egress.Objects(account.Policy),
		Permits: Permits{s},
		Tokens:  tokens{s, account},
		Now:     s.Now,
		Heard: func(ctx context.Context, x wire.Exchange) {
			tracing.Call(ctx, tracing.Of{Account: account.Name, Vendor: account.Vendor}, tracing.Request{Call: x.Call.Name, Began: x.Began, Took: x.Took, Status: x.Status})
			s.Metrics.Request(metrics.Request{Account: account.Name, Vendor: account.Vendor, Call: x.Call.Name, Status: x.Status, Took: x.Took})
		},
	}
}

// Meant refuses an account that only shares its name with the one for which an
// item was started: a sandbox's items must not go to the vendor itself, nor the
// other way round. It also refuses what is left of a row that was refused: sent
// without what was wrong with it, it would not be what was asked for.
func Meant(item upload.Item, account spec.Account) error {
	if item.Incomplete {
		return upload.Errorf(upload.KindInvalid, upload.StepClaim, "the row was refused because of the manifest, so it is incomplete").
			WithHint("correct the row and send it in another batch")
	}
	if item.Base == "" || item.Base == account.BaseURL && item.Vendor == account.Vendor {
		return nil
	}
	return upload.Errorf(upload.KindInvalid, upload.StepClaim, "the upload was started for account %s at %s, but in the worker's configuration this account is at %s",
		item.Account, item.Base, account.BaseURL).
		WithHint("use the same configuration for the command and the worker, then run the command again")
}

// judged is what a vendor's answer comes to, after a look whether a refusal was of
// credentials that are new, or are no longer those that count.
func (s *Steps) judged(ctx context.Context, vendor vendors.Vendor, account spec.Account, err error) error {
	err = s.current(ctx, account, err)
	if grace := s.grace(ctx, vendor.Spec(), account, err); grace != nil {
		return grace
	}
	return err
}

// denial is a failure that denies the account, and was not made because it is
// paused already; nil for any other error.
func denial(err error) *upload.Error {
	var e *upload.Error
	if errors.As(err, &e) && e.Denies() {
		return e
	}
	return nil
}

// current lets a call that was denied come back where the credentials were
// replaced meanwhile: whoever corrects a key and resumes the account at once must
// not see it paused again because of the old one.
func (s *Steps) current(ctx context.Context, account spec.Account, err error) error {
	if denial(err) == nil {
		return err
	}
	if err := s.Pause(ctx, Noticed); err != nil {
		return err
	}
	now, missing := s.Accounts.Account(account.Name)
	if missing != nil || s.Accounts.KeyFingerprint(now) == s.Accounts.KeyFingerprint(account) {
		return err
	}
	return &Later{"the credentials of account " + account.Name + " have changed", time.Millisecond}
}

// grace turns the refusal of a key that was changed a moment ago into a pause:
// the vendor takes a while to know it.
func (s *Steps) grace(ctx context.Context, spec *spec.Spec, account spec.Account, err error) error {
	e := denial(err)
	if spec.KeyGrace == 0 || e == nil {
		return s.keySeen(ctx, spec, account)
	}
	changed, seenErr := s.Ledger.KeySeen(ctx, account.Name, s.Accounts.KeyFingerprint(account))
	if seenErr != nil {
		return FromLedger(ctx, seenErr)
	}
	if changed.IsZero() || s.Now().Sub(changed) > spec.KeyGrace {
		return nil
	}
	e.Kind, e.RetryAfter = upload.KindThrottled, 10*time.Second
	return e
}

// keySeen remembers which key works, so that a change of it can be noticed.
func (s *Steps) keySeen(ctx context.Context, spec *spec.Spec, account spec.Account) error {
	if spec.KeyGrace == 0 {
		return nil
	}
	fingerprint := s.Accounts.KeyFingerprint(account)
	if !s.keys.news(account.Name, fingerprint) {
		return nil
	}
	_, err := s.Ledger.KeySeen(ctx, account.Name, fingerprint)
	return FromLedger(ctx, err)
}
