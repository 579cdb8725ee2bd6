// Package transfer moves bytes: one body, to one place, once. It streams with
// constant memory and a known length, makes checksums in the same pass, watches
// that bytes move, and tells how much of a body may have arrived when a send
// goes wrong. It also reads the answers of object stores (S3 and OSS).
//
// It knows no vendor, keeps no state between sends, and repeats nothing: what
// to do after a failure is decided by whoever holds the durable state.
package transfer

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/mediaferry/mediaferry/egress"
	"github.com/mediaferry/mediaferry/upload"
)

const (
	// stall is how long a body may stand still before it is given up.
	stall = 60 * time.Second
	// answerLimit is how much of an answer's body is read. Stores' errors take
	// about a kilobyte.
	answerLimit = 64 << 10
)

// Target is where a body goes. It may hold a signed URL and must not be logged.
type Target struct {
	Method upload.Method
	URL    string
	Header map[string]string
	Form   []upload.FormField // before the file
	File   upload.FormFile
	// Anchored refuses to follow a store to another host, because the headers
	// hold credentials that only this host may see.
	Anchored bool
}

// Answer is what the other side said when the whole body had been sent, or
// before.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte // at most 64 KiB
	Sums   Sums   // of the body; only where Whole
	Sent   int64  // bytes of the medium that were sent, repeats included
	Whole  bool   // the whole medium was handed to the connection
}

// Arrived is how much of the body the other side may hold.
func (a Answer) Arrived() upload.Arrival {
	switch {
	case a.Status >= 400 && a.Status < 500:
		return upload.ArrivedNothing
	case a.Whole:
		return upload.ArrivedMaybe
	}
	return upload.ArrivedSome
}

// Send sends body to target and returns the answer, whatever its status. Where
// no answer came it fails: with the source's own *upload.Error where reading
// failed, else with kind unavailable and how much may have arrived. A store
// that points elsewhere (307, 308) is followed once.
func Send(ctx context.Context, client *http.Client, target Target, body Body, want Want, meter *Meter) (Answer, error) {
	answer, err := sendOnce(ctx, client, target, body, want, meter)
	if err != nil || target.Anchored ||
		answer.Status != http.StatusTemporaryRedirect && answer.Status != http.StatusPermanentRedirect {
		return answer, err
	}
	there, err := resolve(target.URL, answer.Header.Get("Location"))
	if err != nil {
		return answer, nil // an answer like any other: a redirect to nowhere
	}
	target.URL = there
	sent := answer.Sent
	answer, err = sendOnce(ctx, client, target, body, want, meter)
	answer.Sent += sent
	return answer, err
}

func resolve(base, location string) (string, error) {
	from, err := url.Parse(base)
	if err != nil {
		return "", err
	}
	if location == "" {
		return "", errors.New("no location")
	}
	to, err := from.Parse(location)
	if err != nil {
		return "", err
	}
	if from.Scheme == "https" && to.Scheme != "https" {
		return "", errors.New("location is not https")
	}
	return to.String(), nil
}

func sendOnce(ctx context.Context, client *http.Client, target Target, body Body, want Want, meter *Meter) (Answer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	src, err := body.Open(ctx)
	if err != nil {
		return Answer{}, err
	}
	source := newReader(ctx, src, body.Size, want, meter)
	request, err := newRequest(ctx, target, source, body.Size)
	if err != nil {
		_ = source.Close() // nothing was sent
		return Answer{}, err
	}
	connected := new(atomic.Bool)
	request = request.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	}))
	defer watch(&source.read, body.Size, cancel)()

	response, err := client.Do(request)
	if err != nil {
		return Answer{Sent: source.read.Load()}, sendError(ctx, err, source, body.Size, connected.Load())
	}
	defer func() { _ = response.Body.Close() }() // it is read as far as it is wanted
	text, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	answer := Answer{
		Status: response.StatusCode, Header: response.Header, Body: text,
		Sent: source.read.Load(), Whole: source.read.Load() == body.Size,
	}
	if answer.Status < 300 {
		if err != nil {
			return answer, sendError(ctx, err, source, body.Size, true)
		}
		if !answer.Whole {
			return answer, unavailable(upload.ArrivedSome, "answered %d after %d of %d bytes", answer.Status, answer.Sent, body.Size)
		}
		answer.Sums = source.sums()
	}
	return answer, nil
}

func newRequest(ctx context.Context, target Target, source *reader, size int64) (*http.Request, error) {
	method, content, length := http.MethodPut, io.ReadCloser(source), size
	var contentType string
	if target.Method == upload.MethodForm {
		form, err := newForm(target.Form, target.File, source, size)
		if err != nil {
			return nil, err
		}
		method, content, length, contentType = http.MethodPost, form, form.length, form.contentType
	}
	request, err := http.NewRequestWithContext(ctx, method, target.URL, content)
	if err != nil {
		return nil, upload.Errorf(upload.KindUnavailable, upload.StepTransfer, "was given an address that is none: %s", egress.Cause(err))
	}
	request.ContentLength = length // stores refuse a chunked body
	for name, value := range target.Header {
		request.Header.Set(name, value)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	return request, nil
}

var errStalled = errors.New("no byte moved for " + stall.String())

// watch gives a send up when its body stands still. The wait for the answer has
// a bound of its own in the client.
func watch(read *atomic.Int64, size int64, cancel context.CancelCauseFunc) (stop func()) {
	done := make(chan struct{})
	go func() {
		ticker := time.NewTicker(stall / 4)
		defer ticker.Stop()
		last, still := int64(-1), 0
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
			}
			now := read.Load()
			if now != last || now == size {
				last, still = now, 0
				continue
			}
			if still++; still >= 4 {
				cancel(errStalled)
				return
			}
		}
	}()
	return func() { close(done) }
}

func sendError(ctx context.Context, err error, source *reader, size int64, connected bool) error {
	if cause := source.err.Load(); cause != nil {
		var known *upload.Error
		if errors.As(cause.error, &known) {
			return known
		}
		if errors.Is(cause.error, io.ErrUnexpectedEOF) {
			return upload.Errorf(upload.KindMissing, upload.StepTransfer, "source ended after %d of %d bytes", source.read.Load(), size)
		}
		return upload.Errorf(upload.KindMissing, upload.StepTransfer, "reading the source: %s", egress.Redact(cause.Error()))
	}
	if egress.IsRefused(err) {
		return upload.Errorf(upload.KindRejected, upload.StepTransfer, "%s", egress.Cause(err)).
			WithHint("set sources.allow_private_networks if the vendor is right to send there")
	}
	if cause := context.Cause(ctx); errors.Is(cause, errStalled) {
		err = cause
	} else if ctx.Err() != nil {
		return ctx.Err()
	}
	arrived := upload.ArrivedNothing
	switch read := source.read.Load(); {
	case read == size:
		arrived = upload.ArrivedMaybe
	case read > 0 || connected:
		arrived = upload.ArrivedSome
	}
	return unavailable(arrived, "%s after %d of %d bytes", egress.Cause(err), source.read.Load(), size)
}

func unavailable(arrived upload.Arrival, format string, args ...any) *upload.Error {
	e := upload.Errorf(upload.KindUnavailable, upload.StepTransfer, format, args...)
	e.Arrived = arrived
	return e
}
