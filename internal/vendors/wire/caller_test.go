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
