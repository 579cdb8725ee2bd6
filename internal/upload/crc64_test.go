package upload

import (
	"hash/crc64"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

const check = "123456789"

func sum(data []byte) uint64 { return crc64.Checksum(data, CRC64Table) }

func TestCRC64IsTheStores(t *testing.T) {
	require.Equal(t, "11051210869376104954", FormatCRC64(sum([]byte(check))))
	require.Equal(t, "0", FormatCRC64(0))
	require.Equal(t, "18446744073709551615", FormatCRC64(math.MaxUint64))
	for _, n := range []uint64{0, 1, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64} {
		back, err := ParseCRC64(FormatCRC64(n))
		require.NoError(t, err)
		require.Equal(t, n, back)
	}
	for _, text := range []string{"", "-1", "0x1", "18446744073709551616", "1.0", " 1"} {
		_, err := ParseCRC64(text)
		require.Error(t, err, "%q", text)
	}
}

func TestTheSumsOfTwoRangesMakeThatOfTheWhole(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 100_000)
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	for _, split := range []int{0, 1, 2, 3, 7, 8, 9, 63, 64, 65, 4095, 4096, 4097, 65535, 65536, 65537, len(data) - 1, len(data)} {
		require.Equal(t, sum(data), CombineCRC64(sum(data[:split]), sum(data[split:]), int64(len(data)-split)), "split at %d", split)
	}
	for range 200 {
		size := random.IntN(len(data))
		split := random.IntN(size + 1)
		require.Equal(t, sum(data[:size]), CombineCRC64(sum(data[:split]), sum(data[split:size]), int64(size-split)))
	}
}

func TestNothingAddedChangesNothing(t *testing.T) {
	require.Equal(t, uint64(42), CombineCRC64(42, 0, 0))
	require.Equal(t, uint64(42), CombineCRC64(42, 7, -1))
	require.Equal(t, uint64(7), CombineCRC64(0, 7, 1<<40), "the sum of nothing is zero")
}

// A range of terabytes cannot be read here, but can be put together.
func TestLongRangesCombineInAnyOrderOfCombining(t *testing.T) {
	a, b, c := uint64(0x1234), uint64(0xdeadbeef), uint64(0xffffffffffffffff)
	const first, second = int64(5)<<40 + 3, int64(7)<<40 + 1
	left := CombineCRC64(CombineCRC64(a, b, first), c, second)
	right := CombineCRC64(a, CombineCRC64(b, c, second), first+second)
	require.Equal(t, left, right)
}

func TestPartsAreJoinedInTheirOrder(t *testing.T) {
	part := func(text string) Part {
		return Part{Size: int64(len(text)), CRC64: FormatCRC64(sum([]byte(text)))}
	}
	require.Equal(t, "11051210869376104954", JoinParts([]Part{part("123"), part("4"), part("56789")}))
	require.Equal(t, "11051210869376104954", JoinParts([]Part{part(check)}))
	require.NotEqual(t, "11051210869376104954", JoinParts([]Part{part("4"), part("123"), part("56789")}))
	require.Empty(t, JoinParts([]Part{part("123"), {Size: 6}}), "one that is not known")
	require.Empty(t, JoinParts([]Part{part("123"), {Size: 6, CRC64: "x"}}))
}

func FuzzTheSumsOfTwoRangesMakeThatOfTheWhole(f *testing.F) {
	f.Add([]byte(check), 3)
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, data []byte, split int) {
		if split < 0 || split > len(data) {
			t.Skip()
		}
		require.Equal(t, sum(data), CombineCRC64(sum(data[:split]), sum(data[split:]), int64(len(data)-split)))
	})
}
