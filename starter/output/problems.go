package output

import (
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/mediaferry/mediaferry/internal/manifest"
	"github.com/mediaferry/mediaferry/internal/sheet"
)

const (
	// mostFrequent is how many causes are named before all of them.
	mostFrequent = 3
	// manyCauses is from how many causes on the most frequent ones are named first.
	manyCauses = 8
	// mostLines is how many lines of a group its JSON names.
	mostLines = 100
)

// Problems prints what refuses rows of a manifest, by its causes.
func (c Console) Problems(found manifest.Collected) {
	var groups []manifest.Group
	for _, g := range found.Groups() {
		if !g.Warning {
			groups = append(groups, g)
		}
	}
	c.frequent(groups, found.Problems)
	for _, g := range groups {
		c.cause("", g)
	}
}

// frequent names the causes that account for the most rows, if there are many causes
// and some of them account for several rows each.
func (c Console) frequent(groups []manifest.Group, of int) {
	by := slices.Clone(groups)
	slices.SortStableFunc(by, func(a, b manifest.Group) int { return b.Count - a.Count })
	if len(by) < manyCauses || by[mostFrequent-1].Count == 1 {
		return
	}
	_, _ = say(c.Err, "%d problems have %d causes; the most frequent:\n", of, len(groups))
	for _, g := range by[:mostFrequent] {
		_, _ = say(c.Err, "  %s\n", g)
	}
	_, _ = say(c.Err, "all causes, in the order of their first lines:\n")
}

// Warnings prints what is accepted all the same, and may not be meant.
func (c Console) Warnings(found manifest.Collected) {
	for _, g := range found.Groups() {
		if g.Warning {
			c.cause("warning: ", g)
		}
	}
}

func (c Console) cause(mark string, g manifest.Group) {
	_, _ = say(c.Err, "%s%s\n", mark, g)
	if g.Count == 1 {
		return
	}
	for _, e := range g.Examples {
		_, _ = say(c.Err, "  %s\n", g.Example(e))
	}
	if more := g.Count - len(g.Examples); len(g.Examples) > 0 && more > 0 {
		_, _ = say(c.Err, "  and %d more; to see all of them: mediaferry batch plan MANIFEST -o problems.csv\n", more)
	}
}

// groupLine is a group as `batch plan --json` prints it.
type groupLine struct {
	Severity string        `json:"severity"`
	Sort     manifest.Sort `json:"sort"`
	Column   string        `json:"column"`
	Problem  string        `json:"problem"`
	Hint     string        `json:"hint"`
	Count    int           `json:"count"`
	Lines    []int         `json:"lines"`
	More     int           `json:"more"`
	Examples []exampleLine `json:"examples,omitempty"`
}

// exampleLine is one row of a group whose rows differ.
type exampleLine struct {
	Line    int    `json:"line"`
	Value   string `json:"value"`
	Problem string `json:"problem"`
	Hint    string `json:"hint"`
}

// ProblemObjects prints one JSON object for each group.
func (p Printer) ProblemObjects(found manifest.Collected) error {
	for _, g := range found.Groups() {
		line := groupLine{
			Severity: severity(g.Warning), Sort: g.Sort, Column: g.Column, Problem: g.Message, Hint: hintOf(g), Count: g.Count,
			Lines: g.Lines.Numbers(mostLines),
		}
		line.More = g.Count - len(line.Lines)
		for _, e := range g.Examples {
			line.Examples = append(line.Examples, exampleLine{e.Line, e.Value, e.Message, e.Hint})
		}
		if err := p.Object(line); err != nil {
			return err
		}
	}
	return nil
}

// hintOf is the hint for a whole group.
func hintOf(g manifest.Group) string {
	if g.HintsDiffer {
		return "the rows have different remedies: see examples"
	}
	return g.Hint
}

func severity(warning bool) string {
	if warning {
		return "warning"
	}
	return "error"
}

// ProblemTable writes problems as a table for spreadsheets: one row each, CSV with a
// byte order mark. It is not safe for concurrent use.
type ProblemTable struct{ out *sheet.Writer }

// NewProblemTable writes the header of a table.
func NewProblemTable(w io.Writer) (*ProblemTable, error) {
	if _, err := io.WriteString(w, sheet.Mark); err != nil {
		return nil, fmt.Errorf("write the problems: %w", err)
	}
	t := &ProblemTable{sheet.NewWriter(w)}
	return t, t.out.Write([]string{"line", "column", "value", "severity", "problem", "hint"})
}

// Add writes one problem.
func (t *ProblemTable) Add(p manifest.Problem) error {
	return t.out.Write([]string{strconv.Itoa(p.Line), p.Column, p.Value, severity(p.Warning), p.Message, p.Hint})
}

// Flush writes buffered data. It must be the last call.
func (t *ProblemTable) Flush() error { return t.out.Flush() }
