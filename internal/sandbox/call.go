package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// call is one request on its way through the sandbox.
type call struct {
	s     *Sandbox
	w     http.ResponseWriter
	r     *http.Request
	route route
	path  map[string]string // what the route's pattern names
	query url.Values
	body  *bodyMeter
	rule  *Rule // the fault that applies, or nil
	log   Request
}

func (s *Sandbox) newCall(w http.ResponseWriter, r *http.Request) *call {
	c := &call{s: s, w: w, r: r, query: r.URL.Query()}
	c.body = &bodyMeter{raw: r.Body, ctx: r.Context()}
	r.Body = c.body
	c.log = Request{
		N: s.book.next(), Time: time.Now().UTC(), Method: r.Method,
		Path: displayPath(r.URL), Length: r.ContentLength,
	}
	return c
}

// ctx ends with the request.
func (c *call) ctx() context.Context { return c.r.Context() }

// fault reports whether the rule that applies does this.
func (c *call) fault(what string) bool { return c.rule != nil && c.rule.What == what }

// violation notes that a right client would not have sent this.
func (c *call) violation(kind, format string, args ...any) {
	c.s.book.violate(Violation{
		Time: time.Now().UTC(), Vendor: c.log.Vendor, Call: c.log.Call,
		Kind: kind, Detail: fmt.Sprintf(format, args...), Request: c.log.N,
	})
}

// invalid is a violation for a request that the vendor refuses for what is in it.
func (c *call) invalid(format string, args ...any) string {
	message := fmt.Sprintf(format, args...)
	c.violation("invalid-request", "%s", message)
	return message
}

// jsonLimit bounds the body of a JSON request: TruVideo's metadata may be a few
// megabytes, and nothing else comes near it.
const jsonLimit = 16 << 20

// readJSON decodes the body into v and returns what is wrong with it, or "".
// Names are compared exactly, unlike encoding/json does it: a field with a wrong
// capital must not arrive. Fields that v lacks are violations and left out.
func (c *call) readJSON(v any) string {
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return c.invalid("Content-Type must be application/json")
	}
	raw, err := io.ReadAll(io.LimitReader(c.body, jsonLimit+1))
	if err != nil {
		return "the body broke off"
	}
	if len(raw) > jsonLimit {
		return c.invalid("the body is larger than %d bytes", jsonLimit)
	}
	exact, unknown, err := exactFields(raw, reflect.TypeOf(v).Elem())
	if err != nil {
		return c.invalid("the body is not the JSON object expected here: %v", err)
	}
	for _, name := range unknown {
		c.violation("unknown-field", "field %q is not part of this request", name)
	}
	if err := json.Unmarshal(exact, v); err != nil {
		return c.invalid("the body is not the JSON object expected here: %v", err)
	}
	return ""
}

// exactFields drops from a JSON value what type t does not have under exactly
// that name, and lists what it dropped.
func exactFields(raw []byte, t reflect.Type) ([]byte, []string, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	text := bytes.TrimSpace(raw)
	switch {
	case !json.Valid(text):
		return nil, nil, errors.New("it is no JSON")
	case t.Kind() == reflect.Struct && bytes.HasPrefix(text, []byte{'{'}):
		return exactObject(text, t)
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct && bytes.HasPrefix(text, []byte{'['}):
		return exactList(text, t.Elem())
	}
	return raw, nil, nil // anything else is checked by what decodes it
}

func exactObject(raw []byte, t reflect.Type) ([]byte, []string, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, nil, err
	}
	known := map[string]reflect.Type{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		known[name] = t.Field(i).Type
	}
	var unknown []string
	for name, value := range object {
		field, ok := known[name]
		if !ok {
			unknown = append(unknown, name)
			delete(object, name)
			continue
		}
		exact, below, err := exactFields(value, field)
		if err != nil {
			return nil, nil, fmt.Errorf("field %q: %w", name, err)
		}
		object[name] = exact
		for _, b := range below {
			unknown = append(unknown, name+"."+b)
		}
	}
	out, err := json.Marshal(object)
	return out, unknown, err
}

func exactList(raw []byte, element reflect.Type) ([]byte, []string, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, nil, err
	}
	var unknown []string
	for i, item := range list {
		exact, below, err := exactFields(item, element)
		if err != nil {
			return nil, nil, err
		}
		list[i] = exact
		for _, b := range below {
			unknown = append(unknown, strconv.Itoa(i)+"."+b)
		}
	}
	out, err := json.Marshal(list)
	return out, unknown, err
}

// onlyQuery notes query parameters that the call does not have.
func (c *call) onlyQuery(known ...string) {
	for name := range c.query {
		if !contains(known, name) {
			c.violation("unknown-field", "query parameter %q is not part of this request", name)
		}
	}
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

// bodyMeter counts a request's body as it is read, can read it slowly, and can
// look ahead into it.
type bodyMeter struct {
	raw   io.ReadCloser
	ahead []byte
	n     int64
	rate  int64 // bytes a second; 0: as they come
	ctx   context.Context
	err   error
}

// slice is how often a slow body moves on.
const slice = 20 * time.Millisecond

// Read passes the body on.
func (b *bodyMeter) Read(p []byte) (int, error) {
	if len(b.ahead) > 0 {
		n := copy(p, b.ahead)
		b.ahead = b.ahead[n:]
		return n, nil
	}
	if b.err != nil {
		return 0, b.err
	}
	if b.rate > 0 {
		step := max(1, int(b.rate*int64(slice)/int64(time.Second)))
		p = p[:min(len(p), step)]
		if err := wait(b.ctx, slice); err != nil {
			return 0, err
		}
	}
	n, err := b.raw.Read(p)
	b.n += int64(n)
	return n, err
}

// Close does what the server's own body does.
func (b *bodyMeter) Close() error { return b.raw.Close() }

// peek returns up to n first bytes of the body, which stay to be read.
func (b *bodyMeter) peek(n int) []byte {
	if len(b.ahead) >= n {
		return b.ahead[:n]
	}
	buf := make([]byte, n-len(b.ahead))
	got, err := io.ReadFull(b.raw, buf)
	b.n += int64(got)
	b.ahead = append(b.ahead, buf[:got]...)
	if err != nil && err != io.ErrUnexpectedEOF {
		b.err = err
	} else if err != nil {
		b.err = io.EOF
	}
	return b.ahead
}

// wait sleeps for d unless the context ends first.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
