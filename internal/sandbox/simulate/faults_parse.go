package simulate

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ParseRule reads a rule in its text form:
//
//	vendor.call[#nth[+]][*times][@match]=what[=value][,param[=value]]...
//
// as in
//
//	vendor.put#2=status=503,code=SlowDown,retry-after=2
//	vendor.post@front=reset-after
//	vendor.part#3+*2=slow,rate=200000
//
// A match or a value that holds an equals sign or a comma is written as a Go
// string in double quotes. Without #nth and *times every call is hit.
func (l TargetList) ParseRule(text string) (Rule, error) {
	r, err := l.readRule(text)
	if err != nil {
		return Rule{}, fmt.Errorf("fault %q: %w", text, err)
	}
	return r, l.Check(&r)
}

func (l TargetList) readRule(text string) (Rule, error) {
	var r Rule
	left, right, err := l.cutRule(text)
	if err != nil {
		return r, err
	}
	left, r.Match, err = cutMatch(left)
	if err != nil {
		return r, err
	}
	if left, err = r.readCounts(left); err != nil {
		return r, err
	}
	var ok bool
	if r.Vendor, r.Call, ok = strings.Cut(left, "."); !ok {
		return r, fmt.Errorf("use vendor.call before the equals sign, got %q; vendors: %s", left, strings.Join(l.hosts(), ", "))
	}
	words, err := splitWords(right)
	if err != nil {
		return r, err
	}
	r.Params = map[string]string{}
	for i, w := range words {
		name, value, has, err := cutWord(w)
		switch {
		case err != nil:
			return r, err
		case name == "":
			return r, fmt.Errorf("%q has an empty value between commas", right)
		case i == 0:
			r.What = name
			if has {
				r.Params[name] = value
			}
		case has:
			r.Params[name] = value
		default:
			r.Params[name] = flagSet
		}
	}
	if len(r.Params) == 0 {
		r.Params = nil
	}
	return r, nil
}

// cutRule splits at the equals sign that is not within a quoted match.
func (l TargetList) cutRule(text string) (string, string, error) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quoted:
			i++
		case text[i] == '"':
			quoted = !quoted
		case text[i] == '=' && !quoted:
			return text[:i], text[i+1:], nil
		}
	}
	return "", "", fmt.Errorf("use vendor.call=what, for example %q", l.example())
}

func cutMatch(left string) (string, string, error) {
	head, match, ok := strings.Cut(left, "@")
	if !ok {
		return left, "", nil
	}
	match, err := unquoted(match)
	if err == nil && match == "" {
		err = fmt.Errorf("the match after @ is empty")
	}
	return head, match, err
}

func unquoted(s string) (string, error) {
	if !strings.HasPrefix(s, `"`) {
		return s, nil
	}
	out, err := strconv.Unquote(s)
	if err != nil {
		return "", fmt.Errorf("%s is not a string in double quotes", s)
	}
	return out, nil
}

// readCounts takes #nth and *times, in this order, off the end.
func (r *Rule) readCounts(left string) (string, error) {
	left, times, ok := strings.Cut(left, "*")
	if ok {
		n, err := strconv.Atoi(times)
		if err != nil || n < 1 {
			return "", fmt.Errorf("use a number from 1 after *, got %q", times)
		}
		r.Times = n
	}
	left, nth, ok := strings.Cut(left, "#")
	if ok {
		nth, r.Onward = strings.CutSuffix(nth, "+")
		n, err := strconv.Atoi(nth)
		if err != nil || n < 1 {
			return "", fmt.Errorf("use a number from 1 after #, got %q", nth)
		}
		r.Nth = n
	}
	return left, nil
}

// splitWords splits at commas that are not within quotes.
func splitWords(s string) ([]string, error) {
	var words []string
	start, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			words = append(words, s[start:i])
			start = i + 1
		}
	}
	if quoted {
		return nil, fmt.Errorf("a double quote in %q is not closed", s)
	}
	return append(words, s[start:]), nil
}

func cutWord(w string) (name, value string, has bool, err error) {
	name, value, has = strings.Cut(w, "=")
	value, err = unquoted(value)
	return strings.TrimSpace(name), value, has, err
}

// Check says what is wrong with a rule, and what would be right.
func (l TargetList) Check(r *Rule) error {
	if r.Nth < 0 || r.Times < 0 {
		return r.fail("counts start at 1")
	}
	calls, ok := l.calls(r.Vendor)
	if !ok {
		return r.fail("unknown vendor %q; choose from %s", r.Vendor, strings.Join(l.hosts(), ", "))
	}
	if !slices.Contains(calls, r.Call) {
		return r.fail("%s has no call %q; choose from %s", r.Vendor, r.Call, strings.Join(calls, ", "))
	}
	kinds := l.Find(r.Vendor, r.Call).kinds()
	kind, ok := kinds[r.What]
	if !ok {
		names := slices.Sorted(maps.Keys(kinds))
		return r.fail("%q cannot happen to %s.%s; choose from %s", r.What, r.Vendor, r.Call, strings.Join(names, ", "))
	}
	for name, value := range r.Params {
		as, ok := kind.Params[name]
		if !ok {
			return r.fail("%s does not accept %q; it accepts %s", r.What, name, strings.Join(kind.names(), ", "))
		}
		if want := as.wrong(value); want != "" {
			return r.fail("%s=%q: use %s", name, value, want)
		}
	}
	for _, name := range kind.needs {
		if r.Params[name] == "" {
			return r.fail("%s needs a value for %s, for example %q", r.What, name, kind.example)
		}
	}
	return nil
}

func (r *Rule) fail(format string, args ...any) error {
	return fmt.Errorf("fault %q: %s", r.String(), fmt.Sprintf(format, args...))
}

// Param is what a parameter's value looks like.
type Param int

// The forms of a parameter.
const (
	ParamText Param = iota
	ParamFlag
	ParamCount
	ParamStatus
	ParamDuration
)

// wrong describes what a value should be, or returns "" for one that is right.
func (f Param) wrong(v string) string {
	switch f {
	case ParamFlag:
		if v != flagSet {
			return "it without a value"
		}
	case ParamCount:
		if n, err := strconv.Atoi(v); err != nil || n < 0 {
			return "a whole number"
		}
	case ParamStatus:
		if n, err := strconv.Atoi(v); err != nil || n < 200 || n > 599 || http.StatusText(n) == "" {
			return "an HTTP status"
		}
	case ParamDuration:
		_, noDuration := time.ParseDuration(v)
		_, noSeconds := strconv.Atoi(v)
		if noDuration != nil && noSeconds != nil {
			return "a duration such as 2s, or seconds"
		}
	}
	return ""
}
