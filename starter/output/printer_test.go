package output

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/upload"
)

func TestARequestIsNamedOnce(t *testing.T) {
	for message, want := range map[string]string{
		"upload-url answered 401: no":                                         "denied at prepare: upload-url answered 401: no (request f47a)",
		"account sitoo is paused: upload-url answered 401: no (request f47a)": "denied at prepare: account sitoo is paused: upload-url answered 401: no (request f47a)",
	} {
		require.Equal(t, want, failureLine(&upload.Failure{Kind: upload.KindDenied, Step: upload.StepPrepare, Message: message, RequestID: "f47a"}))
	}
}
