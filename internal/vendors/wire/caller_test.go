package wire_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/mediaferry/mediaferry/internal/egress"
	"github.com/mediaferry/mediaferry/internal/upload"
	"github.com/mediaferry/mediaferry/internal/vendors/spec"
	"github.com/mediaferry/mediaferry/internal/vendors/wire"
	"github.com/mediaferry/mediaferry/internal/vendors/wire/wiretest"
)

// look is the one call of a vendor that is none.
var look = spec.Call{Name: "look", Step: upload.StepPoll, Method: http.MethodGet, Repeat: spec.LeavesNothing}

func newRig(t *testing.T) *wiretest.Rig {
	return wiretest.New(t, &spec.Spec{Name: "acme", Calls: []spec.Call{look}}, nil)
}

func TestACallThatTheConnectionRepeatsTakesAnotherPermit(t *testing.T) {
	r := newRig(t)
	asked := wiretest.Exchange{Ask: "GET /base/f-1", Loose: true, Answer: "{}"}
	broken := asked
	broken.Do = wiretest.Drop // on a connection that was kept, for which net/http tries another
	r.On(asked, broken, asked)
	for range 2 {
		a, err := r.Caller.Do(r.Ctx, wire.Request{Call: look, Path: "/f-1"})
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, a.Status)
	}
	require.Equal(t, 3, r.Requests())
	require.Equal(t, 3, r.Permits.Taken)
}

func TestACallIsNotRepeatedWithoutAPermit(t *testing.T) {
	r := newRig(t)
	asked := wiretest.Exchange{Ask: "GET /base/f-1", Loose: true, Answer: "{}"}
	broken := asked
	broken.Do = wiretest.Drop
	r.On(asked, broken)
	get := wire.Request{Call: look, Path: "/f-1"}
	_, err := r.Caller.Do(r.Ctx, get)
	require.NoError(t, err)
	r.Permits.OnTake = func() error {
		if r.Permits.Taken <= 2 {
			return nil
		}
		return upload.Errorf(upload.KindThrottled, "", "busy")
	}
	_, err = r.Caller.Do(r.Ctx, get)
	require.Equal(t, upload.KindUnavailable, upload.KindOf(err))
	require.Equal(t, upload.ArrivedMaybe, upload.AsError(err, "").Arrived)
	require.Equal(t, 2, r.Requests())
}

func TestACallThatItsSpecDoesNotListIsNotMade(t *testing.T) {
	for _, call := range []spec.Call{
		{Name: "other", Step: upload.StepPoll, Method: http.MethodGet, Repeat: spec.LeavesNothing},
		{Name: "look", Step: upload.StepPoll, Method: http.MethodGet},
	} {
		r := newRig(t)
		_, err := r.Caller.Do(r.Ctx, wire.Request{Call: call, Path: "/f-1"})
		require.Equal(t, upload.KindInternal, upload.KindOf(err))
		require.Zero(t, r.Permits.Taken)
	}
	r := newRig(t).On(wiretest.Exchange{Loose: true})
	_, err := r.Caller.Do(r.Ctx, wire.Request{Call: look.At(upload.StepTransfer), Path: "/f-1"})
	require.NoError(t, err, "in whichever step it is made")
}

func TestWhatLiesBetweenIsWeather(t *testing.T) {
	for status, kind := range map[int]upload.Kind{
		400: upload.KindRejected, 401: upload.KindDenied, 403: upload.KindDenied, 404: upload.KindRejected, 407: upload.KindUnavailable,
		408: upload.KindUnavailable, 409: upload.KindRejected, 421: upload.KindUnavailable, 425: upload.KindUnavailable, 429: upload.KindThrottled,
		499: upload.KindUnavailable, 500: upload.KindUnavailable, 520: upload.KindUnavailable, 530: upload.KindUnavailable, 599: upload.KindUnavailable,
	} {
		r := newRig(t).On(wiretest.Refuse(status, ""))
		_, err := r.Caller.Call(r.Ctx, wire.Request{Call: look, Path: "/f-1"}, func(wire.Answer) wire.Refusal { return wire.Refusal{} })
		e := r.Failed(err)
		require.Equal(t, kind, e.Kind, status)
		arrived := upload.ArrivedNothing
		if status >= 499 {
			arrived = upload.ArrivedMaybe
		}
		require.Equal(t, arrived, e.Arrived, status)
	}
}

func TestCredentialsGoToTheAccountsOwnAddressOnly(t *testing.T) {
	r := newRig(t)
	r.Caller.Account.BaseURL = "http://vendor.example"
	for _, path := range []string{"@evil.example/f-1", ".evil.example/f-1", ":9/f-1", "f-1"} {
		_, err := r.Caller.Do(r.Ctx, wire.Request{Call: look, Path: path, Login: http.Header{"X-Api-Key": {"key"}}})
		require.Equal(t, upload.KindInvalid, upload.KindOf(err), "%q: %v", path, err)
		require.ErrorContains(t, err, "http://vendor.example", path)
	}
	require.Zero(t, r.Requests())
}

