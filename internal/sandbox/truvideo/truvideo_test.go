package truvideo_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox"
	"github.com/mediaferry/mediaferry/internal/sandbox/sandboxtest"
	"github.com/mediaferry/mediaferry/internal/sandbox/simulate"
	"github.com/mediaferry/mediaferry/internal/sandbox/truvideo"
)

func TestTruVideoJoinsThreePartsInRealStorage(t *testing.T) {
	s := sandboxtest.Start(t)
	h := sandboxtest.TruvideoBearer(t, s)
	session := sandboxtest.TruvideoStarted(t, s, h, 3)
	require.Len(t, session["parts"], 3)
	first := session["parts"].([]any)[0].(map[string]any)
	expires, err := time.Parse(time.RFC3339, first["expiresAt"].(string))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(20*time.Minute), expires, time.Minute)
	require.Equal(t, "INITIALIZED", sandboxtest.TruvideoStatus(t, s, h, session["uploadId"])["status"])

	parts := [][]byte{sandboxtest.Noise(5<<20, 1), sandboxtest.Noise(5<<20, 2), sandboxtest.Noise(1000, 3)}
	list := sandboxtest.PutParts(t, session, parts...)
	require.Equal(t, "PARTIAL", sandboxtest.TruvideoStatus(t, s, h, session["uploadId"])["status"])
	done := sandboxtest.SendJSON(t, "POST", s.URL()+"/truvideo/upload/"+session["uploadId"].(string)+"/complete", h, list)
	require.Equal(t, 202, done.Status, "%s", done.Body)
	require.Equal(t, "PENDING_COMPLETE", done.JSON(t)["status"])

	st := sandboxtest.TruvideoStatus(t, s, h, session["uploadId"])
	require.Equal(t, "COMPLETED", st["status"])
	require.Equal(t, session["mediaId"], st["mediaId"])
	require.Equal(t, "Hello__World_", st["sanitizedTitle"])
	require.Equal(t, "FirstName LastName", st["creator"])
	require.Nil(t, st["failureReason"])
	require.Len(t, st["parts"], 3)
	require.True(t, strings.HasSuffix(st["keyName"].(string), "/Hello__World_.mp4"))
	whole := bytes.Join(parts, nil)
	require.Equal(t, whole, sandboxtest.Send(t, "GET", st["fileUrl"].(string), nil, nil).Body)

	sandboxtest.NoViolations(t, s)
	m := s.Ledger().Of("truvideo")
	require.Len(t, m, 1)
	require.Equal(t, sandboxtest.Sum(whole), m[0].SHA256)
	require.EqualValues(t, len(whole), m[0].Size)
	require.Len(t, m[0].Parts, 3)
	require.Equal(t, 1, m[0].Parts[2].Received)
	require.Equal(t, sandboxtest.Sum(parts[2]), m[0].Parts[2].SHA256)
	require.Equal(t, 1, m[0].Completes)
	require.Equal(t, "Jeep", m[0].Fields["media"].(map[string]any)["tags"].(map[string]any)["brand"])
	require.Regexp(t, `^[0-9a-f]{32}-3$`, m[0].ETag)
}

func TestTruVideoFailsWhatStorageCannotJoin(t *testing.T) {
	s := sandboxtest.Start(t)
	h := sandboxtest.TruvideoBearer(t, s)
	for _, c := range []struct {
		name   string
		parts  [][]byte
		change func(string) string
		reason string
	}{
		{"a short part that is not the last", [][]byte{[]byte("short"), []byte("last")}, nil, "EntityTooSmall"},
		{"a wrong ETag", [][]byte{[]byte("only")}, func(s string) string {
			return `{"parts":[{"partNumber":1,"eTag":"00000000000000000000000000000000"}]}`
		}, "InvalidPart"},
	} {
		t.Run(c.name, func(t *testing.T) {
			session := sandboxtest.TruvideoStarted(t, s, h, len(c.parts))
			list := sandboxtest.PutParts(t, session, c.parts...)
			if c.change != nil {
				list = c.change(list)
			}
			complete := s.URL() + "/truvideo/upload/" + session["uploadId"].(string) + "/complete"
			require.Equal(t, 202, sandboxtest.SendJSON(t, "POST", complete, h, list).Status)
			st := sandboxtest.TruvideoStatus(t, s, h, session["uploadId"])
			require.Equal(t, "FAILED", st["status"])
			require.Contains(t, st["failureReason"], c.reason)
			require.Equal(t, 400, sandboxtest.SendJSON(t, "POST", complete, h, list).Status, "a failed one cannot be completed again")
		})
	}
}

