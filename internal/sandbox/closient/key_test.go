package closient

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClosientTakesIDsInBothForms(t *testing.T) {
	require.Equal(t, "2222222222222222222222", shortUUID("00000000-0000-0000-0000-000000000000"))
	short, ok := shortID("ffffffff-ffff-ffff-ffff-ffffffffffff")
	require.True(t, ok)
	again, ok := shortID(short)
	require.True(t, ok)
	require.Equal(t, short, again)
	_, ok = shortID("3NxmYwJ9zKqBvT7cRfPdH0")
	require.False(t, ok)
}

func TestClosientKeyVector(t *testing.T) {
	require.Equal(t, "csb_0123456789abcdefghijABCDEFGHIJ01_56ee0708", keyOf("0123456789abcdefghijABCDEFGHIJ01"))
}
