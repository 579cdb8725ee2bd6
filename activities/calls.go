package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// Prepare opens a session at the item's vendor.
func (a *Activities) Prepare(ctx context.Context, in upload.Prepare) (session upload.Session, err error) {
	err = a.call(ctx, in.Item, upload.StatePreparing, func(v vendors.Vendor, c *vendors.Caller) error {
		session, err = v.Prepare(ctx, c, in)
		return err
	})
	return session, result(ctx, upload.StepPrepare, err)
}

// SignParts gets more URLs for a session's parts.
func (a *Activities) SignParts(ctx context.Context, in upload.SignParts) (urls []upload.PartURL, err error) {
	err = a.call(ctx, in.Item, upload.StateTransferring, func(v vendors.Vendor, c *vendors.Caller) error {
		signer, ok := v.(vendors.PartSigner)
		if !ok {
			return upload.Errorf(upload.KindInternal, upload.StepTransfer, "%s signs no parts", in.Item.Vendor)
		}
		urls, err = signer.SignParts(ctx, c, in)
		return err
	})
	return urls, result(ctx, upload.StepTransfer, err)
}

// Complete tells the vendor that all parts have arrived.
func (a *Activities) Complete(ctx context.Context, in upload.Complete) (m upload.Media, err error) {
	err = a.call(ctx, in.Item, upload.StateCompleting, func(v vendors.Vendor, c *vendors.Caller) error {
		completer, ok := v.(vendors.Completer)
		if !ok {
			return upload.Errorf(upload.KindInternal, upload.StepComplete, "%s completes nothing", in.Item.Vendor)
		}
		m, err = completer.Complete(ctx, c, in)
		return err
	})
	return m, result(ctx, upload.StepComplete, err)
}

// Settle finds out what became of a send whose answer was lost.
func (a *Activities) Settle(ctx context.Context, in upload.Settle) (settled upload.Settled, err error) {
	defer beat(ctx, func() any { return nil })()
	err = a.call(ctx, in.Item, "", func(v vendors.Vendor, c *vendors.Caller) error {
		receiver, ok := v.(vendors.Receiver)
		if !ok {
			return upload.Errorf(upload.KindInternal, upload.StepTransfer, "%s takes no bytes itself", in.Item.Vendor)
		}
		settled, err = receiver.Settle(ctx, c, in)
		return err
	})
	return settled, result(ctx, upload.StepTransfer, err)
}

// Poll looks what became of a session's bytes. Unless it is to look once only,
// it comes back at the vendor's pace until processing has ended: between two
// looks it holds no worker's slot. Trouble with a look is no reason to stop, unless
// it is worth only one more: that is for the workflow to count.
func (a *Activities) Poll(ctx context.Context, in upload.Poll) (upload.Polled, error) {
	throttled := 0
	if activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &throttled) // a count only; others' beats have none
	}
	polled := upload.Polled{Looks: int(attempt(ctx)) - throttled}
	state := upload.State("")
	if polled.Looks == 1 && !in.Once {
		state = upload.StateProcessing
	}
	err := a.call(ctx, in.Item, state, func(v vendors.Vendor, c *vendors.Caller) (err error) {
		polled.Media, err = v.Poll(ctx, c, in)
		return err
	})
	vendor, findErr := vendors.Find(in.Item.Vendor)
	if in.Once || findErr != nil {
		return polled, result(ctx, upload.StepPoll, err)
	}
	spec := vendor.Spec()
	wait := spec.Poll.Wait(polled.Looks+1, in.Item.UploadID)
	var e *upload.Error
	if errors.As(err, &e) && e.Kind == upload.KindThrottled { // no look, for those who count
		activity.RecordHeartbeat(ctx, throttled+1)
		polled.Looks--
	}
	switch {
	case e != nil && e.Then == "" && (e.Kind == upload.KindUnavailable || e.Kind == upload.KindThrottled):
		return polled, later(string(e.Kind), e.Error(), max(wait, e.RetryAfter), upload.Media{Seen: e.Message}, polled.Looks)
	case err != nil, polled.Media.State != upload.StateProcessing, unseen(spec, polled.Media, a.Now().Sub(in.Since)):
		return polled, result(ctx, upload.StepPoll, err)
	}
	return polled, later(typeProcessing, "the vendor says "+polled.Media.Seen, wait, polled.Media, polled.Looks)
}

// unseen reports whether the vendor should have noticed the bytes by now.
func unseen(spec *vendors.Spec, m upload.Media, since time.Duration) bool {
	return spec.Unseen != "" && m.Seen == spec.Unseen && since >= spec.UnseenFor
}

// call lets do make control calls for an item, with the account's credentials as
// they are now, and notes the state that the item is in. A paused account makes
// none.
func (a *Activities) call(ctx context.Context, item upload.Item, state upload.State, do func(vendors.Vendor, *vendors.Caller) error) error {
	defer beat(ctx, func() any { return nil })()
	vendor, caller, err := a.caller(ctx, item)
	if err != nil {
		return err
	}
	if err := a.note(ctx, item, state, 0); err != nil {
		return err
	}
	return a.judged(ctx, vendor, caller.Account, do(vendor, caller))
}

