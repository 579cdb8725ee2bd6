// Package wiring puts the parts together: configuration and keys become a
// Temporal client, a ledger and a working worker. It is used by every program of
// mediaferry, so that all encrypt, log and connect alike.
//
// It decides nothing about uploads and parses no flags.
package wiring

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
	temporallog "go.temporal.io/sdk/log"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"github.com/mediaferry/mediaferry/internal/codec"
	"github.com/mediaferry/mediaferry/internal/enginehost"
	"github.com/mediaferry/mediaferry/internal/ledger"
	"github.com/mediaferry/mediaferry/internal/tracing"
)

// temporalEnv is the prefix of the variables that say which Temporal service is
// meant. Where none of those that choose one is set, the embedded engine is.
var temporalEnv = []string{
	"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_PROFILE", "TEMPORAL_CONFIG_FILE", "TEMPORAL_API_KEY",
	"TEMPORAL_TLS", "TEMPORAL_TLS_CLIENT_CERT_PATH", "TEMPORAL_TLS_CLIENT_CERT_DATA",
	"TEMPORAL_TLS_CLIENT_KEY_PATH", "TEMPORAL_TLS_CLIENT_KEY_DATA",
	"TEMPORAL_TLS_SERVER_CA_CERT_PATH", "TEMPORAL_TLS_SERVER_CA_CERT_DATA", "TEMPORAL_TLS_SERVER_NAME",
}

// ServiceConfigured reports whether the environment names a Temporal service.
func ServiceConfigured() bool {
	for _, name := range temporalEnv {
		if os.Getenv(name) != "" {
			return true
		}
	}
	return false
}

// Connection says how to reach Temporal.
type Connection struct {
	// Engine is the embedded engine; nil for the service that the environment
	// names.
	Engine *enginehost.Member
	// Data is the data folder of which the engine may be meant by the environment: its
	// token is presented to the loopback address that this engine announced, and to no
	// other. "" for a program that has no data folder.
	Data    string
	Keys    codec.Keys
	Log     *zap.Logger
	Metrics client.MetricsHandler // nil: none
	Traces  *tracing.Traces       // nil: none
}

// connectTime bounds the first contact with Temporal.
const connectTime = 20 * time.Second

// Connect returns a client whose payloads and failures are encrypted, and which
// has reached Temporal, and the service's identity. Every client of mediaferry is
// made here.
func Connect(ctx context.Context, c Connection) (client.Client, ledger.Service, error) {
	options, err := c.options(ctx)
	if err != nil {
		return nil, ledger.Service{}, err
	}
	dataConverter := codec.DataConverter(c.Keys)
	options.DataConverter = codec.Summaries(dataConverter)
	options.FailureConverter = codec.FailureConverter(dataConverter)
	if options.Interceptors, err = traced(c.Traces); err != nil {
		return nil, ledger.Service{}, err
	}
	options.Interceptors = append(options.Interceptors, codec.Interceptor(dataConverter))
	listed := &attributes{log: c.Log}
	options.Interceptors = append(options.Interceptors, listed)
	options.Logger = Logger(c.Log)
	options.MetricsHandler = c.Metrics
	// The SDK's own choice would name the host, which histories tell everybody.
	options.Identity = "mediaferry-" + strings.ToLower(rand.Text()[:10])
	options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions, grpc.WithChainUnaryInterceptor(withoutHost))
	c.Log.Debug("connecting to Temporal", zap.String("identity", options.Identity))
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	temporal, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, ledger.Service{}, located(options, explain(err))
	}
	service, err := serviceOf(ctx, temporal, options.Namespace)
	if err != nil {
		temporal.Close()
		return nil, ledger.Service{}, located(options, err)
	}
	listed.connected(temporal, service.Namespace)
	return temporal, service, nil
}

// traced are the interceptors that make spans of workflows and activities, and carry their
// context in Temporal's headers. Queries are left out: views ask every second. Baggage is,
// too: mediaferry has none, and would carry what others put there.
func traced(traces *tracing.Traces) ([]interceptor.ClientInterceptor, error) {
	tracer := traces.Tracer()
	if tracer == nil {
		return nil, nil
	}
	made, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{
		Tracer: tracer, DisableQueryTracing: true, DisableBaggage: true, AllowInvalidParentSpans: true,
	})
	return []interceptor.ClientInterceptor{made}, err
}

