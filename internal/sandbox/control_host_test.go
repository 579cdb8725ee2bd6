package sandbox

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOtherHostsReachTheVendorsAndNoControl(t *testing.T) {
	s, err := Start(t.Context(), Options{Dir: t.TempDir(), Host: "sandbox", Token: "a-token-of-the-sandbox"})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	ask := func(from, path string) int {
		r := httptest.NewRequest(http.MethodGet, "http://sandbox:8500/_sandbox/"+path, nil)
		r.RemoteAddr = from
		r.Header.Set("Authorization", "Bearer a-token-of-the-sandbox")
		answer := httptest.NewRecorder()
		s.control().ServeHTTP(answer, r)
		return answer.Code
	}
	require.Equal(t, http.StatusForbidden, ask("172.18.0.7:4711", "ledger"))
	require.Equal(t, http.StatusOK, ask("172.18.0.7:4711", "health"))
	require.Equal(t, http.StatusOK, ask("127.0.0.1:4711", "ledger"))
	require.Contains(t, string(s.Config()), `base_url: "http://sandbox:`)
	require.Contains(t, string(s.Config()), "    insecure: true\n")
}
