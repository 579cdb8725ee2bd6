package sandbox

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func truvideoLoginAt(t *testing.T, s *Sandbox, at time.Time) answered {
	t.Helper()
	body := `{"timestamp":"` + at.UTC().Format("2006-01-02T15:04:05.000Z") + `"}`
	return sendJSON(t, "POST", s.URL()+"/truvideo-login/api/login", headers{
		"x-authentication-api-key": "sandbox-truvideo-key", "x-multitenant-external-id": "sandbox-truvideo-tenant",
		"x-authentication-signature": loginSignature("sandbox-truvideo-secret", []byte(body)),
	}, body)
}

func truvideoBearer(t *testing.T, s *Sandbox) headers {
	t.Helper()
	a := truvideoLoginAt(t, s, time.Now())
	require.Equal(t, 200, a.status, "%s", a.body)
	return headers{"Authorization": "Bearer " + a.json(t)["accessToken"].(string)}
}

func truvideoStarted(t *testing.T, s *Sandbox, h headers, parts int) map[string]any {
	t.Helper()
	a := sendJSON(t, "POST", s.URL()+"/truvideo/upload/start", h, fmt.Sprintf(
		`{"amountOfParts":%d,"media":{"fileType":"MP4","creator":"FirstName LastName","title":"Hello: World!","duration":76661,"resolution":"NORMAL","tags":{"brand":"Jeep"},"insights":{"isLibrary":false,"includeInReport":true}},"metadata":{"retentionDays":365}}`, parts))
	require.Equal(t, 201, a.status, "%s", a.body)
	return a.json(t)
}

func partURL(session map[string]any, i int) string {
	return session["parts"].([]any)[i].(map[string]any)["presignedUrl"].(string)
}

// putParts sends the parts and gives what complete wants of them.
func putParts(t *testing.T, session map[string]any, parts ...[]byte) string {
	t.Helper()
	var list []string
	for i, body := range parts {
		a := send(t, "PUT", partURL(session, i), headers{"Content-Type": "video/mp4"}, bytes.NewReader(body))
		require.Equal(t, 200, a.status, "%s", a.body)
		list = append(list, fmt.Sprintf(`{"partNumber":%d,"eTag":%q}`, i+1, strings.Trim(a.header.Get("ETag"), `"`)))
	}
	return `{"parts":[` + strings.Join(list, ",") + `]}`
}

func truvideoStatus(t *testing.T, s *Sandbox, h headers, id any) map[string]any {
	t.Helper()
	a := send(t, "GET", s.URL()+"/truvideo/upload/"+id.(string), h, nil)
	require.Equal(t, 200, a.status, "%s", a.body)
	return a.json(t)
}

// noise is n bytes that are not all alike.
func noise(n int, seed byte) []byte {
	out := make([]byte, n)
	x := uint32(seed) + 1
	for i := range out {
		x = x*1664525 + 1013904223
		out[i] = byte(x >> 24)
	}
	return out
}

func TestTruVideoJoinsThreePartsInRealStorage(t *testing.T) {
	s := start(t)
	h := truvideoBearer(t, s)
	session := truvideoStarted(t, s, h, 3)
	require.Len(t, session["parts"], 3)
	first := session["parts"].([]any)[0].(map[string]any)
	expires, err := time.Parse(time.RFC3339, first["expiresAt"].(string))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(20*time.Minute), expires, time.Minute)
	require.Equal(t, "INITIALIZED", truvideoStatus(t, s, h, session["uploadId"])["status"])

	parts := [][]byte{noise(5<<20, 1), noise(5<<20, 2), noise(1000, 3)}
	list := putParts(t, session, parts...)
	require.Equal(t, "PARTIAL", truvideoStatus(t, s, h, session["uploadId"])["status"])
	done := sendJSON(t, "POST", s.URL()+"/truvideo/upload/"+session["uploadId"].(string)+"/complete", h, list)
	require.Equal(t, 202, done.status, "%s", done.body)
	require.Equal(t, "PENDING_COMPLETE", done.json(t)["status"])

	st := truvideoStatus(t, s, h, session["uploadId"])
	require.Equal(t, "COMPLETED", st["status"])
	require.Equal(t, session["mediaId"], st["mediaId"])
	require.Equal(t, "Hello__World_", st["sanitizedTitle"])
	require.Equal(t, "FirstName LastName", st["creator"])
	require.Nil(t, st["failureReason"])
	require.Len(t, st["parts"], 3)
	require.True(t, strings.HasSuffix(st["keyName"].(string), "/Hello__World_.mp4"))
	whole := bytes.Join(parts, nil)
	require.Equal(t, whole, send(t, "GET", st["fileUrl"].(string), nil, nil).body)

	noViolations(t, s)
	m := s.Ledger().Of("truvideo")
	require.Len(t, m, 1)
	require.Equal(t, sum(whole), m[0].SHA256)
	require.EqualValues(t, len(whole), m[0].Size)
	require.Len(t, m[0].Parts, 3)
	require.Equal(t, 1, m[0].Parts[2].Received)
	require.Equal(t, sum(parts[2]), m[0].Parts[2].SHA256)
	require.Equal(t, 1, m[0].Completes)
	require.Equal(t, "Jeep", m[0].Fields["media"].(map[string]any)["tags"].(map[string]any)["brand"])
	require.Regexp(t, `^[0-9a-f]{32}-3$`, m[0].ETag)
}

