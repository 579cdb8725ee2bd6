package steps

import (
	"context"

	"github.com/mediaferry/mediaferry/internal/flow"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/tracing"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// Work is one item at one of its steps.
type Work struct {
	Item     upload.Item
	Vendor   vendors.Vendor
	Caller   *wire.Caller
	Flow     flow.Flow
	Progress *upload.Progress // changed by the step
	Meter    *transfer.Meter  // counts what a send sends
	Plan     upload.Plan      // of a session in parts
	Parts    []upload.Part    // that the store acknowledged, for a completion
	// Denied, where set, is called when the vendor denies the account, before it is
	// certain that the credentials are still those that count.
	Denied func()
}

// answered is what a vendor's answer comes to.
func (s *Steps) answered(ctx context.Context, w Work, err error) error {
	if w.Denied != nil && denial(err) != nil {
		w.Denied()
	}
	return s.judged(ctx, w.Vendor, w.Caller.Account, err)
}

// Do makes a step and takes note of how it went: the progress then says what comes
// next. After an error it holds the attempt alone; the error is for the judge.
func (s *Steps) Do(ctx context.Context, w Work, a flow.Action) error {
	peer, began := peerOf(a.Do, w.Progress), s.Now()
	step, end := tracing.Step(ctx, string(StepOf(a.Do)), tracing.Of{Account: w.Caller.Account.Name, Vendor: w.Caller.Account.Vendor, UploadID: w.Item.UploadID})
	err := s.do(step, w, a)
	end(err)
	s.Metrics.Step(w.Caller.Account.Vendor, StepOf(a.Do), s.Now().Sub(began))
	s.heard(ctx, ledger.OutageCall{Account: w.Caller.Account.Name, Peer: peer, Caller: w.Item.UploadID}, began, err)
	return err
}

// StepOf is the step that an action belongs to.
func StepOf(do flow.Do) upload.Step {
	return map[flow.Do]upload.Step{
		flow.DoPrepare: upload.StepPrepare, flow.DoSend: upload.StepTransfer, flow.DoFind: upload.StepFind,
		flow.DoComplete: upload.StepComplete, flow.DoPoll: upload.StepPoll,
	}[do]
}

func (s *Steps) do(ctx context.Context, w Work, a flow.Action) error {
	switch a.Do {
	case flow.DoPrepare:
		return s.prepare(ctx, w)
	case flow.DoSend:
		return s.send(ctx, w)
	case flow.DoFind:
		return s.find(ctx, w)
	case flow.DoComplete:
		return s.complete(ctx, w)
	case flow.DoPoll:
		return s.poll(ctx, w, a)
	}
	return upload.Errorf(upload.KindInternal, w.Progress.Next, "%q is not a single step", a.Do)
}

// prepare opens a session.
func (s *Steps) prepare(ctx context.Context, w Work) error {
	p := w.Progress
	p.Attempts.Add(upload.StepPrepare, 1)
	in := upload.Prepare{Item: w.Item, Content: p.Content, Plan: w.Plan, Because: p.Variant}
	if p.Expired {
		in.Previous = &p.Session
	}
	session, err := w.Vendor.Prepare(ctx, w.Caller, in)
	if err = s.answered(ctx, w, err); err != nil {
		return err
	}
	if err := fits(w.Caller, upload.StepPrepare, session); err != nil {
		return err
	}
	hideSession(session)
	if err := plainMedia(w.Caller, upload.StepPrepare, &session.Media); err != nil {
		return err
	}
	if p.Expired {
		s.Metrics.Renewed(w.Caller.Account.Vendor)
	}
	w.Flow.Prepared(p, session)
	return nil
}

// find looks for what a call may have done whose answer was lost.
func (s *Steps) find(ctx context.Context, w Work) error {
	p := w.Progress
	p.Attempts.Add(upload.StepPoll, 1)
	found, err := s.search(ctx, w)
	if err = s.answered(ctx, w, err); err != nil {
		return err
	}
	lost := p.Cause
	w.Flow.Found(p, found, s.Now())
	s.notFound(w, lost)
	return nil
}

func (s *Steps) search(ctx context.Context, w Work) (upload.Settled, error) {
	p := w.Progress
	if receiver, ok := w.Vendor.(vendors.Receiver); ok && w.Flow.Policy.Find.By == upload.FindBySearch {
		found, err := receiver.Settle(ctx, w.Caller, upload.Settle{Item: w.Item, Content: p.Content, Session: p.Session})
		if err == nil && found.Media != nil {
			err = plainMedia(w.Caller, upload.StepPoll, found.Media)
		}
		return found, err
	}
	media, err := w.Vendor.Poll(ctx, w.Caller, upload.Poll{Item: w.Item, Content: p.Content, Session: p.Session})
	if err != nil {
		return upload.Settled{}, err
	}
	if w.Flow.Unseen(media) {
		return upload.Settled{Clean: true, Stored: media.Stored}, nil
	}
	return upload.Settled{Arrived: true}, nil
}

// complete tells the vendor that all parts have arrived.
func (s *Steps) complete(ctx context.Context, w Work) error {
	p := w.Progress
	p.Attempts.Add(upload.StepComplete, 1)
	completer, ok := w.Vendor.(vendors.Completer)
	if !ok {
		return upload.Errorf(upload.KindInternal, upload.StepComplete, "%s has no call to complete a session", w.Item.Vendor)
	}
	_, err := completer.Complete(ctx, w.Caller, upload.Complete{Item: w.Item, Session: p.Session.ID, Parts: w.Parts})
	if err = s.answered(ctx, w, err); err != nil {
		return err
	}
	w.Flow.Completed(p, s.Now())
	return nil
}

// poll asks once what became of the bytes.
func (s *Steps) poll(ctx context.Context, w Work, a flow.Action) error {
	p := w.Progress
	p.Attempts.Add(upload.StepPoll, 1)
	media, err := w.Vendor.Poll(ctx, w.Caller, upload.Poll{
		Item: w.Item, Content: p.Content, Session: p.Session, ByName: a.ByName, Since: p.SentAt,
	})
	if err == nil {
		err = plainMedia(w.Caller, upload.StepPoll, &media)
	}
	if err = s.answered(ctx, w, err); err != nil {
		return err
	}
	s.unasked(w)
	s.unprocessed(w, media)
	w.Flow.Polled(p, media, s.Now())
	return nil
}

// SignParts gets more URLs for a session's parts.
func (s *Steps) SignParts(ctx context.Context, vendor vendors.Vendor, caller *wire.Caller, in upload.SignParts) ([]upload.PartURL, error) {
	signer, ok := vendor.(vendors.PartSigner)
	if !ok {
		return nil, upload.Errorf(upload.KindInternal, upload.StepTransfer, "%s has no call to sign parts", in.Item.Vendor)
	}
	began := s.Now()
	urls, err := signer.SignParts(ctx, caller, in)
	if err == nil {
		err = fits(caller, upload.StepTransfer, upload.Session{Parts: urls})
	}
	s.heard(ctx, ledger.OutageCall{Account: caller.Account.Name, Peer: upload.PeerVendor, Caller: in.Item.UploadID}, began, err)
	for _, part := range urls {
		hideSigned(part.URL)
	}
	if err == nil {
		s.Metrics.Renewed(caller.Account.Vendor)
	}
	return urls, s.judged(ctx, vendor, caller.Account, err)
}

// Inspect asks once what the vendor knows of a session in parts.
func (s *Steps) Inspect(ctx context.Context, vendor vendors.Vendor, caller *wire.Caller, in upload.Inspect) (upload.Media, error) {
	began := s.Now()
	media, err := vendor.Poll(ctx, caller, upload.Poll{Item: in.Item, Content: in.Content, Session: in.Session})
	if err == nil {
		err = plainMedia(caller, upload.StepPoll, &media)
	}
	if err == nil {
		err = fits(caller, upload.StepPoll, upload.Session{Media: media})
	}
	s.heard(ctx, ledger.OutageCall{Account: caller.Account.Name, Peer: upload.PeerVendor, Caller: in.Item.UploadID}, began, err)
	return media, s.judged(ctx, vendor, caller.Account, err)
}
