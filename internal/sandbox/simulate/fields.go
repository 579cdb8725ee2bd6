package simulate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// JSONLimit bounds the body of a JSON request: metadata may be a few megabytes, and
// nothing else comes near it.
const JSONLimit = 16 << 20

// ReadJSON decodes the body into v and returns what is wrong with it, or "".
// Names are compared exactly, unlike encoding/json does it: a field with a wrong
// capital must not arrive. Fields that v lacks are violations and left out.
func (c *Call) ReadJSON(v any) string {
	kind, _, err := mime.ParseMediaType(c.HTTP.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return c.Invalid("Content-Type must be application/json")
	}
	raw, err := io.ReadAll(io.LimitReader(c.Body, JSONLimit+1))
	if err != nil {
		return "the body broke off"
	}
	if len(raw) > JSONLimit {
		return c.Invalid("the body is larger than %d bytes", JSONLimit)
	}
	exact, unknown, err := exactFields(raw, reflect.TypeOf(v).Elem())
	if err != nil {
		return c.Invalid("the body is not the JSON object expected here: %v", err)
	}
	for _, name := range unknown {
		c.Violation("unknown-field", "field %q is not part of this request", name)
	}
	if err := json.Unmarshal(exact, v); err != nil {
		return c.Invalid("the body is not the JSON object expected here: %v", err)
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

// OnlyQuery notes query parameters that the call does not have.
func (c *Call) OnlyQuery(known ...string) {
	for name := range c.Query {
		if !slices.Contains(known, name) {
			c.Violation("unknown-field", "query parameter %q is not part of this request", name)
		}
	}
}
