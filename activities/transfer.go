package activities

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
)

// Transfer sends a whole medium to a session and returns what proves that it
// arrived. A session that is about to run out is not tried.
func (a *Activities) Transfer(ctx context.Context, in upload.Transfer) (upload.Receipt, error) {
	before := past(ctx)
	before.Cuts = max(before.Cuts, in.Tries)
	receipt, err := a.transfer(ctx, in, &before)
	if in.Repeat {
		if again := a.afresh(ctx, &before, err, false); again != nil {
			return receipt, again
		}
	}
	receipt.BytesSent += before.Wasted
	var e *upload.Error
	if errors.As(err, &e) {
		e.Repeats = before.Cuts - in.Tries
	}
	return receipt, result(ctx, upload.StepTransfer, withWasted(err, before))
}

func (a *Activities) transfer(ctx context.Context, in upload.Transfer, before *upload.Heartbeat) (upload.Receipt, error) {
	if s := in.Session; upload.Spent(a.Now(), s.ExpiresAt, s.Life, 0) {
		return upload.Receipt{}, spent(s.ExpiresAt)
	}
	answer, m, err := a.send(ctx, sendingWhole(in), before)
	receipt := receiptOf(answer, m)
	return receipt, withReceipt(err, receipt)
}

// sendingWhole is a whole medium on its way to a session.
func sendingWhole(in upload.Transfer) sending {
	s := in.Session
	return sending{
		item: in.Item, content: in.Content, size: in.Content.Size, before: in.Before,
		want: transfer.Want{SHA256: true, MD5: s.Store == upload.StoreS3 && !in.Lenient},
		target: transfer.Target{
			Method: s.Method, URL: s.URL, Header: s.Header, Form: s.Form, File: s.File,
			Anchored: s.Store == upload.StoreVendor,
		},
		store: s.Store,
	}
}

// receiptOf is what a store's answer proves.
func receiptOf(answer transfer.Answer, m *upload.Media) upload.Receipt {
	receipt := upload.Receipt{
		BytesSent: answer.Sent, ETag: transfer.ETag(answer.Header), Media: m,
		SHA256: answer.Sums.SHA256, CRC64: crc(answer), Untold: transfer.Untold(answer),
	}
	if receipt.Untold {
		receipt.Note = "stored, but the storage could not tell the vendor so"
	}
	return receipt
}

// SendPart sends one part of a medium.
func (a *Activities) SendPart(ctx context.Context, in upload.SendPart) (upload.Part, error) {
	if in.Stored != "" {
		p, err := a.adoptPart(ctx, in)
		return p, result(ctx, upload.StepTransfer, err)
	}
	before := past(ctx)
	p, err := a.oncePart(ctx, in, &before)
	if again := a.afresh(ctx, &before, err, true); again != nil { // a part that is there already is replaced by the same
		return upload.Part{}, again
	}
	p.Wasted, p.Retries = before.Wasted, before.Retries
	return p, result(ctx, upload.StepTransfer, withWasted(err, before))
}

func (a *Activities) sendPart(ctx context.Context, in upload.SendPart, before *upload.Heartbeat) (upload.Part, error) {
	if expires := in.Part.ExpiresAt; !expires.IsZero() && expires.Sub(a.Now()) < in.Life/lastShare {
		return upload.Part{}, spent(expires)
	}
	began := a.Now()
	answer, _, err := a.send(ctx, sending{
		item: in.Item, content: in.Content, offset: in.Offset, size: in.Size, before: in.Before,
		want:   transfer.Want{MD5: !in.Lenient, SHA256: in.Size == in.Content.Size},
		target: transfer.Target{Method: upload.MethodPut, URL: in.Part.URL, Header: in.Header},
		store:  upload.StoreS3,
	}, before)
	if err == nil && transfer.ETag(answer.Header) == "" {
		err = upload.Errorf(upload.KindUnavailable, upload.StepTransfer, "store gave no ETag for part %d", in.Part.Number)
	}
	if err != nil {
		return upload.Part{}, withReceipt(err, upload.Receipt{BytesSent: answer.Sent})
	}
	return upload.Part{
		Number: in.Part.Number, Offset: in.Offset, Size: in.Size,
		ETag: transfer.ETag(answer.Header), CRC64: crc(answer), SHA256: answer.Sums.SHA256,
		Took: a.Now().Sub(began),
	}, nil
}

// lastShare is the last share of a URL's life, in which no part is started on it:
// its request must be there before the URL runs out. What has started is served
// to its end.
const lastShare = 20

func crc(answer transfer.Answer) string {
	if !answer.Whole {
		return ""
	}
	return upload.FormatCRC64(answer.Sums.CRC64)
}

// spent is the failure of a session that was not tried.
func spent(at time.Time) *upload.Error {
	e := upload.Errorf(upload.KindExpired, upload.StepTransfer, "the session runs out at %s, too soon to send anything", at.UTC().Format(time.RFC3339))
	e.Code, e.Arrived = upload.CodeSpent, upload.ArrivedNothing
	return e
}

// withWasted lets a failure tell what the attempts before it sent, too.
func withWasted(err error, before upload.Heartbeat) error {
	var e *upload.Error
	if before.Wasted == 0 || !errors.As(err, &e) {
		return err
	}
	receipt := upload.Receipt{}
	if e.Receipt != nil {
		receipt = *e.Receipt
	}
	receipt.BytesSent += before.Wasted
	return withReceipt(err, receipt)
}