func TestAnAnswerThatIsTooLongIsIncomplete(t *testing.T) {
	long := func(status int) wiretest.Exchange {
		return wiretest.Exchange{Loose: true, Do: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			for err := error(nil); err == nil; { // until the connection is closed
				_, err = w.Write(bytes.Repeat([]byte("["), 1<<16))
			}
		}}
	}
	r := newRig(t).On(long(200))
	_, err := r.Caller.Do(r.Ctx, wire.Request{Call: look, Path: "/f-1"})
	e := r.Failed(err)
	require.Equal(t, upload.KindUnavailable, e.Kind)
	require.Equal(t, upload.KindRejected, e.Then)
	require.Equal(t, "look answered OK with more than 4 MiB", e.Message)

	r = newRig(t).On(long(503))
	_, err = r.Caller.Call(r.Ctx, wire.Request{Call: look, Path: "/f-1"}, func(wire.Answer) wire.Refusal { return wire.Refusal{} })
	e = r.Failed(err)
	require.Equal(t, upload.KindUnavailable, e.Kind)
	require.Empty(t, e.Then)
	require.Equal(t, 503, e.Status)
}

func TestAnAnswerThatIsCompressedIsNotUnpacked(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	for range 256 {
		_, _ = w.Write(make([]byte, 1<<20))
	}
	require.NoError(t, w.Close())
	r := newRig(t).On(wiretest.Exchange{
		Header: map[string]string{"Accept-Encoding": "identity"}, Says: map[string]string{"Content-Encoding": "gzip"}, Answer: packed.String(),
	})
	a, err := r.Caller.Do(r.Ctx, wire.Request{Call: look, Path: "/f-1"})
	require.NoError(t, err)
	require.Len(t, a.Body, packed.Len())
	e := r.Failed(a.Decode(new(struct{})))
	require.Equal(t, upload.KindUnavailable, e.Kind)
	require.Contains(t, e.Message, "compressed with gzip")
}

func TestAnAnswerThatDripsIsNotWaitedForForEver(t *testing.T) {
	r := newRig(t).On(wiretest.Exchange{Loose: true, Says: map[string]string{"Content-Length": "100000"}, Do: func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("{"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done() // the caller hangs up
	}})
	require.Equal(t, egress.ControlTime, r.Caller.HTTP.Timeout)
	hasty := *r.Caller.HTTP
	hasty.Timeout = time.Second / 4
	r.Caller.HTTP = &hasty
	_, err := r.Caller.Do(r.Ctx, wire.Request{Call: look, Path: "/f-1"})
	e := r.Failed(err)
	require.Equal(t, upload.KindUnavailable, e.Kind)
	require.Equal(t, upload.ArrivedMaybe, e.Arrived)
	require.Equal(t, "look: no complete answer within 30s", e.Message)
}

func TestAVendorIsToldNothingOfTraces(t *testing.T) {
	r := newRig(t)
	var headers http.Header
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, asked *http.Request) { headers = asked.Header }))
	t.Cleanup(server.Close)
	r.Caller.Account.BaseURL = server.URL
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	_, err := r.Caller.Do(trace.ContextWithSpanContext(r.Ctx, span), wire.Request{Call: look, Path: "/f-1"})
	require.NoError(t, err)
	require.NotEmpty(t, headers)
	for _, name := range []string{"Traceparent", "Tracestate", "Baggage"} {
		require.Empty(t, headers.Values(name))
	}
}

func TestEachRequestIsToldOfOnceWithItsAnswer(t *testing.T) {
	r := newRig(t)
	var told []string
	r.Caller.Heard = func(_ context.Context, x wire.Exchange) {
		told = append(told, fmt.Sprintf("%s %d", x.Call.Name, x.Status))
	}
	asked := wiretest.Exchange{Ask: "GET /base/f-1", Loose: true, Answer: "{}"}
	broken := asked
	broken.Do = wiretest.Drop // on a connection that was kept, for which net/http tries another
	r.On(asked, broken, asked, wiretest.Refuse(429, ""))
	get := wire.Request{Call: look, Path: "/f-1"}
	for range 3 {
		_, err := r.Caller.Do(r.Ctx, get)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"look 200", "look 0", "look 200", "look 429"}, told)

	r = newRig(t)
	told = nil
	r.Caller.Heard = func(_ context.Context, x wire.Exchange) { told = append(told, x.Call.Name) }
	r.Caller.Account.BaseURL = "http://127.0.0.1:1/base"
	_, err := r.Caller.Do(r.Ctx, get)
	require.Error(t, err)
	require.Empty(t, told, "nothing was sent")
}
