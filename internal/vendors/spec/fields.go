package spec

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
)

// FieldType is what a field holds.
type FieldType string

// The types.
const (
	Text    FieldType = "text"
	Boolean FieldType = "boolean"
	Integer FieldType = "integer" // not negative
	List    FieldType = "list"    // of text, split at |
	Object  FieldType = "object"  // dotted columns, or JSON
)

// Field is one of a vendor's own request fields, under the vendor's own name.
type Field struct {
	Name     string
	Type     FieldType
	Doc      string // with the limits, for people
	Required bool
	Default  string
	Choices  []string
	Most     int // characters of a text, members of a list; 0: no limit
	Unique   bool
	Pattern  *regexp.Regexp
	Want     string // what Pattern means, for people
	// Identifier says that the text names something, such as a product or a file: it
	// must arrive exactly, so that what programs did to it on the way is refused.
	Identifier bool
	// GTIN says that the identifier is a product's number, with a check digit.
	GTIN bool
	// Reserved keys of an object belong to the vendor.
	Reserved []string
}

// Problem is one thing wrong with one field.
type Problem struct {
	Field   string
	Message string // what is wrong and what would be right
	Hint    string
}

func (p Problem) Error() string { return p.Field + ": " + p.Message }

// ParseFields reads a vendor's fields from text, as cells of a row or from
// --set: name, or name.key for an object, and value. Empty values are absent
// fields. It returns all problems at once, in the order of the names given.
func (s *Spec) ParseFields(names []string, values map[string]string) (upload.Fields, []Problem) {
	fields := upload.Fields{}
	var problems []Problem
	for _, name := range names {
		text := values[name]
		if text == "" {
			continue
		}
		if p := s.parseField(fields, name, text); p != nil {
			problems = append(problems, *p)
		}
	}
	return fields, append(problems, s.CheckFields(fields, problems)...)
}

func (s *Spec) parseField(fields upload.Fields, name, text string) *Problem {
	base, key, dotted := strings.Cut(name, ".")
	field, known := s.Field(base)
	if !known || dotted && field.Type != Object {
		return s.unknown(name)
	}
	value, err := field.read(key, dotted, text)
	if part, ok := value.(map[string]any); ok && err == nil {
		value, err = join(fields.Object(base), part)
	}
	if err != nil {
		return &Problem{Field: name, Message: err.Error(), Hint: field.Doc}
	}
	fields[base] = value
	return nil
}

// join puts an object together that is given in several columns.
func join(object, part map[string]any) (map[string]any, error) {
	if object == nil {
		return part, nil
	}
	for key, value := range part {
		if _, given := object[key]; given {
			return nil, fmt.Errorf("key %q is given twice", key)
		}
		object[key] = value
	}
	return object, nil
}

func (s *Spec) unknown(name string) *Problem {
	return &Problem{Field: name, Message: fmt.Sprintf("%s has no such field; use one of %s", s.Name, strings.Join(s.FieldNames(), ", "))}
}

// read turns the text of a cell into a field's value, or into the part of an
// object that a dotted name gives.
func (f Field) read(key string, dotted bool, text string) (any, error) {
	switch {
	case !utf8.ValidString(key + text): // JSON would make another text of it
		return nil, errors.New("is not valid UTF-8; save the manifest as UTF-8")
	case !dotted:
		return f.parse(text)
	case key == "":
		return nil, fmt.Errorf("has no key; use %s.NAME", f.Name)
	}
	return map[string]any{key: text}, nil
}

// booleans are the words for them: those that people write, and those that spreadsheets
// write in the languages of Western Europe.
var booleans = map[string]bool{
	"true": true, "yes": true, "1": true, "false": false, "no": false, "0": false,
	"wahr": true, "falsch": false, // German
	"vrai": true, "faux": false, // French
	"verdadero": true, "falso": false, // Spanish; Portuguese and Italian have the same word for false
	"verdadeiro": true,                  // Portuguese
	"vero":       true,                  // Italian
	"waar":       true, "onwaar": false, // Dutch
	"prawda": true, "fałsz": false, // Polish
	"sant": true, "falskt": false, // Swedish
	// What people write who are asked.
	"ja": true, "nein": false, "nee": false, "nej": false, // German, Dutch, Swedish
	"oui": true, "non": false, // French
	"sí": true, "si": true, "sì": true, "sim": true, "não": false, // Spanish, Italian, Portuguese
	"tak": true, "nie": false, // Polish
}

// parse turns a cell's text into a field's value.
func (f Field) parse(text string) (any, error) {
	switch f.Type {
	case Boolean:
		if value, known := booleans[strings.ToLower(text)]; known {
			return value, nil
		}
		return nil, fmt.Errorf("%q must be true or false, or yes or no in the spreadsheet's language", shorten(text))
	case Integer:
		n, err := strconv.ParseInt(text, 10, 53)
		if err != nil {
			return nil, fmt.Errorf("%q is not a whole number", shorten(text))
		}
		return float64(n), nil // as JSON would read it
	case List:
		return parseList(text)
	case Object:
		var object map[string]any
		if err := json.Unmarshal([]byte(text), &object); err != nil || object == nil {
			return nil, fmt.Errorf("%q is not a JSON object", shorten(text))
		}
		return object, nil
	}
	return text, nil
}

