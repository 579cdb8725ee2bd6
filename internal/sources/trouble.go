package sources

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// reason says what a trouble is about. What kind it is depends on when it comes:
// a source that is not there is invalid at the look, and missing later.
type reason int

const (
	broke   reason = iota // on the way; may pass
	gone                  // the source is not there, or not for us
	never                 // nothing can be read from there, ever
	ours                  // what is lacking is ours: credentials, a region
	another               // the content is not the one that was asked for
	beyond                // the content does not reach as far as was asked
)

// trouble is what went wrong with a source, worded as what follows its name:
// does not exist.
type trouble struct {
	reason     reason
	text       string
	advice     string
	status     int
	code       string
	requestID  string
	retryAfter time.Duration
	cause      error
}

func (t *trouble) Error() string { return t.text }
func (t *trouble) Unwrap() error { return t.cause }

func (t *trouble) hint(format string, args ...any) *trouble {
	t.advice = fmt.Sprintf(format, args...)
	return t
}

func lost(format string, args ...any) *trouble {
	return &trouble{reason: gone, text: fmt.Sprintf(format, args...)}
}

func unfit(format string, args ...any) *trouble {
	return &trouble{reason: never, text: fmt.Sprintf(format, args...)}
}

func unready(format string, args ...any) *trouble {
	return &trouble{reason: ours, text: fmt.Sprintf(format, args...)}
}

func broken(cause error, format string, args ...any) *trouble {
	return &trouble{reason: broke, text: fmt.Sprintf(format, args...), cause: cause}
}

func empty() *trouble {
	return unfit("is empty").hint("check what wrote it: a medium has at least one byte")
}

// changed names both fingerprints, so that a person sees what became of it.
func changed(was, is string) *trouble {
	return &trouble{reason: another, text: fmt.Sprintf("changed under way: it was %s, and is %s", was, is)}
}

// fault turns an error of a place into what the rest of the program
// understands.
func fault(step upload.Step, source string, err error) *upload.Error {
	var known *upload.Error
	if errors.As(err, &known) {
		return known
	}
	var t *trouble
	if !errors.As(err, &t) {
		t = broken(err, "could not be read: %s", bare(err))
	}
	e := upload.Errorf(t.kind(step), step, "source %q %w", upload.DisplaySource(source), t)
	e.Hint, e.Status, e.Code, e.RequestID, e.RetryAfter = t.advice, t.status, t.code, t.requestID, t.retryAfter
	if (t.reason == broke || t.reason == ours) && e.Code == "" {
		e.Code = line(t.cause)
	}
	return e
}

// line names the line's fault, where it is one.
func line(err error) string {
	switch {
	case egress.Offline(err):
		return upload.CodeOffline
	case egress.Cut(err):
		return upload.CodeReset
	}
	return ""
}

func (t *trouble) kind(step upload.Step) upload.Kind {
	claiming := step == upload.StepClaim
	switch t.reason {
	case never:
		return upload.KindInvalid
	case gone, another, beyond:
		if claiming {
			return upload.KindInvalid
		}
		return upload.KindMissing
	case ours:
		if claiming {
			return upload.KindInvalid
		}
	}
	return upload.KindUnavailable
}

// about reports whether err is a trouble for one of some reasons.
func about(err error, reasons ...reason) bool {
	var t *trouble
	return errors.As(err, &t) && slices.Contains(reasons, t.reason)
}

// network words an error of a request that got no answer.
func network(err error) *trouble {
	if egress.IsRefused(err) {
		t := unfit("is not to be reached: %s", egress.Cause(err)).
			hint("set sources.allow_private_networks: true if it is meant to be read from there")
		t.cause = err
		return t
	}
	for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, ended) {
			return broken(err, "was not read: %v", ended)
		}
	}
	return broken(err, "cannot be reached: %s", egress.Cause(err))
}

// refusal is a server's answer other than the bytes.
type refusal struct {
	status     int
	code       string // a store's own word
	message    string
	requestID  string
	retryAfter time.Duration
	cause      error
}

// trouble decides what a refusal means.
func (r refusal) trouble() *trouble {
	what := r.code
	if what == "" {
		what = http.StatusText(r.status)
	}
	text := fmt.Sprintf("was answered with %d %s", r.status, what)
	if r.message != "" {
		text += ": " + egress.Redact(r.message)
	}
	return &trouble{
		reason: r.reason(), text: text, advice: r.advice(), cause: r.cause,
		status: r.status, code: r.code, requestID: r.requestID, retryAfter: r.retryAfter,
	}
}

func (r refusal) reason() reason {
	switch r.code {
	case "InvalidObjectState":
		return never
	case "ExpiredToken", "SecurityTokenExpired", "RequestTimeTooSkewed", "RequestTimeout":
		return broke // credentials are renewed, and clocks are set
	}
	switch {
	case r.status == http.StatusPreconditionFailed:
		return another
	case r.status == http.StatusRequestedRangeNotSatisfiable:
		return beyond
	case r.status == http.StatusTooManyRequests, egress.MayPass(r.status):
		return broke
	}
	return gone
}

func (r refusal) advice() string {
	switch {
	case r.code == "InvalidObjectState":
		return "restore it from its archive first"
	case r.code == "AuthorizationHeaderMalformed":
		return "set sources.s3.region to the one that the store expects"
	case r.code == "RequestTimeTooSkewed":
		return "set this machine's clock"
	case r.status == http.StatusUnauthorized, r.status == http.StatusForbidden:
		return "check that it may be read with these credentials, or that a signed URL has not run out"
	}
	return ""
}

// bare is an error without the operation and path that os puts in front: the
// path is in the message already.
func bare(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return egress.Cause(err)
}
