package sandboxtest

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// PutJPEG sends an image to a signed URL.
func PutJPEG(t *testing.T, url any, body []byte) Answered {
	t.Helper()
	return Send(t, "PUT", url.(string), Headers{"Content-Type": "image/jpeg"}, bytes.NewReader(body))
}

// TrustanaKey are the headers of the first credentials.
func TrustanaKey() Headers { return Headers{"X-API-Key": "sandbox-trustana-key"} }

// TrustanaPrepared opens one upload at Trustana.
func TrustanaPrepared(t *testing.T, s Located, name string) map[string]any {
	t.Helper()
	a := SendJSON(t, "POST", s.URL()+"/trustana/v1/upload/prepare", TrustanaKey(), `{"fileName":"`+name+`"}`)
	require.Equal(t, 200, a.Status, "%s", a.Body)
	return a.JSON(t)["data"].(map[string]any)
}

// TrustanaStatus asks about an upload.
func TrustanaStatus(t *testing.T, s Located, query string) Answered {
	t.Helper()
	return Send(t, "GET", s.URL()+"/trustana/v1/upload/status?"+query, TrustanaKey(), nil)
}