// judged is what a vendor's answer comes to, after a look whether a refusal was of
// credentials that are new, or are no longer those that count.
func (a *Activities) judged(ctx context.Context, vendor vendors.Vendor, account vendors.Account, err error) error {
	err = a.current(ctx, account, err)
	if grace := a.grace(ctx, vendor.Spec(), account, err); grace != nil {
		return grace
	}
	return err
}

// noticed is after what time a change of the configuration is sure to count.
const noticed = 1200 * time.Millisecond

// current lets a call that was denied come back where the credentials were
// replaced meanwhile: whoever corrects a key and resumes the account at once must
// not see it paused again because of the old one.
func (a *Activities) current(ctx context.Context, account vendors.Account, err error) error {
	var e *upload.Error
	if !errors.As(err, &e) || e.Kind != upload.KindDenied || e.Paused {
		return err
	}
	if err := a.pause(ctx, noticed); err != nil {
		return err
	}
	now, missing := a.Accounts.Account(account.Name)
	if missing != nil || a.Accounts.KeyFingerprint(now) == a.Accounts.KeyFingerprint(account) {
		return err
	}
	return later(typeWaiting, "the credentials of account "+account.Name+" have changed", time.Millisecond)
}

// caller makes the means of calling an item's vendor.
func (a *Activities) caller(ctx context.Context, item upload.Item) (vendors.Vendor, *vendors.Caller, error) {
	account, err := a.Accounts.Account(item.Account)
	if err != nil { // it was there when the item was claimed: the operator has to put it right
		return nil, nil, upload.Errorf(upload.KindDenied, upload.StepPrepare, "%w", err)
	}
	if err := meant(item, account); err != nil {
		return nil, nil, err
	}
	vendor, err := vendors.Find(account.Vendor)
	if err != nil {
		return nil, nil, upload.Errorf(upload.KindDenied, upload.StepPrepare, "%w", err)
	}
	state, err := a.Ledger.Account(ctx, account.Name)
	if err != nil {
		return nil, nil, ledgerError(ctx, err)
	}
	if state.Paused {
		e := upload.Errorf(upload.KindDenied, "", "account %s is paused: %s", account.Name, state.Because).
			WithHint("mediaferry account resume %s", account.Name)
		e.Paused = true
		return nil, nil, e
	}
	return vendor, &vendors.Caller{
		Spec:    vendor.Spec(),
		Account: account,
		HTTP:    a.Egress.Control(account.Policy),
		Storage: a.Egress.Storage(account.Policy),
		Permits: permits{a},
		Tokens:  tokens{a, account},
		Now:     a.Now,
	}, nil
}

// meant refuses an account that only shares its name with the one for which an
// item was started: a sandbox's items must not go to the vendor itself, nor the
// other way round. It also refuses what is left of a row that was refused: sent
// without what was wrong with it, it would not be what was asked for.
func meant(item upload.Item, account vendors.Account) error {
	if len(item.Given) > 0 {
		return upload.Errorf(upload.KindInvalid, upload.StepClaim, "the row was refused together with its manifest, and is not complete").
			WithHint("correct the row, and start another batch with it")
	}
	if item.Base == "" || item.Base == account.BaseURL && item.Vendor == account.Vendor {
		return nil
	}
	return upload.Errorf(upload.KindInvalid, upload.StepClaim, "the upload was started for account %s at %s, and the worker's configuration has it at %s",
		item.Account, item.Base, account.BaseURL).
		WithHint("let command and worker have the same configuration, then repeat the command")
}

// grace turns the refusal of a key that was changed a moment ago into a pause:
// the vendor takes a while to know it.
func (a *Activities) grace(ctx context.Context, spec *vendors.Spec, account vendors.Account, err error) error {
	var e *upload.Error
	if spec.KeyGrace == 0 || !errors.As(err, &e) || e.Kind != upload.KindDenied || e.Paused {
		return a.keySeen(ctx, spec, account)
	}
	changed, seenErr := a.Ledger.KeySeen(ctx, account.Name, a.Accounts.KeyFingerprint(account))
	if seenErr != nil {
		return ledgerError(ctx, seenErr)
	}
	if changed.IsZero() || a.Now().Sub(changed) > spec.KeyGrace {
		return nil
	}
	e.Kind, e.RetryAfter = upload.KindThrottled, 10*time.Second
	return e
}

// keySeen remembers which key works, so that a change of it can be noticed.
func (a *Activities) keySeen(ctx context.Context, spec *vendors.Spec, account vendors.Account) error {
	if spec.KeyGrace == 0 {
		return nil
	}
	fingerprint := a.Accounts.KeyFingerprint(account)
	if !a.keys.news(account.Name, fingerprint) {
		return nil
	}
	_, err := a.Ledger.KeySeen(ctx, account.Name, fingerprint)
	return ledgerError(ctx, err)
}

// note saves in the ledger how far an item is. It fails as superseded where another
// run holds the item by now.
func (a *Activities) note(ctx context.Context, item upload.Item, state upload.State, sent int64) error {
	if state == "" {
		return nil
	}
	workflowID, runID, _ := run(ctx)
	return written(ctx, a.Ledger.UpdateState(ctx, ledger.StateUpdate{
		Item: item, WorkflowID: workflowID, RunID: runID, Way: upload.WayOwn,
		State: state, BytesSent: sent, Wait: true,
	}))
}
