package simulate

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Rule is a fault as data: which calls it hits, and what happens to them. The
// calls are counted for each rule by itself, from 1, and only those that its
// Match hits, so that the same run meets the same faults.
type Rule struct {
	Vendor string `json:"vendor"`
	Call   string `json:"call"`
	// Nth is the first call that is hit; 0 means the first. Without Onward and
	// Times it is the only one.
	Nth    int  `json:"nth,omitempty"`
	Onward bool `json:"onward,omitempty"`
	// Times is how many calls are hit in a row; 0 means one if Nth is given
	// without Onward, and all otherwise.
	Times int `json:"times,omitempty"`
	// Match is a part of the URL, a key, an ID or a file name; empty hits all.
	Match string `json:"match,omitempty"`
	What  string `json:"what"`
	// Params are by name; the value that follows What itself has the name of What.
	Params map[string]string `json:"params,omitempty"`
}

// String is the rule as ParseRule reads it.
func (r Rule) String() string {
	var b strings.Builder
	b.WriteString(r.Vendor + "." + r.Call)
	if r.Nth > 0 {
		b.WriteString("#" + strconv.Itoa(r.Nth))
		if r.Onward {
			b.WriteString("+")
		}
	}
	if r.Times > 0 {
		b.WriteString("*" + strconv.Itoa(r.Times))
	}
	if r.Match != "" {
		b.WriteString("@" + quoteIfNeeded(r.Match, "=\""))
	}
	b.WriteString("=" + r.What)
	if v, ok := r.Params[r.What]; ok {
		b.WriteString("=" + quoteIfNeeded(v, ",\""))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Params)) {
		if name == r.What {
			continue
		}
		b.WriteString("," + name)
		if v := r.Params[name]; v != flagSet {
			b.WriteString("=" + quoteIfNeeded(v, ",\""))
		}
	}
	return b.String()
}

func quoteIfNeeded(s, special string) string {
	if strings.ContainsAny(s, special) {
		return strconv.Quote(s)
	}
	return s
}

// flagSet is the value of a parameter that was given without one.
const flagSet = "true"

func (r *Rule) flag(name string) bool { return r.Params[name] == flagSet }

// Int is a parameter that is a whole number.
func (r *Rule) Int(name string, otherwise int) int {
	if n, err := strconv.Atoi(r.Params[name]); err == nil {
		return n
	}
	return otherwise
}

func (r *Rule) duration(name string) time.Duration {
	d, err := time.ParseDuration(r.Params[name])
	if err != nil { // a bare number, which the check of the rule let through, is seconds
		d = time.Duration(r.Int(name, 0)) * time.Second
	}
	return d
}

// hits reports whether the n-th matching call is hit.
func (r *Rule) hits(n int) bool {
	from, times := max(r.Nth, 1), r.Times
	if times == 0 && r.Nth > 0 && !r.Onward {
		times = 1
	}
	return n >= from && (times == 0 || n < from+times)
}

// FaultSet is the rules in force.
type FaultSet struct {
	mu    sync.Mutex
	rules []*AppliedRule
}

// AppliedRule is a rule in force and what has come of it.
type AppliedRule struct {
	Rule
	Seen    int `json:"seen"`    // calls that matched
	Applied int `json:"applied"` // and of these, the ones that were hit
}

// Add puts a rule in force, behind those that are.
func (f *FaultSet) Add(r Rule) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = append(f.rules, &AppliedRule{Rule: r})
}

// Clear takes all rules out of force.
func (f *FaultSet) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rules = nil
}

// List is what is in force, and what has come of it.
func (f *FaultSet) List() []AppliedRule {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]AppliedRule, 0, len(f.rules))
	for _, r := range f.rules {
		out = append(out, *r)
	}
	return out
}

// concerns says whether any rule is about this call, and whether one of them
// wants to look at more than the URL.
func (f *FaultSet) concerns(vendor, call string) (concerned, matching bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.rules {
		if r.Vendor == vendor && r.Call == call {
			concerned = true
			matching = matching || r.Match != ""
		}
	}
	return concerned, matching
}

// take counts the call for every rule that it matches and returns the first one
// that hits it.
func (f *FaultSet) take(vendor, call, subject string) *Rule {
	f.mu.Lock()
	defer f.mu.Unlock()
	var chosen *Rule
	for _, r := range f.rules {
		if r.Vendor != vendor || r.Call != call || !strings.Contains(subject, r.Match) {
			continue
		}
		r.Seen++
		if chosen == nil && r.hits(r.Seen) {
			r.Applied++
			rule := r.Rule
			chosen = &rule
		}
	}
	return chosen
}
