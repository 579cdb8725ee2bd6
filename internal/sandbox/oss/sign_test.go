package oss

import (
	"encoding/base64"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOSSPolicyVectors(t *testing.T) {
	policy := base64.StdEncoding.EncodeToString([]byte(`{"expiration":"2030-01-01T00:00:00Z","conditions":[["starts-with","$key","test79198486784/2026/6/17/"]]}`))
	require.Equal(t, "eyJleHBpcmF0aW9uIjoiMjAzMC0wMS0wMVQwMDowMDowMFoiLCJjb25kaXRpb25zIjpbWyJzdGFydHMtd2l0aCIsIiRrZXkiLCJ0ZXN0NzkxOTg0ODY3ODQvMjAyNi82LzE3LyJdXX0=", policy)
	require.Equal(t, "9BDJ5yc+Q/9ikgJpX0kPViOGSkg=", Sign("oss_secret", policy))
}

func TestAnotherChecksumIsAsGood(t *testing.T) {
	for _, crc := range []string{"0", "7", "19", "1051210869376104954", "11051210869376104954", "18446744073709551615"} {
		other := otherCRC(crc)
		_, err := strconv.ParseUint(other, 10, 64)
		require.NoError(t, err, crc)
		require.NotEqual(t, crc, other)
	}
}
