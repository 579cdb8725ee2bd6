package sandbox_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mediaferry/mediaferry/internal/sandbox/sandboxtest"
)

func TestAnswersAreSpoiled(t *testing.T) {
	t.Run("empty", func(t *testing.T) {
		s := sandboxtest.Faulty(t, "trustana.prepare=empty-body")
		a := sandboxtest.SendJSON(t, "POST", s.URL()+"/trustana/v1/upload/prepare", sandboxtest.TrustanaKey(), `{"fileName":"a.jpg"}`)
		require.Equal(t, 200, a.Status)
		require.Empty(t, a.Body)
		require.Len(t, s.Ledger().Of("trustana"), 1)
	})
	t.Run("no JSON", func(t *testing.T) {
		s := sandboxtest.Faulty(t, "sitoo.upload-url=not-json")
		a := sandboxtest.SendJSON(t, "POST", s.URL()+"/sitoo/v1/media/upload-url", sandboxtest.SitooToken(),
			`{"file_name":"a.jpg","content_type":"image/jpeg","entity_type":"shipment_item","entity_id":"1"}`)
		require.Equal(t, 200, a.Status)
		require.Contains(t, string(a.Body), "<html>")
	})
	t.Run("a field is missing", func(t *testing.T) {
		s := sandboxtest.Faulty(t, "trustoo.policy=missing-field=data.signature")
		require.NotContains(t, sandboxtest.TrustooPolicy(t, s), "signature")
	})
	t.Run("a date is off", func(t *testing.T) {
		s := sandboxtest.Faulty(t, "trustoo.policy#1=clock-skew=-1h")
		a := sandboxtest.Send(t, "GET", s.URL()+"/trustoo/api/v1/openapi/get_image_upload_policy_token", sandboxtest.TrustooSigned(time.Now(), ""), nil)
		at, err := http.ParseTime(a.Header.Get("Date"))
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(-time.Hour), at, time.Minute)
	})
	t.Run("a wrong size", func(t *testing.T) {
		s := sandboxtest.Faulty(t, "trustana.status=wrong-size")
		d := sandboxtest.TrustanaPrepared(t, s, "a.jpg")
		body := sandboxtest.JPEG(t, 2, 2)
		sandboxtest.PutJPEG(t, d["uploadUrl"], body)
		got := sandboxtest.TrustanaStatus(t, s, "uploadId="+d["uploadId"].(string)).JSON(t)["data"].(map[string]any)
		require.EqualValues(t, len(body)+1, got["size"])
	})
	t.Run("a date to wait for", func(t *testing.T) {
		s := sandboxtest.Faulty(t, "trustana.status=status=503,retry-after-date=90s")
		at, err := http.ParseTime(sandboxtest.TrustanaStatus(t, s, "uploadId=x").Header.Get("Retry-After"))
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(90*time.Second), at, 5*time.Second)
	})
}

