package simulate

import (
	"hash/crc64"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCRC64Vector(t *testing.T) {
	m := NewMeasuredReader(strings.NewReader("123456789"), Measure{CRC64: true})
	buf := make([]byte, 4) // in pieces
	for {
		if _, err := m.Read(buf); err != nil {
			break
		}
	}
	require.Equal(t, "11051210869376104954", m.Content().CRC64)
	require.Equal(t, "11051210869376104954", strconv.FormatUint(crc64.Checksum([]byte("123456789"), crc64.MakeTable(crc64.ECMA)), 10))
}
