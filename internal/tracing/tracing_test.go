package tracing_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/protobuf/proto"

	"github.com/mediaferry/mediaferry/internal/tracing"
)

// collecting is a collector for OTLP over HTTP.
func collecting(t *testing.T) (url string, taken func() map[string]*spans.Span) {
	t.Helper()
	all := map[string]*spans.Span{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		var in collector.ExportTraceServiceRequest
		require.NoError(t, proto.Unmarshal(raw, &in))
		for _, resource := range in.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				for _, span := range scope.Spans {
					all[span.Name] = span
				}
			}
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, func() map[string]*spans.Span { return all }
}

func TestSpansAreExportedWithTheirParents(t *testing.T) {
	url, taken := collecting(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
	traces, err := tracing.Start(t.Context(), "mediaferry", "1.2.3", zap.NewNop())
	require.NoError(t, err)
	ctx, end := traces.Command(t.Context(), "mediaferry upload")
	of := tracing.Of{Account: "shop", Vendor: "truvideo", UploadID: "upload/shop/a", Part: 3}
	step, done := tracing.Step(ctx, "transfer", of)
	began := time.Date(2026, 12, 1, 10, 0, 0, 0, time.UTC)
	tracing.Call(step, tracing.Of{Account: "shop", Vendor: "truvideo"}, tracing.Request{Call: "status", Began: began, Took: time.Second, Status: 503})
	tracing.Call(step, tracing.Of{Account: "shop", Vendor: "truvideo"}, tracing.Request{Call: "login", Began: began, Took: time.Second})
	done(errors.New("refused at https://store.example/a?X-Amz-Signature=secret"))
	end(nil)
	traces.Stop()

	all := taken()
	require.Len(t, all, 4)
	command, transfer, status := all["mediaferry upload"], all["transfer"], all["truvideo status"]
	require.Empty(t, command.ParentSpanId)
	require.Equal(t, command.SpanId, transfer.ParentSpanId)
	require.Equal(t, transfer.SpanId, status.ParentSpanId)
	require.Equal(t, command.TraceId, status.TraceId)
	require.EqualValues(t, time.Second, status.EndTimeUnixNano-status.StartTimeUnixNano)
	require.Equal(t, spans.Status_STATUS_CODE_ERROR, status.Status.Code)
	require.Equal(t, "no answer", all["truvideo login"].Status.Message)
	require.NotContains(t, transfer.Status.Message, "secret")
	values := map[string]string{}
	for _, one := range transfer.Attributes {
		values[one.Key] = one.Value.String()
	}
	require.Contains(t, values["mediaferry.upload_id"], "upload/shop/a")
	require.Contains(t, values["mediaferry.part"], "3")
}

func TestNothingIsTracedWithoutAnEndpoint(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"nothing set": {},
		"disabled":    {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
		"no exporter": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
	} {
		t.Run(name, func(t *testing.T) {
			for key, value := range env {
				t.Setenv(key, value)
			}
			traces, err := tracing.Start(t.Context(), "mediaferry", "dev", zap.NewNop())
			require.NoError(t, err)
			require.Nil(t, traces)
			require.Nil(t, traces.Tracer())
			ctx, end := traces.Command(t.Context(), "mediaferry list")
			_, done := tracing.Step(ctx, "transfer", tracing.Of{})
			tracing.Call(ctx, tracing.Of{}, tracing.Request{Call: "status", Status: 200})
			done(nil)
			end(context.Canceled)
			traces.Stop()
		})
	}
}

func TestVariablesThatCannotBeMeantAreRefused(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
	_, err := tracing.Start(t.Context(), "mediaferry", "dev", zap.NewNop())
	require.ErrorContains(t, err, `OTEL_EXPORTER_OTLP_PROTOCOL is "http/json"; use http/protobuf or grpc`)
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	t.Setenv("OTEL_TRACES_EXPORTER", "zipkin")
	_, err = tracing.Start(t.Context(), "mediaferry", "dev", zap.NewNop())
	require.ErrorContains(t, err, `OTEL_TRACES_EXPORTER is "zipkin"; use otlp or none`)
}

func TestACollectorThatRefusesIsLogged(t *testing.T) {
	gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	t.Cleanup(gone.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", gone.URL)
	core, seen := observer.New(zap.WarnLevel)
	traces, err := tracing.Start(t.Context(), "mediaferry", "dev", zap.New(core))
	require.NoError(t, err)
	_, end := traces.Command(t.Context(), "mediaferry list")
	end(nil)
	traces.Stop()
	require.NotZero(t, seen.FilterMessage("traces could not be exported").Len())
}
