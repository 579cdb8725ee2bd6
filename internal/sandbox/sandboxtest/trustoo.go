package sandboxtest

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
)

// TrustooSigned signs a request by the vendor's construction.
func TrustooSigned(at time.Time, body string) Headers {
	stamp := strconv.FormatInt(at.Unix(), 10)
	text := "timestamp=" + stamp
	if body != "" {
		text += "|" + body
	}
	return Headers{
		"Public-Token": "sandbox-trustoo-public", "Timestamp": stamp,
		"Sign": MAC("sandbox-trustoo-private", text),
	}
}

// TrustooPolicy asks for upload credentials.
func TrustooPolicy(t *testing.T, s *sandbox.Sandbox) map[string]any {
	t.Helper()
	a := Send(t, "GET", s.URL()+"/trustoo/api/v1/openapi/get_image_upload_policy_token", TrustooSigned(time.Now(), ""), nil)
	require.Equal(t, 200, a.Status)
	doc := a.JSON(t)
	require.EqualValues(t, 0, doc["code"], "%s", a.Body)
	require.Len(t, doc["request_id"], 32)
	return doc["data"].(map[string]any)
}

// TrustooFields are the fields of a form with these credentials.
func TrustooFields(p map[string]any, name string) []Field {
	return []Field{
		{"key", p["dir"].(string) + name},
		{"policy", p["policy"].(string)},
		{"OSSAccessKeyId", p["access_id"].(string)},
		{"Signature", p["signature"].(string)},
		{"callback", p["callback"].(string)},
	}
}