func parseList(text string) ([]any, error) {
	if strings.HasPrefix(text, "[") {
		var list []any
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			return nil, fmt.Errorf("%q is not a JSON array", shorten(text))
		}
		return list, nil
	}
	var list []any
	for member := range strings.SplitSeq(text, "|") {
		list = append(list, strings.TrimSpace(member))
	}
	return list, nil
}

// CheckFields returns what is wrong with a vendor's fields, except for the fields in
// known, whose problems have been reported already.
func (s *Spec) CheckFields(fields upload.Fields, known []Problem) []Problem {
	reported := func(name string) bool {
		return slices.ContainsFunc(known, func(p Problem) bool { return p.Field == name })
	}
	var problems []Problem
	for name := range fields {
		if _, ok := s.Field(name); !ok {
			problems = append(problems, *s.unknown(name))
		}
	}
	slices.SortFunc(problems, func(a, b Problem) int { return strings.Compare(a.Field, b.Field) })
	for _, field := range s.Fields {
		if reported(field.Name) {
			continue
		}
		value, present := fields[field.Name]
		if !present || field.Required && value == "" {
			if field.Required {
				problems = append(problems, Problem{Field: field.Name, Message: "is missing; " + s.Name + " requires it", Hint: field.Doc})
			}
			continue
		}
		if err := field.check(value); err != nil {
			problems = append(problems, Problem{Field: field.Name, Message: err.Error(), Hint: field.Doc})
		}
	}
	if s.Check != nil && len(problems) == 0 {
		problems = append(problems, s.Check(fields)...)
	}
	return problems
}

func (f Field) check(value any) error {
	switch v := value.(type) {
	case string:
		if f.Type != Text {
			break
		}
		return f.checkText(v)
	case bool:
		if f.Type == Boolean {
			return nil
		}
	case float64:
		return f.checkNumber(v)
	case []any:
		if f.Type == List {
			return f.checkList(v)
		}
	case map[string]any:
		if f.Type == Object {
			return f.checkObject(v)
		}
	}
	return fmt.Errorf("%s is not of type %s", shorten(fmt.Sprint(value)), f.Type)
}

// checkNumber checks a number. Only JSON distinguishes numbers from text.
func (f Field) checkNumber(v float64) error {
	plain := strconv.FormatFloat(v, 'f', -1, 64)
	switch {
	case f.Type == Text:
		return fmt.Errorf("%s is a number; put it in quotes, because a number loses its leading zeros", plain)
	case f.Type != Integer:
		return fmt.Errorf("%s is not of type %s", plain, f.Type)
	case v < 0 || v > mostExact || v != math.Trunc(v):
		return fmt.Errorf("%s must be a whole number, 0 or more", plain)
	}
	return nil
}

// mostExact is the largest number up to which JSON's numbers are exact.
const mostExact = 1 << 53

func (f Field) checkText(v string) error {
	switch {
	case len(f.Choices) > 0 && !slices.Contains(f.Choices, v):
		return fmt.Errorf("%q is not allowed; use one of %s", shorten(v), strings.Join(f.Choices, ", "))
	case f.Most > 0 && utf8.RuneCountInString(v) > f.Most:
		return fmt.Errorf("the text has %d characters but may have at most %d", utf8.RuneCountInString(v), f.Most)
	case f.Pattern != nil && !f.Pattern.MatchString(v):
		return fmt.Errorf("%q is not %s", shorten(v), f.Want)
	}
	return nil
}

func (f Field) checkList(list []any) error {
	if f.Most > 0 && len(list) > f.Most {
		return fmt.Errorf("the list has %d members but may have at most %d", len(list), f.Most)
	}
	seen := map[string]bool{}
	for _, member := range list {
		text, ok := member.(string)
		switch {
		case !ok:
			return fmt.Errorf("member %s is not text; put it in quotes", shorten(fmt.Sprint(member)))
		case text == "":
			return errors.New("the list has an empty member")
		}
		if f.Unique && seen[text] {
			return fmt.Errorf("%q appears twice", text)
		}
		seen[text] = true
	}
	return nil
}

func (f Field) checkObject(object map[string]any) error {
	for _, key := range f.Reserved {
		if _, taken := object[key]; taken {
			return fmt.Errorf("key %q is reserved by the vendor", key)
		}
	}
	if raw, err := json.Marshal(object); err != nil || f.Most > 0 && len(raw) > f.Most {
		return fmt.Errorf("the JSON has %d bytes but may have at most %d", len(raw), f.Most)
	}
	return nil
}

// shorten keeps a value that a message repeats readable.
func shorten(text string) string { return egress.Shorten(text, egress.MostText) }
