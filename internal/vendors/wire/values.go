package wire

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The values of answers. Vendors and what lies before them change how a value is
// written: a number as text, a text as number, null for nothing. Reading one never
// fails, so that a value which nobody needs cannot hide one that is needed; what cannot
// be read is the zero value, as if it were missing.

// Text is a text, or what a number or a truth value is written as.
type Text string

// UnmarshalJSON never fails.
func (t *Text) UnmarshalJSON(raw []byte) error {
	*t = Text(scalar(raw))
	return nil
}

// Moment is the time that a text names; the zero time where it names none.
func (t Text) Moment() time.Time { return moment(string(t)) }

// Said is a text for people, also where it comes as a list of texts, or as an object.
type Said string

// UnmarshalJSON never fails.
func (s *Said) UnmarshalJSON(raw []byte) error {
	*s = Said(said(raw))
	return nil
}

// said is what a value says: itself, or what its elements say. An object that names no
// message is told as it is written.
func said(raw []byte) string {
	raw = bytes.TrimSpace(raw)
	var list []json.RawMessage
	var object map[string]json.RawMessage
	switch {
	case len(raw) == 0:
		return ""
	case raw[0] == '[' && json.Unmarshal(raw, &list) == nil:
		texts := make([]string, 0, len(list))
		for _, one := range list {
			if text := said(one); text != "" {
				texts = append(texts, text)
			}
		}
		return strings.Join(texts, "; ")
	case raw[0] == '{' && json.Unmarshal(raw, &object) == nil:
		for _, name := range []string{"message", "detail", "description", "text"} {
			if text := said(object[name]); text != "" {
				return text
			}
		}
		var short bytes.Buffer
		if len(object) == 0 || json.Compact(&short, raw) != nil {
			return ""
		}
		return short.String()
	}
	return scalar(raw)
}

// Int is a whole number, also as text or with a fraction, which is cut off.
type Int int64

// UnmarshalJSON never fails.
func (n *Int) UnmarshalJSON(raw []byte) error {
	*n = Int(whole(scalar(raw)))
	return nil
}

// Float is a number, also as text.
type Float float64

// UnmarshalJSON never fails.
func (f *Float) UnmarshalJSON(raw []byte) error {
	value, err := strconv.ParseFloat(scalar(raw), 64)
	if err != nil || math.IsNaN(value) {
		value = 0
	}
	*f = Float(value)
	return nil
}

func whole(text string) int64 {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(f) {
		return 0
	}
	return int64(min(max(f, -1<<53), 1<<53)) // beyond, a float is no whole number any more
}

// Bool is a truth value, also as text or number.
type Bool bool

// UnmarshalJSON never fails.
func (b *Bool) UnmarshalJSON(raw []byte) error {
	switch strings.ToLower(scalar(raw)) {
	case "true", "1", "yes":
		*b = true
	default:
		*b = false
	}
	return nil
}

// Moment is a time in any usual form: RFC 3339, with or without a zone, with a space
// for the T, HTTP's, or seconds or milliseconds since 1970. One without a zone is taken
// for UTC.
type Moment struct{ time.Time }

// UnmarshalJSON never fails.
func (m *Moment) UnmarshalJSON(raw []byte) error {
	*m = Moment{moment(scalar(raw))}
	return nil
}

var forms = []string{
	time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 MST",
	"2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02", http.TimeFormat, time.RFC1123Z,
}

func moment(text string) time.Time {
	for _, form := range forms {
		if at, err := time.Parse(form, text); err == nil {
			return at
		}
	}
	const (
		milliseconds = 100_000_000_000     // in seconds this would be the year 5138
		absurd       = 100_000_000_000_000 // in milliseconds too
	)
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n > 0 && n < absurd) { // NaN fails both comparisons
		return time.Time{}
	}
	if n > milliseconds {
		return time.UnixMilli(int64(n))
	}
	return time.Unix(int64(n), 0)
}

// List is a list whose elements are read one by one: one that cannot be read is left
// out. It is nil where there is no list.
type List[T any] []T

// UnmarshalJSON never fails.
func (l *List[T]) UnmarshalJSON(raw []byte) error {
	*l = nil
	var all []json.RawMessage
	if json.Unmarshal(raw, &all) != nil || all == nil {
		return nil
	}
	*l = make(List[T], 0, len(all))
	for _, one := range all {
		var value T
		if json.Unmarshal(one, &value) == nil {
			*l = append(*l, value)
		}
	}
	return nil
}

// Texts are texts by name. A value that is not one is left out.
type Texts map[string]string

// UnmarshalJSON never fails.
func (t *Texts) UnmarshalJSON(raw []byte) error {
	*t = nil
	var all map[string]json.RawMessage
	if json.Unmarshal(raw, &all) != nil {
		return nil
	}
	*t = make(Texts, len(all))
	for name, one := range all {
		if text := scalar(one); text != "" || string(one) == `""` {
			(*t)[name] = text
		}
	}
	return nil
}

// Object is an object that is read where it is one, and left empty where it is not.
type Object[T any] struct{ Value T }

// UnmarshalJSON never fails.
func (o *Object[T]) UnmarshalJSON(raw []byte) error {
	var value T
	if json.Unmarshal(raw, &value) == nil {
		o.Value = value
	}
	return nil
}

// scalar is the text of a JSON text, number or truth value; "" for anything else.
func scalar(raw []byte) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return ""
	}
	switch raw[0] {
	case '"':
		var text string
		_ = json.Unmarshal(raw, &text) // it was scanned before
		return strings.TrimSpace(text)
	case '{', '[', 'n':
		return ""
	}
	return string(raw)
}
