package sandbox

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
)

func TestAnswersAreSpoiled(t *testing.T) {
	t.Run("empty", func(t *testing.T) {
		s := faulty(t, "trustana.prepare=empty-body")
		a := sendJSON(t, "POST", s.URL()+"/trustana/v1/upload/prepare", trustanaKey(), `{"fileName":"a.jpg"}`)
		require.Equal(t, 200, a.status)
		require.Empty(t, a.body)
		require.Len(t, s.Ledger().Of("trustana"), 1)
	})
	t.Run("no JSON", func(t *testing.T) {
		s := faulty(t, "sitoo.upload-url=not-json")
		a := sendJSON(t, "POST", s.URL()+"/sitoo/v1/media/upload-url", sitooToken(),
			`{"file_name":"a.jpg","content_type":"image/jpeg","entity_type":"shipment_item","entity_id":"1"}`)
		require.Equal(t, 200, a.status)
		require.Contains(t, string(a.body), "<html>")
	})
	t.Run("a field is missing", func(t *testing.T) {
		s := faulty(t, "trustoo.policy=missing-field=data.signature")
		require.NotContains(t, trustooPolicy(t, s), "signature")
	})
	t.Run("a date is off", func(t *testing.T) {
		s := faulty(t, "trustoo.policy#1=clock-skew=-1h")
		a := send(t, "GET", s.URL()+"/trustoo/api/v1/openapi/get_image_upload_policy_token", trustooSigned(time.Now(), nil, ""), nil)
		at, err := http.ParseTime(a.header.Get("Date"))
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(-time.Hour), at, time.Minute)
	})
	t.Run("a wrong size", func(t *testing.T) {
		s := faulty(t, "trustana.status=wrong-size")
		d := prepared(t, s, "a.jpg")
		body := jpegOf(t, 2, 2)
		putJPEG(t, d["uploadUrl"], body)
		got := trustanaStatus(t, s, "uploadId="+d["uploadId"].(string)).json(t)["data"].(map[string]any)
		require.EqualValues(t, len(body)+1, got["size"])
	})
	t.Run("a date to wait for", func(t *testing.T) {
		s := faulty(t, "trustana.status=status=503,retry-after-date=90s")
		at, err := http.ParseTime(trustanaStatus(t, s, "uploadId=x").header.Get("Retry-After"))
		require.NoError(t, err)
		require.WithinDuration(t, time.Now().Add(90*time.Second), at, 5*time.Second)
	})
}

func TestStorageAnswersAreSpoiled(t *testing.T) {
	const wrong = `"0badc0de0badc0de0badc0de0badc0de"`
	t.Run("a wrong ETag", func(t *testing.T) {
		s := faulty(t, "trustana.put#1=wrong-etag", "truvideo.part#1=wrong-etag", "sitoo.post#1=wrong-etag")
		a := putJPEG(t, prepared(t, s, "a.jpg")["uploadUrl"], jpegOf(t, 2, 2))
		require.Equal(t, wrong, a.header.Get("ETag"))
		require.Equal(t, 1, s.Ledger().Of("trustana")[0].Received)
		session := truvideoStarted(t, s, truvideoBearer(t, s), 1)
		a = send(t, "PUT", partURL(session, 0), headers{"Content-Type": "video/mp4"}, strings.NewReader("x"))
		require.Equal(t, wrong, a.header.Get("ETag"))
		g := sitooOpen(t, s, "a.jpg", "image/jpeg", sitooEntity)
		a = sitooSend(t, g, sitooFields(g), "image/jpeg", jpegOf(t, 2, 2))
		require.Equal(t, wrong, a.header.Get("ETag"))
	})
	t.Run("a wrong checksum", func(t *testing.T) {
		s := faulty(t, "trustoo.post#1=wrong-crc")
		p := trustooPolicy(t, s)
		a := ossPost(t, p["host"], trustooFields(p, "a.png"), pngOf(t, 2, 2))
		crc := a.header.Get("x-oss-hash-crc64ecma")
		_, err := strconv.ParseUint(crc, 10, 64)
		require.NoError(t, err)
		require.NotEqual(t, s.Ledger().Of("trustoo")[0].CRC64, crc)
		for _, crc := range []string{"0", "7", "19", "1051210869376104954", "11051210869376104954", "18446744073709551615"} {
			other := otherCRC(crc)
			_, err := strconv.ParseUint(other, 10, 64)
			require.NoError(t, err, crc)
			require.NotEqual(t, crc, other)
		}
	})
	t.Run("another place", func(t *testing.T) {
		s := faulty(t, "trustana.put#1=status=307")
		d := prepared(t, s, "a.jpg")
		a := putJPEG(t, d["uploadUrl"], jpegOf(t, 2, 2))
		require.Equal(t, 307, a.status)
		require.Equal(t, 200, putJPEG(t, a.header.Get("Location"), jpegOf(t, 2, 2)).status)
	})
}

func TestAnswersAreCutShort(t *testing.T) {
	s := faulty(t, "oss.get#1=cut-answer=1000", "oss.get#2=cut-answer", "s3.get#1=cut-answer=1000", "trustana.status=cut-answer=5")
	body := noise(10_000, 1)
	require.NoError(t, s.PutOSSObject("a", body))
	b := ossBucket(t, s)
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
	a := trustanaStatus(t, s, "uploadId=x")
	require.ErrorIs(t, a.err, io.ErrUnexpectedEOF)
	require.Len(t, a.body, 5)
}

// A client with little patience gives up on what the rule makes slow, and on
// nothing else.
func TestThingsTakeTheirTime(t *testing.T) {
	s := start(t)
	d := prepared(t, s, "a.jpg")
	body := append(jpegOf(t, 2, 2), make([]byte, 10_000)...)
	require.Equal(t, 200, putJPEG(t, d["uploadUrl"], body).status)
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
			c := client()
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
