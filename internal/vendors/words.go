package vendors

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// words are what a vendor says about a refusal.
type words struct {
	text      string // in the vendor's own words
	code      string // the vendor's own code
	requestID string
	wait      time.Duration // before asking again, where the body says so
}

// longestWait bounds what a vendor may ask us to wait, so that a slip of its
// does not park an account for good. The longest window of a vendor is a day.
const longestWait = 24 * time.Hour

// judge makes the failure that a status means for most calls of most vendors.
// The status is what the vendor means: its envelope may refuse under a status of
// success. Callers change what differs.
func (c *Caller) judge(ctx context.Context, a answer, status int, w words) *upload.Error {
	text := a.clean(w.text)
	if text == "" {
		text = strings.ToLower(http.StatusText(status))
	}
	said := fmt.Sprint(a.status)
	if status != a.status && w.code != "" {
		said += " with code " + a.clean(w.code)
	}
	e := upload.Errorf(kindOf(status), a.step, "%s answered %s: %s", a.name, said, text)
	e.Status, e.Code, e.RequestID = a.status, a.clean(w.code), a.clean(w.requestID)
	if e.RequestID == "" {
		e.RequestID = a.clean(a.header.Get("X-Request-Id"))
	}
	e.RetryAfter = min(max(egress.RetryAfter(a.header, c.Now()), w.wait, 0), longestWait)
	e.Arrived = upload.ArrivedNothing
	if status >= 500 || status < 400 {
		e.Arrived = upload.ArrivedMaybe
	}
	switch e.Kind {
	case upload.KindThrottled: // who was not asked for a time waits longer each time
		c.Permits.Slow(ctx, c.Account, max(e.RetryAfter, time.Second))
	case upload.KindDenied:
		_ = c.deniedHint(e)
	}
	return e
}

func (c *Caller) deniedHint(e *upload.Error) *upload.Error {
	return e.WithHint("check the credentials of account %s, then: mediaferry account resume %s", c.Account.Name, c.Account.Name)
}

func kindOf(status int) upload.Kind {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return upload.KindDenied
	case status == http.StatusTooManyRequests:
		return upload.KindThrottled
	case status == http.StatusRequestTimeout, status >= 500:
		return upload.KindUnavailable
	}
	return upload.KindRejected
}

// clean is a vendor's text as it may stand in an error: one line, not long, and
// without what we sent to be let in. Some vendors repeat a key that they refuse.
func (a answer) clean(text string) string {
	for _, secret := range a.hidden {
		text = strings.ReplaceAll(text, secret, "[redacted]")
	}
	return shorten(egress.Redact(strings.Join(strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")))
}

// shorten keeps messages readable, and below what Temporal keeps of a failure.
func shorten(text string) string {
	const most = 300
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most]) + "…"
}

// hidden are the secrets of a request: those of the account, and those that were
// handed out for it.
func (c *Caller) hidden(r request) []string {
	const least = 4 // what is shorter is in every other word
	var all []string
	add := func(secret string) {
		if len(secret) >= least {
			all = append(all, secret)
		}
	}
	for _, secret := range r.secret {
		add(secret)
	}
	for _, name := range []string{"Authorization", "X-Api-Key", "X-Authentication-Api-Key", "X-Authentication-Signature", "Sign"} {
		value := r.header.Get(name)
		if _, token, ok := strings.Cut(value, " "); ok {
			value = token // after Bearer or Basic
		}
		add(value)
	}
	if vendor, err := Find(c.Account.Vendor); err == nil {
		for _, setting := range vendor.Spec().Settings {
			if setting.Secret {
				add(c.Account.Settings[setting.Name])
			}
		}
	}
	return all
}

// lasting is a URL that a medium keeps. With a query it is signed, or made for
// one occasion, and is not kept.
func lasting(raw string) string {
	if strings.ContainsRune(raw, '?') {
		return ""
	}
	return upload.DisplaySource(raw)
}
