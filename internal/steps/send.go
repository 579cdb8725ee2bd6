package steps

import (
	"context"
	"io"
	"time"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/sources"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
)

// send sends a whole medium to the session of an item. A session that is about to
// run out is not tried, unless two in a row seemed to: then our idea of its life is
// wrong, and the store has the word.
func (s *Steps) send(ctx context.Context, w Work) error {
	p := w.Progress
	if to := p.Session; p.Tally.Early < earlyMost && upload.Spent(s.Now(), to.ExpiresAt, to.Life, 0) {
		return spent(to.ExpiresAt)
	}
	p.Attempts.Add(upload.StepTransfer, 1)
	ended := s.rates.begin(w.Caller.Account.Name, s.Now)
	of := sendingWhole(w.Item, p)
	of.sought = w.Flow.Policy.Find.By != ""
	answer, m, err := s.deliver(ctx, w.Vendor, w.Caller, of, w.Meter)
	ended(answer.Sent)
	receipt := receiptOf(p.Session.Store, answer, m)
	if err = s.answered(ctx, w, err); err != nil {
		return withReceipt(err, receipt)
	}
	w.Flow.Sent(p, receipt, s.Now())
	return nil
}

// earlyMost is how many sessions may run out before they are tried, one after the
// other, until one is tried all the same.
const earlyMost = 2

// sendingWhole is a whole medium on its way to its session.
func sendingWhole(item upload.Item, p *upload.Progress) sending {
	to := p.Session
	return sending{
		item: item, content: p.Content, size: p.Content.Size,
		want: transfer.Want{SHA256: true, MD5: to.Store == upload.StoreS3 && !p.Lenient},
		target: transfer.Target{
			Method: to.Method, URL: to.URL, Header: to.Header, Form: to.Form, File: to.File,
			Anchored: to.Store == upload.StoreVendor,
		},
		store: to.Store,
	}
}

// receiptOf is what a store's answer proves.
func receiptOf(store upload.Store, answer transfer.Answer, m *upload.Media) upload.Receipt {
	receipt := upload.Receipt{
		BytesSent: answer.Sent, ETag: transfer.ETag(answer.Header), Media: m,
		SHA256: answer.Sums.SHA256, CRC64: crc(answer), Untold: transfer.Untold(answer),
	}
	switch {
	case receipt.Untold:
		receipt.Note = "stored, but the store could not notify the vendor"
	case store == upload.StoreOSS:
		receipt.Note = transfer.Relayed(answer)
	}
	return receipt
}

