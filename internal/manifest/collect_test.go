package manifest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/manifest"
)

func TestProblemsAreGroupedByTheirCause(t *testing.T) {
	var c manifest.Collected
	add := func(line int, column, message, hint string, warning bool) {
		c.Add(manifest.Problem{Line: line, Sort: manifest.SortField, Column: column, Message: message, Hint: hint, Warning: warning})
	}
	for line := range 100 {
		add(3*line+4, "organization_id", `"org1" is not a UUID`, "use 36 characters", false)
	}
	for line := range 3 {
		add(line+2, "gtin", fmt.Sprintf(`"%d" has %d digits, not 13`, line, 9+line), fmt.Sprintf("did you mean %d?", line), false)
	}
	add(2, "title", "is long", "shorten it", true)
	add(9, "file", "is odd", "", false)
	require.Equal(t, 104, c.Problems)
	require.Equal(t, 1, c.Warnings)
	var told []string
	for _, g := range c.Groups() {
		told = append(told, g.String())
		for _, e := range g.Examples {
			told = append(told, "  "+g.Example(e))
		}
	}
	require.Equal(t, []string{
		`gtin: "…" has … digits, not 13; 3 rows: 2-4`,
		`  line 2: "0" has 9 digits, not 13 (did you mean 0?)`,
		`  line 3: "1" has 10 digits, not 13 (did you mean 1?)`,
		`  line 4: "2" has 11 digits, not 13 (did you mean 2?)`,
		`organization_id: "org1" is not a UUID; 100 rows: 4, 7, 10, 13, 16, 19, 22, 25, 28, 31 … (use 36 characters)`,
		`line 9: file: is odd`,
		`line 2: title: is long (shorten it)`,
	}, told)
}

func TestLinesThatAreFoundLateAreInOrder(t *testing.T) {
	var c manifest.Collected
	for _, line := range []int{5, 6, 9, 2, 10, 3} {
		c.Add(manifest.Problem{Line: line, Message: "is wrong"})
	}
	lines := c.Groups()[0].Lines
	require.Equal(t, []int{2, 3, 5, 6, 9}, lines.Numbers(5))
	require.Equal(t, "2, 3, 5, 6 …", lines.Short(3))
}

func TestWhatIsCollectedIsBounded(t *testing.T) {
	var c manifest.Collected
	for i := range 10_000 {
		c.Add(manifest.Problem{Line: 2*i + 1, Sort: manifest.SortColumn, Column: fmt.Sprint("k", i), Message: fmt.Sprintf("%q is unknown", "é")})
	}
	groups := c.Groups()
	require.Len(t, groups, 301)
	total := 0
	for _, g := range groups {
		total += g.Count
		require.LessOrEqual(t, len(g.Examples), 20)
		require.Less(t, len(g.Lines.Short(1000)), 10_000)
	}
	require.Equal(t, c.Problems, total)
}

func TestRowsAreCountedOnceHoweverMuchIsWrong(t *testing.T) {
	var c manifest.Collected
	for _, row := range readText(t, "source,to,id\na.txt,trustana,line#1\nb.jpg,trustana,\nc.jpg,trustana,15.0\n").rows {
		c.AddRow(row)
	}
	require.Equal(t, 1, c.Refused)
	require.Equal(t, 2, c.Problems)
	require.Equal(t, 1, c.Warnings)
}