func TestTruVideoFailsWhatStorageCannotJoin(t *testing.T) {
	s := start(t)
	h := truvideoBearer(t, s)
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
			session := truvideoStarted(t, s, h, len(c.parts))
			list := putParts(t, session, c.parts...)
			if c.change != nil {
				list = c.change(list)
			}
			complete := s.URL() + "/truvideo/upload/" + session["uploadId"].(string) + "/complete"
			require.Equal(t, 202, sendJSON(t, "POST", complete, h, list).status)
			st := truvideoStatus(t, s, h, session["uploadId"])
			require.Equal(t, "FAILED", st["status"])
			require.Contains(t, st["failureReason"], c.reason)
			require.Equal(t, 400, sendJSON(t, "POST", complete, h, list).status, "a failed one cannot be completed again")
		})
	}
}

func TestTruVideoRefusesAListThatIsNotAllParts(t *testing.T) {
	s := start(t)
	h := truvideoBearer(t, s)
	session := truvideoStarted(t, s, h, 2)
	for _, list := range []string{
		`{}`, `{"parts":[]}`, `{"parts":[{"partNumber":1,"eTag":"a"}]}`,
		`{"parts":[{"partNumber":2,"eTag":"a"},{"partNumber":1,"eTag":"b"}]}`,
		`{"parts":[{"partNumber":1,"eTag":"a"},{"partNumber":1,"eTag":"b"}]}`,
		`{"parts":[{"partNumber":1,"eTag":"a"},{"partNumber":3,"eTag":"b"}]}`,
		`{"parts":[{"partNumber":1,"eTag":"a"},{"partNumber":2}]}`,
		`{"parts":[{"PartNumber":1,"ETag":"a"},{"PartNumber":2,"ETag":"b"}]}`,
	} {
		a := sendJSON(t, "POST", s.URL()+"/truvideo/upload/"+session["uploadId"].(string)+"/complete", h, list)
		require.Equal(t, 400, a.status, list)
		doc := a.json(t)
		require.Equal(t, "/upload/"+session["uploadId"].(string)+"/complete", doc["instance"])
		require.NotEmpty(t, doc["detail"])
	}
	require.Equal(t, "INITIALIZED", truvideoStatus(t, s, h, session["uploadId"])["status"])
	require.Equal(t, 400, send(t, "GET", s.URL()+"/truvideo/upload/unknown", h, nil).status)
}

func TestTruVideoRefusesAWrongStart(t *testing.T) {
	s := start(t)
	h := truvideoBearer(t, s)
	for _, body := range []string{
		`{"media":{"fileType":"MP4"}}`, `{"amountOfParts":0,"media":{"fileType":"MP4"}}`, `{"amountOfParts":121,"media":{"fileType":"MP4"}}`,
		`{"amountOfParts":1}`, `{"amountOfParts":1,"media":{"fileType":"EXE"}}`, `{"amountOfParts":"1","media":{"fileType":"MP4"}}`,
		`{"amountOfParts":1,"media":{"fileType":"MP4","resolution":"ULTRA"}}`,
		`{"amountOfParts":1,"media":{"fileType":"MP4","creator":"` + strings.Repeat("x", 256) + `"}}`,
		`{"amountOfParts":1,"media":{"fileType":"MP4"},"metadata":{"failureReason":"x"}}`,
	} {
		require.Equal(t, 400, sendJSON(t, "POST", s.URL()+"/truvideo/upload/start", h, body).status, body)
	}
	require.Empty(t, s.Ledger().Of("truvideo"))
	require.Equal(t, 201, sendJSON(t, "POST", s.URL()+"/truvideo/upload/start", h, `{"amountOfParts":1,"media":{"fileType":"mp4"}}`).status)
	require.Equal(t, 401, sendJSON(t, "POST", s.URL()+"/truvideo/upload/start", headers{"Authorization": "Bearer x.y.z"}, `{}`).status)
}