func TestStorageAnswersAreSpoiled(t *testing.T) {
	const wrong = `"0badc0de0badc0de0badc0de0badc0de"`
	t.Run("a wrong ETag", func(t *testing.T) {
		s := sandboxtest.Faulty(t, "trustana.put#1=wrong-etag", "truvideo.part#1=wrong-etag", "sitoo.post#1=wrong-etag")
		a := sandboxtest.PutJPEG(t, sandboxtest.TrustanaPrepared(t, s, "a.jpg")["uploadUrl"], sandboxtest.JPEG(t, 2, 2))
		require.Equal(t, wrong, a.Header.Get("ETag"))
		require.Equal(t, 1, s.Ledger().Of("trustana")[0].Received)
		session := sandboxtest.TruvideoStarted(t, s, sandboxtest.TruvideoBearer(t, s), 1)
		a = sandboxtest.Send(t, "PUT", sandboxtest.PartURL(session, 0), sandboxtest.Headers{"Content-Type": "video/mp4"}, strings.NewReader("x"))
		require.Equal(t, wrong, a.Header.Get("ETag"))
		g := sandboxtest.SitooOpen(t, s, "a.jpg", "image/jpeg", sandboxtest.SitooEntity)
		a = sandboxtest.SitooSend(t, g, sandboxtest.SitooFields(g), "image/jpeg", sandboxtest.JPEG(t, 2, 2))
		require.Equal(t, wrong, a.Header.Get("ETag"))
	})
	t.Run("a wrong checksum", func(t *testing.T) {
		s := sandboxtest.Faulty(t, "trustoo.post#1=wrong-crc")
		p := sandboxtest.TrustooPolicy(t, s)
		a := sandboxtest.OSSPost(t, p["host"], sandboxtest.TrustooFields(p, "a.png"), sandboxtest.PNG(t, 2, 2))
		crc := a.Header.Get("x-oss-hash-crc64ecma")
		_, err := strconv.ParseUint(crc, 10, 64)
		require.NoError(t, err)
		require.NotEqual(t, s.Ledger().Of("trustoo")[0].CRC64, crc)
	})
	t.Run("another place", func(t *testing.T) {
		s := sandboxtest.Faulty(t, "trustana.put#1=status=307")
		d := sandboxtest.TrustanaPrepared(t, s, "a.jpg")
		a := sandboxtest.PutJPEG(t, d["uploadUrl"], sandboxtest.JPEG(t, 2, 2))
		require.Equal(t, 307, a.Status)
		require.Equal(t, 200, sandboxtest.PutJPEG(t, a.Header.Get("Location"), sandboxtest.JPEG(t, 2, 2)).Status)
	})
}

func TestAnswersAreCutShort(t *testing.T) {
	s := sandboxtest.Faulty(t, "oss.get#1=cut-answer=1000", "oss.get#2=cut-answer", "s3.get#1=cut-answer=1000", "trustana.status=cut-answer=5")
	body := sandboxtest.Noise(10_000, 1)
	require.NoError(t, s.PutOSSObject("a", body))
	b := sandboxtest.OSSBucket(t, s)
	for i, want := range []int{1000, 5000, 10_000} {
		r, err := b.GetObject("a")
		require.NoError(t, err)
		got, err := io.ReadAll(r)
		require.Equal(t, i < 2, err != nil)
		require.Equal(t, body[:want], got)
	}
	require.NoError(t, s.PutS3Object(t.Context(), "a", body))
	src := s.S3()
	out, err := s3Client(t, s, src.SecretKey).GetObject(t.Context(), s3Get(src, "a"))
	require.NoError(t, err)
	got, err := io.ReadAll(out.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Equal(t, body[:1000], got)
	a := sandboxtest.TrustanaStatus(t, s, "uploadId=x")
	require.ErrorIs(t, a.Err, io.ErrUnexpectedEOF)
	require.Len(t, a.Body, 5)
}

// A client with little patience gives up on what the rule makes slow, and on
// nothing else.
func TestThingsTakeTheirTime(t *testing.T) {
	s := sandboxtest.Start(t)
	d := sandboxtest.TrustanaPrepared(t, s, "a.jpg")
	body := append(sandboxtest.JPEG(t, 2, 2), make([]byte, 10_000)...)
	require.Equal(t, 200, sandboxtest.PutJPEG(t, d["uploadUrl"], body).Status)
	for rule, ask := range map[string]func() (*http.Request, error){
		"trustana.status=slow=1h": func() (*http.Request, error) {
			return http.NewRequest("GET", s.URL()+"/trustana/v1/upload/status?uploadId=x", nil)
		},
		"trustana.put=slow,rate=100": func() (*http.Request, error) {
			return http.NewRequest("PUT", d["uploadUrl"].(string), bytes.NewReader(body))
		},
		"trustana.final=slow,rate=100": func() (*http.Request, error) { return http.NewRequest("GET", d["finalUrl"].(string), nil) },
	} {
		t.Run(rule, func(t *testing.T) {
			s.ClearFaults()
			require.NoError(t, s.AddFaultText(rule))
			req, err := ask()
			require.NoError(t, err)
			c := sandboxtest.Client()
			c.Timeout = 100 * time.Millisecond
			res, err := c.Do(req.WithContext(t.Context()))
			if err == nil { // the beginning of a slow download does arrive
				_, err = io.ReadAll(res.Body)
				require.NoError(t, res.Body.Close())
			}
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
	}
}
