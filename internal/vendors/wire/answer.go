package wire

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
)

// Answer is the vendor's answer to a call, of any status.
type Answer struct {
	Call   spec.Call
	Status int
	Header http.Header
	Body   []byte
	Skew   time.Duration // of the vendor's clock against ours
	Asked  time.Time     // when the request was made, on our clock
	hidden []string      // what no text about the answer may hold
}

// Decode reads a JSON answer. One that cannot be read may be a proxy's page, or may
// have been cut short, so its failure is unavailable: the call can be repeated.
func (a Answer) Decode(into any) error {
	if err := json.Unmarshal(a.Body, into); err != nil {
		return a.Incomplete("with something other than the expected JSON: %s", a.Clean(err.Error()))
	}
	return nil
}

// Incomplete is the failure of an answer that reports success but lacks something
// that it must contain. The format goes on from "prepare answered OK": "without an ID".
func (a Answer) Incomplete(format string, args ...any) *upload.Error {
	e := upload.Errorf(upload.KindUnavailable, a.Call.Step, a.Call.Label()+" answered "+http.StatusText(a.Status)+" "+format, args...)
	e.Status, e.Arrived = a.Status, upload.ArrivedMaybe
	return e
}

// Clean makes a vendor's text fit for an error: one short line without credentials.
// Some vendors repeat the key that they refuse.
func (a Answer) Clean(text string) string {
	for _, secret := range a.hidden {
		text = strings.ReplaceAll(text, secret, "[redacted]")
	}
	return egress.Line(text, egress.MostText)
}

// Local converts a time of the vendor's clock to ours.
func (a Answer) Local(t time.Time) time.Time { return t.Add(-a.Skew) }

// There converts a time of our clock to the vendor's.
func (a Answer) There(now time.Time) time.Time { return now.Add(a.Skew) }

// StatusOf is the HTTP status that a failure came with, or 0.
func StatusOf(err error) int {
	var e *upload.Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// LastingURL is a URL that stays valid, or "". A URL with a query is signed, or made
// for one occasion.
func LastingURL(raw string) string {
	if strings.ContainsRune(raw, '?') {
		return ""
	}
	return upload.DisplaySource(raw)
}

// Unix is a time in seconds since 1970; the zero time for 0 and less.
func Unix(seconds int64) time.Time {
	if seconds <= 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}
