package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
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
// have been cut short, so its failure is unavailable: the call can be repeated. A byte
// order mark, and bytes that are not UTF-8, are no reason to fail.
func (a Answer) Decode(into any) error {
	if err := json.Unmarshal(a.text(), into); err != nil {
		e := upload.Errorf(upload.KindUnavailable, a.Call.Step, "%s answered %s with something other than the expected JSON (%s): %s",
			a.Call.Label(), http.StatusText(a.Status), egress.Speaker(a.Header), a.Clean(err.Error()))
		e.Status, e.Arrived = a.Status, upload.ArrivedMaybe
		return e
	}
	return nil
}

// DecodePart reads a part of a JSON answer, such as the data of an envelope. A part
// that is missing leaves into as it is.
func (a Answer) DecodePart(part json.RawMessage, into any) error {
	if len(part) == 0 || part[0] != '{' {
		return nil
	}
	a.Body = part
	return a.Decode(into)
}

// text is the body in UTF-8, without a byte order mark.
func (a Answer) text() []byte { return bytes.TrimPrefix(a.Body, []byte("\ufeff")) }

// Foreign reports whether somebody other than the vendor has spoken, as far as can be
// told: the vendors answer with JSON objects, a firewall, a proxy or a portal with a
// page or with nothing.
func (a Answer) Foreign() bool {
	text := bytes.TrimSpace(a.text())
	return len(text) == 0 || text[0] != '{' || !json.Valid(text)
}

// Incomplete is the failure of an answer that reports success but lacks something
// that it must contain. The format goes on from "prepare answered OK": "without an ID".
// A second one in the same step is final, because the vendor means it, and each may
// leave something behind; not where bytes were taken, which may have become a medium.
func (a Answer) Incomplete(format string, args ...any) *upload.Error {
	lacks := fmt.Sprintf(format, args...)
	e := upload.Errorf(upload.KindUnavailable, a.Call.Step, "%s answered %s %s", a.Call.Label(), http.StatusText(a.Status), lacks)
	e.Status, e.Arrived, e.Lacks = a.Status, upload.ArrivedMaybe, a.Call.Name+" "+lacks
	if a.Call.Step != upload.StepTransfer {
		e.Then = upload.KindRejected
	}
	return e
}

// Without is the failure of an answer that reports success but lacks fields that it
// must contain, by their names, or has one to which nothing can be sent; nil where it
// has them all.
func (a Answer) Without(needed ...Needed) *upload.Error {
	var lacks []string
	for _, field := range needed {
		if field.Is == "" {
			lacks = append(lacks, field.Name)
		}
	}
	if len(lacks) > 0 {
		return a.Incomplete("without %s", strings.Join(lacks, ", "))
	}
	for _, field := range needed {
		why := ""
		switch {
		case field.Sends:
			why = unusable(string(field.Is))
		case field.Token:
			why = unspeakable(string(field.Is))
		}
		if why != "" {
			return a.Incomplete("with an invalid %s: it %s", field.Name, why)
		}
	}
	return nil
}

// Needed is a field that an answer must contain, as it was read.
type Needed struct {
	Name  string
	Is    Text
	Sends bool // it is a URL that bytes are sent to
	Token bool // it is a credential that is sent in a header
}

// longestToken is how long a token may be: servers take heads of 8 to 32 kB.
const longestToken = 32 << 10

// unspeakable is why a token cannot stand in a header; "" where it can. One that is kept
// would fail every call for as long as it lives.
func unspeakable(token string) string {
	if len(token) > longestToken {
		return fmt.Sprintf("has %d characters; at most %d can be sent", len(token), longestToken)
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "contains a character that no header can hold"
	}
	return ""
}

// unusable is why nothing is sent to, or read from, a URL that somebody hands out; ""
// where it can be. A user name in it would be sent as credentials that nobody has
// configured. Which hosts may be reached is for package egress to say.
func unusable(raw string) string {
	switch u, err := url.Parse(raw); {
	case err != nil: // control characters among others
		return "is not a URL"
	case u.Scheme != "https" && u.Scheme != "http":
		return "is not an https: URL"
	case u.Hostname() == "":
		return "has no host"
	case u.User != nil:
		return "contains a user name"
	}
	return ""
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

// StatusOf is the HTTP status with which the vendor itself refused a call, or 0.
func StatusOf(err error) int {
	var e *upload.Error
	if errors.As(err, &e) && !e.Strange {
		return e.Status
	}
	return 0
}

// LastingURL is a URL that stays valid, or "". A URL with a query is signed, or made
// for one occasion, and one of another scheme than https: or http: is none that a person
// should open.
func LastingURL(raw string) string {
	if strings.ContainsRune(raw, '?') || unusable(raw) != "" {
		return ""
	}
	return upload.DisplaySource(raw)
}
