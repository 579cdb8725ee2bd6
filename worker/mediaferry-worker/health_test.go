package main

import (
	"flag"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/config"
	"github.com/mediaferry/mediaferry/internal/transfer"
	"github.com/mediaferry/mediaferry/internal/wiring"
)

func TestTheLogLevelIsChangedWhateverTheBodyIsCalled(t *testing.T) {
	level := zap.NewAtomicLevel()
	metrics := wiring.NewMetrics("test", zap.NewNop())
	t.Cleanup(metrics.Close)
	stop, address, err := serve(t.Context(), options{listen: "127.0.0.1:0"}, &health{}, metrics, with(level, config.Dashboard{Token: "right-token"}))
	require.NoError(t, err)
	t.Cleanup(stop)
	put := func(kind, body string) (int, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+address+"/loglevel", strings.NewReader(body))
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer right-token")
		if kind != "" {
			request.Header.Set("Content-Type", kind)
		}
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		text, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode, string(text)
	}
	const form = "application/x-www-form-urlencoded"
	for _, one := range []struct{ kind, body, want string }{
		{form, `{"level":"debug"}`, "debug"}, // as curl sends it
		{"application/json", `{"level":"warn"}`, "warn"},
		{"", ` {"level":"error"}`, "error"},
		{form, "level=info", "info"},
	} {
		status, text := put(one.kind, one.body)
		require.Equal(t, http.StatusOK, status, text)
		require.Equal(t, one.want, level.String())
	}
	status, _ := put(form, `{"level":"loud"}`)
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "info", level.String())
}

func with(level zap.AtomicLevel, d config.Dashboard) control {
	return control{level: level, dashboard: func() (config.Dashboard, error) { return d, nil }}
}

func TestAWorkerIsChangedWithItsTokenAlone(t *testing.T) {
	const loopback, everywhere = "127.0.0.1:0", "0.0.0.0:0"
	for _, c := range []struct {
		what, listen, token, method, path string
		header                            map[string]string
		want                              int
	}{
		{"health needs none", loopback, "", "GET", "/healthz", nil, 200},
		{"metrics need none", loopback, "", "GET", "/metrics", nil, 200},
		{"metrics off loopback", everywhere, "", "GET", "/metrics", map[string]string{"Host": "worker.internal:9464"}, 200},
		{"metrics for a rebound page", loopback, "", "GET", "/metrics", map[string]string{"Host": "evil.example"}, 403},
		{"metrics for a foreign page", everywhere, "", "GET", "/metrics", map[string]string{"Origin": "http://evil.example"}, 403},
		{"a worker without a token", loopback, "", "PUT", "/bwlimit", map[string]string{"Authorization": "Bearer x"}, 403},
		{"no token", loopback, "right-token", "PUT", "/bwlimit", nil, 401},
		{"reading without a token", loopback, "right-token", "GET", "/bwlimit", nil, 401},
		{"the log level without a token", loopback, "right-token", "GET", "/loglevel", nil, 401},
		{"a wrong token", loopback, "right-token", "PUT", "/bwlimit", map[string]string{"Authorization": "Bearer wrong-token"}, 401},
		{"the token", loopback, "right-token", "PUT", "/bwlimit", map[string]string{"Authorization": "Bearer right-token"}, 200},
		{"the token from a rebound page", loopback, "right-token", "PUT", "/bwlimit", map[string]string{"Authorization": "Bearer right-token", "Host": "evil.example"}, 403},
		{"the token in plain off loopback", everywhere, "right-token", "PUT", "/bwlimit", map[string]string{"Authorization": "Bearer right-token"}, 403},
		{"a path that is not there", loopback, "right-token", "GET", "/nothing", nil, 404},
		{"profiles that are not served", loopback, "right-token", "GET", "/debug/pprof/", nil, 404},
	} {
		t.Run(c.what, func(t *testing.T) {
			table, err := transfer.ParseTimetable("")
			require.NoError(t, err)
			metrics := wiring.NewMetrics("test", zap.NewNop())
			t.Cleanup(metrics.Close)
			o := options{listen: c.listen, bandwidth: transfer.NewBandwidth(table, time.Now)}
			stop, address, err := serve(t.Context(), o, &health{}, metrics, with(zap.NewAtomicLevel(), config.Dashboard{Token: c.token}))
			require.NoError(t, err)
			t.Cleanup(stop)
			request, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+address+c.path, strings.NewReader("10M"))
			require.NoError(t, err)
			for name, value := range c.header {
				request.Header.Set(name, value)
			}
			request.Host = c.header["Host"]
			response, err := http.DefaultClient.Do(request)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			require.Equal(t, c.want, response.StatusCode)
		})
	}
}

func TestAWorkerRefusesAnAddressThatIsNone(t *testing.T) {
	var stderr strings.Builder
	require.Equal(t, 2, run([]string{"--listen", "bogus"}, io.Discard, &stderr))
	require.Contains(t, stderr.String(), `--listen: "bogus" is not an address; use HOST:PORT`)
}

func TestHelpFitsAScreenAndNamesEveryFlag(t *testing.T) {
	var stdout, stderr strings.Builder
	require.Zero(t, run([]string{"--help"}, &stdout, &stderr))
	lines := strings.Split(strings.TrimSuffix(stdout.String(), "\n"), "\n")
	require.LessOrEqual(t, len(lines), 40)
	for _, line := range lines {
		require.LessOrEqual(t, utf8.RuneCountInString(line), 80, line)
	}
	require.Contains(t, stdout.String(), "\nExample:\n  ")
	flags, _ := flagsOf(&options{}, "here")
	flags.VisitAll(func(f *flag.Flag) { require.Regexp(t, "[ ,] --"+f.Name+"\\b", stdout.String()) })
}