func TestTruVideoRefusesAListThatIsNotAllParts(t *testing.T) {
	s := sandboxtest.Start(t)
	h := sandboxtest.TruvideoBearer(t, s)
	session := sandboxtest.TruvideoStarted(t, s, h, 2)
	for _, list := range []string{
		`{}`, `{"parts":[]}`, `{"parts":[{"partNumber":1,"eTag":"a"}]}`,
		`{"parts":[{"partNumber":2,"eTag":"a"},{"partNumber":1,"eTag":"b"}]}`,
		`{"parts":[{"partNumber":1,"eTag":"a"},{"partNumber":1,"eTag":"b"}]}`,
		`{"parts":[{"partNumber":1,"eTag":"a"},{"partNumber":3,"eTag":"b"}]}`,
		`{"parts":[{"partNumber":1,"eTag":"a"},{"partNumber":2}]}`,
		`{"parts":[{"PartNumber":1,"ETag":"a"},{"PartNumber":2,"ETag":"b"}]}`,
	} {
		a := sandboxtest.SendJSON(t, "POST", s.URL()+"/truvideo/upload/"+session["uploadId"].(string)+"/complete", h, list)
		require.Equal(t, 400, a.Status, list)
		doc := a.JSON(t)
		require.Equal(t, "/upload/"+session["uploadId"].(string)+"/complete", doc["instance"])
		require.NotEmpty(t, doc["detail"])
	}
	require.Equal(t, "INITIALIZED", sandboxtest.TruvideoStatus(t, s, h, session["uploadId"])["status"])
	require.Equal(t, 400, sandboxtest.Send(t, "GET", s.URL()+"/truvideo/upload/unknown", h, nil).Status)
}

func TestTruVideoRefusesAWrongStart(t *testing.T) {
	s := sandboxtest.Start(t)
	h := sandboxtest.TruvideoBearer(t, s)
	for _, body := range []string{
		`{"media":{"fileType":"MP4"}}`, `{"amountOfParts":0,"media":{"fileType":"MP4"}}`, `{"amountOfParts":121,"media":{"fileType":"MP4"}}`,
		`{"amountOfParts":1}`, `{"amountOfParts":1,"media":{"fileType":"EXE"}}`, `{"amountOfParts":"1","media":{"fileType":"MP4"}}`,
		`{"amountOfParts":1,"media":{"fileType":"MP4","resolution":"ULTRA"}}`,
		`{"amountOfParts":1,"media":{"fileType":"MP4","creator":"` + strings.Repeat("x", 256) + `"}}`,
		`{"amountOfParts":1,"media":{"fileType":"MP4"},"metadata":{"failureReason":"x"}}`,
	} {
		require.Equal(t, 400, sandboxtest.SendJSON(t, "POST", s.URL()+"/truvideo/upload/start", h, body).Status, body)
	}
	require.Empty(t, s.Ledger().Of("truvideo"))
	require.Equal(t, 201, sandboxtest.SendJSON(t, "POST", s.URL()+"/truvideo/upload/start", h, `{"amountOfParts":1,"media":{"fileType":"mp4"}}`).Status)
	require.Equal(t, 401, sandboxtest.SendJSON(t, "POST", s.URL()+"/truvideo/upload/start", sandboxtest.Headers{"Authorization": "Bearer x.y.z"}, `{}`).Status)
}

func TestTruVideoChecksALogin(t *testing.T) {
	s := sandboxtest.Start(t)
	require.Equal(t, 400, sandboxtest.TruvideoLoginAt(t, s, time.Now().Add(-31*time.Minute)).Status)
	body := `{"timestamp":"` + time.Now().UTC().Format("2006-01-02T15:04:05.000Z") + `"}`
	right := sandboxtest.Headers{
		"x-authentication-api-key": "sandbox-truvideo-key", "x-multitenant-external-id": "sandbox-truvideo-tenant",
		"x-authentication-signature": sandboxtest.MAC("sandbox-truvideo-secret", body),
	}
	for name, value := range map[string]string{
		"x-authentication-api-key": "other", "x-multitenant-external-id": "other",
		"x-authentication-signature": strings.ToUpper(right["x-authentication-signature"]),
	} {
		h := sandboxtest.Headers{}
		for n, v := range right {
			h[n] = v
		}
		h[name] = value
		require.Equal(t, 401, sandboxtest.SendJSON(t, "POST", s.URL()+"/truvideo-login/api/login", h, body).Status, name)
	}
	require.Equal(t, 401, sandboxtest.SendJSON(t, "POST", s.URL()+"/truvideo-login/api/login", right, body+" ").Status, "the signature is over the very bytes")

	token := sandboxtest.TruvideoLoginAt(t, s, time.Now()).JSON(t)["accessToken"].(string)
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	require.NoError(t, err)
	var claims map[string]any
	require.NoError(t, json.Unmarshal(payload, &claims))
	require.EqualValues(t, 86400, claims["exp"].(float64)-claims["iat"].(float64))

	h := sandboxtest.Headers{"Authorization": "Bearer " + token}
	sandboxtest.TruvideoStarted(t, s, h, 1)
	s.Advance(24*time.Hour + time.Second)
	require.Equal(t, 401, sandboxtest.SendJSON(t, "POST", s.URL()+"/truvideo/upload/start", h, `{}`).Status)
}

