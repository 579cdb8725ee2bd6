package sources

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/media"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// remote is the part in which https:, s3: and oss: sources differ.
type remote interface {
	// name is the base name of the source.
	name() string
	// head describes the content without its bytes. It is trusted only if it says
	// that nothing has changed, because servers are careless with HEAD responses.
	head(ctx context.Context) (object, error)
	// get returns a span of the content, and describes it. If pin is not zero, only
	// that version is wanted; the description shows whether the server complied. The
	// body may be longer than the span.
	get(ctx context.Context, want span, pin object) (object, io.ReadCloser, error)
}

// span is a requested range, or the whole.
type span struct {
	offset, size int64
	whole        bool
}

// header is the span as a Range header; "" for the whole.
func (s span) header() string {
	if s.whole {
		return ""
	}
	return fmt.Sprintf("bytes=%d-%d", s.offset, s.offset+s.size-1)
}

// object describes the content that a response comes from.
type object struct {
	size     int64
	etag     string // as sent, with quotes and W/
	modified string // as sent
	kind     string // the declared media type
	name     string // given by the server
	partial  bool   // the response was the requested range
	fresh    bool   // the modification time may be that of the response
	zipped   bool   // the body is compressed by gzip, although nobody asked for it
}

// pinned reports whether a change of the content would be noticed.
func (o object) pinned() bool { return o.etag != "" || o.modified != "" }

// strong reports whether the ETag identifies exactly these bytes, so that a server may
// be asked to compare it (RFC 9110, 8.8.1).
func (o object) strong() bool { return strings.HasPrefix(o.etag, `"`) }

func (o object) fingerprint() string {
	if !o.pinned() {
		return fmt.Sprintf("%d bytes, without ETag or modification time", o.size)
	}
	return upload.ObjectFingerprint(o.size, strings.ReplaceAll(o.etag, `"`, ""), o.modified)
}

// answer is the part of a response header that says which bytes follow.
type answer struct {
	contentRange string
	length       int64 // of the body; -1 if unknown
}

// measure returns the size of the whole, and whether the response is the span or the
// whole. It rejects a response that is neither.
func (a answer) measure(want span) (size int64, partial bool, err error) {
	if a.contentRange == "" {
		switch {
		case want.offset > 0:
			return 0, false, unfit("can only be read as a whole: its server does not support ranges").hint("%s", downloadHint)
		case a.length < 0:
			return 0, false, sizeless()
		}
		return a.length, false, nil
	}
	first, last, total, err := parseContentRange(a.contentRange)
	switch {
	case err != nil:
		return 0, false, broken(err, "could not be read: the server returned the invalid range %q", a.contentRange)
	case total < 0:
		return 0, false, sizeless()
	case first != want.offset, !want.whole && last != min(want.offset+want.size, total)-1, want.whole && last != total-1:
		return 0, false, broken(nil, "could not be read: the server returned the range %q instead of %q", a.contentRange, want.header())
	}
	return total, true, nil
}

const downloadHint = "download the file and use the copy"

func sizeless() *trouble {
	t := unfit("has an unknown size, but vendors require the size in advance").hint("%s", downloadHint)
	t.once = true
	return t
}

// parseContentRange reads "bytes 0-99/1234"; total is -1 for "*".
func parseContentRange(text string) (first, last, total int64, err error) {
	unit, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	bounds, all, _ := strings.Cut(rest, "/")
	from, to, _ := strings.Cut(bounds, "-")
	total = -1
	if !strings.EqualFold(unit, "bytes") {
		return 0, 0, 0, errors.New("unit is not bytes")
	}
	if first, err = strconv.ParseInt(from, 10, 64); err != nil {
		return 0, 0, 0, err
	}
	if last, err = strconv.ParseInt(to, 10, 64); err != nil {
		return 0, 0, 0, err
	}
	if all != "*" {
		total, err = strconv.ParseInt(all, 10, 64)
	}
	return first, last, total, err
}

// remotePlace turns a remote into a place.
type remotePlace struct{ remote }

// look makes one request: the response to a request for the first bytes also
// describes the whole, and works with a signed URL that allows only GET. It makes
// another one where these bytes do not tell the type. A small web source is asked twice
// for its version; where that does not stay, or there is none, or no length, the source
// is read to its end.
func (p remotePlace) look(ctx context.Context) (Look, error) {
	soon, done := context.WithTimeoutCause(ctx, patience, errSlowLook)
	defer done()
	at, web := p.remote.(*page)
	is, head, err := p.first(soon, media.HeadSize, object{})
	if web && (once(err) || err == nil && is.size <= spoolSize && !p.stays(soon, is)) {
		return p.lookOnce(ctx, at)
	}
	if err == nil && is.size > media.HeadSize && media.Undecided(head) {
		_, head, err = p.first(soon, media.HeadMost, is)
	}
	if err != nil {
		return Look{}, err
	}
	name := p.name()
	if is.name != "" {
		name = is.name
	}
	return Look{
		Size: is.size, Fingerprint: is.fingerprint(), Name: name, Type: is.kind, Head: head, Web: web,
		Ranges: is.partial && is.pinned(),
	}, nil
}

