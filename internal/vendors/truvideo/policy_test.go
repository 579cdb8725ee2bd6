package truvideo

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

// The limits of TruVideo's sessions, at their bounds: contract 7.4.
func TestTruvideosPlans(t *testing.T) {
	const mib = 1 << 20
	most := int64(maxPart * maxParts)
	for _, c := range []struct {
		name     string
		size     int64
		partSize int64
		parts    int
	}{
		{"one byte", 1, 1, 1},
		{"just below what is sent in parts", 10_000_000 - 1, 10_000_000 - 1, 1},
		{"the largest that is sent whole", 10_000_000, 10_000_000, 1},
		{"one byte more is cut, into no more than it needs", 10_000_000 + 1, 10 * mib, 1},
		{"one part less a byte", 10*mib - 1, 10 * mib, 1},
		{"one part", 10 * mib, 10 * mib, 1},
		{"one part and a byte", 10*mib + 1, 10 * mib, 2},
		{"just below the second step", 100_000_000 - 1, 10 * mib, 10},
		{"the second step", 100_000_000, 10 * mib, 10},
		{"just above the second step", 100_000_000 + 1, 32 * mib, 3},
		{"just below the third step", 1_000_000_000 - 1, 32 * mib, 30},
		{"the third step", 1_000_000_000, 32 * mib, 30},
		{"just above the third step", 1_000_000_000 + 1, 64 * mib, 15},
		{"as many parts as there may be, less a byte", 120*64*mib - 1, 64 * mib, 120},
		{"as many parts as there may be", 120 * 64 * mib, 64 * mib, 120},
		{"a byte more makes larger parts", 120*64*mib + 1, 65 * mib, 119},
		{"the largest, less a byte", most - 1, maxPart, 120},
		{"the largest", most, maxPart, 120},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan, err := upload.PlanParts(c.size, *truvideo.Parts)
			require.NoError(t, err)
			require.Equal(t, c.size, plan.Size)
			require.Equal(t, c.parts, plan.Parts)
			require.LessOrEqual(t, plan.PartSize, max(c.partSize, c.size))
			if plan.Parts > 1 {
				require.Equal(t, c.partSize, plan.PartSize)
				require.GreaterOrEqual(t, plan.PartSize, int64(minPart))
				require.LessOrEqual(t, plan.PartSize, int64(maxPart))
			}
		})
	}
	for _, size := range []int64{0, -1, most + 1} {
		_, err := upload.PlanParts(size, *truvideo.Parts)
		require.Equal(t, upload.KindInvalid, upload.KindOf(err))
	}
}