func TestTruVideoChecksALogin(t *testing.T) {
	s := start(t)
	require.Equal(t, 400, truvideoLoginAt(t, s, time.Now().Add(-31*time.Minute)).status)
	body := `{"timestamp":"` + time.Now().UTC().Format("2006-01-02T15:04:05.000Z") + `"}`
	right := headers{
		"x-authentication-api-key": "sandbox-truvideo-key", "x-multitenant-external-id": "sandbox-truvideo-tenant",
		"x-authentication-signature": loginSignature("sandbox-truvideo-secret", []byte(body)),
	}
	for name, value := range map[string]string{
		"x-authentication-api-key": "other", "x-multitenant-external-id": "other",
		"x-authentication-signature": strings.ToUpper(right["x-authentication-signature"]),
	} {
		h := headers{}
		for n, v := range right {
			h[n] = v
		}
		h[name] = value
		require.Equal(t, 401, sendJSON(t, "POST", s.URL()+"/truvideo-login/api/login", h, body).status, name)
	}
	require.Equal(t, 401, sendJSON(t, "POST", s.URL()+"/truvideo-login/api/login", right, body+" ").status, "the signature is over the very bytes")

	token := truvideoLoginAt(t, s, time.Now()).json(t)["accessToken"].(string)
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	require.NoError(t, err)
	var claims map[string]any
	require.NoError(t, json.Unmarshal(payload, &claims))
	require.EqualValues(t, 86400, claims["exp"].(float64)-claims["iat"].(float64))

	h := headers{"Authorization": "Bearer " + token}
	truvideoStarted(t, s, h, 1)
	s.Advance(24*time.Hour + time.Second)
	require.Equal(t, 401, sendJSON(t, "POST", s.URL()+"/truvideo/upload/start", h, `{}`).status)
}

func TestTruVideoGivesMoreURLsForWhatStorageLacks(t *testing.T) {
	s := start(t, with(func(v *Settings) { v.TruVideo.InitialURLs = 2 }))
	h := truvideoBearer(t, s)
	session := truvideoStarted(t, s, h, 4)
	require.Len(t, session["parts"], 2)
	more := s.URL() + "/truvideo/upload/" + session["uploadId"].(string) + "/parts?count="
	numbers := func(query string) []int {
		a := send(t, "GET", more+query, h, nil)
		require.Equal(t, 200, a.status, "%s", a.body)
		var out []int
		for _, p := range a.json(t)["parts"].([]any) {
			out = append(out, int(p.(map[string]any)["partNumber"].(float64)))
		}
		return out
	}
	require.Equal(t, []int{1, 2, 3}, numbers("3"))
	require.Equal(t, 200, send(t, "PUT", partURL(session, 1), headers{"Content-Type": "video/mp4"}, strings.NewReader("two")).status)
	require.Equal(t, []int{1, 3, 4}, numbers("120"))
	require.Equal(t, 400, send(t, "GET", more+"0", h, nil).status)
	require.Equal(t, 400, send(t, "GET", more+"x", h, nil).status)
	s.Configure(func(v *Settings) { v.TruVideo.PartsStatus = 405 })
	require.Equal(t, 405, send(t, "GET", more+"1", h, nil).status)
}

func TestTruVideoURLsExpireAndAreSignedAnew(t *testing.T) {
	s := start(t)
	h := truvideoBearer(t, s)
	session := truvideoStarted(t, s, h, 1)
	s.Advance(21 * time.Minute)
	mp4 := headers{"Content-Type": "video/mp4"}
	a := send(t, "PUT", partURL(session, 0), mp4, strings.NewReader("part"))
	require.Equal(t, 403, a.status)
	require.Contains(t, string(a.body), "Request has expired")
	again := send(t, "GET", s.URL()+"/truvideo/upload/"+session["uploadId"].(string)+"/parts?count=1", h, nil).json(t)
	require.Equal(t, 200, send(t, "PUT", partURL(again, 0), mp4, strings.NewReader("part")).status)

	require.NoError(t, s.AbortTruVideo(session["uploadId"].(string)))
	a = send(t, "PUT", partURL(again, 0), mp4, strings.NewReader("part"))
	require.Equal(t, 404, a.status)
	require.Contains(t, string(a.body), "NoSuchUpload")
	s.Advance(24 * time.Hour)
	require.Equal(t, 400, send(t, "GET", s.URL()+"/truvideo/upload/"+session["uploadId"].(string), truvideoBearer(t, s), nil).status)
}

func TestTruVideoCountsPartsThatAreSentAgain(t *testing.T) {
	s := start(t)
	session := truvideoStarted(t, s, truvideoBearer(t, s), 1)
	for range 3 {
		require.Equal(t, 200, send(t, "PUT", partURL(session, 0), headers{"Content-Type": "video/mp4"}, strings.NewReader("part")).status)
	}
	require.Equal(t, 3, s.Ledger().Of("truvideo")[0].Parts[0].Received)
}

func TestTitlesAreSanitizedOneForOne(t *testing.T) {
	for title, want := range map[string]string{
		"Hello: World!": "Hello__World_", "Product %%#@^&": "Product_______", "Product Lunch Video": "Product_Lunch_Video", "a.b-c_d": "a.b-c_d",
	} {
		require.Equal(t, want, sanitized(title))
	}
}