// bare returns a client with which a service is looked at and prepared: it needs no keys,
// starts no workflow, and its namespace may be missing. The options say where it leads, also
// if it does not answer.
func (c Connection) bare(ctx context.Context) (client.Client, client.Options, error) {
	options, err := c.options(ctx)
	if err != nil {
		return nil, options, err
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	options.Logger = Logger(zap.NewNop())
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	temporal, err := client.DialContext(ctx, options)
	if err != nil {
		return nil, options, explain(err)
	}
	return temporal, options, nil
}

// located says which service an error is of, where that is known.
func located(options client.Options, err error) error {
	if options.HostPort == "" {
		return err
	}
	return fmt.Errorf("temporal at %s: %w", options.HostPort, err)
}

func (c Connection) options(ctx context.Context) (client.Options, error) {
	if c.Engine != nil {
		return client.Options{
			HostPort:  "passthrough:///mediaferry-engine", // the dialer knows where it is
			Namespace: c.Engine.Address().Namespace,
			ConnectionOptions: client.ConnectionOptions{
				TLSDisabled: true,
				DialOptions: []grpc.DialOption{grpc.WithContextDialer(c.Engine.Dial)},
			},
			Credentials: client.NewAPIKeyStaticCredentials(c.Engine.Token()),
		}, nil
	}
	file := os.Getenv("TEMPORAL_CONFIG_FILE") != "" || os.Getenv("TEMPORAL_PROFILE") != ""
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{DisableFile: !file})
	if err != nil {
		return options, fmt.Errorf("temporal's environment configuration: %w", err)
	}
	if options.HostPort == "" {
		options.HostPort = client.DefaultHostPort
	}
	c.present(ctx, &options)
	return options, nil
}

// present adds the data folder's token where the environment names its engine and
// brings no credential of its own.
func (c Connection) present(ctx context.Context, options *client.Options) {
	if c.Data == "" || options.Credentials != nil || os.Getenv("TEMPORAL_ADDRESS") == "" {
		return
	}
	token, dial, ok := enginehost.Credentials(ctx, c.Data, options.HostPort)
	if !ok {
		return
	}
	options.Credentials = client.NewAPIKeyStaticCredentials(token)
	options.ConnectionOptions.TLS, options.ConnectionOptions.TLSDisabled = nil, true
	options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions, grpc.WithContextDialer(dial))
}

// explain puts the commonest failures of a first contact into words.
func explain(err error) error {
	var missing *serviceerror.NamespaceNotFound
	var denied *serviceerror.PermissionDenied
	switch {
	case errors.As(err, &missing):
		return fmt.Errorf("%w; create it with mediaferry setup, or set TEMPORAL_NAMESPACE", err)
	case errors.As(err, &denied):
		return fmt.Errorf("%w; check TEMPORAL_API_KEY and the TLS settings. For the engine of another data folder, TEMPORAL_API_KEY is the content of the file token there, with TEMPORAL_TLS=false", err)
	case strings.Contains(err.Error(), "deadline exceeded"):
		return errors.New("does not answer; check TEMPORAL_ADDRESS and that the service is running")
	}
	return err
}

// Logger makes Temporal's SDK log through zap, one level below its own choice:
// what it warns of passes by itself, and how an activity failed is in its
// upload's result, which is where a person should read it, once. What failed
// because the program ends is no news to who ended it. Its debugging is left out:
// it tells of every task.
func Logger(log *zap.Logger) temporallog.Logger {
	return sdkLogger{log.WithOptions(zap.AddCallerSkip(1)).Sugar()}
}

type sdkLogger struct{ zap *zap.SugaredLogger }

func (l sdkLogger) Debug(string, ...any)           {}
func (l sdkLogger) Info(text string, pairs ...any) { l.zap.Debugw(text, keys(pairs)...) }
func (l sdkLogger) Warn(text string, pairs ...any) { l.zap.Infow(text, keys(pairs)...) }
func (l sdkLogger) Error(text string, pairs ...any) {
	if text == activityFailed || strings.HasSuffix(text, context.Canceled.Error()) {
		l.zap.Infow(text, keys(pairs)...)
		return
	}
	l.zap.Warnw(text, keys(pairs)...)
}

func (l sdkLogger) With(pairs ...any) temporallog.Logger {
	return sdkLogger{l.zap.With(keys(pairs)...)}
}

// activityFailed is how the SDK begins the report of an activity's failure.
const activityFailed = "Activity error."

// keys turns the SDK's names into ours: WorkflowID becomes workflow_id.
func keys(pairs []any) []any {
	out := make([]any, len(pairs))
	copy(out, pairs)
	for i := 0; i < len(out); i += 2 {
		if name, ok := out[i].(string); ok {
			out[i] = snake(name)
		}
	}
	return out
}

func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		upper := r >= 'A' && r <= 'Z'
		if upper && i > 0 && (name[i-1] < 'A' || name[i-1] > 'Z') {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}
