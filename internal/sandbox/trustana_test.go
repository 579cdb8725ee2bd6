package sandbox

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func trustanaKey() headers { return headers{"X-API-Key": "sandbox-trustana-key"} }

// prepared opens one upload at Trustana.
func prepared(t *testing.T, s *Sandbox, name string) map[string]any {
	t.Helper()
	a := sendJSON(t, "POST", s.URL()+"/trustana/v1/upload/prepare", trustanaKey(), `{"fileName":"`+name+`"}`)
	require.Equal(t, 200, a.status, "%s", a.body)
	return a.json(t)["data"].(map[string]any)
}

func trustanaStatus(t *testing.T, s *Sandbox, query string) answered {
	t.Helper()
	return send(t, "GET", s.URL()+"/trustana/v1/upload/status?"+query, trustanaKey(), nil)
}

func sum(body []byte) string {
	h := sha256.Sum256(body)
	return hex.EncodeToString(h[:])
}

func TestTrustanaTakesAPictureThroughSignedPUT(t *testing.T) {
	s := start(t)
	body := jpegOf(t, 40, 30)
	a := sendJSON(t, "POST", s.URL()+"/trustana/v1/upload/prepare", trustanaKey(),
		`{"fileName":"product-image3.JPG","skuIds":["SKU123","SKU456"],"addToMediaGallery":true}`)
	require.Equal(t, 200, a.status)
	doc := a.json(t)
	require.EqualValues(t, 0, doc["errorCode"])
	data := doc["data"].(map[string]any)
	require.EqualValues(t, 900, data["expiresIn"])
	require.Regexp(t, `^image-\d+-\d{13}\.jpg$`, data["fileName"])
	require.True(t, strings.HasPrefix(data["uploadId"].(string), "upl_"))
	require.True(t, strings.HasSuffix(data["finalUrl"].(string), data["fileName"].(string)))

	id := "uploadId=" + data["uploadId"].(string)
	require.Equal(t, 404, trustanaStatus(t, s, id).status)
	require.Equal(t, 404, send(t, "GET", data["finalUrl"].(string), nil, nil).status)

	put := send(t, "PUT", data["uploadUrl"].(string), headers{"Content-Type": "image/jpeg"}, bytes.NewReader(body))
	require.Equal(t, 200, put.status, "%s", put.body)
	md := md5.Sum(body)
	require.Equal(t, `"`+hex.EncodeToString(md[:])+`"`, put.header.Get("ETag"))
	require.Empty(t, put.body)
	require.NotEmpty(t, put.header.Get("x-amz-request-id"))

	byID := trustanaStatus(t, s, id).json(t)["data"].(map[string]any)
	byName := trustanaStatus(t, s, "fileName="+data["fileName"].(string)).json(t)["data"].(map[string]any)
	require.Equal(t, byID, byName)
	require.Regexp(t, `^IM\d{8}$`, byID["fileId"])
	require.Equal(t, "product-image3.JPG", byID["originalName"])
	require.EqualValues(t, len(body), byID["size"])
	require.Equal(t, "image/jpeg", byID["format"])

	final := send(t, "GET", data["finalUrl"].(string), nil, nil)
	require.Equal(t, body, final.body)

	noViolations(t, s)
	m := s.Ledger().Of("trustana")
	require.Len(t, m, 1)
	require.Equal(t, byID["fileId"], m[0].MediaID)
	require.Equal(t, "ready", m[0].State)
	require.True(t, m[0].Visible)
	require.Equal(t, sum(body), m[0].SHA256)
	require.Equal(t, 1, m[0].Received)
	require.Equal(t, []string{"SKU123", "SKU456"}, m[0].Fields["skuIds"])
}

func TestTrustanaRefusesWhatItsContractRefuses(t *testing.T) {
	s := start(t)
	var many []string
	for i := range 101 {
		many = append(many, strconv.Quote(fmt.Sprint("S", i)))
	}
	for _, c := range []struct {
		name, body string
		header     headers
		status     int
		violation  string
	}{
		{"no key", `{"fileName":"a.jpg"}`, headers{}, 401, "missing-credentials"},
		{"a wrong key", `{"fileName":"a.jpg"}`, headers{"X-API-Key": "nope"}, 401, ""},
		{"a key in the wrong header", `{"fileName":"a.jpg"}`, headers{"Authorization": "Bearer sandbox-trustana-key"}, 401, "missing-credentials"},
		{"an extension that is not listed", `{"fileName":"a.tif"}`, trustanaKey(), 400, "invalid-request"},
		{"no extension", `{"fileName":"a"}`, trustanaKey(), 400, "invalid-request"},
		{"another spelling of fileName", `{"filename":"a.jpg"}`, trustanaKey(), 400, "unknown-field"},
		{"too many SKUs", `{"fileName":"a.jpg","skuIds":[` + strings.Join(many, ",") + `]}`, trustanaKey(), 400, "invalid-request"},
		{"a SKU twice", `{"fileName":"a.jpg","skuIds":["A","A"]}`, trustanaKey(), 400, "invalid-request"},
		{"SKUs that are no list", `{"fileName":"a.jpg","skuIds":"A"}`, trustanaKey(), 400, "invalid-request"},
		{"no JSON", `fileName=a.jpg`, trustanaKey(), 400, "invalid-request"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(violationKinds(s))
			a := sendJSON(t, "POST", s.URL()+"/trustana/v1/upload/prepare", c.header, c.body)
			require.Equal(t, c.status, a.status, "%s", a.body)
			doc := a.json(t)
			require.EqualValues(t, c.status, doc["errorCode"])
			require.NotEmpty(t, doc["message"])
			if got := violationKinds(s)[before:]; c.violation == "" {
				require.Empty(t, got)
			} else {
				require.Contains(t, got, c.violation)
			}
		})
	}
	require.Empty(t, s.Ledger().Of("trustana"), "nothing that was refused may leave a session")
	require.Equal(t, 400, trustanaStatus(t, s, "").status)
	require.Equal(t, 400, trustanaStatus(t, s, "uploadId=a&fileName=b").status)
	require.Equal(t, 404, send(t, "POST", s.URL()+"/trustana/v1/upload/complete", trustanaKey(), nil).status)
	require.Equal(t, 405, send(t, "GET", s.URL()+"/trustana/v1/upload/prepare", trustanaKey(), nil).status)
}