// first reads the first bytes.
func (p remotePlace) first(ctx context.Context, size int64, pin object) (object, []byte, error) {
	is, body, err := read(ctx, p.remote, span{size: size}, pin, asIs)
	if about(err, beyond) { // there is no first byte; or the server refuses ranges that end beyond the last one
		is, body, err = read(ctx, p.remote, span{whole: true}, pin, asIs)
	}
	if about(err, beyond) {
		return object{}, nil, empty()
	}
	if err != nil {
		return object{}, nil, err
	}
	defer func() { _ = body.Close() }() // only the head is needed
	if is.size == 0 {
		return object{}, nil, empty()
	}
	head, err := io.ReadAll(io.LimitReader(body, size))
	return is, head, err
}

func (p remotePlace) open(ctx context.Context, fingerprint string) (content, error) {
	if at, web := p.remote.(*page); web && byBytes(fingerprint) {
		return openOnce(ctx, at, fingerprint)
	}
	is, err := current(ctx, p.remote, fingerprint)
	if err != nil {
		return nil, err
	}
	return &remoteContent{at: p.remote, pin: is}, nil
}

// remoteContent reads one version of a remote place.
type remoteContent struct {
	at  remote
	pin object
}

func (c *remoteContent) size() int64  { return c.pin.size }
func (c *remoteContent) close() error { return nil }

func (c *remoteContent) check(ctx context.Context) error {
	_, err := current(ctx, c.at, c.pin.fingerprint())
	return err
}

func (c *remoteContent) read(ctx context.Context, offset, size int64, failed func(error) error) (io.ReadCloser, error) {
	want := span{offset: offset, size: size, whole: offset == 0 && size == c.pin.size}
	if !want.whole && !c.pin.pinned() {
		return nil, unfit("can only be read as a whole: without an ETag or a modification time, ranges may come from different versions").
			hint("%s", downloadHint)
	}
	body, err := c.pinned(ctx, want, failed)
	if about(err, another, beyond) {
		// The refusal does not say which version the content has now.
		if _, err := current(ctx, c.at, c.pin.fingerprint()); err != nil {
			return nil, err
		}
		return nil, broken(err, "could not be read: the server reported a change, but the content is the same")
	}
	return body, err
}

// pinned requests a span of the version. If the server has another one, it is asked
// again, at last without a condition: some refuse every condition. What the response
// says about its version is checked each time.
func (c *remoteContent) pinned(ctx context.Context, want span, failed func(error) error) (_ io.ReadCloser, err error) {
	for try := range nodes {
		pin := c.pin
		if try == nodes-1 {
			pin = object{}
		}
		is, body, failure := read(ctx, c.at, want, pin, failed)
		switch err = failure; {
		case about(err, another):
			continue
		case err != nil:
			return nil, err
		case is.fingerprint() == c.pin.fingerprint():
			return body, nil
		}
		_ = body.Close() // it is of another version
		err = changed(c.pin.fingerprint(), is.fingerprint())
	}
	return nil, err
}

func asIs(err error) error { return err }

// read opens a span, and watches its progress.
func read(ctx context.Context, at remote, want span, pin object, failed func(error) error) (object, io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return object{}, nil, broken(err, "was not read: %v", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	late := time.AfterFunc(patience, func() { cancel(egress.ErrStalled) })
	is, src, err := at.get(ctx, want, pin)
	if late.Stop(); err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, egress.ErrStalled) || errors.Is(cause, errSlowLook) {
			err = broken(cause, "did not answer for %s", patience)
		}
		cancel(nil)
		return object{}, nil, err
	}
	size := want.size
	if want.whole {
		size = is.size
	}
	size = max(min(size, is.size-want.offset), 0)
	return is, newBody(egress.NewSteady(ctx, cancel, src), size, failed), nil
}

// patience is the longest time that the head of an answer, a read of a body, or a look
// as a whole may take.
const patience = egress.StallTime

// errSlowLook is why a look is given up.
var errSlowLook = fmt.Errorf("the first bytes were not there within %s", patience)

// body reads exactly size bytes of a response, and fails if none arrive.
type body struct {
	src        *egress.Steady
	size, left int64
	failed     func(error) error
}

func newBody(src *egress.Steady, size int64, failed func(error) error) *body {
	return &body{src: src, size: size, left: size, failed: failed}
}

func (b *body) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.src.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err == nil || b.left == 0 {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, b.failed(broken(err, "ended after %d of %d bytes: %s", b.size-b.left, b.size, egress.Cause(err)))
}

// Close ends the request, even if bytes remain.
func (b *body) Close() error {
	err := b.src.Close()
	if err != nil && b.left > 0 {
		return nil // ended early on purpose
	}
	return err
}
