package sandboxtest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
)

// TruvideoLoginAt logs in with a time stamp.
func TruvideoLoginAt(t *testing.T, s Located, at time.Time) Answered {
	t.Helper()
	body := `{"timestamp":"` + at.UTC().Format("2006-01-02T15:04:05.000Z") + `"}`
	return SendJSON(t, "POST", s.URL()+"/truvideo-login/api/login", Headers{
		"x-authentication-api-key": "sandbox-truvideo-key", "x-multitenant-external-id": "sandbox-truvideo-tenant",
		"x-authentication-signature": MAC("sandbox-truvideo-secret", body),
	}, body)
}

// TruvideoBearer logs in and gives the headers of the token.
func TruvideoBearer(t *testing.T, s Located) Headers {
	t.Helper()
	a := TruvideoLoginAt(t, s, time.Now())
	require.Equal(t, 200, a.Status, "%s", a.Body)
	return Headers{"Authorization": "Bearer " + a.JSON(t)["accessToken"].(string)}
}

// TruvideoStarted starts an upload of so many parts.
func TruvideoStarted(t *testing.T, s Located, h Headers, parts int) map[string]any {
	t.Helper()
	a := SendJSON(t, "POST", s.URL()+"/truvideo/upload/start", h, fmt.Sprintf(
		`{"amountOfParts":%d,"media":{"fileType":"MP4","creator":"FirstName LastName","title":"Hello: World!","duration":76661,"resolution":"NORMAL","tags":{"brand":"Jeep"},"insights":{"isLibrary":false,"includeInReport":true}},"metadata":{"retentionDays":365}}`, parts))
	require.Equal(t, 201, a.Status, "%s", a.Body)
	return a.JSON(t)
}

// PartURL is the URL of a part, counted from 0.
func PartURL(session map[string]any, i int) string {
	return session["parts"].([]any)[i].(map[string]any)["presignedUrl"].(string)
}

// PutParts sends the parts and gives what complete wants of them.
func PutParts(t *testing.T, session map[string]any, parts ...[]byte) string {
	t.Helper()
	var list []string
	for i, body := range parts {
		a := Send(t, "PUT", PartURL(session, i), Headers{"Content-Type": "video/mp4"}, bytes.NewReader(body))
		require.Equal(t, 200, a.Status, "%s", a.Body)
		list = append(list, fmt.Sprintf(`{"partNumber":%d,"eTag":%q}`, i+1, strings.Trim(a.Header.Get("ETag"), `"`)))
	}
	return `{"parts":[` + strings.Join(list, ",") + `]}`
}

// TruvideoStatus asks about an upload.
func TruvideoStatus(t *testing.T, s *sandbox.Sandbox, h Headers, id any) map[string]any {
	t.Helper()
	a := Send(t, "GET", s.URL()+"/truvideo/upload/"+id.(string), h, nil)
	require.Equal(t, 200, a.Status, "%s", a.Body)
	return a.JSON(t)
}
