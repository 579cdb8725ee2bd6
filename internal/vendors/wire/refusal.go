package wire

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// Refusal is what a vendor says about a call that it refuses.
type Refusal struct {
	Text      string // in the vendor's own words
	Code      string // the vendor's own code
	RequestID string
	Wait      time.Duration // before asking again, where the body says so
	Longest   time.Duration // up to which it may ask to wait; 0: egress.LongestWait
}

// Judge makes the failure that a status means for most calls of most vendors. The
// status is the one that the vendor means, since an envelope may refuse under a
// status of success. Callers change what differs.
func (c *Caller) Judge(ctx context.Context, a Answer, status int, r Refusal) *upload.Error {
	text := a.Clean(r.Text)
	if text == "" {
		text = cmp.Or(strings.ToLower(http.StatusText(status)), "no reason given")
	}
	said := fmt.Sprint(a.Status)
	if status != a.Status && r.Code != "" {
		said += " with code " + a.Clean(r.Code)
	}
	e := upload.Errorf(kindOf(status), a.Call.Step, "%s answered %s: %s", a.Call.Label(), said, text)
	e.Status, e.Code, e.RequestID = a.Status, a.Clean(r.Code), a.Clean(r.RequestID)
	if e.RequestID == "" {
		e.RequestID = a.Clean(a.Header.Get("X-Request-Id"))
	}
	longest := cmp.Or(r.Longest, egress.LongestWait)
	e.RetryAfter = min(max(egress.RetryAfterWithin(longest, a.Header, c.Now()), r.Wait, 0), longest)
	e.Arrived = upload.ArrivedNothing
	if status >= 500 || status < 400 || status == egress.StatusClientClosed {
		e.Arrived = upload.ArrivedMaybe
	}
	if a.Foreign() && a.Call.Repeat == spec.LeavesDuplicate {
		e.Arrived = upload.ArrivedMaybe // a page may stand in the place of the vendor's success
	}
	switch {
	case status == http.StatusTooManyRequests: // without a Retry-After, the account waits longer each time
		e.RetryAfter = max(e.RetryAfter, min(egress.ThrottledFor(longest, a.Header, c.Now()), longest))
		c.Permits.Slow(ctx, c.Account, max(e.RetryAfter, time.Second), e.Message)
	case denies(status) && !a.Foreign():
		_ = c.DeniedHint(e)
	}
	if a.Foreign() {
		a.foreign(e, status)
	}
	return e
}

// foreign makes a refusal that is not in the vendor's shape one that may pass, and
// names who gave it. One that speaks of the request itself, or of the account, is taken
// for final when it stays.
func (a Answer) foreign(e *upload.Error, status int) {
	e.Strange = true
	switch {
	case status < 400:
		e.Kind = upload.KindUnavailable
	case IsFinal(status), denies(status):
		e.Kind, e.Then = upload.KindUnavailable, e.Kind
	case status == http.StatusTooManyRequests && a.Call.Repeat == spec.LeavesDuplicate:
		e.Kind = upload.KindUnavailable // whoever counts requests may count those that were heard
	}
	e.Message += " (not in the vendor's format: " + egress.Speaker(a.Header) + ")"
}

// IsFinal reports whether a status refuses this request for good: it is not about the
// account, the rate, or the moment. Status 0, of a call without an answer, is not
// final.
func IsFinal(status int) bool {
	return status >= 300 && status != http.StatusTooManyRequests && !denies(status) && !egress.MayPass(status)
}

func denies(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}

func kindOf(status int) upload.Kind {
	switch {
	case denies(status):
		return upload.KindDenied
	case status == http.StatusTooManyRequests:
		return upload.KindThrottled
	case egress.MayPass(status):
		return upload.KindUnavailable
	}
	return upload.KindRejected
}
