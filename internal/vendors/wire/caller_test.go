package wire_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

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
		a, err := r.Caller.Do(r.Ctx, wire.Request{Call: look, URL: "/f-1"})
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
	get := wire.Request{Call: look, URL: "/f-1"}
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
		_, err := r.Caller.Do(r.Ctx, wire.Request{Call: call, URL: "/f-1"})
		require.Equal(t, upload.KindInternal, upload.KindOf(err))
		require.Zero(t, r.Permits.Taken)
	}
	r := newRig(t).On(wiretest.Exchange{Loose: true})
	_, err := r.Caller.Do(r.Ctx, wire.Request{Call: look.At(upload.StepTransfer), URL: "/f-1"})
	require.NoError(t, err, "in whichever step it is made")
}

func TestWhatLiesBetweenIsWeather(t *testing.T) {
	for status, kind := range map[int]upload.Kind{
		400: upload.KindRejected, 401: upload.KindDenied, 403: upload.KindDenied, 404: upload.KindRejected, 407: upload.KindUnavailable,
		408: upload.KindUnavailable, 409: upload.KindRejected, 421: upload.KindUnavailable, 425: upload.KindUnavailable, 429: upload.KindThrottled,
		499: upload.KindUnavailable, 500: upload.KindUnavailable, 520: upload.KindUnavailable, 530: upload.KindUnavailable, 599: upload.KindUnavailable,
	} {
		r := newRig(t).On(wiretest.Refuse(status, ""))
		_, err := r.Caller.Call(r.Ctx, wire.Request{Call: look, URL: "/f-1"}, func(wire.Answer) wire.Refusal { return wire.Refusal{} })
		e := r.Failed(err)
		require.Equal(t, kind, e.Kind, status)
		arrived := upload.ArrivedNothing
		if status >= 499 {
			arrived = upload.ArrivedMaybe
		}
		require.Equal(t, arrived, e.Arrived, status)
	}
}
