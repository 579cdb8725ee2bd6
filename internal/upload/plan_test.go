package upload

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

const mib = 1 << 20

// limits are of no vendor: small enough to read, with every rule that there is.
func limits() PartLimits {
	return PartLimits{
		MinPart: 5 * mib, MaxPart: 100*mib + 1, MaxParts: 10, Single: 8 * mib,
		Steps: []PartStep{{UpTo: 40 * mib, Part: 6 * mib}, {UpTo: 60 * mib, Part: 20 * mib}, {Part: 30 * mib}},
	}
}

func TestAMediumIsCutAsTheLimitsSay(t *testing.T) {
	for _, c := range []struct {
		name       string
		size, part int64
		parts      int
	}{
		{"one byte is one part", 1, 1, 1},
		{"what may be sent whole is, less a byte", 8*mib - 1, 8*mib - 1, 1},
		{"what may be sent whole is", 8 * mib, 8 * mib, 1},
		{"a byte more is cut by the first step", 8*mib + 1, 6 * mib, 2},
		{"parts that come out even", 12 * mib, 6 * mib, 2},
		{"parts that do not", 12*mib + 1, 6 * mib, 3},
		{"the first step, less a byte", 40*mib - 1, 6 * mib, 7},
		{"the first step", 40 * mib, 6 * mib, 7},
		{"the second step", 40*mib + 1, 20 * mib, 3},
		{"its end", 60 * mib, 20 * mib, 3},
		{"the last step", 60*mib + 1, 30 * mib, 3},
		{"as many parts as there may be", 300 * mib, 30 * mib, 10},
		{"a byte more: parts grow by whole MiB", 300*mib + 1, 31 * mib, 10},
		{"the largest with parts of whole MiB", 1000 * mib, 100 * mib, 10},
		{"larger: parts as large as they may be", 1000*mib + 1, 100*mib + 1, 10},
		{"the largest", 1000*mib + 10, 100*mib + 1, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan, err := PlanParts(c.size, limits())
			require.NoError(t, err)
			require.Equal(t, Plan{Size: c.size, PartSize: c.part, Parts: c.parts}, plan)
		})
	}
	for name, size := range map[string]int64{"nothing": 0, "less": -1, "a byte more than fits": 1000*mib + 11} {
		t.Run("refused is "+name, func(t *testing.T) {
			_, err := PlanParts(size, limits())
			require.Equal(t, KindInvalid, KindOf(err))
		})
	}
	t.Run("without steps parts are as small as they may be", func(t *testing.T) {
		l := limits()
		l.Steps = nil
		plan, err := PlanParts(20*mib, l)
		require.NoError(t, err)
		require.EqualValues(t, 5*mib, plan.PartSize)
	})
	t.Run("what is smaller than a part is one, also where nothing may be sent whole", func(t *testing.T) {
		l := limits()
		l.Single = 0
		plan, err := PlanParts(5*mib, l)
		require.NoError(t, err)
		require.Equal(t, 1, plan.Parts)
	})
	t.Run("limits of nothing take nothing", func(t *testing.T) {
		_, err := PlanParts(1, PartLimits{})
		require.Equal(t, KindInvalid, KindOf(err))
	})
}

func TestARangeIsAPartOfThePlan(t *testing.T) {
	plan := Plan{Size: 25, PartSize: 10, Parts: 3}
	for number, want := range map[int][2]int64{1: {0, 10}, 2: {10, 10}, 3: {20, 5}} {
		offset, size, err := plan.Range(number)
		require.NoError(t, err)
		require.Equal(t, want, [2]int64{offset, size})
	}
	for _, number := range []int{-1, 0, 4} {
		_, _, err := plan.Range(number)
		require.EqualError(t, err, fmt.Sprintf("part %d is not in the range 1 to 3", number))
	}
}

// Whatever is cut can be put together again, within the limits.
func FuzzAPlanCoversEveryByteOnce(f *testing.F) {
	for _, size := range []int64{1, 8*mib - 1, 8*mib + 1, 300*mib + 1, 1000*mib + 10, 1000*mib + 11, -5} {
		f.Add(size)
	}
	f.Fuzz(func(t *testing.T, size int64) {
		l := limits()
		plan, err := PlanParts(size, l)
		if err != nil {
			require.True(t, size <= 0 || size > l.MaxPart*int64(l.MaxParts))
			return
		}
		require.LessOrEqual(t, plan.Parts, l.MaxParts)
		var end int64
		for number := 1; number <= plan.Parts; number++ {
			offset, part, err := plan.Range(number)
			require.NoError(t, err)
			require.Equal(t, end, offset)
			require.Positive(t, part)
			require.LessOrEqual(t, part, l.MaxPart)
			if number < plan.Parts {
				require.GreaterOrEqual(t, part, l.MinPart)
			}
			end += part
		}
		require.Equal(t, size, end)
	})
}
