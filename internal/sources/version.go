package sources

import (
	"context"
	"errors"
	"time"

	"github.com/mediaferry/mediaferry/internal/egress"
)

// stays reports whether a source has a version, and has the same one when it is asked
// again. Where the answer says nothing about that, it is taken to stay.
func (p remotePlace) stays(ctx context.Context, is object) bool {
	if !is.pinned() || is.fresh {
		return false
	}
	again, err := briefHead(ctx, p.remote)
	if err == nil && again.size == is.size && again.pinned() {
		return again.fingerprint() == is.fingerprint()
	}
	again, body, err := read(ctx, p.remote, span{size: 1}, object{}, asIs)
	if err != nil {
		return true
	}
	_ = body.Close() // only the header is needed
	return again.fingerprint() == is.fingerprint()
}

// nodes is how often a server is asked for a version that it does not seem to have any
// more: behind one address there may be several, each with an ETag of its own.
const nodes = 4

// current describes the content, and fails if its fingerprint has changed.
func current(ctx context.Context, at remote, fingerprint string) (is object, err error) {
	for range nodes {
		if is, err = described(ctx, at, fingerprint); !about(err, another) {
			return is, err
		}
	}
	return is, err
}

// headTime is how long an answer to a HEAD request is waited for: some servers never give
// one. Then a byte is asked for.
const headTime = 10 * time.Second

func briefHead(ctx context.Context, at remote) (object, error) {
	soon, done := context.WithTimeoutCause(ctx, headTime, egress.ErrStalled)
	defer done()
	return at.head(soon)
}

// answered reports whether a failure that may pass is an answer of the server, such as
// 503.
func answered(err error) bool {
	var t *trouble
	return errors.As(err, &t) && t.reason == broke && t.status != 0
}

// described describes the content as the server does now, and fails if its fingerprint
// is another one.
func described(ctx context.Context, at remote, fingerprint string) (object, error) {
	is, err := briefHead(ctx, at)
	if err == nil && is.fingerprint() == fingerprint {
		return is, nil
	}
	if about(err, never, ours) || answered(err) {
		return object{}, err
	}
	is, body, err := read(ctx, at, span{size: 1}, object{}, asIs)
	if about(err, beyond) {
		return object{}, changed(fingerprint, "0 bytes")
	}
	if err != nil {
		return object{}, err
	}
	_ = body.Close() // only the header is needed
	if is.fingerprint() != fingerprint {
		return object{}, changed(fingerprint, is.fingerprint())
	}
	return is, nil
}
