package manifest

import (
	"fmt"
	"strconv"
	"strings"
)

// Bounds of what a Collected keeps, whatever is added to it.
const (
	inFull        = 100  // problems, and as many warnings
	mostGroups    = 200  // groups of the rest
	mostStretches = 1000 // of the lines of one group
)

// Collected is what is wrong with a whole manifest, in bounded memory: the first
// hundred problems in full, and the rest in groups that still name every line.
// Warnings are kept apart, so that they hide no problem. The zero value is
// ready to use; it is not safe for concurrent use.
type Collected struct {
	Problems int `json:"problems"`
	Warnings int `json:"warnings"`
	Refused  int `json:"refused"` // rows that have a problem

	First        []Problem `json:"first,omitempty"`
	FirstWarning []Problem `json:"first_warnings,omitempty"`
	// Rest are the groups of what First and FirstWarning do not hold, in the
	// order in which they were met.
	Rest []Group `json:"rest,omitempty"`

	groups map[groupKey]int // indexes of Rest
}

// Group is problems of one sort in one column.
type Group struct {
	Sort    Sort   `json:"sort"`
	Column  string `json:"column,omitempty"`
	Warning bool   `json:"warning,omitempty"`
	Count   int    `json:"count"`
	// Example is the message of the group's first line, and Hint its remedy.
	Example string `json:"example"`
	Hint    string `json:"hint"`
	Lines   Lines  `json:"lines"`
}

type groupKey struct {
	sort    Sort
	column  string
	warning bool
}

// AddRow adds what is wrong with a row. Rows are added in the manifest's order.
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
		key.column = "" // the columns of JSON objects are without number
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

// String names the group in one line.
func (g Group) String() string {
	lines := "lines"
	if g.Count == 1 {
		lines = "line"
	}
	example := Problem{Column: g.Column, Message: g.Example}
	return fmt.Sprintf("%d more at %s %s, such as %s (%s)", g.Count, lines, g.Lines, example.what(), g.Hint)
}

// Lines names lines of a manifest as people do: 101-180, 203. It keeps the first
// thousand stretches and counts what comes after them.
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
		fmt.Fprintf(&b, " and %d more after them", l.beyond)
	}
	return b.String()
}

// MarshalText is String, so that JSON has it as people read it.
func (l Lines) MarshalText() ([]byte, error) { return []byte(l.String()), nil }
