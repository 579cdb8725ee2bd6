package upload

import (
	"hash/crc64"
	"strconv"
)

// CRC64Table is the polynomial of OSS's checksum, ECMA-182.
var CRC64Table = crc64.MakeTable(crc64.ECMA)

// FormatCRC64 writes a CRC-64 (ECMA) as stores do: unsigned, decimal.
func FormatCRC64(sum uint64) string { return strconv.FormatUint(sum, 10) }

// ParseCRC64 reads what FormatCRC64 wrote.
func ParseCRC64(text string) (uint64, error) { return strconv.ParseUint(text, 10, 64) }

// CombineCRC64 returns the CRC-64 (ECMA) of two adjoining ranges from the sums
// of both and the length of the second, without reading either again.
//
// Appending n zero bytes to a message multiplies its remainder by x^8n. That is
// a linear map of 64 bits, here a matrix, squared log2(n) times.
func CombineCRC64(first, second uint64, secondLen int64) uint64 {
	if secondLen <= 0 {
		return first
	}
	var even, odd matrix
	odd[0] = crc64.ECMA // one bit shifted out feeds the polynomial back
	for i := 1; i < 64; i++ {
		odd[i] = 1 << (i - 1)
	}
	even.square(&odd) // two zero bits
	odd.square(&even) // four
	for n := secondLen; ; {
		even.square(&odd) // one zero byte at first, then four, sixteen, …
		if n&1 != 0 {
			first = even.times(first)
		}
		if n >>= 1; n == 0 {
			break
		}
		odd.square(&even)
		if n&1 != 0 {
			first = odd.times(first)
		}
		if n >>= 1; n == 0 {
			break
		}
	}
	return first ^ second
}

// matrix is a linear map over the two-element field: column i is what bit i
// turns into.
type matrix [64]uint64

func (m *matrix) times(v uint64) (sum uint64) {
	for i := 0; v != 0; i, v = i+1, v>>1 {
		if v&1 != 0 {
			sum ^= m[i]
		}
	}
	return sum
}

func (m *matrix) square(of *matrix) {
	for i := range m {
		m[i] = of.times(of[i])
	}
}

// JoinParts returns the CRC-64 of a medium from those of all its parts, in
// order; "" where one of them is not known.
func JoinParts(parts []Part) string {
	var whole uint64
	for _, part := range parts {
		sum, err := ParseCRC64(part.CRC64)
		if err != nil {
			return ""
		}
		whole = CombineCRC64(whole, sum, part.Size)
	}
	return FormatCRC64(whole)
}