// withReceipt lets a failure tell what was sent before it.
func withReceipt(err error, receipt upload.Receipt) error {
	if err == nil || receipt.BytesSent == 0 {
		return err
	}
	e := upload.AsError(err, upload.StepTransfer)
	e.Receipt = &receipt
	return e
}

// sending is a range of a medium on its way to a target.
type sending struct {
	item         upload.Item
	content      upload.Content
	offset, size int64
	before       int64 // bytes that the upload had sent before
	want         transfer.Want
	target       transfer.Target
	store        upload.Store
}

// send sends a range on behalf of a workflow of its own, and tells how far it is.
func (a *Activities) send(ctx context.Context, s sending, past *upload.Heartbeat) (transfer.Answer, *upload.Media, error) {
	vendor, caller, err := a.caller(ctx, s.item)
	if err != nil {
		return transfer.Answer{}, nil, err
	}
	if err := a.note(ctx, s.item, upload.StateTransferring, 0); err != nil {
		return transfer.Answer{}, nil, err
	}
	meter := &transfer.Meter{Limit: a.Bandwidth.Wait}
	defer beat(ctx, func() any {
		told := *past
		told.Sent, told.Size = meter.Sent(), s.size
		a.progress(ctx, s.item, s.before+told.Wasted+told.Sent)
		return told
	})()
	ended := a.rates.begin(caller.Account.Name, a.Now)
	defer func() { ended(meter.Sent()) }()
	return a.deliver(ctx, vendor, caller, s, meter)
}

// deliver sends a range, reads the store's answer, and proves that the source did
// not change meanwhile. Media is set where the vendor itself took the bytes.
func (a *Activities) deliver(ctx context.Context, vendor vendors.Vendor, caller *vendors.Caller, s sending, meter *transfer.Meter) (transfer.Answer, *upload.Media, error) {
	file, err := a.Sources.Open(ctx, s.item.Source, s.content.Fingerprint)
	if err != nil {
		return transfer.Answer{}, nil, err
	}
	defer func() { _ = file.Close() }()                      // only read from
	if err := a.admit(ctx, vendor, caller, &s); err != nil { // last, for it counts as a call
		return transfer.Answer{}, nil, err
	}
	answer, err := transfer.Send(ctx, a.Egress.Storage(caller.Account.Policy), s.target, part(file, s.offset, s.size), s.want, meter)
	if err != nil {
		return answer, nil, err
	}
	m, err := a.read(ctx, vendor, caller, s, answer)
	if err != nil {
		return answer, m, a.current(ctx, caller.Account, err)
	}
	return answer, m, a.unchanged(ctx, file, s, answer)
}

// progress lets those who watch an item see its bytes move. It may be lost.
func (a *Activities) progress(ctx context.Context, item upload.Item, sent int64) {
	workflowID, runID, _ := run(ctx)
	_ = a.Ledger.UpdateState(ctx, ledger.StateUpdate{Item: item, WorkflowID: workflowID, RunID: runID, Way: upload.WayOwn, BytesSent: sent})
}

// admit adds the vendor's own credentials to what goes to the vendor itself, and
// takes a permit for it.
func (a *Activities) admit(ctx context.Context, vendor vendors.Vendor, caller *vendors.Caller, s *sending) error {
	receiver, ok := vendor.(vendors.Receiver)
	if s.store != upload.StoreVendor || !ok {
		return nil
	}
	if err := caller.Permits.Take(ctx, caller.Account); err != nil {
		return err
	}
	admission, err := receiver.Admission(ctx, caller)
	if err != nil {
		return err
	}
	header := map[string]string{}
	for name := range admission {
		header[name] = admission.Get(name)
	}
	s.target.Header = header
	return nil
}

// read is what the answer means: in the words of the store that gave it.
func (a *Activities) read(ctx context.Context, vendor vendors.Vendor, caller *vendors.Caller, s sending, answer transfer.Answer) (*upload.Media, error) {
	var refused *upload.Error
	switch receiver, _ := vendor.(vendors.Receiver); s.store {
	case upload.StoreVendor:
		m, err := receiver.Received(ctx, caller, answer.Status, answer.Header, answer.Body)
		if err != nil {
			return nil, err
		}
		return &m, nil
	case upload.StoreOSS:
		refused = transfer.OSS(answer)
		if refused == nil {
			refused = transfer.CheckCRC64(answer)
		}
	default:
		refused = transfer.S3(answer)
		if refused == nil {
			refused = transfer.CheckMD5(answer)
		}
	}
	if refused != nil {
		return nil, refused
	}
	return nil, nil
}

// unchanged proves that what was sent is what was looked at.
func (a *Activities) unchanged(ctx context.Context, file *sources.File, s sending, answer transfer.Answer) error {
	if err := file.Unchanged(ctx); err != nil {
		return err
	}
	if s.size != s.content.Size || s.content.SHA256 == "" || answer.Sums.SHA256 == s.content.SHA256 {
		return nil
	}
	return upload.Errorf(upload.KindMissing, upload.StepTransfer, "source changed under way: its SHA-256 was %s, sent was %s", s.content.SHA256, answer.Sums.SHA256)
}

// part is a range of a file as transfer reads it.
func part(file *sources.File, offset, size int64) transfer.Body {
	return transfer.Body{Size: size, Open: func(ctx context.Context) (io.ReadCloser, error) {
		return file.Range(ctx, offset, size)
	}}
}
