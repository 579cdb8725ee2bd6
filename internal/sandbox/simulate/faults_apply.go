package simulate

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// peekLength is how far into a body a match looks: past the fields of a form and
// past the header of its file.
const peekLength = 8 << 10

// drainLimit bounds how much of a refused body is read so that the sender gets
// to the answer; it covers the largest part that any vendor takes.
const drainLimit = 1 << 30

// Choose finds the rule that hits the call, if any.
func (c *Call) Choose() {
	concerned, matching := c.World.Faults.concerns(c.Log.Vendor, c.Log.Call)
	if !concerned {
		return
	}
	subject := c.HTTP.URL.Path
	if q, err := url.QueryUnescape(c.HTTP.URL.RawQuery); err == nil {
		subject += "?" + q
	}
	if matching {
		if c.HTTP.Method == http.MethodPost && c.HTTP.ContentLength != 0 { // a PUT begins with the medium itself
			subject += "\n" + string(c.Body.peek(peekLength))
		}
		if c.Route.Subject != nil {
			subject += "\n" + c.Route.Subject(c)
		}
	}
	c.Rule = c.World.Faults.take(c.Log.Vendor, c.Log.Call, subject)
	if c.Rule != nil {
		c.Log.Fault = c.Rule.String()
	}
}

// Perform handles the call the way the rule says.
func (c *Call) Perform() *Answer {
	r := c.Rule
	if r == nil {
		return c.Route.Handle(c)
	}
	switch r.What {
	case "status":
		return c.faultStatus(r)
	case "page": // of something between the client and the vendor
		c.Drain()
		a := NewAnswer(r.Int("page", 0)).With("Content-Type", "text/html; charset=utf-8").With("Server", "gatekeeper")
		a.Body = []byte("<!DOCTYPE html><html><title>Please sign in</title></html>")
		return a
	case "reset-before":
		return &Answer{Cut: cutReset}
	case "reset-in":
		n := int64(r.Int("reset-in", int(max(c.HTTP.ContentLength/2, 1))))
		_, _ = io.CopyN(io.Discard, c.Body, n)
		return &Answer{Cut: cutReset}
	case "slow":
		return c.slowly(r)
	}
	a := c.Route.Handle(c)
	switch r.What {
	case "reset-after":
		a.end()
		return &Answer{Cut: cutReset}
	case "lost":
		a.end()
		return &Answer{Cut: cutClosed}
	case "cut-answer":
		a.Cut = cutShort
		a.keep = int64(r.Int("cut-answer", -1))
	case "empty-body":
		a.end()
		return NewAnswer(a.Status)
	case "not-json":
		a.Body = []byte("<html><body><h1>Service temporarily out of its mind</h1></body></html>")
		return a.With("Content-Type", "text/html")
	case "missing-field":
		a.Body = without(a.Body, strings.Split(r.Params["missing-field"], "."))
	case "clock-skew":
		a.date = r.duration("clock-skew")
	}
	return a
}

// end closes what an answer that nobody gets still holds.
func (a *Answer) end() {
	if a.Done != nil {
		a.Done()
	}
}

func (c *Call) slowly(r *Rule) *Answer {
	c.Body.rate = int64(r.Int("rate", 0))
	a := c.Route.Handle(c)
	if err := wait(c.Context(), r.duration("slow")); err != nil {
		a.end()
		return &Answer{Cut: cutClosed}
	}
	return a
}

// faultStatus answers with a status in the envelope of whoever is asked. With
// "after" the call has its effect first: the answer lies.
func (c *Call) faultStatus(r *Rule) *Answer {
	if r.flag("after") {
		c.Route.Handle(c).end()
	}
	a := c.Route.Refuse(c, Refusal{Status: r.Int("status", 0), Code: r.Params["code"], Message: r.Params["message"]})
	if after := r.Params["retry-after"]; after != "" {
		a.With("Retry-After", after)
	}
	if r.Params["retry-after-date"] != "" {
		// A date has no parts of seconds; rounding up keeps the promise.
		at := c.World.Clock.Wall().Add(r.duration("retry-after-date") + time.Second - time.Nanosecond)
		a.With("Retry-After", at.Format(http.TimeFormat))
	}
	if a.Status >= 300 && a.Status < 400 {
		to := r.Params["location"]
		if to == "" {
			to = "http://" + c.HTTP.Host + c.HTTP.URL.RequestURI()
		}
		a.With("Location", to)
	}
	if etag := r.Params["etag"]; etag != "" {
		a.With("ETag", `"`+etag+`"`)
	}
	if r.flag("undrained") {
		a.Cut = cutUnread
	}
	return a
}

// Drain reads what is left of the body, so that the answer does not meet a
// sender that is still writing into a closed connection. A sender that waits to
// be asked for its body is not asked.
func (c *Call) Drain() {
	if strings.EqualFold(c.HTTP.Header.Get("Expect"), "100-continue") && c.Body.Count == 0 {
		return
	}
	_, _ = io.CopyN(io.Discard, c.Body, drainLimit)
}

// without takes a field out of a JSON object; what is no such object, or has no
// such field, stays as it is.
func without(body []byte, path []string) []byte {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber() // a number must come out as it went in
	var v any
	if dec.Decode(&v) != nil {
		return body
	}
	at := v
	for i, name := range path {
		switch t := at.(type) {
		case map[string]any:
			if i == len(path)-1 {
				delete(t, name)
			}
			at = t[name]
		case []any:
			n, err := strconv.Atoi(name)
			if err != nil || n < 0 || n >= len(t) {
				return body
			}
			at = t[n]
		}
	}
	out, err := json.Marshal(v)
	if err != nil {
		return body
	}
	return out
}

// SpoilETag changes a storage answer where the rule wants it.
func (c *Call) SpoilETag(a *Answer) *Answer {
	if c.Fault("wrong-etag") && a.Status/100 == 2 {
		a.Header.Set("ETag", `"`+strings.Repeat("0badc0de", 4)+`"`)
	}
	return a
}
