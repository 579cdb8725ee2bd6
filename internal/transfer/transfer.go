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
	"net/url"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// answerLimit is how much of an answer's body is read. Stores' errors take about a
// kilobyte.
const answerLimit = 64 << 10

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
	Sums   Sums   // of the body, whatever the status; only where Whole
	Sent   int64  // bytes of the medium that the other side acknowledged, repeats included
	Whole  bool   // the whole medium was handed to the connection
}

// Arrived is how much of the body the other side may hold.
func (a Answer) Arrived() upload.Arrival {
	switch {
	case a.Status >= 300 && a.Status < 500 && a.Status != egress.StatusClientClosed: // a redirect took nothing
		return upload.ArrivedNothing
	case a.Whole:
		return upload.ArrivedMaybe
	}
	return upload.ArrivedSome
}

// Send sends body to target and returns the answer, whatever its status. Where
// no answer came it fails: with the context's error where that ended, with the
// source's own *upload.Error where reading failed, else with kind unavailable
// and how much may have arrived. By the time that it returns, the connection of a send
// that was given up is reset. A store that points elsewhere (307, 308) is followed once.
//
//nolint:revive // each of the six comes from somebody else
func Send(ctx context.Context, client *http.Client, target Target, body Body, want Want, meter *Meter) (Answer, error) {
	return sender{client: client, body: body, want: want, meter: meter, bounds: usual}.send(ctx, target)
}

// sender is what stays the same when a body is sent to a second place.
type sender struct {
	client *http.Client
	body   Body
	want   Want
	meter  *Meter
	bounds bounds
}

func (s sender) send(ctx context.Context, target Target) (Answer, error) {
	answer, err := s.once(ctx, target)
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
	answer, err = s.once(ctx, target)
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
	switch {
	case to.Scheme != "https" && (to.Scheme != "http" || from.Scheme == "https"):
		return "", errors.New("location is not https")
	case to.User != nil: // net/http would make credentials of it
		return "", errors.New("location contains a user name")
	}
	return to.String(), nil
}

func (s sender) once(ctx context.Context, target Target) (Answer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	src, err := s.body.Open(ctx)
	if err != nil {
		return Answer{}, sourceError(ctx, err, 0, s.body.Size)
	}
	source := newReader(ctx, src, s.body.Size, s.want, s.meter)
	defer func() {
		cancel(nil) // a Read that is under way ends
		source.end()
		s.meter.end()
	}()
	request, err := newRequest(source.pulse.trace(ctx), target, source, s.body.Size)
	if err != nil {
		_ = source.Close() // nothing was sent
		return Answer{}, err
	}
	defer source.pulse.abort()
	defer source.pulse.watch(ctx, s.bounds, cancel)()

	response, err := s.client.Do(request)
	if err != nil {
		return Answer{Sent: source.pulse.acknowledged()}, s.failure(ctx, err, source)
	}
	source.pulse.answered.Store(true)
	defer func() { _ = response.Body.Close() }() // it is read as far as it is wanted
	answer, err := s.answer(ctx, response, source)
	source.pulse.done(err == nil && answer.Whole)
	return answer, err
}

// answer reads what the other side said. A success must have come after the
// whole body, and be complete.
func (s sender) answer(ctx context.Context, response *http.Response, source *reader) (Answer, error) {
	text, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	answer := Answer{
		Status: response.StatusCode, Header: response.Header, Body: text,
		Sent: source.pulse.acknowledged(), Whole: source.pulse.read.Load() == s.body.Size,
	}
	if answer.Whole { // by the time of an answer, all of it is acknowledged
		answer.Sent, answer.Sums = source.pulse.all(), source.sums()
	}
	if answer.Status >= 300 && answer.Status != http.StatusSeeOther { // 303 is a form's success
		return answer, nil
	}
	if err != nil {
		return answer, s.failure(ctx, err, source)
	}
	if !answer.Whole {
		return answer, unavailable(upload.ArrivedSome, "answered %d after %d of %d bytes", answer.Status, source.pulse.read.Load(), s.body.Size)
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
		return nil, unavailable(upload.ArrivedNothing, "received an invalid address: %s", egress.Cause(err))
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

// failure is what it means that no answer came. The context comes first: when it
// ends, source and connection fail for that reason.
func (s sender) failure(ctx context.Context, err error, source *reader) error {
	read, size := source.pulse.read.Load(), s.body.Size
	arrived := upload.ArrivedSome
	switch read {
	case 0:
		arrived = upload.ArrivedNothing
	case size:
		arrived = upload.ArrivedMaybe
	}
	if stalled := new(stalledError); errors.As(context.Cause(ctx), &stalled) {
		s.client.CloseIdleConnections() // those to the same host may be as dead
		e := unavailable(arrived, "%s, after %d of %d bytes", stalled, source.pulse.acknowledged(), size)
		e.Code = upload.CodeReset
		return e
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if failed := source.failed.Load(); failed != nil {
		return sourceError(ctx, *failed, read, size)
	}
	if egress.IsRefused(err) {
		return upload.Errorf(upload.KindRejected, upload.StepTransfer, "%s", egress.Cause(err)).WithHint("%s", refusedHint)
	}
	e := unavailable(arrived, "%s after %d of %d bytes", egress.Cause(err), read, size)
	e.Code = fault(err, read)
	return e
}

// fault names the line's fault, where it is one: once bytes have moved, whatever
// ends a connection without an answer is.
func fault(err error, read int64) string {
	code := egress.Code(err)
	if read > 0 || code == "" && egress.Cut(err) {
		return upload.CodeReset
	}
	return code
}

const refusedHint = "if the vendor's address is correct, set sources.allow_private_networks: true; " +
	"http: is allowed only for a vendor whose base_url is http:"

// sourceError is what it means that a body could not be read, or was held up.
func sourceError(ctx context.Context, err error, read, size int64) error {
	var known *upload.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &known):
		return known
	case errors.Is(err, io.ErrUnexpectedEOF):
		return upload.Errorf(upload.KindMissing, upload.StepTransfer, "source ended after %d of %d bytes", read, size)
	}
	return upload.Errorf(upload.KindMissing, upload.StepTransfer, "read the source: %w", redacted{err})
}

// redacted is an error without what a text must not hold.
type redacted struct{ error }

func (r redacted) Error() string { return egress.Cause(r.error) }

func (r redacted) Unwrap() error { return r.error }

func unavailable(arrived upload.Arrival, format string, args ...any) *upload.Error {
	e := upload.Errorf(upload.KindUnavailable, upload.StepTransfer, format, args...)
	e.Arrived = arrived
	return e
}
