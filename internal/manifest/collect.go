package manifest

import (
	"fmt"
	"strconv"
	"strings"
)

// Limits of what a Collected keeps.
const (
	inFull        = 100  // problems, and as many warnings, in full
	mostGroups    = 200  // groups of the rest
	mostStretches = 1000 // ranges of lines in one group
)

// Collected holds the problems of a whole manifest in bounded memory: the first
// hundred in full, and the rest in groups that still name every line. Warnings are
// kept apart, so that they do not hide problems. The zero value is ready to use. It
// is not safe for concurrent use.
type Collected struct {
	Problems int `json:"problems"`
	Warnings int `json:"warnings"`
	Refused  int `json:"refused"` // rows that have a problem

	First        []Problem `json:"first,omitempty"`
	FirstWarning []Problem `json:"first_warnings,omitempty"`
	// Rest groups the problems that are not in First and FirstWarning, in order of
	// appearance.
	Rest []Group `json:"rest,omitempty"`

	groups map[groupKey]int // indexes of Rest
}

// Group is a group of problems of one sort in one column.
type Group struct {
	Sort    Sort   `json:"sort"`
	Column  string `json:"column,omitempty"`
	Warning bool   `json:"warning,omitempty"`
	Count   int    `json:"count"`
	// Example is the message for the first line of the group, and Hint its remedy.
	Example string `json:"example"`
	Hint    string `json:"hint"`
	Lines   Lines  `json:"lines"`
}

type groupKey struct {
	sort    Sort
	column  string
	warning bool
}

// AddRow adds the problems of a row. Rows must be added in the manifest's order.
func (c *Collected) AddRow(row Row) {
	if !row.Valid() {
		c.Refused++
	}
	c.Add(row.Problems...)
}

// Add adds problems that belong to no row, such as those of the header.
func (c *Collected) Add(problems ...Problem) {
	for _, p := range problems {
		count, first := &c.Problems, &c.First
		if p.Warning {
			count, first = &c.Warnings, &c.FirstWarning
		}
		*count++
		if len(*first) < inFull {
			*first = append(*first, p)
			continue
		}
		c.group(p).add(p)
	}
}

func (c *Collected) group(p Problem) *Group {
	key := groupKey{p.Sort, p.Column, p.Warning}
	if _, known := c.groups[key]; !known && len(c.groups) >= mostGroups {
		key.column = "" // the number of keys in JSON objects is not limited
	}
	if i, known := c.groups[key]; known {
		return &c.Rest[i]
	}
	if c.groups == nil {
		c.groups = map[groupKey]int{}
	}
	c.groups[key] = len(c.Rest)
	c.Rest = append(c.Rest, Group{Sort: key.sort, Column: key.column, Warning: key.warning, Example: p.Message, Hint: p.Hint})
	return &c.Rest[len(c.Rest)-1]
}

func (g *Group) add(p Problem) {
	g.Count++
	g.Lines.add(p.Line)
}

// String describes the group on one line.
func (g Group) String() string {
	lines := "lines"
	if g.Count == 1 {
		lines = "line"
	}
	example := Problem{Column: g.Column, Message: g.Example}
	return fmt.Sprintf("%d more in %s %s, for example %s (%s)", g.Count, lines, g.Lines, example.what(), g.Hint)
}

// Lines is a list of line numbers, printed as ranges: 101-180, 203. It keeps the
// first thousand ranges, and counts the lines after them.
type Lines struct {
	stretches [][2]int
	beyond    int
}

func (l *Lines) add(line int) {
	last := len(l.stretches) - 1
	switch {
	case l.beyond > 0:
		l.beyond++
	case last >= 0 && line <= l.stretches[last][1]+1:
		l.stretches[last][1] = line
	case len(l.stretches) == mostStretches:
		l.beyond++
	default:
		l.stretches = append(l.stretches, [2]int{line, line})
	}
}

// String is the list as it is printed.
func (l Lines) String() string {
	var b strings.Builder
	for i, s := range l.stretches {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Itoa(s[0]))
		if s[1] > s[0] {
			b.WriteString("-" + strconv.Itoa(s[1]))
		}
	}
	if l.beyond > 0 {
		fmt.Fprintf(&b, " and %d more", l.beyond)
	}
	return b.String()
}

// MarshalText is String, so that the list is the same in JSON.
func (l Lines) MarshalText() ([]byte, error) { return []byte(l.String()), nil }