func TestTruVideoGivesMoreURLsForWhatStorageLacks(t *testing.T) {
	s := sandboxtest.Start(t, sandboxtest.With(func(v *simulate.Settings) { simulate.In[truvideo.Settings](v).InitialURLs = 2 }))
	h := sandboxtest.TruvideoBearer(t, s)
	session := sandboxtest.TruvideoStarted(t, s, h, 4)
	require.Len(t, session["parts"], 2)
	more := s.URL() + "/truvideo/upload/" + session["uploadId"].(string) + "/parts?count="
	numbers := func(query string) []int {
		a := sandboxtest.Send(t, "GET", more+query, h, nil)
		require.Equal(t, 200, a.Status, "%s", a.Body)
		var out []int
		for _, p := range a.JSON(t)["parts"].([]any) {
			out = append(out, int(p.(map[string]any)["partNumber"].(float64)))
		}
		return out
	}
	require.Equal(t, []int{1, 2, 3}, numbers("3"))
	require.Equal(t, 200, sandboxtest.Send(t, "PUT", sandboxtest.PartURL(session, 1), sandboxtest.Headers{"Content-Type": "video/mp4"}, strings.NewReader("two")).Status)
	require.Equal(t, []int{1, 3, 4}, numbers("120"))
	require.Equal(t, 400, sandboxtest.Send(t, "GET", more+"0", h, nil).Status)
	require.Equal(t, 400, sandboxtest.Send(t, "GET", more+"x", h, nil).Status)
	s.Configure(func(v *simulate.Settings) { simulate.In[truvideo.Settings](v).PartsStatus = 405 })
	require.Equal(t, 405, sandboxtest.Send(t, "GET", more+"1", h, nil).Status)
}

func TestTruVideoURLsExpireAndAreSignedAnew(t *testing.T) {
	s := sandboxtest.Start(t)
	h := sandboxtest.TruvideoBearer(t, s)
	session := sandboxtest.TruvideoStarted(t, s, h, 1)
	s.Advance(21 * time.Minute)
	mp4 := sandboxtest.Headers{"Content-Type": "video/mp4"}
	a := sandboxtest.Send(t, "PUT", sandboxtest.PartURL(session, 0), mp4, strings.NewReader("part"))
	require.Equal(t, 403, a.Status)
	require.Contains(t, string(a.Body), "Request has expired")
	again := sandboxtest.Send(t, "GET", s.URL()+"/truvideo/upload/"+session["uploadId"].(string)+"/parts?count=1", h, nil).JSON(t)
	require.Equal(t, 200, sandboxtest.Send(t, "PUT", sandboxtest.PartURL(again, 0), mp4, strings.NewReader("part")).Status)

	require.NoError(t, sandbox.Of[*truvideo.Vendor](s).Abort(session["uploadId"].(string)))
	a = sandboxtest.Send(t, "PUT", sandboxtest.PartURL(again, 0), mp4, strings.NewReader("part"))
	require.Equal(t, 404, a.Status)
	require.Contains(t, string(a.Body), "NoSuchUpload")
	s.Advance(24 * time.Hour)
	require.Equal(t, 400, sandboxtest.Send(t, "GET", s.URL()+"/truvideo/upload/"+session["uploadId"].(string), sandboxtest.TruvideoBearer(t, s), nil).Status)
}

func TestTruVideoCountsPartsThatAreSentAgain(t *testing.T) {
	s := sandboxtest.Start(t)
	session := sandboxtest.TruvideoStarted(t, s, sandboxtest.TruvideoBearer(t, s), 1)
	for range 3 {
		require.Equal(t, 200, sandboxtest.Send(t, "PUT", sandboxtest.PartURL(session, 0), sandboxtest.Headers{"Content-Type": "video/mp4"}, strings.NewReader("part")).Status)
	}
	require.Equal(t, 3, s.Ledger().Of("truvideo")[0].Parts[0].Received)
}