func TestTrustanaStorageRefusesWhatS3Refuses(t *testing.T) {
	s := start(t)
	body := jpegOf(t, 8, 8)
	jpg := headers{"Content-Type": "image/jpeg"}
	t.Run("a changed signature", func(t *testing.T) {
		u := prepared(t, s, "a.jpg")["uploadUrl"].(string)
		a := send(t, "PUT", strings.Replace(u, "X-Amz-Signature=", "X-Amz-Signature=0", 1), jpg, bytes.NewReader(body))
		require.Equal(t, 403, a.status)
		require.Contains(t, string(a.body), "<Code>SignatureDoesNotMatch</Code>")
	})
	t.Run("a changed signature and a body that the gateway does not read", func(t *testing.T) {
		u := prepared(t, s, "a.jpg")["uploadUrl"].(string)
		for range 5 {
			a := send(t, "PUT", strings.Replace(u, "X-Amz-Signature=", "X-Amz-Signature=0", 1), jpg, bytes.NewReader(make([]byte, 6<<20)))
			require.NoError(t, a.err)
			require.Equal(t, 403, a.status)
		}
	})
	t.Run("credentials beside the signature", func(t *testing.T) {
		u := prepared(t, s, "a.jpg")["uploadUrl"].(string)
		a := send(t, "PUT", u, headers{"Content-Type": "image/jpeg", "Authorization": "Bearer x"}, bytes.NewReader(body))
		require.Equal(t, 400, a.status)
		require.Contains(t, string(a.body), "<Code>InvalidArgument</Code>")
		require.Contains(t, violationKinds(s), "credentials-at-storage")
	})
	t.Run("an API key on the storage host is noted", func(t *testing.T) {
		before := len(violationKinds(s))
		u := prepared(t, s, "a.jpg")["uploadUrl"].(string)
		a := send(t, "PUT", u, headers{"Content-Type": "image/jpeg", "X-API-Key": "k"}, bytes.NewReader(body))
		require.Equal(t, 200, a.status)
		require.Equal(t, []string{"credentials-at-storage"}, violationKinds(s)[before:])
	})
	t.Run("a body of unknown length", func(t *testing.T) {
		u := prepared(t, s, "a.jpg")["uploadUrl"].(string)
		a := send(t, "PUT", u, jpg, struct{ *bytes.Reader }{bytes.NewReader(body)})
		require.Equal(t, 411, a.status)
		require.Contains(t, string(a.body), "MissingContentLength")
		require.Contains(t, violationKinds(s), "chunked-body")
	})
	t.Run("a wrong content type is noted", func(t *testing.T) {
		u := prepared(t, s, "a.jpg")["uploadUrl"].(string)
		a := send(t, "PUT", u, headers{"Content-Type": "image/png"}, bytes.NewReader(body))
		require.Equal(t, 200, a.status)
		require.Contains(t, violationKinds(s), "content-type")
	})
	t.Run("a wrong MD5", func(t *testing.T) {
		u := prepared(t, s, "a.jpg")["uploadUrl"].(string)
		a := send(t, "PUT", u, headers{"Content-Type": "image/jpeg", "Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, bytes.NewReader(body))
		require.Equal(t, 400, a.status)
		require.Contains(t, string(a.body), "BadDigest")
	})
	t.Run("a GET of what is not public", func(t *testing.T) {
		u, err := url.Parse(prepared(t, s, "a.jpg")["uploadUrl"].(string))
		require.NoError(t, err)
		u.RawQuery = ""
		require.Equal(t, 403, send(t, "GET", u.String(), nil, nil).status)
	})
}

func TestTrustanaSignsTheContentTypeInStrictMode(t *testing.T) {
	s := start(t, with(func(v *Settings) { v.Trustana.SignContentType = true }))
	body := jpegOf(t, 8, 8)
	u := prepared(t, s, "a.jpg")["uploadUrl"].(string)
	wrong := send(t, "PUT", u, headers{"Content-Type": "image/png"}, bytes.NewReader(body))
	require.Equal(t, 403, wrong.status)
	require.Contains(t, string(wrong.body), "SignatureDoesNotMatch")
	require.Equal(t, 200, send(t, "PUT", u, headers{"Content-Type": "image/jpeg"}, bytes.NewReader(body)).status)
}

func TestTrustanaGrantExpiresByTheSandboxClock(t *testing.T) {
	s := start(t)
	body := jpegOf(t, 8, 8)
	old := prepared(t, s, "a.jpg")
	s.Advance(901 * time.Second)
	a := send(t, "PUT", old["uploadUrl"].(string), headers{"Content-Type": "image/jpeg"}, bytes.NewReader(body))
	require.Equal(t, 403, a.status)
	require.Contains(t, string(a.body), "<Code>AccessDenied</Code>")
	require.Contains(t, string(a.body), "Request has expired")
	require.Contains(t, string(a.body), "<X-Amz-Expires>900</X-Amz-Expires>")
	fresh := prepared(t, s, "a.jpg")
	require.Equal(t, 200, send(t, "PUT", fresh["uploadUrl"].(string), headers{"Content-Type": "image/jpeg"}, bytes.NewReader(body)).status)
	noViolations(t, s)
}

func TestTrustanaProcessingTakesTheTimeItIsGiven(t *testing.T) {
	s := start(t, with(func(v *Settings) { v.Trustana.Processing = seconds(60) }))
	d := prepared(t, s, "a.png")
	require.Equal(t, 200, send(t, "PUT", d["uploadUrl"].(string), headers{"Content-Type": "image/png"}, bytes.NewReader(pngOf(t, 8, 8))).status)
	id := "uploadId=" + d["uploadId"].(string)
	require.Equal(t, 404, trustanaStatus(t, s, id).status)
	require.Equal(t, "processing", s.Ledger().Of("trustana")[0].State)
	s.Advance(time.Minute)
	require.Equal(t, 200, trustanaStatus(t, s, id).status)
}

func TestTrustanaNeverFinishesWhatIsNoImage(t *testing.T) {
	s := start(t)
	d := prepared(t, s, "a.png")
	require.Equal(t, 200, send(t, "PUT", d["uploadUrl"].(string), headers{"Content-Type": "image/png"}, strings.NewReader("no image")).status)
	s.Advance(time.Hour)
	require.Equal(t, 404, trustanaStatus(t, s, "uploadId="+d["uploadId"].(string)).status)
	require.False(t, s.Ledger().Of("trustana")[0].Visible)
}

func TestTrustanaLimitsEachKey(t *testing.T) {
	s := start(t, with(func(v *Settings) { v.Trustana.RequestsPerSecond, v.Trustana.Burst = 0.001, 2 }))
	for range 2 {
		prepared(t, s, "a.jpg")
	}
	a := trustanaStatus(t, s, "uploadId=x")
	require.Equal(t, http.StatusTooManyRequests, a.status)
	after, err := strconv.Atoi(a.header.Get("Retry-After"))
	require.NoError(t, err)
	require.Positive(t, after)
	s.Advance(time.Duration(after) * time.Second)
	require.Equal(t, 404, trustanaStatus(t, s, "uploadId=x").status)
}

func TestWhoKeepsAskingForAFinalStateIsNoted(t *testing.T) {
	s := start(t)
	d := prepared(t, s, "a.jpg")
	send(t, "PUT", d["uploadUrl"].(string), headers{"Content-Type": "image/jpeg"}, bytes.NewReader(jpegOf(t, 8, 8)))
	for range 2 {
		require.Equal(t, 200, trustanaStatus(t, s, "uploadId="+d["uploadId"].(string)).status)
	}
	noViolations(t, s)
	trustanaStatus(t, s, "uploadId="+d["uploadId"].(string))
	require.Equal(t, []string{"poll-after-end"}, violationKinds(s))
}

func TestABodyThatBreaksOffIsNotKept(t *testing.T) {
	s := start(t)
	for _, size := range []int{1000, 50_000, 4 << 20} {
		d := prepared(t, s, "a.jpg")
		u, err := url.Parse(d["uploadUrl"].(string))
		require.NoError(t, err)
		conn, err := net.Dial("tcp", s.Addr())
		require.NoError(t, err)
		_, err = fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n", u.RequestURI(), u.Host, size)
		require.NoError(t, err)
		_, err = conn.Write(make([]byte, size/2))
		require.NoError(t, err)
		require.NoError(t, conn.Close())
		require.Eventually(t, func() bool {
			r := s.Requests("trustana")
			return r[len(r)-1].Call == "put"
		}, time.Minute, time.Millisecond)
		require.Equal(t, 404, trustanaStatus(t, s, "uploadId="+d["uploadId"].(string)).status)
		for _, m := range s.Ledger().Of("trustana") {
			require.Zero(t, m.Received, "%d bytes of %d", m.Size, size)
		}
	}
}
