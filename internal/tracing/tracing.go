// Package tracing exports traces with OpenTelemetry where its usual variables name an
// endpoint: a span for a command, and below it those of Temporal's SDK for workflows and
// activities, and ours for steps and calls to vendors.
//
// It owns what a span of ours is called and what it carries, and the connection to the
// collector. It sends nothing to vendors and stores: no request of theirs gets a header. It
// keeps what traces hold to names of accounts, vendors, steps and calls, statuses, and IDs
// of uploads; a span's error is the message that a log has, too.
package tracing

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/mediaferry/mediaferry/internal/egress"
)

// scope is the name under which spans are ours.
const scope = "github.com/mediaferry/mediaferry"

// flushTime bounds how long a program that ends waits for a collector to take its last spans.
const flushTime = 3 * time.Second

// Configured reports whether the environment names an endpoint for traces. The variables are
// those of the OpenTelemetry specification: an endpoint in OTEL_EXPORTER_OTLP_ENDPOINT or
// OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, unless OTEL_SDK_DISABLED is true or
// OTEL_TRACES_EXPORTER is none.
func Configured() bool {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != ""
}

// Traces are what a program exports. A nil one exports nothing.
type Traces struct{ provider *sdktrace.TracerProvider }

// Start begins to export the traces of a program in a version, where the environment names
// an endpoint; otherwise it returns nil. Endpoint, protocol, headers, sampling, batches and
// attributes of the resource come from OpenTelemetry's variables. A collector that does not
// answer is logged, and delays nothing but Stop.
func Start(ctx context.Context, program, version string, log *zap.Logger) (*Traces, error) {
	if !Configured() {
		return nil, nil
	}
	if exporter := os.Getenv("OTEL_TRACES_EXPORTER"); exporter != "" && exporter != "otlp" {
		return nil, fmt.Errorf("OTEL_TRACES_EXPORTER is %q; use otlp or none", exporter)
	}
	exporter, err := newExporter(ctx)
	if err != nil {
		return nil, fmt.Errorf("export of traces: %w", err)
	}
	described, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithAttributes(semconv.ServiceName(program), semconv.ServiceVersion(version)), resource.WithFromEnv()) // the last counts
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.Warn("traces could not be exported", zap.String("error", egress.Redact(err.Error())))
	}))
	return &Traces{sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(described))}, nil
}

// newExporter speaks the protocol that the environment names; http/protobuf by default, as
// the specification has it.
func newExporter(ctx context.Context) (sdktrace.SpanExporter, error) {
	protocol := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
	if protocol == "" {
		protocol = os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL")
	}
	switch protocol {
	case "grpc":
		return otlptracegrpc.New(ctx)
	case "", "http/protobuf":
		return otlptracehttp.New(ctx)
	}
	return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %q; use http/protobuf or grpc", protocol)
}

// Tracer is what spans are made with; nil where nothing is exported.
func (t *Traces) Tracer() trace.Tracer {
	if t == nil {
		return nil
	}
	return t.provider.Tracer(scope)
}

// Stop exports what is left, and waits for it for a few seconds at most.
func (t *Traces) Stop() {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		otel.Handle(err)
	}
}

// Command begins the span of a command; end takes the command's error.
func (t *Traces) Command(ctx context.Context, name string) (_ context.Context, end func(error)) {
	if t == nil {
		return ctx, func(error) {}
	}
	ctx, span := t.Tracer().Start(ctx, name)
	return ctx, func(err error) { finish(span, err) }
}

// Of says what a span is about.
type Of struct {
	Account, Vendor string
	UploadID        string // "" for what is not about one item
	Part            int    // 0 for what is not about a part
}

func (o Of) attributes() []attribute.KeyValue {
	all := []attribute.KeyValue{attribute.String("mediaferry.account", o.Account), attribute.String("mediaferry.vendor", o.Vendor)}
	if o.UploadID != "" {
		all = append(all, attribute.String("mediaferry.upload_id", o.UploadID))
	}
	if o.Part > 0 {
		all = append(all, attribute.Int("mediaferry.part", o.Part))
	}
	return all
}

// Step begins the span of a step within the activity of ctx. Where that is not traced, it
// costs nothing.
func Step(ctx context.Context, step string, of Of) (_ context.Context, end func(error)) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, func(error) {}
	}
	ctx, span := parent.TracerProvider().Tracer(scope).Start(ctx, step, trace.WithAttributes(of.attributes()...))
	return ctx, func(err error) { finish(span, err) }
}

// Request is a request to a vendor that has ended.
type Request struct {
	Call   string // its name in the vendor's Spec
	Began  time.Time
	Took   time.Duration
	Status int // of the answer; 0 where none came
}

// Call records a request within the span of ctx.
func Call(ctx context.Context, of Of, r Request) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return
	}
	_, span := parent.TracerProvider().Tracer(scope).Start(ctx, of.Vendor+" "+r.Call, trace.WithTimestamp(r.Began),
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(of.attributes()...))
	switch {
	case r.Status == 0:
		span.SetStatus(codes.Error, "no answer")
	case r.Status >= 400:
		span.SetStatus(codes.Error, "")
		fallthrough
	default:
		span.SetAttributes(semconv.HTTPResponseStatusCode(r.Status))
	}
	span.End(trace.WithTimestamp(r.Began.Add(r.Took)))
}

func finish(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, egress.Redact(err.Error()))
	}
	span.End()
}
