package simulate

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestARuleHitsTheCallsItCounts(t *testing.T) {
	for _, c := range []struct {
		name string
		rule Rule
		want []int
	}{
		{"every call", Rule{}, []int{1, 2, 3, 4, 5}},
		{"the third", Rule{Nth: 3}, []int{3}},
		{"the third and all after it", Rule{Nth: 3, Onward: true}, []int{3, 4, 5}},
		{"two from the second", Rule{Nth: 2, Times: 2}, []int{2, 3}},
		{"the first two", Rule{Times: 2}, []int{1, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &FaultSet{}
			c.rule.Vendor, c.rule.Call = "v", "c"
			f.Add(c.rule)
			var hit []int
			for n := 1; n <= 5; n++ {
				require.Nil(t, f.take("v", "other", ""))
				if f.take("v", "c", "") != nil {
					hit = append(hit, n)
				}
			}
			require.Equal(t, c.want, hit)
		})
	}
}

func TestRulesCountForThemselves(t *testing.T) {
	f := &FaultSet{}
	f.Add(Rule{Vendor: "v", Call: "c", Match: "a", Nth: 2, What: "first"})
	f.Add(Rule{Vendor: "v", Call: "c", Nth: 2, What: "second"})
	require.Nil(t, f.take("v", "c", "a"))
	got := f.take("v", "c", "a")
	require.Equal(t, "first", got.What, "where two rules hit, the older one decides")
	require.Nil(t, f.take("v", "c", "b"))
	list := f.List()
	require.Equal(t, 2, list[0].Seen)
	require.Equal(t, 1, list[0].Applied)
	require.Equal(t, 3, list[1].Seen)
	require.Equal(t, 0, list[1].Applied)
}
