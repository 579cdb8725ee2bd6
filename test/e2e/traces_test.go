package e2e

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// traces is a collector that keeps what programs export.
type traces struct {
	mu    sync.Mutex
	spans map[string]*spans.Span // by span ID
	of    map[string]string      // the service that made a span
	url   string
}

func newTraces(t *testing.T) *traces {
	t.Helper()
	c := &traces{spans: map[string]*spans.Span{}, of: map[string]string{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		var in collector.ExportTraceServiceRequest
		if err != nil || proto.Unmarshal(raw, &in) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.take(&in)
	}))
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func (c *traces) take(in *collector.ExportTraceServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range in.ResourceSpans {
		service := ""
		for _, a := range resource.Resource.Attributes {
			if a.Key == "service.name" {
				service = a.Value.GetStringValue()
			}
		}
		for _, scope := range resource.ScopeSpans {
			for _, span := range scope.Spans {
				id := hex.EncodeToString(span.SpanId)
				c.spans[id], c.of[id] = span, service
			}
		}
	}
}

// path is the way from a span of a name up to the command: names, with the programs.
func (c *traces) path(name string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, span := range c.spans {
		if span.Name != name {
			continue
		}
		var way []string
		for span != nil {
			way = append(way, c.of[id]+": "+span.Name)
			id = hex.EncodeToString(span.ParentSpanId)
			span = c.spans[id]
		}
		return way
	}
	return nil
}

func TestATraceLeadsFromTheCommandToThePart(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	c := newTraces(t)
	film := f.film("film.mp4", 40<<20)
	f.env = append(f.env, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.url, "OTEL_BSP_SCHEDULE_DELAY=100")
	w := f.worker()
	f.do(sending("truvideo", "film", film)...)
	require.NoError(t, w.cmd.Process.Signal(syscall.SIGTERM))
	status, _ := w.end()
	require.Zero(t, status)

	part := c.path("transfer")
	require.Greater(t, len(part), 4, "%v", part)
	require.Equal(t, "mediaferry: mediaferry upload", part[len(part)-1])
	require.True(t, slices.ContainsFunc(part, func(s string) bool { return strings.HasPrefix(s, "mediaferry-worker: RunActivity:SendPart") }), "%v", part)
	call := c.path("truvideo complete")
	require.NotEmpty(t, call)
	require.Equal(t, "mediaferry: mediaferry upload", call[len(call)-1])
}
