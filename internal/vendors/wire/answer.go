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

// Answer is what came back, whatever its status.
type Answer struct {
	Call   spec.Call
	Status int
	Header http.Header
	Body   []byte
	Skew   time.Duration // of the vendor's clock against ours
	Asked  time.Time     // when the request was made, on our clock
	hidden []string      // what no text about the answer may hold
}

// Decode reads a JSON answer. What cannot be read may be a proxy's page, or an
// answer cut short: asking again may help.
func (a Answer) Decode(into any) error {
	if err := json.Unmarshal(a.Body, into); err != nil {
		return a.Incomplete("with something else than the expected JSON: %s", a.Clean(err.Error()))
	}
	return nil
}

// Incomplete is the failure of an answer that says success and lacks what it
// must hold. The format goes on from "prepare answered OK": "without an ID".
func (a Answer) Incomplete(format string, args ...any) *upload.Error {
	e := upload.Errorf(upload.KindUnavailable, a.Call.Step, a.Call.Label()+" answered "+http.StatusText(a.Status)+" "+format, args...)
	e.Status, e.Arrived = a.Status, upload.ArrivedMaybe
	return e
}

// Clean is a vendor's text as it may stand in an error: one line, not long, and
// without what we sent to be let in. Some vendors repeat a key that they refuse.
func (a Answer) Clean(text string) string {
	const most = 300 // keeps messages readable, and below what Temporal keeps of a failure
	for _, secret := range a.hidden {
		text = strings.ReplaceAll(text, secret, "[redacted]")
	}
	return egress.Line(text, most)
}

// Local is a moment of the vendor's clock on ours.
func (a Answer) Local(t time.Time) time.Time { return t.Add(-a.Skew) }

// There is the moment of the answer on the vendor's clock.
func (a Answer) There(now time.Time) time.Time { return now.Add(a.Skew) }

// StatusOf is the HTTP status that a failure came with, or 0.
func StatusOf(err error) int {
	var e *upload.Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// LastingURL is a URL that a medium keeps. With a query it is signed, or made for
// one occasion, and is not kept: "".
func LastingURL(raw string) string {
	if strings.ContainsRune(raw, '?') {
		return ""
	}
	return upload.DisplaySource(raw)
}

// Unix is a moment in seconds of Unix time; zero where there is none.
func Unix(seconds int64) time.Time {
	if seconds <= 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}
