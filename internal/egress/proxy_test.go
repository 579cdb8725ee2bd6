package egress

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAProxyIsNamedWhateverComesThroughIt(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(headerProxy, "another:1")
		w.Header().Set("Via", "1.1 gatekeeper")
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer proxy.Close()
	at, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	at.User = url.UserPassword("user", "secret")
	e := New()
	e.proxy = http.ProxyURL(at)
	via := e.Objects(Policy{Private: true, Insecure: true}).Transport
	get := func(target string) (*http.Response, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
		require.NoError(t, err)
		return via.RoundTrip(r)
	}
	answer, err := get("http://vendor.example/")
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, at.Host, Proxy(answer.Header))
	require.Equal(t, "via 1.1 gatekeeper, through proxy "+at.Host, Speaker(answer.Header))

	_, err = get("https://vendor.example/")
	require.ErrorContains(t, err, "through proxy "+at.Host+": ")
	require.NotContains(t, err.Error(), "secret")
	var through *ProxyError
	require.ErrorAs(t, err, &through)

	proxy.Close()
	_, err = get("http://vendor.example/")
	require.ErrorContains(t, err, "through proxy "+at.Host+": proxyconnect tcp: ")

	direct := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set(headerProxy, "another:1") }))
	defer direct.Close()
	e.proxy = func(*http.Request) (*url.URL, error) { return nil, nil } //nolint:nilnil // none, as net/http says it
	answer, err = get(direct.URL)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Empty(t, Proxy(answer.Header))
	require.Equal(t, "no content type, no server name", Speaker(http.Header{}))
}
