package simulate

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Call is one request on its way through the sandbox.
type Call struct {
	World  *World
	writer http.ResponseWriter
	HTTP   *http.Request
	Route  Route
	Path   map[string]string // what the route's pattern names
	Query  url.Values
	Body   *BodyMeter
	Rule   *Rule // the fault that applies, or nil
	Log    Request
}

// NewCall takes a request in, as the next one of the log.
func NewCall(w *World, rw http.ResponseWriter, r *http.Request) *Call {
	c := &Call{World: w, writer: rw, HTTP: r, Query: r.URL.Query()}
	c.Body = &BodyMeter{raw: r.Body, ctx: r.Context()}
	r.Body = c.Body
	c.Log = Request{
		N: w.Book.next(), Time: time.Now().UTC(), Method: r.Method,
		Path: displayPath(r.URL), Length: r.ContentLength,
	}
	return c
}

// Guard looks for what no storage host may ever see: any of these headers.
func (c *Call) Guard(headers []string) {
	z := c.Route.Zone
	c.Log.Storage = z == ZoneStore || z == ZonePublic
	c.Log.Credentials = credentialsIn(c.HTTP.Header, headers)
	if !c.Log.Storage {
		return
	}
	for _, name := range c.Log.Credentials {
		c.Violation("credentials-at-storage", "header %s came to a storage host", name)
	}
}

// Context ends with the request.
func (c *Call) Context() context.Context { return c.HTTP.Context() }

// Fault reports whether the rule that applies does this.
func (c *Call) Fault(what string) bool { return c.Rule != nil && c.Rule.What == what }

// Violation notes that a right client would not have sent this.
func (c *Call) Violation(kind, format string, args ...any) {
	c.World.Book.violate(Violation{
		Time: time.Now().UTC(), Vendor: c.Log.Vendor, Call: c.Log.Call,
		Kind: kind, Detail: fmt.Sprintf(format, args...), Request: c.Log.N,
	})
}

// Invalid is a violation for a request that the vendor refuses for what is in it.
func (c *Call) Invalid(format string, args ...any) string {
	message := fmt.Sprintf(format, args...)
	c.Violation("invalid-request", "%s", message)
	return message
}