// sendPart sends one part of a medium.
func (s *Steps) sendPart(ctx context.Context, vendor vendors.Vendor, caller *wire.Caller, in upload.SendPart, meter *transfer.Meter) (upload.Part, error) {
	if expires := in.Part.ExpiresAt; !expires.IsZero() && expires.Sub(s.Now()) < in.Life/lastShare {
		return upload.Part{}, spent(expires)
	}
	began := s.Now()
	ended := s.rates.begin(caller.Account.Name, s.Now)
	answer, _, err := s.deliver(ctx, vendor, caller, sending{
		item: in.Item, content: in.Content, offset: in.Offset, size: in.Size,
		want:   transfer.Want{MD5: !in.Lenient, SHA256: in.Size == in.Content.Size},
		target: transfer.Target{Method: upload.MethodPut, URL: in.Part.URL, Header: in.Header},
		store:  upload.StoreS3,
	}, meter)
	ended(answer.Sent)
	if err != nil {
		return upload.Part{}, withReceipt(err, upload.Receipt{BytesSent: answer.Sent})
	}
	return upload.Part{
		Number: in.Part.Number, Offset: in.Offset, Size: in.Size,
		ETag: transfer.ETag(answer.Header), CRC64: crc(answer), SHA256: answer.Sums.SHA256,
		Took: s.Now().Sub(began),
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
	e := upload.Errorf(upload.KindExpired, upload.StepTransfer, "the session expires at %s, too soon to send anything", at.UTC().Format(time.RFC3339))
	e.Code, e.Arrived = upload.CodeSpent, upload.ArrivedNothing
	return e
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
	want         transfer.Want
	target       transfer.Target
	store        upload.Store
	sought       bool // where no answer comes, it is looked for whether the bytes arrived
}

// deliver sends a range, reads the store's answer, and proves that the source did
// not change meanwhile. Media is set where the vendor itself took the bytes.
func (s *Steps) deliver(ctx context.Context, vendor vendors.Vendor, caller *wire.Caller, of sending, meter *transfer.Meter) (transfer.Answer, *upload.Media, error) {
	file, err := s.open(ctx, of.item, of.content)
	if err != nil {
		return transfer.Answer{}, nil, unsent(err)
	}
	defer func() { _ = file.Close() }()                       // only read from
	if err := s.admit(ctx, vendor, caller, &of); err != nil { // last, for it counts as a call
		return transfer.Answer{}, nil, err
	}
	began, end := s.Now(), s.counting(ctx, caller, meter)
	answer, err := transfer.Send(ctx, s.Egress.Storage(caller.Account.Policy), of.target, part(file, of.offset, of.size), of.want, meter)
	end(answer.Sent)
	s.heardStore(caller, of, answer, began, err)
	var m *upload.Media
	if err == nil {
		m, err = s.read(ctx, vendor, caller, of, answer)
	}
	if err == nil {
		err = s.unchanged(ctx, file, of, answer)
	}
	s.counted(caller, of, answer.Sent, err)
	return answer, m, err
}

// unsent marks a failure before which nothing was sent.
func unsent(err error) error {
	e := upload.AsError(err, upload.StepTransfer)
	e.Arrived = upload.ArrivedNothing
	return e
}

// admit adds the vendor's own credentials to what goes to the vendor itself, and
// takes a permit for it. The session says where that is, but not who gets credentials.
func (s *Steps) admit(ctx context.Context, vendor vendors.Vendor, caller *wire.Caller, of *sending) error {
	if of.store != upload.StoreVendor {
		return nil
	}
	receiver, ok := vendor.(vendors.Receiver)
	if !ok {
		return upload.Errorf(upload.KindInternal, upload.StepTransfer, "%s does not take files itself, as the session says", of.item.Vendor)
	}
	if !caller.Account.Home(of.target.URL) {
		return upload.Errorf(upload.KindInvalid, upload.StepTransfer, "the session is at %s, but account %s is at %s, and its credentials go to no other address",
			egress.Redact(of.target.URL), caller.Account.Name, caller.Account.BaseURL).
			WithHint("check the base_url of account %s", caller.Account.Name)
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
	of.target.Header = header
	return nil
}

// read is what the answer means: in the words of the store that gave it.
func (s *Steps) read(ctx context.Context, vendor vendors.Vendor, caller *wire.Caller, of sending, answer transfer.Answer) (*upload.Media, error) {
	var refused *upload.Error
	switch receiver, _ := vendor.(vendors.Receiver); of.store {
	case upload.StoreVendor:
		m, err := receiver.Received(ctx, caller, answer.Status, answer.Header, answer.Body)
		if err == nil {
			err = plainMedia(caller, upload.StepTransfer, &m)
		}
		if err != nil {
			return nil, err
		}
		return &m, nil
	case upload.StoreOSS:
		refused = transfer.OSS(answer, of.target)
		if refused == nil {
			refused = transfer.CheckCRC64(answer)
		}
	default:
		refused = transfer.S3(answer, of.target)
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
func (s *Steps) unchanged(ctx context.Context, file *sources.File, of sending, answer transfer.Answer) error {
	if err := file.Unchanged(ctx); err != nil {
		return err
	}
	if of.size != of.content.Size || of.content.SHA256 == "" || answer.Sums.SHA256 == of.content.SHA256 {
		return nil
	}
	return upload.Errorf(upload.KindMissing, upload.StepTransfer, "source changed during the upload: its SHA-256 was %s, but the bytes that were sent have %s", of.content.SHA256, answer.Sums.SHA256)
}

// part is a range of a file as transfer reads it.
func part(file *sources.File, offset, size int64) transfer.Body {
	return transfer.Body{Size: size, Open: func(ctx context.Context) (io.ReadCloser, error) {
		return file.Range(ctx, offset, size)
	}}
}
