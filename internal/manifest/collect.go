package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// Limits of what a Collected keeps.
const (
	mostGroups    = 300  // groups that are kept apart by their messages
	mostExamples  = 20   // rows of one group that are kept with their values
	mostStretches = 1000 // ranges of lines in one group
)

// Collected holds the problems of a whole manifest in bounded memory, grouped by their
// cause: problems of one column whose messages differ in quoted values and numbers
// only have the same. The zero value is ready to use. It is not safe for concurrent
// use.
type Collected struct {
	Problems int // those that refuse a row
	Warnings int
	Refused  int // rows that have a problem

	groups map[groupKey]*group
}

// Group is what the rows with one cause have in common.
type Group struct {
	Sort    Sort
	Column  string
	Warning bool
	// Message is that of each row; where they differ, "…" stands for what differs.
	Message string
	// Hint is that of the first row.
	Hint  string
	Count int
	Lines Lines
	// Examples are rows whose messages or hints differ, the first twenty. There are
	// none where all are the same.
	Examples    []Problem
	HintsDiffer bool
}

type groupKey struct {
	sort    Sort
	column  string
	warning bool
	common  string // the message without what varies
}

// AddRow adds the problems of a row.
func (c *Collected) AddRow(row Row) {
	if !row.Valid() {
		c.Refused++
	}
	c.Add(row.Problems...)
}

// Add adds problems without counting a row as refused, such as those of the header.
func (c *Collected) Add(problems ...Problem) {
	for _, p := range problems {
		if p.Warning {
			c.Warnings++
		} else {
			c.Problems++
		}
		c.group(p).add(p)
	}
}

// Groups returns the errors, then the warnings, each in the order of their first
// lines.
func (c *Collected) Groups() []Group {
	var all []Group
	for _, g := range c.groups {
		all = append(all, g.group())
	}
	slices.SortFunc(all, func(a, b Group) int {
		return cmp.Or(after(a.Warning, b.Warning), cmp.Compare(a.Lines.First(), b.Lines.First()), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
	})
	return all
}

func after(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func (c *Collected) group(p Problem) *group {
	key := groupKey{p.Sort, p.Column, p.Warning, upload.Common(p.Message)}
	if _, known := c.groups[key]; !known && len(c.groups) >= mostGroups {
		key.common, key.column = "", "" // the number of keys in JSON objects is not limited
	}
	if g, known := c.groups[key]; known {
		return g
	}
	if c.groups == nil {
		c.groups = map[groupKey]*group{}
	}
	g := &group{first: p}
	c.groups[key] = g
	return g
}

// group is a Group that grows.
type group struct {
	first       Problem
	hintsDiffer bool
	message     string
	count       int
	lines       Lines
	examples    []Problem
}

func (g *group) add(p Problem) {
	g.count++
	g.lines.add(p.Line)
	if g.count == 1 {
		g.message = p.Message
	}
	if p.Message != g.first.Message {
		g.message = upload.Merge(g.message, p.Message)
	}
	g.hintsDiffer = g.hintsDiffer || p.Hint != g.first.Hint
	if len(g.examples) < mostExamples && !slices.ContainsFunc(g.examples, func(e Problem) bool { return e.Message == p.Message && e.Hint == p.Hint }) {
		g.examples = append(g.examples, p)
	}
}

func (g *group) group() Group {
	whole := Group{
		Sort: g.first.Sort, Column: g.first.Column, Warning: g.first.Warning, Message: g.message, Hint: g.first.Hint,
		Count: g.count, Lines: g.lines.sorted(), HintsDiffer: g.hintsDiffer,
	}
	if len(g.examples) > 1 {
		whole.Examples = g.examples
	}
	return whole
}

// String describes the group on one line: a single row as its Problem does, several
// with their number and their first lines.
func (g Group) String() string {
	if g.Count == 1 {
		return Problem{Line: g.Lines.First(), Column: g.Column, Message: g.Message, Hint: g.Hint}.String()
	}
	what := Problem{Column: g.Column, Message: g.Message}.what()
	text := fmt.Sprintf("%s; %d rows: %s", what, g.Count, g.Lines.Short(mostShown))
	if g.Hint != "" && !g.HintsDiffer {
		text += " (" + g.Hint + ")"
	}
	return text
}

// Example describes one row of the group on one line: by its cell, if that is what
// differs.
func (g Group) Example(p Problem) string {
	text := fmt.Sprintf("line %d: ", p.Line)
	shared := func(other Problem) bool { return other.Line != p.Line && other.Value == p.Value }
	if p.Value == "" || slices.ContainsFunc(g.Examples, shared) {
		text += p.Message
	} else {
		text += shown(p.Value)
	}
	if p.Hint != "" && g.HintsDiffer {
		text += " (" + p.Hint + ")"
	}
	return text
}

// mostShown is how many ranges of lines a sentence names.
const mostShown = 10

// Lines is a list of line numbers. It keeps the first thousand ranges, and counts the
// lines after them.
type Lines struct {
	stretches [][2]int
	beyond    int
}

func (l *Lines) add(line int) {
	last := len(l.stretches) - 1
	switch {
	case last >= 0 && line >= l.stretches[last][0] && line <= l.stretches[last][1]+1:
		l.stretches[last][1] = max(line, l.stretches[last][1])
	case len(l.stretches) == mostStretches:
		l.beyond++
	default:
		l.stretches = append(l.stretches, [2]int{line, line})
	}
}

// sorted is the list in ascending order: what is found after the last row was read
// was added last.
func (l Lines) sorted() Lines {
	slices.SortFunc(l.stretches, func(a, b [2]int) int { return cmp.Compare(a[0], b[0]) })
	return l
}

// First is the first line; 0 if there is none.
func (l Lines) First() int {
	if len(l.stretches) == 0 {
		return 0
	}
	return l.stretches[0][0]
}

// Numbers are the first lines, at most that many.
func (l Lines) Numbers(most int) []int {
	var all []int
	for _, s := range l.stretches {
		for n := s[0]; n <= s[1]; n++ {
			if len(all) == most {
				return all
			}
			all = append(all, n)
		}
	}
	return all
}

// Short is the list as ranges, 101-180, 203, of which at most that many are named; "…"
// stands for the others.
func (l Lines) Short(most int) string {
	var parts []string
	for _, s := range l.stretches[:min(most, len(l.stretches))] {
		switch s[1] - s[0] {
		case 0:
			parts = append(parts, fmt.Sprint(s[0]))
		case 1:
			parts = append(parts, fmt.Sprint(s[0]), fmt.Sprint(s[1]))
		default:
			parts = append(parts, fmt.Sprintf("%d-%d", s[0], s[1]))
		}
	}
	text := strings.Join(parts, ", ")
	if len(l.stretches) > most || l.beyond > 0 {
		text += " …"
	}
	return text
}
