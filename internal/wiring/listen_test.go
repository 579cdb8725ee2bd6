package wiring

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/config"
)

func TestAnAddressToServeAtHasAPort(t *testing.T) {
	for _, good := range []string{"127.0.0.1:0", "127.0.0.1:65535", ":9464", "localhost:80", "[::1]:8234"} {
		require.NoError(t, CheckListen(good), good)
	}
	for _, bad := range []string{"bogus", "127.0.0.1", "127.0.0.1:", "127.0.0.1:1x", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80", ""} {
		require.ErrorContains(t, CheckListen(bad), "; use ", bad)
	}
}

func TestWhatNeedsATokenIsServedToOthersOverTLSAlone(t *testing.T) {
	for _, c := range []struct {
		address     string
		dashboard   config.Dashboard
		behindProxy bool
		refused     string
	}{
		{"127.0.0.1:0", config.Dashboard{}, false, ""},
		{":0", config.Dashboard{}, false, "it needs TLS"},
		{"0.0.0.0:0", config.Dashboard{}, false, "it needs TLS"},
		{"10.0.0.1:0", config.Dashboard{}, false, "it needs TLS"},
		{":0", config.Dashboard{}, true, ""},
		{":0", config.Dashboard{Cert: "/no/cert", Key: "/no/key"}, false, "dashboard.tls"},
	} {
		l, err := Serving(c.address, c.dashboard, c.behindProxy)
		if c.refused != "" {
			require.ErrorContains(t, err, c.refused, c.address)
			continue
		}
		require.NoError(t, err, c.address)
		require.Equal(t, "http", l.Scheme())
	}
}
