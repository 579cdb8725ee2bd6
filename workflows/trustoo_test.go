package workflows

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

func trustooSession(key string, fields ...string) answer {
	s := upload.Session{Method: upload.MethodForm, Store: upload.StoreOSS, Media: upload.Media{ID: key, URL: "https://img/" + key}}
	for _, name := range fields {
		s.Form = append(s.Form, upload.FormField{Name: name, Value: "x"})
	}
	return answer{value: s}
}

func TestTrustooIsReadyWhenTheStorageHasTheObject(t *testing.T) {
	w := newWorld(t, "trustoo").
		on(upload.ActivityPrepare, trustooSession("d/k", "callback")).
		on(upload.ActivityTransfer, sent)
	result, err := w.run()
	require.NoError(t, err)
	require.EqualValues(t, "d/k", result.MediaID)
	require.EqualValues(t, "https://img/d/k", result.MediaURL)
	require.Equal(t, []string{"Claim", "Prepare", "Transfer", "Record"}, w.asked)
}

func TestTrustooGetsANewPolicyWhenTheOldOneRanOut(t *testing.T) {
	var previous *upload.Session
	w := newWorld(t, "trustoo").
		on(upload.ActivityPrepare, trustooSession("d/k"), answer{value: func(in any) any {
			previous = in.(upload.Prepare).Previous
			return trustooSession("d/k").value
		}}).
		on(upload.ActivityTransfer, ranOut(), sent)
	_, err := w.run()
	require.NoError(t, err)
	require.NotNil(t, previous)
	require.Equal(t, "d/k", previous.Media.ID)
}

func TestTrustooRepeatsAFormWhoseCallbackFailedAndThenAcceptsIt(t *testing.T) {
	untold := answer{value: upload.Receipt{BytesSent: 100, SHA256: "aa", CRC64: "1", Untold: true, Note: "not told"}}
	w := newWorld(t, "trustoo").
		on(upload.ActivityPrepare, trustooSession("d/k")).
		on(upload.ActivityTransfer, untold)
	result, err := w.run()
	require.NoError(t, err)
	require.Equal(t, 3, result.Attempts.Transfer)
	require.Equal(t, upload.StateReady, result.State)
	require.Equal(t, "not told", result.Note)
}

func TestTrustooLeavesOutARefusedCallbackOnlyWhereTheAccountAllowsIt(t *testing.T) {
	refused := answer{err: fails(upload.Error{Kind: upload.KindRejected, Status: 400, Code: "InvalidArgument", Message: "the callback configuration is not json format"})}
	var because string
	w := newWorld(t, "trustoo").
		on(upload.ActivityPrepare, trustooSession("d/k", "callback"), answer{value: func(in any) any {
			because = in.(upload.Prepare).Because
			return trustooSession("d/k").value
		}}).
		on(upload.ActivityTransfer, refused, sent)
	_, err := w.run()
	require.NoError(t, err)
	require.Equal(t, "InvalidArgument", because)

	w = newWorld(t, "trustoo").
		on(upload.ActivityPrepare, trustooSession("d/k", "callback")).
		on(upload.ActivityTransfer, refused)
	result, err := w.run()
	require.Error(t, err)
	require.Equal(t, upload.KindRejected, result.Error.Kind)
	require.Equal(t, 1, result.Attempts.Transfer, "a form that was refused is not sent unchanged")
}
