package manifest_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/manifest"
)

func TestTheFirstHundredAreInFullAndTheRestAreCounted(t *testing.T) {
	var c manifest.Collected
	for line := range 250 {
		c.Add(manifest.Problem{Line: line + 2, Sort: manifest.SortGTIN, Column: "gtin", Message: fmt.Sprintf("%d is wrong", line), Hint: "write it anew"})
		if line%50 == 0 {
			c.Add(manifest.Problem{Line: line + 2, Sort: manifest.SortSource, Column: "source", Message: "is missing", Hint: "write one"})
		}
		c.Add(manifest.Problem{Line: line + 2, Sort: manifest.SortID, Column: "id", Message: "is odd", Hint: "look", Warning: true})
	}
	require.Equal(t, 255, c.Problems)
	require.Equal(t, 250, c.Warnings)
	require.Len(t, c.First, 100)
	require.Len(t, c.FirstWarning, 100)
	require.Len(t, c.Rest, 3)
	byColumn := map[string]string{}
	for _, g := range c.Rest {
		byColumn[g.Column] = g.String()
	}
	require.Equal(t, map[string]string{
		"gtin":   "152 more in lines 100-251, for example gtin: 98 is wrong (write it anew)",
		"source": "3 more in lines 102, 152, 202, for example source: is missing (write one)",
		"id":     "150 more in lines 102-251, for example id: is odd (look)",
	}, byColumn)
	raw, err := json.Marshal(c.Rest[0])
	require.NoError(t, err)
	require.Contains(t, string(raw), `"lines":"`)
}

func TestWhatIsCollectedIsBounded(t *testing.T) {
	var c manifest.Collected
	for i := range 10_000 {
		c.Add(manifest.Problem{Line: 2*i + 1, Sort: manifest.SortColumn, Column: fmt.Sprint("k", i), Message: "is unknown"})
	}
	require.Len(t, c.Rest, 201)
	total := len(c.First)
	for _, g := range c.Rest {
		total += g.Count
		require.Less(t, len(g.Lines.String()), 10_000)
	}
	require.Equal(t, c.Problems, total)
	last := c.Rest[200]
	require.Equal(t, "", last.Column)
	require.Contains(t, last.String(), "and 8700 more")
	require.Contains(t, manifest.Group{Count: 1}.String(), "1 more in line ")
}

func TestRowsAreCountedOnceHoweverMuchIsWrong(t *testing.T) {
	var c manifest.Collected
	for _, row := range readText(t, "source,to,id\na.txt,trustana,a b\nb.jpg,trustana,\nc.jpg,trustana,15.0\n").rows {
		c.AddRow(row)
	}
	require.Equal(t, 1, c.Refused)
	require.Equal(t, 2, c.Problems)
	require.Equal(t, 1, c.Warnings)
}
