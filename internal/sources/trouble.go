package sources

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// reason is the cause of a trouble. Its kind depends on the step: a source that does
// not exist is invalid when it is claimed, and missing later.
type reason int

const (
	broke   reason = iota // a transport error, which may pass
	gone                  // the source does not exist, or we may not read it
	never                 // the source can never be read
	ours                  // our configuration lacks something, such as credentials
	another               // the content has another fingerprint than requested
	beyond                // the requested range is beyond the end of the content
)

// trouble is a failure of a source. Its text follows the name of the source, such as
// "does not exist".
type trouble struct {
	reason     reason
	text       string
	advice     string
	status     int
	code       string
	requestID  string
	retryAfter time.Duration
	cause      error
	folder     bool // the source is a folder
	once       bool // the source can be read, but only as a whole and once
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
	return unfit("is empty").hint("check the program that wrote it; a media file has at least one byte")
}

// changed names both fingerprints, so that a person can see what has changed.
func changed(was, is string) *trouble {
	return &trouble{reason: another, text: fmt.Sprintf("has changed: it was %s and is now %s", was, is)}
}

// fault turns an error of a place into an *upload.Error.
func fault(step upload.Step, source string, err error) *upload.Error {
	var known *upload.Error
	if errors.As(err, &known) {
		return known
	}
	var t *trouble
	if !errors.As(err, &t) {
		t = broken(err, "could not be read: %s", egress.Cause(err))
	}
	e := upload.Errorf(t.kind(step), step, "source %q %w", shown(source), t)
	e.Peer = upload.PeerSource
	e.Hint, e.Status, e.Code, e.RequestID, e.RetryAfter = t.advice, t.status, t.code, t.requestID, t.retryAfter
	if (t.reason == broke || t.reason == ours) && e.Code == "" {
		e.Code = codeOf(t.cause)
	}
	return e
}

// mostShown is how many bytes of a source an error shows. Paths have at most 4,096.
const mostShown = 2048

// shown is a source as an error names it.
func shown(source string) string {
	name := upload.DisplaySource(source)
	if len(name) <= mostShown {
		return name
	}
	return strings.ToValidUTF8(name[:mostShown], "") + "…"
}

// codeOf returns the code of a network failure, or "".
func codeOf(err error) string {
	code := egress.Code(err)
	if code == "" && egress.Cut(err) {
		return upload.CodeReset
	}
	return code
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

// about reports whether err is a trouble with one of the reasons.
func about(err error, reasons ...reason) bool {
	var t *trouble
	return errors.As(err, &t) && slices.Contains(reasons, t.reason)
}

// network is the trouble of a request without a response.
func network(err error) *trouble {
	if egress.IsRefused(err) {
		t := unfit("has an address that is not allowed: %s", egress.Cause(err)).
			hint("to read it from there, set sources.allow_private_networks: true")
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

// refusal is an error response of a server.
type refusal struct {
	status     int
	code       string // the store's own error code
	message    string
	requestID  string
	retryAfter time.Duration
	cause      error
}

// trouble classifies a refusal.
func (r refusal) trouble() *trouble {
	what := r.code
	if what == "" {
		what = http.StatusText(r.status)
	}
	text := fmt.Sprintf("could not be read: the server answered %d %s", r.status, what)
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
		return broke // credentials can be renewed, and clocks set
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
		return "restore it from the archive first"
	case r.code == "AuthorizationHeaderMalformed":
		return "set sources.s3.region to the region that the store expects"
	case r.code == "RequestTimeTooSkewed":
		return "correct this host's clock"
	case r.status == http.StatusUnauthorized, r.status == http.StatusForbidden:
		return "check that the credentials allow reading it, and that a signed URL has not expired"
	}
	return ""
}
