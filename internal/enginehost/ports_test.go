package enginehost

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPortOf(t *testing.T) {
	for address, want := range map[string]int{
		"127.0.0.1:7233": 7233, "http://127.0.0.1:8233": 8233, "http://127.0.0.1:8233/path": 8233,
		"": 0, "127.0.0.1": 0, "127.0.0.1:99999": 0, "127.0.0.1:x": 0,
	} {
		require.Equal(t, want, portOf(address), address)
	}
}
