package sandbox

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

// choose finds the rule that hits the call, if any.
func (c *call) choose() {
	concerned, matching := c.s.faults.concerns(c.log.Vendor, c.log.Call)
	if !concerned {
		return
	}
	subject := c.r.URL.Path
	if q, err := url.QueryUnescape(c.r.URL.RawQuery); err == nil {
		subject += "?" + q
	}
	if matching {
		if c.r.Method == http.MethodPost && c.r.ContentLength != 0 { // a PUT begins with the medium itself
			subject += "\n" + string(c.body.peek(peekLength))
		}
		if c.route.subject != nil {
			subject += "\n" + c.route.subject(c)
		}
	}
	c.rule = c.s.faults.take(c.log.Vendor, c.log.Call, subject)
	if c.rule != nil {
		c.log.Fault = c.rule.String()
	}
}

// perform handles the call the way the rule says.
func (c *call) perform() *answer {
	r := c.rule
	if r == nil {
		return c.route.handle(c)
	}
	switch r.What {
	case "status":
		return c.faultStatus(r)
	case "reset-before":
		return &answer{cut: cutReset}
	case "reset-in":
		n := int64(r.int("reset-in", int(max(c.r.ContentLength/2, 1))))
		_, _ = io.CopyN(io.Discard, c.body, n)
		return &answer{cut: cutReset}
	case "slow":
		return c.slowly(r)
	}
	a := c.route.handle(c)
	switch r.What {
	case "reset-after":
		a.end()
		return &answer{cut: cutReset}
	case "lost":
		a.end()
		return &answer{cut: cutClosed}
	case "cut-answer":
		a.cut = cutShort
		a.keep = int64(r.int("cut-answer", -1))
	case "empty-body":
		a.end()
		return newAnswer(a.status)
	case "not-json":
		a.body = []byte("<html><body><h1>Service temporarily out of its mind</h1></body></html>")
		return a.with("Content-Type", "text/html")
	case "missing-field":
		a.body = without(a.body, strings.Split(r.Params["missing-field"], "."))
	case "clock-skew":
		a.date = r.duration("clock-skew")
	}
	return a
}

// end closes what an answer that nobody gets still holds.
func (a *answer) end() {
	if a.done != nil {
		a.done()
	}
}

func (c *call) slowly(r *Rule) *answer {
	c.body.rate = int64(r.int("rate", 0))
	a := c.route.handle(c)
	if err := wait(c.ctx(), r.duration("slow")); err != nil {
		a.end()
		return &answer{cut: cutClosed}
	}
	return a
}

// faultStatus answers with a status in the envelope of whoever is asked. With
// "after" the call has its effect first: the answer lies.
func (c *call) faultStatus(r *Rule) *answer {
	if r.flag("after") {
		c.route.handle(c).end()
	}
	a := c.route.refuse(c, refusal{status: r.int("status", 0), code: r.Params["code"], message: r.Params["message"]})
	if after := r.Params["retry-after"]; after != "" {
		a.with("Retry-After", after)
	}
	if r.Params["retry-after-date"] != "" {
		// A date has no parts of seconds; rounding up keeps the promise.
		at := c.s.clock.wall().Add(r.duration("retry-after-date") + time.Second - time.Nanosecond)
		a.with("Retry-After", at.Format(http.TimeFormat))
	}
	if a.status >= 300 && a.status < 400 {
		to := r.Params["location"]
		if to == "" {
			to = "http://" + c.r.Host + c.r.URL.RequestURI()
		}
		a.with("Location", to)
	}
	if r.flag("undrained") {
		a.cut = cutUnread
	}
	return a
}

// drain reads what is left of the body, so that the answer does not meet a
// sender that is still writing into a closed connection. A sender that waits to
// be asked for its body is not asked.
func (c *call) drain() {
	if strings.EqualFold(c.r.Header.Get("Expect"), "100-continue") && c.body.n == 0 {
		return
	}
	_, _ = io.CopyN(io.Discard, c.body, drainLimit)
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
