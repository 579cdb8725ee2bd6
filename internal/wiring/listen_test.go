package wiring

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnAddressToServeAtHasAPort(t *testing.T) {
	for _, good := range []string{"127.0.0.1:0", "127.0.0.1:65535", ":9464", "localhost:80", "[::1]:8234"} {
		require.NoError(t, CheckListen(good), good)
	}
	for _, bad := range []string{"bogus", "127.0.0.1", "127.0.0.1:", "127.0.0.1:1x", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80", ""} {
		require.ErrorContains(t, CheckListen(bad), "; use ", bad)
	}
}

func TestLoopbackIsWhatOnlyThisMachineReaches(t *testing.T) {
	for _, own := range []string{"127.0.0.1:80", "127.8.9.1:80", "localhost:80", "[::1]:80"} {
		require.True(t, Loopback(own), own)
	}
	for _, open := range []string{":80", "0.0.0.0:80", "[::]:80", "10.0.0.1:80", "example.com:80", "bogus"} {
		require.False(t, Loopback(open), open)
	}
}
