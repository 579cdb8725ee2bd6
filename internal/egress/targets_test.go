package egress

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxied is an Egress whose requests go through a proxy, which counts them. Names have
// the addresses that are given; all others cannot be resolved.
func proxied(t *testing.T, names map[string]string) (e *Egress, asked *atomic.Int64, proxy *url.URL) {
	asked = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Method == http.MethodConnect {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	t.Cleanup(server.Close)
	proxy, err := url.Parse(server.URL)
	require.NoError(t, err)
	e = New()
	t.Cleanup(e.CloseIdle)
	e.proxy = http.ProxyURL(proxy)
	e.targets.lookup = func(_ context.Context, host string) ([]netip.Addr, error) {
		if a, found := names[host]; found {
			return []netip.Addr{netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr(a)}, nil
		}
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return e, asked, proxy
}

func TestAProxyIsNotAskedForAddressesThatAreNotOfTheInternet(t *testing.T) {
	e, asked, proxy := proxied(t, map[string]string{
		"inside.example": "10.0.0.7", "metadata.example": "fd00:ec2::254", "xn--bcher-kva.example": "127.0.0.1",
	})
	for target, reason := range map[string]string{
		"https://169.254.169.254/latest/meta-data/": isLinkLocal,
		"http://10.0.0.7/":                          isPrivate,
		"https://[::ffff:10.0.0.7]:8443/":           isPrivate,
		"https://[64:ff9b::a00:7]/":                 isPrivate,
		"https://[fe80::1%25eth0]/":                 isLinkLocal,
		"https://127.0.0.1:9/":                      isLoopback,
		proxy.String():                              isLoopback,
		"https://localhost/":                        isLoopback,
		"https://a.LOCALHOST./":                     isLoopback,
		"https://inside.example/":                   "has the address 10.0.0.7, which " + isPrivate,
		"https://INSIDE.example.:8443/":             "has the address 10.0.0.7, which " + isPrivate,
		"https://metadata.example/":                 isPrivate,
		"https://bücher.example/":                   isLoopback,
		"https://2130706433/":                       "usual form",
		"https://0x7f000001/":                       "usual form",
		"https://0x7f.0.0.0x1/":                     "usual form",
		"https://127.1/":                            "usual form",
		"https://１２７.0.0.1/":                        isLoopback,
		"https://metadata.google.internal/":         "name of a private network",
		"https://intranet/":                         "name of a private network",
	} {
		for name, client := range map[string]*http.Client{
			"control": e.Control(Policy{Insecure: true}), "objects": e.Objects(Policy{Insecure: true}), "storage": e.Storage(Policy{Insecure: true}),
		} {
			_, err := client.Get(target)
			require.True(t, IsRefused(err), "%s %s: %v", name, target, err)
			require.ErrorContains(t, err, reason, target)
		}
	}
	require.Zero(t, asked.Load())
}

func TestAProxyIsAskedForTheInternetAndForWhatIsAllowed(t *testing.T) {
	e, asked, proxy := proxied(t, map[string]string{"cdn.example": "93.184.216.34", "inside.example": "10.0.0.7"})
	var n int64
	get := func(p Policy, target string) {
		t.Helper()
		answer, err := e.Objects(p).Get(target)
		require.NoError(t, err, target)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, proxy.Host, Proxy(answer.Header))
		n++
		require.Equal(t, n, asked.Load(), target)
	}
	public, all := Policy{Insecure: true}, Policy{Private: true, Insecure: true}
	get(public, "http://cdn.example/a.jpg")
	get(public, "http://8.8.8.8/a.jpg")
	get(public, "http://known-to-the-proxy.example/a.jpg")
	get(all, "http://inside.example/a.jpg")
	get(all, "http://10.0.0.7/a.jpg")

	_, err := e.Objects(Policy{}).Get("https://cdn.example/a.jpg")
	require.ErrorContains(t, err, "the proxy answered 403 to CONNECT")
	require.Equal(t, n+1, asked.Load())
}

func TestTheProxysAddressIsDialledToReachTheProxyOnly(t *testing.T) {
	e, asked, proxy := proxied(t, nil)
	via := e.proxy
	e.proxy = func(r *http.Request) (*url.URL, error) {
		if r.URL.Host == proxy.Host { // as NO_PROXY may say, and net/http does for loopback
			return nil, nil //nolint:nilnil // none, as net/http says it
		}
		return via(r)
	}
	client := e.Objects(Policy{Insecure: true})
	answer, err := client.Get("http://cdn.example/a.jpg")
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	_, err = client.Get(proxy.String() + "/a.jpg")
	require.True(t, IsRefused(err), "%v", err)
	require.ErrorContains(t, err, isLoopback)
	require.EqualValues(t, 1, asked.Load())
}

func TestANameIsResolvedOnceForManyRequests(t *testing.T) {
	e, _, _ := proxied(t, nil)
	lookups := 0
	e.targets.lookup = func(context.Context, string) ([]netip.Addr, error) {
		lookups++
		return []netip.Addr{netip.MustParseAddr("93.184.216.34")}, nil
	}
	for range 3 {
		answer, err := e.Objects(Policy{Insecure: true}).Get("http://cdn.example/a.jpg")
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
	}
	require.Equal(t, 1, lookups)
}

func TestAProxyThatCannotBeReadFromTheSettingsIsAnError(t *testing.T) {
	e, asked, _ := proxied(t, nil)
	e.proxy = func(*http.Request) (*url.URL, error) { return nil, errors.New("invalid proxy address") }
	_, err := e.Objects(Policy{Insecure: true}).Get("http://cdn.example/a.jpg")
	require.ErrorContains(t, err, "invalid proxy address")
	require.Zero(t, asked.Load())
}
