package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/wiring"
)

func TestTheLogLevelIsChangedWhateverTheBodyIsCalled(t *testing.T) {
	level := zap.NewAtomicLevel()
	metrics := wiring.NewMetrics(zap.NewNop())
	t.Cleanup(metrics.Close)
	stop, address, err := serve(t.Context(), options{listen: "127.0.0.1:0"}, &health{}, metrics, level)
	require.NoError(t, err)
	t.Cleanup(stop)
	put := func(kind, body string) (int, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+address+"/loglevel", strings.NewReader(body))
		require.NoError(t, err)
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

func TestAWorkerRefusesAnAddressThatIsNone(t *testing.T) {
	var stderr strings.Builder
	require.Equal(t, 2, run([]string{"--listen", "bogus"}, io.Discard, &stderr))
	require.Contains(t, stderr.String(), `--listen: "bogus" is not an address; use HOST:PORT`)
}
